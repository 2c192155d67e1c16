"""What leaves: never too much at a time, nothing to a venue that wants to be left alone, cancels at once after a halt.

Each method is told what happens and says what does not hold, or nothing. I9, E1, E2, K1.
"""

import re
from collections import deque
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from integrated_trading_system.domain.http import HttpCall, HttpReply
from integrated_trading_system.domain.ids import ClientOrderId, VenueId, venue_of
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.order import Order, OrderStatus
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos

TOO_MANY: Final = 429
BANNED: Final = 418
TELLING: Final = frozenset({"binance", "backpack", "kraken"})
"""Venues whose wait after a 429 is the header's; others' own rules say how long. A 418 holds for all of them."""
CANCELLED_WITHIN: Final = Nanos(50 * MILLISECOND)
WORD: Final = re.compile(r"[\w-]+")
CANCELLABLE: Final = frozenset({OrderStatus.SUBMITTED, OrderStatus.WORKING, OrderStatus.UNKNOWN})


class Rate:
    """I9: in no window, however aligned, more leaves than may."""

    def __init__(self, what: str, most: int, window_ms: int) -> None:
        """Nothing left yet."""
        self._what = what
        self._most = most
        self._window = window_ms * MILLISECOND
        self._sent: deque[tuple[Nanos, int]] = deque()
        self._sum = 0

    def add(self, now: Nanos, count: int = 1) -> str:
        """So many more leave."""
        while self._sent and now - self._sent[0][0] >= self._window:
            self._sum -= self._sent.popleft()[1]
        self._sent.append((now, count))
        self._sum += count
        return f"{self._sum} {self._what} within the window, at most {self._most}" if self._sum > self._most else ""


class Waits:
    """E1, E2: a venue that names a time to wait until is asked nothing before; only a 429 lets cancels through."""

    def __init__(self) -> None:
        """Nobody wants us to wait."""
        self._until: dict[VenueId, dict[int, tuple[Nanos, Nanos]]] = {}
        """By the status that said so: since when we know, and until when."""
        self._asked: dict[str, VenueId] = {}

    def forget(self, venue: VenueId | None = None) -> None:
        """Whoever knew it died: all of the core, or what speaks with this venue."""
        if venue is None:
            self._until.clear()
            self._asked.clear()
        else:
            self._until.pop(venue, None)
            self._asked = {call: of for call, of in self._asked.items() if of != venue}

    def heard(self, reply: HttpReply) -> bool:
        """An answer arrives. Whether it names a time to wait until."""
        venue = self._asked.pop(reply.call, None)
        text = reply.headers.get("retry-after", "")
        if venue is None or reply.status not in (TOO_MANY, BANNED) or not text:
            return False
        if reply.status == BANNED or venue.partition(":")[0] in TELLING:
            known = self._until.setdefault(venue, {})
            since, end = known.get(reply.status, (reply.received_at, Nanos(0)))
            known[reply.status] = since, Nanos(max(end, reply.received_at + int(text) * SECOND))
        return True

    def asks(self, call: HttpCall, now: Nanos) -> tuple[str, tuple[int, ...]]:
        """A request leaves. What does not hold; and the waits that ended with it."""
        self._asked[call.call] = call.venue
        known = self._until.get(call.venue)
        if not known:
            return "", ()
        for status, (since, end) in known.items():
            if since < now < end and not (status == TOO_MANY and call.tag is Tag.CANCEL):
                return f"{call.call} leaves {(end - now) / SECOND:.3f} s before what {status} said", ()
        over = tuple(status for status, (_, end) in known.items() if now >= end)
        for status in over:
            del known[status]
        return "", over

    def banned(self, venue: VenueId, now: Nanos) -> bool:
        """Whether not even a cancel may leave."""
        _, end = self._until.get(venue, {}).get(BANNED, (now, now))
        return now < end


class Cancels:
    """K1: within 50 ms of a halt a cancel of each order that may be open has been handed out."""

    def __init__(self) -> None:
        """Trading was not halted."""
        self._due = Nanos(0)
        self._owed: dict[ClientOrderId, Order] = {}

    def owe(self, orders: Iterable[Order], now: Nanos) -> None:
        """Trading was halted with these under way."""
        self._due = Nanos(now + CANCELLED_WITHIN)
        self._owed = {order.request.client_order_id: order for order in orders if order.status in CANCELLABLE}

    def forget(self) -> None:
        """The core died, or an operator lifted the halt."""
        self._owed.clear()

    def over(self, name: ClientOrderId) -> None:
        """There is nothing to cancel any more."""
        self._owed.pop(name, None)

    def handed_out(self, call: HttpCall) -> bool:
        """A cancel leaves: of one order, of several, or (naming none of them) of all. Whether it was owed."""
        if not self._owed or call.tag is not Tag.CANCEL:
            return False
        request = call.request
        words = set(WORD.findall(unquote(f"{request.url} {request.query} {request.body}")))
        here = [name for name, order in self._owed.items() if venue_of(order.request.instrument) == call.venue]
        named = [name for name in here if name in words or self._owed[name].venue_order_id in words]
        paid = named or (here if call.purpose != "cancel" else [])
        for name in paid:
            del self._owed[name]
        return bool(paid)

    def late(self, now: Nanos, waits: Waits) -> str:
        """What was not handed out in time; a venue that banned us is told later."""
        if not self._owed or now <= self._due:
            return ""
        owed = {
            name: order.status
            for name, order in self._owed.items()
            if not waits.banned(venue_of(order.request.instrument), now)
        }
        self._owed.clear()
        return f"no cancel of {owed} within {CANCELLED_WITHIN // MILLISECOND} ms of the halt" if owed else ""
