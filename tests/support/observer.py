"""A plain observer of two instruments' quotes: no age gate, no synchronisation, no cool-down.

Independent of the detector on purpose: it compares best bid and ask as they come, on receive time.
"""

from typing import Any

from integrated_trading_system.domain.market import Quote

THRESHOLDS = (0, 2, 4, 5, 8)


class Direction:
    """Selling on one and buying on the other: episodes above each threshold, and the time spent there."""

    def __init__(self) -> None:
        self.highest = float("-inf")
        self.above = dict.fromkeys(THRESHOLDS, False)
        self.episodes = dict.fromkeys(THRESHOLDS, 0)
        self.time = dict.fromkeys(THRESHOLDS, 0)
        self.last = float("-inf")

    def elapse(self, nanos: int) -> None:
        for threshold in THRESHOLDS:
            if self.last > threshold:
                self.time[threshold] += nanos

    def see(self, gross_bps: float) -> None:
        self.last = gross_bps
        self.highest = max(self.highest, gross_bps)
        for threshold in THRESHOLDS:
            above = gross_bps > threshold
            self.episodes[threshold] += above and not self.above[threshold]
            self.above[threshold] = above

    def facts(self, overlap: int) -> dict[str, Any]:
        found: dict[str, Any] = {
            f">{threshold}bps": {
                "episodes": self.episodes[threshold],
                "share_of_time": self.time[threshold] / overlap,
            }
            for threshold in THRESHOLDS
        }
        return found | {"max_gross_bps": self.highest}


class CrossVenue:
    """A ref on the bus."""

    def __init__(self, first: str, second: str, until: int) -> None:
        """`until`: where the shorter of the two streams ends; what comes later has nothing to be compared with."""
        self.names = (first, second)
        self.until = until
        self.quotes: dict[str, Quote] = {}
        self.sell_first, self.sell_second = Direction(), Direction()
        self.events = 0
        self.began = self.last = self.seen = 0

    def tell(self, quote: Quote, /) -> None:
        if quote.instrument not in self.names or quote.received_at > self.until:
            return
        if quote.received_at > self.last:
            self._look()
        self.last = quote.received_at
        self.quotes[quote.instrument] = quote

    def _look(self) -> None:
        """What was received at one instant is one event."""
        if len(self.quotes) < 2:
            return
        if self.events == 0:
            self.began = self.last
        else:
            for direction in (self.sell_first, self.sell_second):
                direction.elapse(self.last - self.seen)
        self.events += 1
        self.seen = self.last
        first, second = (self.quotes[name] for name in self.names)
        self.sell_first.see((first.bid - second.ask) / second.ask * 10_000)
        self.sell_second.see((second.bid - first.ask) / first.ask * 10_000)

    def facts(self) -> dict[str, Any]:
        self._look()
        overlap = self.last - self.began
        return {
            "bbo_events": self.events,
            "sell_first_buy_second": self.sell_first.facts(overlap),
            "sell_second_buy_first": self.sell_second.facts(overlap),
        }
