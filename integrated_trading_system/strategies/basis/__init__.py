"""Spot against its perpetual: carry, and when it is over."""
