"""The world, real: clocks, sockets, files, databases. Everything that waits."""
