"""Outputs: what other programs are told of the platform. Each has a bounded, counted outbox; none can harm it."""
