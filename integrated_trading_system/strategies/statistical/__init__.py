"""Two instruments that move together: estimate, judge, trade."""
