"""Facts of the core as log lines. Nothing per tick; a kind of fact that comes in floods is counted, not repeated."""

import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from loguru import logger

from integrated_trading_system.domain.audit import BookDiverged
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import (
    ActorFailed,
    Alarm,
    BookBroken,
    BookState,
    BookStateChanged,
    FeedReliable,
    FeedStale,
    FeedUnreliable,
    Gap,
    Latched,
    LinkChanged,
    LinkState,
    Quarantined,
    Reconciled,
    TradingState,
    TradingStateChanged,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import PolledQuote
from integrated_trading_system.domain.opportunity import Opportunity, RebalanceAdvised
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.domain.preferred import SourceChanged
from integrated_trading_system.domain.streams import StreamsRefused
from integrated_trading_system.domain.time import SECOND

WINDOW_SECONDS: Final = 10.0
LINES_PER_WINDOW_MAX: Final = 20
"""Of one kind of fact and one level; of links, of one venue; of Quarantined, of one reason on one venue."""

Line: TypeAlias = tuple[str, str]
"""Level and text."""

Key: TypeAlias = tuple[str, ...]
"""What is limited together: the name of the type, and what is told apart within it."""


STREAMS_NAMED: Final = 5
"""In one line."""
TOLD_BY_ITSELF: Final = ("link ", "silence", "unsubscribed", "depth unsubscribed")
"""How reasons of a book's state begin that are no news, or have a line of their own."""
IN_ORDER: Final = ("shutdown", "dry run")
"""Why a link may be down without anything being wrong."""
ON_THE_WAY: Final = (LinkState.RESOLVE, LinkState.CONNECT, LinkState.LOGON, LinkState.SUBSCRIBE)
"""States of a link that lead to LIVE or DOWN within moments."""


class LogTap:
    """A ref to subscribe to each type in `KINDS`. Never raises: what cannot be rendered is counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds; only for the rate limit."""
        self._clock = clock
        self._windows: dict[Key, tuple[float, int]] = {}
        self._held: dict[Key, int] = {}
        self._polled: dict[InstrumentId, None] = {}
        """Instruments whose prices come by REST now."""
        self.suppressed: dict[str, int] = {}
        """How many lines of each kind were not written."""
        self.failures = 0

    def tell(self, message: Any, /) -> None:
        """Log it, unless there were too many of its kind just now."""
        try:
            if not self._is_news(message):
                return
            level, text = _LINES[type(message)](message)
            key = (type(message).__name__, level, *_kinds_within(message))
            if self._allows(key):
                held = self._held.pop(key, 0)
                more = f" (and {held} like it before)" if held else ""
                logger.bind(source="core").log(level, "{}{}", text, more)
        except Exception:  # noqa: BLE001 - a line that cannot be written must not reach the one who told the fact
            self.failures += 1

    def _is_news(self, message: Any) -> bool:
        """Of prices by REST only that they begin and end: the end is told beside the book's next state."""
        if isinstance(message, PolledQuote):
            begins = message.instrument not in self._polled
            self._polled[message.instrument] = None
            return begins
        carried = isinstance(message, BookStateChanged) and message.state is not BookState.STALE
        if carried and message.instrument in self._polled:
            del self._polled[message.instrument]
            logger.bind(source="core").info("{} is fetched by REST no more", message.instrument)
        return True

    def _allows(self, key: Key) -> bool:
        now = self._clock()
        begun, count = self._windows.get(key, (now, 0))
        if now - begun >= WINDOW_SECONDS:
            begun, count = now, 0
        self._windows[key] = (begun, count + 1)
        if count < LINES_PER_WINDOW_MAX:
            return True
        self._held[key] = self._held.get(key, 0) + 1
        self.suppressed[key[0]] = self.suppressed.get(key[0], 0) + 1
        return False


def _kinds_within(message: Any) -> Key:
    """What is limited by itself within a type."""
    if isinstance(message, Quarantined):
        return message.venue, message.reason
    return (message.venue,) if isinstance(message, LinkChanged) else ()


def _link(fact: LinkChanged) -> Line:
    level = "DEBUG" if fact.state in ON_THE_WAY else "INFO"
    if fact.state is LinkState.DOWN and fact.reason not in IN_ORDER:
        level = "WARNING"
    return level, f"{fact.venue} link {fact.name} {fact.state}{_because(fact.reason)}"


def _gap(fact: Gap) -> Line:
    return "WARNING", f"{fact.instrument} gap: expected {fact.expected}, received {fact.received}"


def _broken(fact: BookBroken) -> Line:
    said = f"expected {fact.expected}, received {fact.received}"
    return "WARNING", f"{fact.instrument} book broken: {fact.reason}: {said}"


def _diverged(fact: BookDiverged) -> Line:
    of = f"{fact.differing} of {fact.compared} price levels"
    return "WARNING", f"{fact.instrument} book diverged from the venue's {fact.against}: {of}"


def _book(fact: BookStateChanged) -> Line:
    lost = fact.state in (BookState.SUSPECT, BookState.STALE)
    level = "WARNING" if lost and not fact.reason.startswith(TOLD_BY_ITSELF) else "INFO"
    return level, f"{fact.instrument} book {fact.state}{_because(fact.reason)}"


def _stale(fact: FeedStale) -> Line:
    return "WARNING", f"{fact.instrument} silent for {fact.silent_for / SECOND:.1f} s"


def _polled(fact: PolledQuote) -> Line:
    quote = fact.quote
    return "WARNING", f"{fact.instrument} is fetched by REST while its stream is down: {quote.bid} / {quote.ask}"


def _unreliable(fact: FeedUnreliable) -> Line:
    return "WARNING", f"{fact.instrument} circuit open, nothing is decided on it: {fact.reason}"


def _reliable(fact: FeedReliable) -> Line:
    return "INFO", f"{fact.instrument} circuit closed: it can be relied on again"


def _source(fact: SourceChanged) -> Line:
    if fact.source is None:
        return "WARNING", f"{fact.name} has no source that can be believed{_because(fact.reason)}"
    why = _because(fact.reason.removeprefix(f"{fact.source}: ").removeprefix(f"{fact.previous}: "))
    of_its_own = fact.previous is None or fact.reason.startswith(f"{fact.source}:")  # found again, not fled to
    instead = f" instead of {fact.previous}" if fact.previous is not None else ""
    return "INFO" if of_its_own else "WARNING", f"{fact.name} follows {fact.source}{instead}{why}"


def _alarm(fact: Alarm) -> Line:
    figure, limit = f"{fact.figure:.1f} ms", f"{fact.limit:g} ms"
    if fact.raised:
        return "WARNING", f"{fact.venue} alarm {fact.kind}: {figure}, the limit is {limit}"
    return "INFO", f"{fact.venue} alarm {fact.kind} is over: {figure}, the limit is {limit}"


def _blocked(fact: VenueBlocked) -> Line:
    return "ERROR", f"{fact.venue} refuses us for good and is not asked again: {fact.reason}"


def _streams_refused(fact: StreamsRefused) -> Line:
    names = [f"{stream.instrument} {stream.data_type.value}" for stream in fact.streams[:STREAMS_NAMED]]
    more = len(fact.streams) - len(names)
    return "WARNING", f"{', '.join(names)}{f' and {more} more' if more else ''} cannot be had: {fact.reason}"


def _quarantined(fact: Quarantined) -> Line:
    return "WARNING", f"{fact.venue} quarantined {len(fact.frame)} bytes: {fact.reason}{_because(fact.detail)}"


def _trading(fact: TradingStateChanged) -> Line:
    level = "INFO" if fact.state in (TradingState.STARTING, TradingState.ACTIVE) else "WARNING"
    return level, f"trading {fact.state}{_because(fact.reason)}"


def _latched(fact: Latched) -> Line:
    where = f"{fact.strategy} in {fact.instrument}"
    return "WARNING", f"{where} is latched until an operator resumes it{_because(fact.reason)}"


def _denied(fact: PlanDenied) -> Line:
    return "INFO", f"plan {fact.plan_id} denied: {fact.code}{_because(fact.detail)}"


def _finished(fact: PlanFinished) -> Line:
    level = "WARNING" if fact.residuals else "INFO"
    repairs = f", {fact.hedge_orders} orders to follow and repair" if fact.hedge_orders else ""
    left = ", ".join(f"{money.amount} {money.asset} left unhedged" for money in fact.residuals)
    return level, f"plan {fact.plan_id} finished{_because(fact.reason)}{repairs}{left and f', {left}'}"


def _opportunity(fact: Opportunity) -> Line:
    edge = f"edge {fact.edge:f} ({fact.edge_bps:.2f} bps)"
    return "INFO", (
        f"{fact.comparison}: buy {fact.quantity:f} {fact.buy} at {fact.buy_price:f}, "
        f"sell {fact.sell} at {fact.sell_price:f}: {edge}"
    )


def _advised(fact: RebalanceAdvised) -> Line:
    what = f"{fact.quantity:.8g} {fact.asset} from {fact.source} to {fact.target}"
    worth = f"{fact.missed:.4f} was missed there, the transfer costs {fact.cost:.4f}"
    return "INFO", f"{fact.strategy} advises to move {what}: {worth}"


def _order(fact: Order) -> Line:
    request = fact.request
    return "INFO", (
        f"order {request.client_order_id} {fact.status}: {request.side} {request.quantity:f} {request.instrument}, "
        f"filled {fact.filled:f}{_because(fact.reason)}"
    )


def _fill(fact: Fill) -> Line:
    return "INFO", f"fill {fact.client_order_id}: {fact.side} {fact.quantity:f} {fact.instrument} at {fact.price:f}"


def _reconciled(_: Reconciled) -> Line:
    return "INFO", "orders, fills and balances agree with every venue"


def _failed(fact: ActorFailed) -> Line:
    outcome = "restarted" if fact.restarted else "not restarted: stopping"
    return "ERROR", f"actor {fact.actor} failed: {fact.error}: {outcome}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


_LINES: Final[dict[type, Callable[[Any], Line]]] = {
    LinkChanged: _link,
    Gap: _gap,
    BookBroken: _broken,
    BookDiverged: _diverged,
    BookStateChanged: _book,
    FeedStale: _stale,
    FeedUnreliable: _unreliable,
    FeedReliable: _reliable,
    SourceChanged: _source,
    PolledQuote: _polled,
    Alarm: _alarm,
    Quarantined: _quarantined,
    TradingStateChanged: _trading,
    Latched: _latched,
    PlanDenied: _denied,
    PlanFinished: _finished,
    Opportunity: _opportunity,
    RebalanceAdvised: _advised,
    Order: _order,
    Fill: _fill,
    Reconciled: _reconciled,
    ActorFailed: _failed,
    VenueBlocked: _blocked,
    StreamsRefused: _streams_refused,
}

KINDS: Final = tuple(_LINES)
"""What the tap can render: subscribe it to each of these."""
