"""Connections: planned, opened, kept alive, changed, replaced."""
