"""Best prices by symbol, from the depth of one venue: a book begins and ends with those who want it."""

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from itertools import count
from typing import Any, Final, Self

from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.history import HistoryKind
from integrated_trading_system.domain.ids import InstrumentId, VenueId, instrument_id, symbol_of
from integrated_trading_system.domain.market import Candle, DataType, FundingRate, Quote
from integrated_trading_system.domain.streams import Stream, Subscribe, Unsubscribe
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.drivers.callbacks import Callback
from integrated_trading_system.facade.configuration import listening_settings
from integrated_trading_system.facade.names import venue_named
from integrated_trading_system.facade.platform import Orchestrator
from integrated_trading_system.orchestrator.history_loader import HistoryLoader, Loaded, Progress, of_days
from integrated_trading_system.orchestrator.platform import SUBSCRIPTIONS
from integrated_trading_system.venues import catalog

VENUE: Final = "binance:usdm"
LAG_SECONDS: Final = 0.1
STORAGE: Final = {"only_loaded": True}
KINDS: Final[dict[str, tuple[DataType, ...]]] = {
    "depth": (DataType.DEPTH,),
    "kline": (DataType.CANDLES,),
    "trade": (DataType.TRADES,),
    "ticker": (DataType.QUOTES, DataType.STATISTICS),
    "mark_price": (DataType.MARK_PRICE,),
    "funding": (DataType.FUNDING,),
}
"""The words of `subscribe_symbol`."""

_NUMBERS: Final = count(1)

L1Callback = Callable[[str, float, float, float], Any]


class MarketDataService:
    """Best bid, best ask and their middle, taken from the full book of the venue's depth stream and nothing else.

    service = MarketDataService()
    await service.start()
    service.subscribe("BTCUSDT", lambda symbol, bid, ask, mid: print(symbol, mid))
    """

    def __init__(self, config: Mapping[str, Any] | Orchestrator | None = None, venue: str = VENUE) -> None:
        """`config`: settings over our own, as ``{"mode": "dev"}``, or a platform to listen to.

        Our own keep in their database what `load_historical_data` loads, and nothing that streams tell; with
        ``{"storage": {"enabled": True}}`` that too, with ``False`` nothing. Raises ConfigurationError for an unknown
        venue.
        """
        self.venue: VenueId = catalog.resolve(venue)
        self._given = config if isinstance(config, Orchestrator) else None
        self._config: Mapping[str, Any] = {} if config is None or isinstance(config, Orchestrator) else config
        self._orchestrator: Orchestrator | None = None
        self._callbacks: dict[str, list[tuple[L1Callback, Callback]]] = {}
        self._wanted: dict[Stream, None] = {}
        self._consumer = f"service-{next(_NUMBERS)}"

    # -- its life ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect; what was subscribed to before begins now. Raises as the platform's start does."""
        if self._orchestrator is not None:
            return
        orchestrator = self._given or Orchestrator(
            listening_settings({self.venue: {"on_demand": True}}, self._config, storage=STORAGE)
        )
        if not orchestrator.running:
            await orchestrator.start()
        self._orchestrator = orchestrator
        orchestrator.before_stop(self._detach)
        for symbol, callbacks in self._callbacks.items():
            for _, callback in callbacks:
                self._attach(symbol, callback)
        if self._wanted:
            orchestrator.tell(SUBSCRIPTIONS, Subscribe(self._consumer, tuple(self._wanted)))

    async def stop(self) -> None:
        """End the callbacks and the subscriptions, and the platform where it is our own."""
        orchestrator = self._orchestrator
        if orchestrator is None:
            return
        if self._wanted and orchestrator.running:
            orchestrator.tell(SUBSCRIPTIONS, Unsubscribe(self._consumer, tuple(self._wanted)))
        self._detach()
        if self._given is None and orchestrator.running:
            await orchestrator.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- best prices ---------------------------------------------------------------------------

    def subscribe(self, symbol: str, callback: L1Callback) -> None:
        """Have ``callback(symbol, bid, ask, mid)`` called (or awaited) at every change of the best prices.

        The feed never waits for it: while it lags behind, only the newest prices wait.
        """

        @wraps(callback)
        def call(quote: Quote) -> Any:
            return callback(symbol, quote.bid, quote.ask, (quote.bid + quote.ask) / 2)

        registered = Callback(call, conflate=lambda quote: quote.instrument, lag_s=LAG_SECONDS)
        first = symbol not in self._callbacks
        self._callbacks.setdefault(symbol, []).append((callback, registered))
        if self._orchestrator is not None:
            self._attach(symbol, registered)
        if first:
            self._want(symbol, (DataType.DEPTH,))

    def unsubscribe(self, symbol: str, callback: L1Callback) -> None:
        """Make no more calls; after the last one of a symbol its book ends. Unknown ones are ignored."""
        callbacks = self._callbacks.get(symbol, [])
        for entry in [entry for entry in callbacks if entry[0] == callback][:1]:
            callbacks.remove(entry)
            self._release(symbol, entry[1])
        if symbol in self._callbacks and not callbacks:
            del self._callbacks[symbol]
            self._want_no_more(symbol, (DataType.DEPTH,))

    def get_l1(self, symbol: str) -> dict[str, float] | None:
        """``{bid, ask, mid, ts}``, `ts` in seconds; None while there is no book with two sides to be believed."""
        if self._orchestrator is None:
            return None
        top = self._orchestrator.platform.books.top(self._instrument(symbol))
        if top is None:
            return None
        return {"bid": top.bid, "ask": top.ask, "mid": (top.bid + top.ask) / 2, "ts": top.received_at / SECOND}

    # -- any kind of data ----------------------------------------------------------------------

    async def subscribe_symbol(
        self, symbol: str, data_types: Collection[str] = ("kline", "depth", "trade"), interval: str = "1m"
    ) -> None:
        """Subscribe to these kinds; they are kept and stored, and callbacks of a `MarketDataFeeder` hear them.

        `interval`: of klines. Venues stream 1m; others have to be named under `candles.intervals`, and are made from
        the trades. Raises ConfigurationError for an unknown kind or an interval that is not made, Refused before
        `start`.
        """
        orchestrator = self._running()
        unknown = [name for name in data_types if name not in KINDS]
        if unknown:
            raise ConfigurationError(f"unknown kind of data {unknown[0]!r}; there are {', '.join(KINDS)}")
        kinds = [kind for name in data_types for kind in KINDS[name]]
        made = orchestrator.settings.candles.intervals
        if DataType.CANDLES in kinds and interval != "1m":
            if interval not in made:
                message = f"klines of {interval} are not made: add it to candles.intervals (now: {' '.join(made)})"
                raise ConfigurationError(message)
            kinds.append(DataType.TRADES)
        self._want(symbol, kinds)

    async def unsubscribe_symbol(self, symbol: str, data_types: Collection[str] = ("kline", "depth", "trade")) -> None:
        """Take `subscribe_symbol` back. Depth goes on while callbacks of `subscribe` need it."""
        kinds = [kind for name in data_types for kind in KINDS.get(name, ())]
        if symbol in self._callbacks:
            kinds = [kind for kind in kinds if kind is not DataType.DEPTH]
        self._want_no_more(symbol, kinds)

    # -- the past ------------------------------------------------------------------------------

    async def load_historical_data(
        self,
        symbol: str,
        interval: str = "1m",
        days_back: float = 7,
        *,
        venue: str | None = None,
        kind: str = "candles",
        progress: Callable[[Progress], None] | None = None,
    ) -> list[Candle]:
        """The closed candles of the last days, oldest first, by REST; `kind`: ``candles`` or ``mark_candles``.

        What the database holds is not asked for again, and a load that was cut goes on where it ended; without a
        database everything is asked for every time. `progress` is called after every page. Raises Refused before
        `start`, ConfigurationError for what cannot be meant, HistoryIncomplete where the venue gives less.
        """
        kinds = (HistoryKind.CANDLES.value, HistoryKind.MARK_CANDLES.value)
        if kind not in kinds:
            raise ConfigurationError(f"unknown kind {kind!r}; there are {', '.join(kinds)}, and load_funding_rates")
        loaded = await self._load(symbol, HistoryKind(kind), interval, days_back, venue, progress)
        return list(loaded.candles)

    async def load_funding_rates(
        self,
        symbol: str,
        days_back: float = 7,
        *,
        venue: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> list[FundingRate]:
        """The rates that were paid in the last days, oldest first; otherwise as `load_historical_data`."""
        return list((await self._load(symbol, HistoryKind.FUNDING, "", days_back, venue, progress)).funding)

    async def _load(
        self,
        symbol: str,
        kind: HistoryKind,
        interval: str,
        days_back: float,
        venue: str | None,
        progress: Callable[[Progress], None] | None,
    ) -> Loaded:
        orchestrator = self._running()
        of = self.venue if venue is None else venue_named(orchestrator.platform, venue)
        wanted = of_days(instrument_id(of, symbol), kind, interval, days_back, orchestrator.now())
        return await HistoryLoader(orchestrator).load(wanted, progress)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Whatever is subscribed to."""
        return tuple(dict.fromkeys(symbol_of(stream.instrument) for stream in self._wanted))

    # -- inside --------------------------------------------------------------------------------

    def _want(self, symbol: str, kinds: Collection[DataType]) -> None:
        streams = [Stream(self._instrument(symbol), kind) for kind in kinds]
        new = tuple(stream for stream in dict.fromkeys(streams) if stream not in self._wanted)
        self._wanted.update(dict.fromkeys(new))
        if new and self._orchestrator is not None:
            self._orchestrator.tell(SUBSCRIPTIONS, Subscribe(self._consumer, new))

    def _want_no_more(self, symbol: str, kinds: Collection[DataType]) -> None:
        streams = [Stream(self._instrument(symbol), kind) for kind in kinds]
        gone = tuple(stream for stream in dict.fromkeys(streams) if stream in self._wanted)
        for stream in gone:
            del self._wanted[stream]
        if gone and self._orchestrator is not None:
            self._orchestrator.tell(SUBSCRIPTIONS, Unsubscribe(self._consumer, gone))

    def _instrument(self, symbol: str) -> InstrumentId:
        return instrument_id(self.venue, symbol)

    def _running(self) -> Orchestrator:
        if self._orchestrator is None or not self._orchestrator.running:
            raise Refused("the service does not run: `await service.start()` first")
        return self._orchestrator

    def _attach(self, symbol: str, callback: Callback) -> None:
        assert self._orchestrator is not None
        platform = self._orchestrator.platform
        platform.system.bus.subscribe(Quote, callback, self._instrument(symbol))
        platform.callbacks.add(callback)
        callback.start()

    def _release(self, symbol: str, callback: Callback) -> None:
        if self._orchestrator is not None:
            self._orchestrator.platform.system.bus.unsubscribe(Quote, callback, self._instrument(symbol))
        callback.stop()

    def _detach(self) -> None:
        for symbol, callbacks in self._callbacks.items():
            for _, callback in callbacks:
                self._release(symbol, callback)
        self._callbacks.clear()
        self._wanted.clear()
        self._orchestrator = None


class SubscriptionManager:
    """Keeps exactly those symbols subscribed to that positions or algorithms need."""

    def __init__(self, service: MarketDataService) -> None:
        """Nothing is needed yet."""
        self._service = service
        self._required: dict[str, None] = {}

    @property
    def required(self) -> tuple[str, ...]:
        """What is needed now."""
        return tuple(self._required)

    def update_required_symbols(self, position_symbols: Collection[str], algo_symbols: Collection[str]) -> None:
        """Start the feeds of symbols that have become needed, stop those of symbols that are needed no more."""
        wanted = dict.fromkeys(sorted({*position_symbols, *algo_symbols}))
        for symbol in [symbol for symbol in self._required if symbol not in wanted]:
            del self._required[symbol]
            self._service.unsubscribe(symbol, _needed)
        for symbol in [symbol for symbol in wanted if symbol not in self._required]:
            self._required[symbol] = None
            self._service.subscribe(symbol, _needed)


def _needed(symbol: str, bid: float, ask: float, mid: float) -> None:
    """Nobody is called: that the feed runs is what is wanted."""
