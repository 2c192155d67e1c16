"""The server side of OKX's wire."""
