"""Market data for users: venues started from a dict, or a platform that runs; callbacks, latest data, statistics."""

from collections.abc import Callable, Collection, Mapping
from itertools import count
from types import TracebackType
from typing import Any, Final, Self

from loguru import logger

from integrated_trading_system.domain import market
from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.ids import instrument_id, symbol_of, venue_of
from integrated_trading_system.domain.streams import Stream, Subscribe, Unsubscribe
from integrated_trading_system.drivers.callbacks import CallbackStatistics
from integrated_trading_system.facade.configuration import feeder_settings
from integrated_trading_system.facade.data import BUFFERS, DataType
from integrated_trading_system.facade.names import exchange_name, instrument_named, venue_named
from integrated_trading_system.facade.platform import Orchestrator
from integrated_trading_system.facade.registration import LEVELS, Registration
from integrated_trading_system.facade.tickers import Tickers
from integrated_trading_system.feed.subscriptions import CONFIGURATION
from integrated_trading_system.orchestrator.platform import FEED, SUBSCRIPTIONS
from integrated_trading_system.venues import catalog

INITIALIZE_SECONDS: Final = 15.0
LAG_SECONDS: Final = 0.1
"""A callback further behind than this gets only the newest of each instrument's tickers and books."""
_NUMBERS: Final = count(1)


class MarketDataFeeder:
    """Market data of several venues, believed before it is told on.

    feeder = MarketDataFeeder({"market_data_feeder": {"binance": {"enabled": False}}})  # False: simulated
    feeder.add_callback(DataType.TICKER, print)
    await feeder.initialize()
    """

    def __init__(self, config: Mapping[str, Any] | Orchestrator | None = None, lag_s: float = LAG_SECONDS) -> None:
        """A dict (see `feeder_settings`) for venues of its own, or a platform to listen to.

        A wrong dict raises ConfigurationError at `initialize`.
        """
        self._platform_given = config if isinstance(config, Orchestrator) else None
        self._config: Mapping[str, Any] = {} if config is None or isinstance(config, Orchestrator) else config
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._lag = lag_s
        self._registrations: list[Registration] = []
        self._orchestrator: Orchestrator | None = None
        self._tickers: Tickers | None = None
        self._number = next(_NUMBERS)
        self._asked: dict[Stream, bool] = {}
        """Wanted, or wanted no more, since the start: the platform knows it a moment later."""

    # -- its life ------------------------------------------------------------------------------

    async def initialize(self, timeout_s: float = INITIALIZE_SECONDS) -> None:
        """Start, and wait until every instrument has a believed price; where that takes longer, warn and go on."""
        if self._orchestrator is not None:
            return
        orchestrator = self._platform_given or Orchestrator(feeder_settings(self._config, self._wanted))
        if not orchestrator.running:
            await orchestrator.start()
        self._orchestrator = orchestrator
        orchestrator.before_stop(self._detach)
        self._tickers = Tickers(orchestrator.platform)
        for registration in self._registrations:
            registration.attach(orchestrator.platform, self._tickers, self._lag)
        if not await orchestrator.until(lambda: not orchestrator.silent(), timeout_s):
            logger.warning("no believed price within {:g} s of {}", timeout_s, ", ".join(orchestrator.silent()))

    async def start(self) -> None:
        """The same as `initialize`."""
        await self.initialize()

    async def stop(self) -> None:
        """End the callbacks, and the venues where they are our own."""
        orchestrator = self._orchestrator
        if orchestrator is None:
            return
        self._detach()
        if self._platform_given is None and orchestrator.running:
            await orchestrator.stop()

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- what is heard -------------------------------------------------------------------------

    def subscribe(self, symbol: str, venue: str = "binance", data_types: Collection[str] = ()) -> None:
        """Also subscribe to this symbol of a venue, before the start or while it runs.

        `data_types`: ``quotes``, ``trades``, ``depth`` …; by default what the venue's settings say. Raises
        ConfigurationError for a venue that is not configured; a symbol that the venue does not list is logged.
        """
        if self._orchestrator is None and self._platform_given is None:
            self._wanted[venue] = tuple(dict.fromkeys((*self._wanted.get(venue, ()), symbol)))
            return
        streams = self._streams(symbol, venue, data_types)
        self._asked.update(dict.fromkeys(streams, True))
        self._running().tell(SUBSCRIPTIONS, Subscribe(self._consumer, streams))

    def unsubscribe(self, symbol: str, venue: str = "binance", data_types: Collection[str] = ()) -> None:
        """Take back a `subscribe`, or what the configuration asked for where the platform is our own.

        The last one to want a stream stops it at the venue. Raises ConfigurationError where it was not subscribed to.
        """
        if self._orchestrator is None and self._platform_given is None:
            if symbol not in self._wanted.get(venue, ()):
                raise ConfigurationError(f"{symbol} on {venue} was not subscribed to")
            self._wanted[venue] = tuple(one for one in self._wanted[venue] if one != symbol)
            return
        orchestrator = self._running()
        held = orchestrator.platform.system.view(SUBSCRIPTIONS).consumers.get(self._consumer, ())
        streams = tuple(
            stream for stream in self._streams(symbol, venue, data_types) if self._asked.get(stream, stream in held)
        )
        if not streams:
            raise ConfigurationError(f"{symbol} on {venue} was not subscribed to")
        self._asked.update(dict.fromkeys(streams, False))
        orchestrator.tell(SUBSCRIPTIONS, Unsubscribe(self._consumer, streams))

    def add_callback(
        self,
        data_type: DataType,
        function: Callable[[Any], Any],
        venue: str | None = None,
        instrument: str | None = None,
    ) -> None:
        """Have `function` (plain or async) called with every value of this kind, between the platform's turns.

        Several may be registered for the same; one that raises or is slow does not harm the others.
        Raises ConfigurationError for a venue or instrument that is not there.
        """
        registration = Registration(DataType(data_type), function, venue, instrument)
        if self._orchestrator is not None and self._tickers is not None:
            asked_for = dict.fromkeys(stream.instrument for stream, wanted in self._asked.items() if wanted)
            registration.attach(self._running().platform, self._tickers, self._lag, asked_for)
        self._registrations.append(registration)

    def remove_callback(
        self,
        data_type: DataType,
        function: Callable[[Any], Any],
        venue: str | None = None,
        instrument: str | None = None,
    ) -> bool:
        """Make no more calls; False where it was not registered."""
        gone = [one for one in self._registrations if one.is_for(DataType(data_type), function, venue, instrument)]
        for registration in gone:
            self._registrations.remove(registration)
            registration.detach()
        return bool(gone)

    # -- what is known -------------------------------------------------------------------------

    def get_latest_data(self, venue: str, symbol: str, data_type: DataType, n: int = 1) -> list[Any]:
        """The newest `n` values, oldest first; fewer, or none, where there are not so many. From any thread.

        Of ORDERBOOK there is only the present one. Raises ConfigurationError for an unknown venue or symbol.
        """
        orchestrator, data_type = self._running(), DataType(data_type)
        assert self._tickers is not None, "made when the feeder starts"
        instrument = instrument_named(orchestrator.platform, symbol, venue)
        if data_type is DataType.TICKER:
            return self._tickers.latest(instrument, n)
        if data_type is DataType.ORDERBOOK:
            book = self._tickers.book(instrument, LEVELS)
            return [] if book is None else [book]
        return list(orchestrator.platform.buffers.latest(instrument, BUFFERS[data_type], n))

    def get_performance_stats(self) -> dict[str, dict[str, float]]:
        """By ``exchange:SYMBOL``: messages, errors (not believed, gaps, crossed books) and latency."""
        statistics = {}
        for instrument, view in self._running().platform.system.view(FEED).instruments.items():
            name = f"{exchange_name(venue_of(instrument))}:{symbol_of(instrument)}"
            statistics[name] = {
                "avg_latency_ms": view.latency_ms_average,
                "message_count": view.messages,
                "error_count": view.errors,
                "silence_count": view.silences,
            }
        return statistics

    def get_callback_stats(self) -> list[CallbackStatistics]:
        """What every callback did, in order of registration."""
        return [one.callback.statistics() for one in self._registrations if one.callback is not None]

    # -- inside --------------------------------------------------------------------------------

    def _streams(self, symbol: str, venue: str, data_types: Collection[str]) -> tuple[Stream, ...]:
        platform = self._running().platform
        known = venue_named(platform, venue)
        configured = {catalog.resolve(name): of for name, of in platform.settings.venues.items()}
        names = data_types or configured[known].streams
        try:
            kinds = [market.DataType(name) for name in names]
        except ValueError as error:
            raise ConfigurationError(f"{error}; there are {', '.join(market.DataType)}") from None
        return tuple(Stream(instrument_id(known, symbol), kind) for kind in dict.fromkeys(kinds))

    @property
    def _consumer(self) -> str:
        """On a platform of our own the configuration's wishes are ours."""
        return CONFIGURATION if self._platform_given is None else f"feeder-{self._number}"

    def _running(self) -> Orchestrator:
        if self._orchestrator is None or not self._orchestrator.running:
            raise Refused("the feeder does not run: `await feeder.initialize()` first")
        return self._orchestrator

    def _detach(self) -> None:
        for registration in self._registrations:
            registration.detach()
        if self._tickers is not None:
            self._tickers.close()
            self._tickers = None
