"""Stage 2: trust and order. Validated, sequenced, aligned in time."""
