"""Loads candles and funding rates of the past through a running platform: what is there already is not asked for again.

With a database every page is written as it comes, together with the time it covers, so that a load that was cut goes
on where it ended. Without one everything is asked for, and kept in memory until it is returned.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.errors import ConfigurationError, HistoryIncomplete
from integrated_trading_system.domain.health import ActorFailed, VenueBlocked
from integrated_trading_system.domain.history import HistoryFailed, HistoryKind, HistoryPage, LoadHistory
from integrated_trading_system.domain.ids import InstrumentId, venue_of
from integrated_trading_system.domain.intervals import INTERVALS, LENGTHS, opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import DAY, HOUR, SECOND, Nanos
from integrated_trading_system.drivers.storage import past
from integrated_trading_system.drivers.storage.past import Span, Wanted
from integrated_trading_system.drivers.storage.sqlite import History
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import connector_name

LISTING_SECONDS: Final = 30.0
"""A venue that has not told by then what it lists is not there."""
STEP_SECONDS: Final = 0.05
PAGES_AT_ONCE: Final = 10
"""Asked for in one request: whoever gives up a load gets so many more at most."""

DAYS_MAX: Final = 36_500

Answer: TypeAlias = HistoryPage | HistoryFailed | ActorFailed | VenueBlocked

_NUMBERS: Final = count(1)


class Progress(Struct, frozen=True):
    """How far a load is."""

    wanted: Wanted
    covered: int
    """Nanoseconds of the time asked for that are done."""
    rows: int
    """Loaded so far, without those that were there."""

    @property
    def part(self) -> float:
        """From 0 to 1."""
        return self.covered / max(1, self.wanted.end - self.wanted.start)


class Loaded(Struct, frozen=True):
    """What a load came to."""

    wanted: Wanted
    rows: int
    """That the venue told now."""
    already: int
    """That were there before."""
    candles: tuple[Candle, ...] = ()
    funding: tuple[FundingRate, ...] = ()
    """All of them, oldest first: closed candles, rates that were paid."""


class Inbox:
    """A ref: keeps what concerns one load until it is looked at."""

    def __init__(self, instrument: InstrumentId) -> None:
        """Nothing came yet."""
        self.request = ""
        """The one whose pages are ours."""
        self._connector = connector_name(venue_of(instrument))
        self.waiting: asyncio.Queue[Answer] = asyncio.Queue()

    def tell(self, message: Answer, /) -> None:
        """Pages of other requests and failures of other actors are not ours."""
        match message:
            case HistoryPage() | HistoryFailed() if message.request != self.request:
                return
            case ActorFailed() if message.actor != self._connector:
                return
            case _:
                self.waiting.put_nowait(message)


class HistoryLoader:
    """Loads for whoever asks, on a platform that runs."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        """Started already."""
        self._orchestrator = orchestrator

    async def load(self, wanted: Wanted, progress: Callable[[Progress], None] | None = None) -> Loaded:
        """Everything of this time; `progress` is told at the beginning and after every page.

        The candle that is still open is not part of it, and is asked for again next time. Raises HistoryIncomplete
        where the venue does not tell all of it, or the platform stopped: what came is kept.
        """
        history = self._orchestrator.history
        gaps = [(wanted.start, wanted.end)] if history is None else await past.missing(history, wanted)
        _check(history, wanted)
        load = _Load(self._orchestrator, wanted, gaps, progress or _nobody)
        if gaps:
            await load.run()
        if history is None:
            return Loaded(wanted, load.rows, 0, tuple(load.candles), tuple(load.funding))
        if wanted.kind is HistoryKind.FUNDING:
            candles, funding = [], await past.funding(history, wanted)
        else:
            candles, funding = await past.candles(history, wanted), []
        _check(history, wanted)
        already = len(candles) + len(funding) - load.rows
        return Loaded(wanted, load.rows, already, tuple(candles), tuple(funding))


class _Load:
    """One load on its way."""

    def __init__(
        self, orchestrator: Orchestrator, wanted: Wanted, gaps: list[Span], progress: Callable[[Progress], None]
    ) -> None:
        self._orchestrator = orchestrator
        self._wanted = wanted
        self._gaps = gaps
        self._progress = progress
        self._inbox = Inbox(wanted.instrument)
        self._covered = wanted.end - wanted.start - sum(until - since for since, until in gaps)
        self._keeps = orchestrator.history is None
        self._at = wanted.start
        """How far the request on its way is."""
        self._told_from = Nanos(0)
        """Before this the venue tells nothing; 0: there is no such time."""
        self.rows = 0
        self.candles: list[Candle] = []
        self.funding: list[FundingRate] = []

    async def run(self) -> None:
        """Ask for every gap, one after the other."""
        bus, instrument = self._orchestrator.platform.system.bus, self._wanted.instrument
        subscriptions: tuple[tuple[type, str | None], ...] = (
            *((HistoryPage, instrument), (HistoryFailed, instrument)),
            *((VenueBlocked, venue_of(instrument)), (ActorFailed, None)),
        )
        ended = asyncio.ensure_future(self._orchestrator.wait())
        for kind, key in subscriptions:
            bus.subscribe(kind, self._inbox, key)
        try:
            self._tell()
            await self._listed(ended)
            for gap in self._gaps:
                for span in _chunks(self._wanted, gap, self._per_page()):
                    await self._fetch(span, ended)
            if self._told_from:
                first = datetime.fromtimestamp(self._told_from // SECOND, UTC)
                raise self._incomplete(f"the venue tells nothing before {first:%Y-%m-%d %H:%M:%S}")
        finally:
            ended.cancel()
            for kind, key in subscriptions:
                bus.unsubscribe(kind, self._inbox, key)

    async def _listed(self, ended: asyncio.Future[None]) -> None:
        """Wait until the venue has told what it lists: before, it refuses every request."""
        name = connector_name(venue_of(self._wanted.instrument))
        for _ in range(int(LISTING_SECONDS / STEP_SECONDS)):
            if self._orchestrator.platform.system.view(name).listed:
                return
            if not self._inbox.waiting.empty() or ended.done():
                self._take(await self._next(ended))
            await asyncio.sleep(STEP_SECONDS)
        raise self._incomplete(f"the venue has not told within {LISTING_SECONDS:g} s what it lists")

    async def _fetch(self, span: Span, ended: asyncio.Future[None]) -> None:
        """One request, page after page."""
        wanted, request = self._wanted, f"load-{next(_NUMBERS)}"
        self._inbox.request = request
        self._at = span[0]
        order = LoadHistory(
            request=request,
            instrument=wanted.instrument,
            kind=wanted.kind,
            interval=wanted.interval,
            start=span[0],
            end=span[1],
        )
        self._orchestrator.tell(connector_name(venue_of(wanted.instrument)), order)
        while not self._take(await self._next(ended)):
            pass

    async def _next(self, ended: asyncio.Future[None]) -> Answer:
        """What came, or comes; raises HistoryIncomplete where the platform ends first."""
        coming = asyncio.ensure_future(self._inbox.waiting.get())
        try:
            await asyncio.wait((coming, ended), return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                return coming.result()
        finally:
            coming.cancel()
        raise self._incomplete("stopped")

    def _take(self, answer: Answer) -> bool:
        """Whether it was the last page of its request; raises HistoryIncomplete for everything that is no page."""
        match answer:
            case HistoryPage():
                self._keep(answer)
                return answer.last
            case HistoryFailed(reason=reason):
                raise self._incomplete(reason)
            case VenueBlocked(reason=reason):
                raise self._incomplete(f"the venue refuses us: {reason}")
            case ActorFailed(error=error):
                raise self._incomplete(f"its connector failed: {error}")

    def _keep(self, page: HistoryPage) -> None:
        closed = [candle for candle in page.candles if candle.closed]
        self.rows += len(closed) + len(page.funding)
        self._covered += page.until - page.since
        if page.since > self._at:
            self._told_from = page.since
        self._at = page.until
        if self._keeps:
            self.candles += closed
            self.funding += page.funding
        self._tell()

    def _tell(self) -> None:
        self._progress(Progress(self._wanted, self._covered, self.rows))

    def _incomplete(self, reason: str) -> HistoryIncomplete:
        wanted = self._wanted
        part = Progress(wanted, self._covered, self.rows).part
        kept = "not kept" if self._keeps else "kept: the next load goes on from there"
        what = f"{wanted.kind.value.replace('_', ' ')} {wanted.interval}".strip()
        return HistoryIncomplete(
            f"{wanted.instrument} {what}: {reason}; {self.rows} rows loaded, {part:.0%} of the time is there ({kept})"
        )

    def _per_page(self) -> int:
        history = self._orchestrator.platform.venues[venue_of(self._wanted.instrument)].history
        if history is None:
            return 1
        return history.funding_per_page if self._wanted.kind is HistoryKind.FUNDING else history.candles_per_page


def of_days(instrument: InstrumentId, kind: HistoryKind, interval: str, days: float, now: Nanos) -> Wanted:
    """The last days, from the candle that was open then on. Raises ConfigurationError for what cannot be meant."""
    if not 0 < days <= DAYS_MAX:
        raise ConfigurationError(f"expected a number of days above 0 and up to {DAYS_MAX}, not {days:g}")
    start = Nanos(now - int(days * DAY))
    if kind is HistoryKind.FUNDING:
        return Wanted(instrument, kind, "", start, now)
    if interval not in LENGTHS:
        raise ConfigurationError(f"unknown interval {interval!r}; there are {' '.join(INTERVALS)}")
    return Wanted(instrument, kind, interval, opened_at(interval, start), now)


def _chunks(wanted: Wanted, gap: Span, per_page: int) -> Iterator[Span]:
    """Parts of so many pages."""
    length = HOUR if wanted.kind is HistoryKind.FUNDING else LENGTHS.get(wanted.interval, HOUR)
    reach = max(1, per_page) * PAGES_AT_ONCE * length
    since, end = gap
    while since < end:
        until = Nanos(min(end, since + reach))
        yield since, until
        since = until


def _check(history: History | None, wanted: Wanted) -> None:
    """Raises HistoryIncomplete where the database takes nothing any more."""
    if history is not None and history.failure:
        raise HistoryIncomplete(f"{wanted.instrument}: what is loaded cannot be kept: {history.failure}")


def _nobody(_: Progress) -> None:
    """Nobody looks."""
