"""The library itself: whether it is there, which exchanges it has, a client for one, and what its errors mean."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import VenueId

PREFIX: Final = "ccxt:"
"""Begins the name of every venue of the library."""
REMEDY: Final = "pip install 'integrated_trading_system[ccxt]'"

STATUS: Final[Mapping[str, int]] = {
    "RateLimitExceeded": 429,
    "DDoSProtection": 429,
    "RestrictedLocation": 451,
    "AuthenticationError": 401,
    "PermissionDenied": 403,
    "OrderNotFound": 404,
    "NotSupported": 501,
    "ExchangeError": 400,
}
"""By the library's name of an error, or of its nearest relative here: the status that a venue of ours would answer
with. What is not here (timeouts, a lost network, an answer that could not be read) is no answer at all."""


def load() -> Any:
    """The library's streaming half, which holds the other; raises ConfigurationError where it is not installed."""
    try:
        import ccxt.pro  # type: ignore[import-untyped]  # the library tells no types
    except ImportError as error:
        raise ConfigurationError(f"a venue 'ccxt:…' needs the library ccxt ({error}); run: {REMEDY}") from None
    return ccxt.pro


class Library:
    """Makes clients for the configured venues."""

    def __init__(self, venues: Mapping[VenueId, VenueSettings]) -> None:
        """Raises ConfigurationError for a missing library, and for exchanges that it does not have."""
        self._venues = dict(venues)
        self._pro = load()
        import ccxt.async_support  # type: ignore[import-untyped]  # the library tells no types

        self._polling = ccxt.async_support
        unknown = [self._problem(venue) for venue in venues if self._exchange(venue) not in self._polling.exchanges]
        if unknown:
            raise ConfigurationError("\n".join(unknown))

    def client(self, venue: VenueId) -> Any:
        """A client of its own, without keys; it streams where the library knows how."""
        name, settings = self._exchange(venue), self._venues[venue]
        module = self._pro if name in self._pro.exchanges else self._polling
        client = getattr(module, name)({"enableRateLimit": True, "timeout": settings.request_timeout_ms})
        client.options.update(settings.library_options)
        client.has["fetchCurrencies"] = False  # about deposits and withdrawals, which nobody asks for here
        client.urls = _moved(client.urls, settings.rest_url, settings.ws_url)
        return client

    def _exchange(self, venue: VenueId) -> str:
        return venue.removeprefix(PREFIX)

    def _problem(self, venue: VenueId) -> str:
        name = self._exchange(venue)
        near = get_close_matches(name, self._polling.exchanges, 3)
        hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(self._polling.exchanges)}"
        return f"venues.{venue}: ccxt {self._pro.__version__} has no exchange {name!r}; {hint}"


def status_of(error: Exception) -> int | None:
    """What the error is as an answer's status; None where it is no answer."""
    return next((STATUS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in STATUS), None)


def plain(value: Any) -> Any:
    """What the library returned, without what the exchange itself wrote, in types that every encoder knows."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items() if name != "info"}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _moved(value: Any, rest_url: str | None, ws_url: str | None) -> Any:
    """Every address inside, at any depth, at the place that the configuration names instead."""
    if isinstance(value, dict):
        return {name: _moved(item, rest_url, ws_url) for name, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, rest_url, ws_url) for item in value]
    if isinstance(value, str):
        place = ws_url if value.startswith("ws") else rest_url
        return value if place is None else re.sub(r"^(?:http|ws)s?://[^/]+", lambda _: place, value)
    return value
