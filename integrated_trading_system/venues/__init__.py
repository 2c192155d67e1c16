"""Stage 1: venue bytes <-> our messages. One folder a venue, all of the same shape."""
