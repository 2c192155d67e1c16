"""A feed of coins: one price per coin, from the exchange that is asked for or whoever stands in for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

from msgspec import Struct

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.health import (
    CallbackSuspended,
    FeedReliable,
    FeedStale,
    FeedUnreliable,
    LinkChanged,
    LinkState,
)
from integrated_trading_system.domain.ids import InstrumentId, instrument_id, venue_of
from integrated_trading_system.domain.market import Statistics
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.preferred import PreferredTrade, SourceChanged
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.drivers.callbacks import Callback
from integrated_trading_system.facade.coins import (
    COINS_FILE,
    EXCHANGES,
    CoinConfig,
    PriceTick,
    TradeEvent,
    coins_named,
    exchange_order,
    load_coins,
)
from integrated_trading_system.facade.configuration import listening_settings
from integrated_trading_system.facade.platform import Orchestrator

STREAMS: Final = ("quotes", "trades", "statistics", "candles")
CONNECT_SECONDS: Final = 15.0
ENDS: Final = (LinkState.LIVE, LinkState.DOWN)
HEARD: Final = (
    *(PreferredTrade, SourceChanged, Statistics, FeedStale, FeedUnreliable, FeedReliable, LinkChanged),
    CallbackSuspended,
)
NAMES: Final = {venue: name for name, venue in EXCHANGES.items()}


class FeedStatus(Struct, frozen=True):
    """Something has happened to the feed."""

    event: str
    """``connected``, ``disconnected``, ``source_changed``, ``feed_stale``, ``circuit_open``, ``circuit_closed`` or
    ``callback_suspended``."""
    coin: str
    """Empty where it concerns a whole exchange."""
    exchange: str
    """Empty where it concerns none."""
    detail: str
    """Why; of a callback its name and its last error."""
    timestamp: int
    """Milliseconds since the epoch."""


class MarketFeed:
    """Prices and trades of coins in USDT.

    feed = MarketFeed(["BTC", "ETH"], exchange="bybit")
    feed.subscribe_price(print)
    await feed.connect()
    """

    def __init__(
        self,
        coins: Sequence[str | CoinConfig] | None = None,
        exchange: str = "bybit",
        config: Mapping[str, Any] | None = None,
        coins_file: str = COINS_FILE,
    ) -> None:
        """`coins` None: all of the file. `config`: settings of the platform over our own, as ``{"mode": "dev"}``.

        Raises ConfigurationError.
        """
        known = {coin.coin: coin for coin in load_coins(coins_file)}
        self.coins = coins_named(tuple(known) if coins is None else coins, known)
        self.exchange = exchange
        self._order = exchange_order(exchange)
        self._settings = _settings(self.coins, self._order, config or {})
        self._coin_of = {source: coin.coin for coin in self.coins for source in _sources(coin, self._order)}
        self._callbacks: dict[type, list[Callback]] = {PriceTick: [], TradeEvent: [], FeedStatus: []}
        self._statistics: dict[InstrumentId, Statistics] = {}
        self._sources: dict[str, str] = {}
        self._stale: dict[InstrumentId, None] = {}
        self._open: dict[InstrumentId, str] = {}
        self._updated_at = 0
        self._orchestrator: Orchestrator | None = None
        self.current_prices: dict[str, float] = {}
        """By coin, of the last trade that was heard."""

    # -- its life ------------------------------------------------------------------------------

    async def connect(self, timeout_s: float = CONNECT_SECONDS) -> None:
        """Start, and wait until every coin has a source (or the time is over: they may still come)."""
        if self._orchestrator is not None:
            return
        orchestrator = Orchestrator(self._settings)
        await orchestrator.start()
        self._orchestrator = orchestrator
        bus = orchestrator.platform.system.bus
        for kind in HEARD:
            bus.subscribe(kind, self)
        for callbacks in self._callbacks.values():
            for callback in callbacks:
                self._begin(orchestrator, callback)
        await orchestrator.until(lambda: len(self._sources) == len(self.coins), timeout_s)

    async def disconnect(self) -> None:
        """Stop everything."""
        orchestrator, self._orchestrator = self._orchestrator, None
        if orchestrator is None:
            return
        for kind in HEARD:
            orchestrator.platform.system.bus.unsubscribe(kind, self)
        for callbacks in self._callbacks.values():
            for callback in callbacks:
                callback.stop()
        self._sources.clear()
        await orchestrator.stop()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    # -- what is heard -------------------------------------------------------------------------

    def subscribe_price(self, callback: Callable[[PriceTick], Any]) -> None:
        """Called (or awaited) at every trade, with a `PriceTick`."""
        self._subscribe(PriceTick, callback)

    def subscribe_trades(self, callback: Callable[[TradeEvent], Any]) -> None:
        """Called (or awaited) at every trade, with a `TradeEvent`."""
        self._subscribe(TradeEvent, callback)

    def subscribe_status(self, callback: Callable[[FeedStatus], Any]) -> None:
        """Called (or awaited) when something happens to the feed, with a `FeedStatus`."""
        self._subscribe(FeedStatus, callback)

    def get_price(self, coin: str) -> float | None:
        """Of the last trade; None before the first."""
        return self.current_prices.get(coin)

    def get_all_prices(self) -> dict[str, float]:
        """By coin; those of which none is known are left out."""
        return dict(self.current_prices)

    def get_status(self) -> dict[str, Any]:
        """Where the feed stands now."""
        return {
            "connected": self._orchestrator is not None and bool(self._sources),
            "exchange": self.exchange,
            "coins": [coin.coin for coin in self.coins],
            "sources": dict(self._sources),
            "stale": [f"{self._coin_of[one]}@{NAMES[venue_of(one)]}" for one in self._stale],
            "circuits_open": {f"{self._coin_of[one]}@{NAMES[venue_of(one)]}": why for one, why in self._open.items()},
            "prices": len(self.current_prices),
            "last_update": self._updated_at,
        }

    def _subscribe(self, kind: type, function: Callable[[Any], Any]) -> None:
        callback = Callback(function)
        self._callbacks[kind].append(callback)
        if self._orchestrator is not None:
            self._begin(self._orchestrator, callback)

    @staticmethod
    def _begin(orchestrator: Orchestrator, callback: Callback) -> None:
        orchestrator.platform.callbacks.add(callback)
        callback.start()

    # -- what the core tells ---------------------------------------------------------------------

    def tell(self, message: Any, /) -> None:
        """A ref on the bus: between turns, and never slow."""
        match message:
            case PreferredTrade():
                self._on_trade(message)
            case Statistics(instrument):
                self._statistics[instrument] = message
            case SourceChanged(name, source):
                exchange = "" if source is None else NAMES[venue_of(source)]
                if source is None:
                    self._sources.pop(name, None)
                else:
                    self._sources[name] = exchange
                self._say("source_changed", name, exchange, message.reason, message.at)
            case FeedStale(instrument):
                self._stale[instrument] = None
                silent_ms = message.silent_for // MILLISECOND
                self._say_of(instrument, "feed_stale", f"silent for {silent_ms} ms", message.at)
            case FeedUnreliable(instrument, reason):
                self._open[instrument] = reason
                self._say_of(instrument, "circuit_open", reason, message.at)
            case FeedReliable(instrument):
                self._open.pop(instrument, None)
                self._say_of(instrument, "circuit_closed", "", message.at)
            case CallbackSuspended(name, failures, error):
                at = 0 if self._orchestrator is None else self._orchestrator.now()
                self._say("callback_suspended", "", "", f"{name}: {error}, {failures} times in a row", at)
            case LinkChanged(venue=venue, state=state) if message.instruments and state in ENDS:
                event = "connected" if state is LinkState.LIVE else "disconnected"
                self._say(event, "", NAMES[venue], f"{message.name}: {message.reason}", message.at)

    def _on_trade(self, message: PreferredTrade) -> None:
        trade, coin = message.trade, message.name
        timestamp = (trade.venue_time or trade.received_at) // MILLISECOND
        statistics = self._statistics.get(trade.instrument)
        self.current_prices[coin] = trade.price
        self._updated_at = timestamp
        self._stale.pop(trade.instrument, None)
        for callback in self._callbacks[PriceTick]:
            volume = statistics.volume if statistics is not None else 0.0
            change = statistics.change_pct if statistics is not None else 0.0
            callback.tell(PriceTick(coin, trade.price, timestamp, volume, change))
        for callback in self._callbacks[TradeEvent]:
            callback.tell(TradeEvent(coin, trade.price, trade.quantity, trade.side is Side.SELL, timestamp))

    def _say_of(self, instrument: InstrumentId, event: str, detail: str, at: int) -> None:
        self._say(event, self._coin_of[instrument], NAMES[venue_of(instrument)], detail, at)

    def _say(self, event: str, coin: str, exchange: str, detail: str, at: int) -> None:
        for callback in self._callbacks[FeedStatus]:
            callback.tell(FeedStatus(event, coin, exchange, detail, at // MILLISECOND))


def _sources(coin: CoinConfig, order: Sequence[str]) -> tuple[InstrumentId, ...]:
    return tuple(instrument_id(EXCHANGES[name], coin.symbols[name]) for name in order if name in coin.symbols)


def _settings(coins: Sequence[CoinConfig], order: Sequence[str], config: Mapping[str, Any]) -> PlatformSettings:
    venues: dict[str, dict[str, Any]] = {}
    for name in order:
        symbols = [coin.symbols[name] for coin in coins if name in coin.symbols]
        if symbols:
            venues[EXCHANGES[name]] = {"symbols": symbols, "streams": STREAMS}
    groups = [{"name": coin.coin, "sources": _sources(coin, order)} for coin in coins]
    return listening_settings(venues, config, state_dir="data/coins", failover=groups)
