"""Histories: what happened, in tables, written in batches and never on the trading path."""
