"""Where one flavour of a venue is reached. A flavour's defaults may be overridden by configuration."""

from msgspec import Struct


class Endpoints(Struct, frozen=True, kw_only=True):
    """Scheme and host (and base path, where the venue has one) of each door, without a trailing slash."""

    rest_url: str
    """Public and private REST."""
    ws_url: str
    """Public streams."""
    ws_user_url: str = ""
    """The account's streams; empty where the public streams' door serves them, or where there is none."""
    ws_api_url: str = ""
    """Requests over a WebSocket; empty where the venue has none or we do not use it."""
