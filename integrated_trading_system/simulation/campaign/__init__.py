"""Campaigns: thousands of seeds in which everything goes wrong, and what has to hold in each of them at every step."""
