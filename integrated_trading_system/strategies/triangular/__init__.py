"""Round trips within one venue: find, walk, size, plan."""
