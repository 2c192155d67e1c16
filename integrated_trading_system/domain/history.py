"""Asking a venue for what was: candles and funding rates of a time in the past, page by page."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.intervals import opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos

CANDLES_SETTLE: Final = Nanos(10 * SECOND)
"""A candle that has been over for less may still change: clocks differ, and venues take a moment to add up."""
FUNDING_SETTLES: Final = Nanos(10 * MINUTE)
"""A rate may be told so long after it was paid."""


class HistoryKind(StrEnum):
    """What can be asked for."""

    CANDLES = "candles"
    MARK_CANDLES = "mark_candles"
    FUNDING = "funding"


class LoadHistory(Struct, frozen=True, kw_only=True, tag=True):
    """Input: load this, oldest first. Answered by HistoryPages, the last of which says so, or by HistoryFailed."""

    request: str
    """The asker's own name for it, unique within the run."""
    instrument: InstrumentId
    kind: HistoryKind
    interval: str = ""
    """Of candles; one of `domain.intervals.INTERVALS`."""
    start: Nanos
    end: Nanos
    """What opens (or was paid) before this; what opened at `start` belongs to it."""


class HistoryPage(Struct, frozen=True, kw_only=True, tag=True):
    """A part of what was asked for. Pages do not overlap; a time without trading has no candles."""

    request: str
    instrument: InstrumentId
    kind: HistoryKind
    interval: str = ""
    """Of candles."""
    candles: tuple[Candle, ...] = ()
    funding: tuple[FundingRate, ...] = ()
    since: Nanos
    """What opened (or was paid) at this instant belongs to the page. Later than the end of the page before it (or the
    beginning of what was asked for) where the venue tells nothing of the time in between."""
    until: Nanos
    """Everything from `since` to before this instant has been told."""
    last: bool
    at: Nanos

    @property
    def settled_until(self) -> Nanos:
        """What the page tells of the time before this will not change any more; `since` where all of it may."""
        if self.kind is HistoryKind.FUNDING:
            settled = min(self.until, self.at - FUNDING_SETTLES)
        else:
            settled = min(self.until, opened_at(self.interval, self.at - CANDLES_SETTLE))
            settled = min((settled, *(candle.opened_at for candle in self.candles if not candle.closed)))
        return Nanos(max(self.since, settled))


class HistoryFailed(Struct, frozen=True, kw_only=True, tag=True):
    """The rest will not come. What was told in pages stays true."""

    request: str
    instrument: InstrumentId
    reason: str
    at: Nanos
