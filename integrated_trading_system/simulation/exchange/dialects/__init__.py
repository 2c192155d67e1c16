"""The server side of each venue's wire, written from the protocol pages, never from our own client side."""
