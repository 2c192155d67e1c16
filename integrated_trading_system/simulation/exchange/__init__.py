"""A real exchange in one process: matching, accounts, fees, filters, rate limits, and each venue's wire."""
