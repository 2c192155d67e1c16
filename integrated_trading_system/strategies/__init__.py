"""Stage 3: decide. What is worth doing, and why the rest is not."""
