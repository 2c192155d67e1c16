"""The verbs: actors without I/O, their mailboxes, timers, supervision and bus."""
