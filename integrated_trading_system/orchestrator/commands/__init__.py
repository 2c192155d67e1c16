"""The commands: what each of them reads from the command line, does, and answers."""
