"""One callback of a user: for which kind of data, of which venue and instrument, and its place on the bus."""

from collections.abc import Callable, Collection
from typing import Any, Final

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import InstrumentId, VenueId, venue_of
from integrated_trading_system.drivers.callbacks import Callback
from integrated_trading_system.facade.data import MESSAGES, DataType
from integrated_trading_system.facade.names import instruments_named, venue_named
from integrated_trading_system.facade.tickers import Tickers
from integrated_trading_system.orchestrator.platform import Platform
from integrated_trading_system.runtime.actor import Ref

LEVELS: Final = 20
"""Of each side of an OrderBook."""
CONFLATED: Final = (
    *(DataType.TICKER, DataType.QUOTE, DataType.ORDERBOOK, DataType.STATISTICS),
    *(DataType.MARK_PRICE, DataType.FUNDING),
)
"""Of these only the newest of each instrument waits for a callback that lags behind. Trades and candles all wait."""


class Registration:
    """Before the platform runs it waits; `attach` begins it, `detach` ends it."""

    def __init__(
        self, data_type: DataType, function: Callable[[Any], Any], venue: str | None, instrument: str | None
    ) -> None:
        """Without `venue` and `instrument`: everything of this kind."""
        self.data_type = data_type
        self.function = function
        self.venue = venue
        self.instrument = instrument
        self.callback: Callback | None = None
        self._platform: Platform | None = None
        self._subscriptions: list[tuple[type[Any], Ref[Any], str | None]] = []

    def is_for(
        self, data_type: DataType, function: Callable[[Any], Any], venue: str | None, instrument: str | None
    ) -> bool:
        """Whether it is the one that is meant; None means any."""
        return (
            self.data_type is data_type
            and self.function == function
            and venue in (None, self.venue)
            and instrument in (None, self.instrument)
        )

    def attach(
        self, platform: Platform, tickers: Tickers, lag_s: float, asked_for: Collection[InstrumentId] = ()
    ) -> None:
        """Subscribe and begin to call. Raises ConfigurationError for a venue or an instrument that is not there.

        `asked_for`: what is there in a moment.
        """
        callback = Callback(
            self.function,
            convert=_converter(self.data_type, tickers),
            conflate=_instrument if self.data_type in CONFLATED else None,
            lag_s=lag_s,
        )
        for key, ref in self._refs(platform, callback, asked_for):
            for kind in MESSAGES[self.data_type]:
                platform.system.bus.subscribe(kind, ref, key)
                self._subscriptions.append((kind, ref, key))
        callback.start()
        platform.callbacks.add(callback)
        self.callback = callback
        self._platform = platform

    def detach(self) -> None:
        """Unsubscribe and make no more calls."""
        if self._platform is not None and self.callback is not None:
            for kind, ref, key in self._subscriptions:
                self._platform.system.bus.unsubscribe(kind, ref, key)
            self._subscriptions.clear()
            self.callback.stop()

    def _refs(
        self, platform: Platform, callback: Callback, asked_for: Collection[InstrumentId]
    ) -> list[tuple[str | None, Ref[Any]]]:
        if self.instrument is not None:
            instruments = instruments_named(platform, self.instrument, self.venue, asked_for)
            if not instruments:
                raise ConfigurationError(f"no instrument {self.instrument!r} on {self.venue or 'any venue'}")
            return [(instrument, callback) for instrument in instruments]
        if self.venue is not None:
            return [(None, _OfVenue(callback, venue_named(platform, self.venue)))]
        return [(None, callback)]


class _OfVenue:
    """A ref: passes on what concerns one venue."""

    def __init__(self, callback: Callback, venue: VenueId) -> None:
        self._callback = callback
        self._venue = venue

    def tell(self, message: Any, /) -> None:
        if venue_of(message.instrument) == self._venue:
            self._callback.tell(message)


def _instrument(message: Any) -> str:
    return str(message.instrument)


def _converter(data_type: DataType, tickers: Tickers) -> Callable[[Any], Any] | None:
    """What makes the user's value of the core's message, at the time of the call."""
    if data_type is DataType.TICKER:
        return tickers.of
    if data_type is DataType.ORDERBOOK:
        return lambda message: tickers.book(message.instrument, LEVELS)
    return None
