"""The one connector: an actor that keeps one venue connected and speaks for it, and all that it is made of."""
