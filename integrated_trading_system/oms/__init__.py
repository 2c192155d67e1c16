"""Stage 5: execute. Orders from intent to their last owned fill."""
