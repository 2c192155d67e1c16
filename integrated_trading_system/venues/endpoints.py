"""Where one flavour of a venue is reached. A flavour's defaults may be overridden by configuration."""

from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

LIBRARY: Final = "ccxt://"
"""Begins addresses that a library stands behind: its driver is told of another place, the address stays."""
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Endpoints(Struct, frozen=True, kw_only=True):
    """Scheme and host (and base path, where the venue has one) of each door, without a trailing slash."""

    rest_url: str
    """Public and private REST."""
    rest_data_url: str = ""
    """REST of market data, where it has a host of its own; empty: `rest_url` serves it."""
    rest_key_url: str = ""
    """REST that tells what a key may do, where it has a host of its own; empty: `rest_url` serves it."""
    ws_url: str
    """Public streams."""
    ws_user_url: str = ""
    """The account's streams; empty where the public streams' door serves them, or where there is none."""
    ws_api_url: str = ""
    """Requests over a WebSocket; empty where the venue has none or we do not use it."""

    def moved(self, rest_url: str | None, ws_url: str | None) -> "Endpoints":
        """The same doors elsewhere. An address without a path keeps the venue's own path.

        The account's doors move with the public streams where they share a host, and always when
        these move to this machine: a simulated venue never sends anybody to the real one.
        """
        ws = ws_url or self.ws_url
        return Endpoints(
            rest_url=_moved(self.rest_url, rest_url),
            rest_data_url=_moved(self.rest_data_url, rest_url if self._follows(self.rest_data_url, rest_url) else None),
            rest_key_url=_moved(self.rest_key_url, rest_url if self._follows(self.rest_key_url, rest_url) else None),
            ws_url=_moved(self.ws_url, ws_url),
            ws_user_url=_moved(self.ws_user_url, ws if _goes_along(self.ws_user_url, self.ws_url, ws) else None),
            ws_api_url=_moved(self.ws_api_url, ws if _goes_along(self.ws_api_url, self.ws_url, ws) else None),
        )

    def _follows(self, door: str, rest_url: str | None) -> bool:
        return rest_url is not None and _goes_along(door, self.rest_url, rest_url)


def _moved(own: str, to: str | None) -> str:
    if not own or to is None or own.startswith(LIBRARY):
        return own
    target = urlsplit(to)
    path = target.path.rstrip("/") or urlsplit(own).path
    return f"{target.scheme}://{target.netloc}{path}"


def _goes_along(door: str, public: str, to: str) -> bool:
    """Whether this door moves when the public one does. It then keeps its own path."""
    elsewhere = urlsplit(to)
    if elsewhere.path.strip("/"):
        return False
    return urlsplit(door).hostname == urlsplit(public).hostname or elsewhere.hostname in LOOPBACK
