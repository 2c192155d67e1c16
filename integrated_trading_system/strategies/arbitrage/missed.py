"""Why a price difference was not traded: every reason has a name, is counted exactly, and is published sparingly.

A pair of instruments is at any time in one outcome: nothing to see, or a difference in one
direction that is missed for one reason. Consecutive snapshots with the same outcome are one
*episode*. Both episodes and snapshots are counted; published is at most one message per direction,
reason and interval.
"""

from collections.abc import Iterable
from enum import StrEnum
from math import inf
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.time import Nanos

_LONG_AGO: Final = Nanos(-(1 << 62))


class Miss(StrEnum):
    """Why not. The first that applies, in this order."""

    FEES = "fees"
    """Fees and the minimum edge are more than the difference at the best prices."""
    TRADING = "trading"
    """The trading state is not ACTIVE."""
    UNRELIABLE = "unreliable"
    """The circuit of one of the instruments is open."""
    IN_FLIGHT = "in-flight"
    """A plan of this pair is under way."""
    COOL_DOWN = "cool-down"
    """A plan of this pair ended a moment ago."""
    NO_ACCOUNT = "no-account"
    """One of the venues is only watched."""
    NOT_TRADABLE = "not-tradable"
    """A venue has suspended the instrument."""
    INVERSE = "inverse"
    """A contract worth a fixed amount of quote has no lot in base units that another leg could match."""
    TOO_GOOD = "too-good"
    """More than anybody leaves lying about: a wrong price, or a multiplier that we have wrong."""
    DEPEG = "depeg"
    """A stated rate disagrees with its conversion book."""
    CONVERSION_STALE = "conversion-stale"
    """The conversion book had no quote for too long."""
    BOUND = "bound"
    """The quotes may really lie too far apart in time."""
    AGE = "age"
    """A quote reached us too long ago."""
    BOOK = "book"
    """A book is not VALID."""
    FUNDING = "funding-unknown"
    """A perpetual is to be held for a while, and its venue has not told what that will cost."""
    OWN = "own-order"
    """What pays there is an order of our own."""
    FEE_ASSET = "fee-asset"
    """The asset in which the venue takes its reduced fee is used up, and the whole fee is too much."""
    DECAY = "decay"
    """What time takes away, over the bound between the quotes, leaves too little."""
    DEPTH = "depth"
    """At prices that pay there is less than one common lot."""
    LIMIT = "limit"
    """The configured largest size is less than one common lot."""
    INVENTORY_BUY = "inventory-buy"
    """Too little quote currency (or room in the position limit) where we would buy."""
    INVENTORY_SELL = "inventory-sell"
    """Too little of the asset (or room in the position limit) where we would sell."""
    MINIMUM = "minimum"
    """One of the venues would refuse so small an order."""


class Direction:
    """Buy one instrument of a pair, sell the other: what the fast check compares with, and what was published."""

    __slots__ = ("buy", "cost", "hurdle", "keep", "published", "sell")

    def __init__(self, buy: InstrumentId, sell: InstrumentId) -> None:
        """Nothing pays before it is priced."""
        self.buy = buy
        self.sell = sell
        self.cost = self.keep = 1.0
        self.hurdle = inf
        """Selling price over buying price, converted, from which it pays."""
        self.published: dict[Miss, Nanos] = {}

    def price(self, cost: float, keep: float, edge_min: float) -> None:
        """`cost` is 1 + the buyer's fee and what else is expected to be paid, `keep` is 1 - the seller's fee."""
        self.cost = cost
        self.keep = keep
        self.hurdle = (cost + edge_min) / keep


class Pair:
    """Two instruments, and what became of their difference in the newest snapshot."""

    __slots__ = ("cool_until", "direction", "in_flight", "quiet_until", "reason", "snapshots")

    def __init__(self) -> None:
        """Nothing to see."""
        self.reason: Miss | None = None
        self.direction: Direction | None = None
        self.snapshots = 0
        """Of the episode that lasts, not yet in the totals."""
        self.quiet_until = _LONG_AGO
        self.in_flight = 0
        self.cool_until = _LONG_AGO


class MissedCount(Struct, frozen=True):
    """How often one reason kept us from trading."""

    episodes: int
    snapshots: int


class Missed:
    """The counters of all pairs."""

    def __init__(self, interval: Nanos) -> None:
        """`interval`: between two publications of the same direction and reason."""
        self._interval = interval
        self._episodes: dict[Miss, int] = dict.fromkeys(Miss, 0)
        self._snapshots: dict[Miss, int] = dict.fromkeys(Miss, 0)

    def miss(self, pair: Pair, direction: Direction, reason: Miss, at: Nanos) -> bool:
        """Count it. True when it should be published."""
        if pair.reason is not reason or pair.direction is not direction:
            self.end(pair)
            pair.reason = reason
            pair.direction = direction
            pair.quiet_until = Nanos(direction.published.get(reason, _LONG_AGO) + self._interval)
            self._episodes[reason] += 1
        pair.snapshots += 1
        if at < pair.quiet_until:
            return False
        direction.published[reason] = at
        pair.quiet_until = Nanos(at + self._interval)
        return True

    def end(self, pair: Pair) -> None:
        """The episode is over: the difference is gone, or it was traded, or another reason begins."""
        if pair.reason is not None:
            self._snapshots[pair.reason] += pair.snapshots
        pair.reason = pair.direction = None
        pair.snapshots = 0

    def counts(self, pairs: Iterable[Pair]) -> dict[str, MissedCount]:
        """Totals by reason, with the episodes that still last."""
        lasting = dict.fromkeys(Miss, 0)
        for pair in pairs:
            if pair.reason is not None:
                lasting[pair.reason] += pair.snapshots
        return {
            reason.value: MissedCount(self._episodes[reason], self._snapshots[reason] + lasting[reason])
            for reason in Miss
            if self._episodes[reason]
        }
