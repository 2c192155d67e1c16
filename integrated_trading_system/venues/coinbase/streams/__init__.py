"""What the two flavours' public streams are decoded with, beside `codec`."""
