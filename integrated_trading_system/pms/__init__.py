"""Stage 6: account. An exact ledger of what was traded and what is held, and whose profit it is."""
