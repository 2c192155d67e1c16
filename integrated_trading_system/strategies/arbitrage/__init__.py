"""Price differences between venues: detect, cost, size, plan."""
