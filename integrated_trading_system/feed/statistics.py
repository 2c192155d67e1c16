"""Counting without a cost on the hot lane: integers and rings there, sums and percentiles when somebody asks."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import ceil

from msgspec import Struct

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import MICROSECOND, MILLISECOND


class StreamView(Struct, frozen=True):
    """What became of the messages of one stream. Each is in exactly one of these."""

    delivered: int = 0
    conflated: int = 0
    """Said nothing new: a duplicate, or overtaken by something newer."""
    dropped: int = 0
    """Could not be used: contained in a snapshot, before a gap, or of a link that is down."""
    quarantined: int = 0
    waiting: int = 0
    """For a snapshot."""
    reasons: dict[str, int] = {}
    """Why those that were conflated, dropped or quarantined were."""

    @property
    def received(self) -> int:
        """All of them."""
        return self.delivered + self.conflated + self.dropped + self.quarantined + self.waiting


def together(one: StreamView, other: StreamView) -> StreamView:
    """Both counted as one."""
    reasons = dict(one.reasons)
    for why, count in other.reasons.items():
        reasons[why] = reasons.get(why, 0) + count
    return StreamView(
        delivered=one.delivered + other.delivered,
        conflated=one.conflated + other.conflated,
        dropped=one.dropped + other.dropped,
        quarantined=one.quarantined + other.quarantined,
        waiting=one.waiting + other.waiting,
        reasons=reasons,
    )


class Counts:
    """A StreamView being counted."""

    __slots__ = ("conflated", "delivered", "dropped", "quarantined", "reasons")

    def __init__(self) -> None:
        """Nothing yet."""
        self.delivered = 0
        self.conflated = 0
        self.dropped = 0
        self.quarantined = 0
        self.reasons: dict[str, int] = {}

    def conflate(self, why: str) -> None:
        """One said nothing new."""
        self.conflated += 1
        self._note(why)

    def drop(self, why: str) -> None:
        """One could not be used."""
        self.dropped += 1
        self._note(why)

    def refuse(self, why: str) -> None:
        """One was not believed."""
        self.quarantined += 1
        self._note(why)

    def _note(self, why: str) -> None:
        self.reasons[why] = self.reasons.get(why, 0) + 1

    def view(self) -> StreamView:
        """The counters now."""
        return StreamView(self.delivered, self.conflated, self.dropped, self.quarantined, reasons=dict(self.reasons))


class VenueCounts:
    """What is counted per venue, beside its instruments' own counters."""

    __slots__ = ("_links", "closed", "gaps", "quarantine", "reasons", "reconnects", "resyncs", "undecoded")

    def __init__(self, quarantine_size: int) -> None:
        """Nothing yet."""
        self.reasons: dict[str, int] = {}
        """Quarantined messages by reason, the codec's and ours."""
        self.undecoded = 0
        """Quarantined by the codec: they never became events."""
        self.quarantine: deque[Quarantined] = deque(maxlen=quarantine_size)
        self.reconnects = 0
        self.closed: dict[DataType, StreamView] = {}
        """Of streams that nobody wants any more: what was counted stays counted."""
        self.gaps = 0
        self.resyncs = 0
        """Of books that nobody wants any more."""
        self._links: dict[str, LinkId] = {}

    def keep(self, streams: Mapping[DataType, StreamView]) -> None:
        """These streams have ended; what waited in them will never be used."""
        for kind, view in streams.items():
            waited = {"unsubscribed": view.waiting} if view.waiting else {}
            ended = StreamView(
                delivered=view.delivered,
                conflated=view.conflated,
                dropped=view.dropped + view.waiting,
                quarantined=view.quarantined,
                reasons={**view.reasons, **waited},
            )
            self.closed[kind] = together(self.closed.get(kind, StreamView()), ended)

    def refuse(self, quarantined: Quarantined) -> None:
        """Count and keep a quarantined message."""
        self.reasons[quarantined.reason] = self.reasons.get(quarantined.reason, 0) + 1
        self.quarantine.append(quarantined)

    def live(self, link_name: str, link: LinkId) -> None:
        """A link is live; every one but the first of its name is a reconnect."""
        self.reconnects += self._links.get(link_name, link) != link
        self._links[link_name] = link


class Percentiles(Struct, frozen=True):
    """Nearest rank; zeros when there was nothing to observe."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class Histogram:
    """Durations from 0 to a limit, in at least 512 equal steps. Exact memory, no chance, one addition to count.

    The hot lane itself does ``histogram.counts[duration >> histogram.shift] += 1``.
    """

    __slots__ = ("counts", "limit", "shift")

    def __init__(self, limit: int) -> None:
        """For durations up to and including `limit` nanoseconds."""
        self.limit = limit
        self.shift = max(0, limit.bit_length() - 10)
        self.counts = [0] * ((limit >> self.shift) + 1)

    def percentiles(self, unit: int) -> Percentiles:
        """The upper end of the step in which the rank lies, in units of `unit`."""
        total = sum(self.counts)
        if not total:
            return Percentiles()
        seen = list(accumulate(self.counts))
        steps = (bisect_left(seen, ceil(total * part)) + 1 for part in (0.50, 0.99, 1.0))
        return Percentiles(*(min(step << self.shift, self.limit) / unit for step in steps))


def latency_us(differences: Iterable[int], offset: int) -> Percentiles:
    """From each `received_at - venue_time` and the offset of the venue's clock: time on the way, microseconds."""
    ordered = sorted(differences)
    if not ordered:
        return Percentiles()
    ranks = (ceil(len(ordered) * part) - 1 for part in (0.50, 0.99, 1.0))
    return Percentiles(*((ordered[rank] + offset) / MICROSECOND for rank in ranks))


def latency_ms_average(differences: Sequence[int], offset: int) -> float:
    """Arithmetic mean of the time on the way; 0 when nothing was measured."""
    return (sum(differences) / len(differences) + offset) / MILLISECOND if differences else 0.0
