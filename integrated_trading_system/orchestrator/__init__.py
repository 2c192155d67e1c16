"""Put together: the one place that knows the concrete classes."""
