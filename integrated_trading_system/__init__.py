"""Cross-exchange arbitrage: one sans-I/O machine, its drivers, and its simulators."""

__version__ = "0.1.0"
