"""The library face: async classes with the names users know, thin over the same platform."""
