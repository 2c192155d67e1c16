"""What can be set, and what each setting means."""
