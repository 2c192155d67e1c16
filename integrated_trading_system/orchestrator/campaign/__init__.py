"""Campaigns over the whole core: one seed lived through, and many of them added up."""
