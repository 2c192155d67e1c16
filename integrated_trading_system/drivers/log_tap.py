"""Facts of the core as log lines. Nothing per tick; a kind of fact that comes in floods is counted, not repeated."""

import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from loguru import logger

from integrated_trading_system.domain.audit import BookDiverged
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import (
    ActorFailed,
    BookBroken,
    BookState,
    BookStateChanged,
    FeedStale,
    Gap,
    LinkChanged,
    LinkState,
    Quarantined,
    Reconciled,
    TradingState,
    TradingStateChanged,
    VenueBlocked,
)
from integrated_trading_system.domain.opportunity import Opportunity
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.domain.streams import StreamsRefused
from integrated_trading_system.domain.time import SECOND

WINDOW_SECONDS: Final = 10.0
LINES_PER_WINDOW_MAX: Final = 20
"""Of one kind of fact; of Quarantined, of one reason on one venue."""

Line: TypeAlias = tuple[str, str]
"""Level and text."""

Key: TypeAlias = tuple[str, ...]
"""What is limited together: the name of the type, and what is told apart within it."""


STREAMS_NAMED: Final = 5
"""In one line."""


class LogTap:
    """A ref to subscribe to each type in `KINDS`. Never raises: what cannot be rendered is counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds; only for the rate limit."""
        self._clock = clock
        self._windows: dict[Key, tuple[float, int]] = {}
        self._held: dict[Key, int] = {}
        self.suppressed: dict[str, int] = {}
        """How many lines of each kind were not written."""
        self.failures = 0

    def tell(self, message: Any, /) -> None:
        """Log it, unless there were too many of its kind just now."""
        try:
            key = (type(message).__name__, *_kinds_within(message))
            if self._allows(key):
                level, text = _LINES[type(message)](message)
                held = self._held.pop(key, 0)
                more = f" (and {held} like it before)" if held else ""
                logger.bind(source="core").log(level, "{}{}", text, more)
        except Exception:  # noqa: BLE001 - a line that cannot be written must not reach the one who told the fact
            self.failures += 1

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
    return (message.venue, message.reason) if isinstance(message, Quarantined) else ()


def _link(fact: LinkChanged) -> Line:
    level = "WARNING" if fact.state is LinkState.DOWN and fact.reason != "shutdown" else "INFO"
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
    by_link = fact.reason.startswith("link ")  # which is told by itself
    level = "WARNING" if fact.state in (BookState.SUSPECT, BookState.STALE) and not by_link else "INFO"
    return level, f"{fact.instrument} book {fact.state}{_because(fact.reason)}"


def _stale(fact: FeedStale) -> Line:
    return "WARNING", f"{fact.instrument} silent for {fact.silent_for / SECOND:.1f} s"


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


def _denied(fact: PlanDenied) -> Line:
    return "INFO", f"plan {fact.plan_id} denied: {fact.code}{_because(fact.detail)}"


def _finished(fact: PlanFinished) -> Line:
    level = "WARNING" if fact.residual and len(fact.legs) != 1 else "INFO"
    repairs = f", {fact.hedge_orders} repairs, {fact.residual} left unhedged" if fact.hedge_orders else ""
    return level, f"plan {fact.plan_id} finished{_because(fact.reason)}{repairs}"


def _opportunity(fact: Opportunity) -> Line:
    edge = f"edge {fact.edge:f} ({fact.edge_bps:.2f} bps)"
    return "INFO", (
        f"{fact.comparison}: buy {fact.quantity:f} {fact.buy} at {fact.buy_price:f}, "
        f"sell {fact.sell} at {fact.sell_price:f}: {edge}"
    )


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
    Quarantined: _quarantined,
    TradingStateChanged: _trading,
    PlanDenied: _denied,
    PlanFinished: _finished,
    Opportunity: _opportunity,
    Order: _order,
    Fill: _fill,
    Reconciled: _reconciled,
    ActorFailed: _failed,
    VenueBlocked: _blocked,
    StreamsRefused: _streams_refused,
}

KINDS: Final = tuple(_LINES)
"""What the tap can render: subscribe it to each of these."""
