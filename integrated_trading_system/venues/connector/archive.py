"""Loads candles and funding rates of the past: window by window, each as long as one page can hold.

One page of a request is on its way at a time, behind everything else that a venue's rate limits have to
carry. A page that fails is asked for again, ever more slowly; after `TRIES_MAX` in a row the request fails.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.history import HistoryFailed, HistoryKind, HistoryPage, LoadHistory
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.intervals import LENGTHS, MONTH, next_opened_at, opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import DAY, HOUR, Nanos
from integrated_trading_system.runtime.actor import Context
from integrated_trading_system.venues.connector.backoff import Backoff
from integrated_trading_system.venues.connector.calls import Calls
from integrated_trading_system.venues.history import CandlePrice, History

TRIES_MAX: Final = 6
REQUESTS_MAX: Final = 64
"""At once; more are refused."""
FUNDING_EVERY: Final = HOUR
"""The shortest time between two payments of funding that any venue has."""
SHORTEST_MONTH: Final = 28 * DAY
Rows: TypeAlias = tuple[Nanos, tuple[Candle, ...], tuple[FundingRate, ...]]
"""From when on the venue has told everything, and what."""
_PRICES: Final = {HistoryKind.CANDLES: CandlePrice.TRADES, HistoryKind.MARK_CANDLES: CandlePrice.MARK}


class ArchiveDue(Struct, frozen=True):
    """Timer: this request's page may be asked for again."""

    request: str


class Load:
    """One request on its way."""

    __slots__ = ("at", "backoff", "instrument", "order", "tries")

    def __init__(self, order: LoadHistory, instrument: Instrument, backoff: Backoff) -> None:
        """Nothing is loaded yet."""
        self.order = order
        self.instrument = instrument
        self.backoff = backoff
        self.tries = 0
        self.at = order.start
        """Everything before has been told."""


class Archive:
    """The loads of one connector. What comes is published."""

    def __init__(
        self,
        context: Context,
        history: History | None,
        calls: Calls,
        backoff: Callable[[int], Backoff],
        instruments: dict[InstrumentId, Instrument],
    ) -> None:
        """`instruments`: whatever the venue lists, filled when it is known. `backoff` makes one with so many tries."""
        self._context = context
        self._history = history
        self._calls = calls
        self._backoff = backoff
        self._instruments = instruments
        self._loads: dict[str, Load] = {}

    def load(self, order: LoadHistory) -> None:
        """Begin; what cannot be is answered by HistoryFailed at once."""
        refusal = self._refusal(order)
        if refusal is not None:
            self._fail(order, refusal)
            return
        load = self._loads[order.request] = Load(order, self._instruments[order.instrument], self._backoff(1))
        self._ask(load)

    def due(self, message: ArchiveDue) -> None:
        """A pause is over."""
        load = self._loads.get(message.request)
        if load is not None:
            self._ask(load)

    def stop(self) -> None:
        """Give up what is on its way."""
        for load in tuple(self._loads.values()):
            self._end(load)
            self._fail(load.order, "shutdown")

    def _refusal(self, order: LoadHistory) -> str | None:
        history = self._history
        if history is None:
            return "the venue offers no history"
        if order.instrument not in self._instruments:
            return "the venue does not list this instrument, or has not told yet what it lists"
        if order.request in self._loads:
            return "a request of this name is on its way"
        if len(self._loads) >= REQUESTS_MAX:
            return f"{REQUESTS_MAX} requests are on their way already"
        if order.kind is not HistoryKind.FUNDING and order.interval not in history.intervals:
            return f"the venue has no candles of {order.interval!r}; it has {', '.join(history.intervals)}"
        if order.start >= order.end:
            return "it ends before it begins"
        return None

    # -- one page --------------------------------------------------------------------------------

    def _ask(self, load: Load) -> None:
        history = self._history
        assert history is not None, "checked when the load began"
        order, instrument = load.order, load.instrument
        until = _window_end(history, load)
        if order.kind is HistoryKind.FUNDING:
            request = history.funding(instrument, load.at, until) if history.funding_per_page else None
        else:
            request = history.candles(instrument, order.interval, load.at, until, _PRICES[order.kind])
        if request is None:
            self._end(load)
            self._fail(order, f"the venue has no {order.kind.value.replace('_', ' ')} of this instrument")
            return

        def answered(rows: Rows, _: HttpReply) -> None:
            if self._loads.get(order.request) is load:
                self._take(load, until, rows)

        def failed(reason: str) -> None:
            if self._loads.get(order.request) is load:
                self._try_again(load, reason)

        self._calls.fetch("history", request, lambda reply: _rows(history, load, until, reply), answered, failed)

    def _take(self, load: Load, until: Nanos, rows: Rows) -> None:
        order = load.order
        load.tries = 0
        load.backoff.reset()
        load.at = until
        page = HistoryPage(
            request=order.request,
            instrument=order.instrument,
            kind=order.kind,
            interval=order.interval,
            candles=rows[1],
            funding=rows[2],
            since=rows[0],
            until=until,
            last=until >= order.end,
            at=self._context.now,
        )
        if page.last:
            self._end(load)
        self._context.publish(page)
        if not page.last:
            self._ask(load)

    def _try_again(self, load: Load, reason: str) -> None:
        load.tries += 1
        if load.tries >= TRIES_MAX:
            self._end(load)
            self._fail(load.order, reason)
        else:
            self._context.after(load.backoff.delay(), ArchiveDue(load.order.request))

    def _end(self, load: Load) -> None:
        del self._loads[load.order.request]

    def _fail(self, order: LoadHistory, reason: str) -> None:
        now = self._context.now
        self._context.publish(HistoryFailed(request=order.request, instrument=order.instrument, reason=reason, at=now))


def _window_end(history: History, load: Load) -> Nanos:
    """As far as one page reaches for certain."""
    order = load.order
    if order.kind is HistoryKind.FUNDING:
        return Nanos(min(order.end, load.at + history.funding_per_page * FUNDING_EVERY))
    length = SHORTEST_MONTH if order.interval == MONTH else LENGTHS[order.interval]
    reach = load.at + (history.candles_per_page - 1) * length
    return Nanos(min(order.end, next_opened_at(order.interval, opened_at(order.interval, reach))))


def _rows(history: History, load: Load, until: Nanos, reply: HttpReply) -> Rows:
    """What the page says of the window: venues may answer with a candle before it, or after it."""
    order = load.order
    if order.kind is HistoryKind.FUNDING:
        rates = history.decode_funding(load.instrument, reply)
        return load.at, (), tuple(rate for rate in rates if load.at <= rate.funding_at < until)
    candles = history.decode_candles(load.instrument, order.interval, reply)
    since = load.at
    if _newest_only(history, load, candles):
        since = min(until, candles[0].opened_at)
    return since, tuple(candle for candle in candles if load.at <= candle.opened_at < until), ()


def _newest_only(history: History, load: Load, candles: tuple[Candle, ...]) -> bool:
    """The venue answered with all it has, its newest candles, and these begin later than what was asked for.

    Kraken: "older data cannot be retrieved, regardless of the value of since".
    """
    full = len(candles) >= history.candles_per_page and not candles[-1].closed
    return full and candles[0].opened_at >= load.at + LENGTHS[load.order.interval]
