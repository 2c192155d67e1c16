"""Stage 4: allow. Exposure is reserved here before anything is sent."""
