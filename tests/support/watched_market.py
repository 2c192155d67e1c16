"""A platform over simulated venues in virtual time; whatever it tells is held against what was true at the venue."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from msgspec.structs import replace

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.health import (
    ActorFailed,
    BookBroken,
    BookState,
    BookStateChanged,
    Gap,
    LinkChanged,
    LinkState,
    Quarantined,
)
from integrated_trading_system.domain.ids import ActorName, InstrumentId, VenueId, instrument_id, symbol_of, venue_of
from integrated_trading_system.domain.link import OpenLink
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.preferred import PreferredQuote, PreferredTrade, SourceChanged
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.orchestrator.shown.summary import picture
from integrated_trading_system.simulation.exchange.events import BookChanged, TradeHappened
from integrated_trading_system.simulation.faults import Fault, Faults, Happening
from integrated_trading_system.simulation.venues import build_dialect
from tests.support.accounting import unaccounted
from tests.support.collector import Collector
from tests.support.virtual_platform import STREAMS, VirtualPlatform, dev_settings

SYMBOLS = {
    "binance:spot": "BTCUSDT",
    "binance:us": "BTCUSDT",
    "binance:usdm": "BTCUSDT",
    "binance:coinm": "BTCUSD_PERP",
    "bybit:linear": "BTCUSDT",
    "bybit:spot": "BTCUSDT",
    "backpack:spot": "BTC_USDC",
    "backpack:perp": "BTC_USDC_PERP",
    "okx:spot": "BTC-USDT",
    "okx:swap": "BTC-USDT-SWAP",
    "kraken:spot": "BTC/USDT",
}
AGE_MAX = 5 * SECOND
"""What arrives later is refused (`feed.age_ms_max`), so nothing older may be decided on."""
STAMP = 2 * MILLISECOND
"""Venues stamp in whole milliseconds; two of them are compared."""
TOLERANCE = 100 * MILLISECOND + STAMP
"""What prices without a time of their own may be wrong by, beside the bound: as much as the default tolerance."""
TOLD = (*(Quote, Trade, Quarantined, Gap, BookBroken, BookStateChanged, LinkChanged, ActorFailed, Order),)
PREFERRED = (SourceChanged, PreferredQuote, PreferredTrade)

Interval: TypeAlias = tuple[Nanos, Nanos]


class Truth:
    """The best prices of one instrument as they were, and its trades."""

    def __init__(self) -> None:
        self.began: list[Nanos] = []
        self.tops: list[tuple[float, float]] = []
        self.trades: list[TradeHappened] = []

    def changed(self, event: BookChanged) -> None:
        self.began.append(event.time)
        self.tops.append((float(event.top.bid), float(event.top.ask)))

    def when(self, quote: Quote, now: Nanos) -> Iterator[Interval]:
        """When these prices were true, the last time first."""
        prices, end = (quote.bid, quote.ask), now
        for place in range(bisect_right(self.began, now) - 1, -1, -1):
            if self.tops[place] == prices:
                yield self.began[place], end
            end = self.began[place]


def apart(times: Sequence[Sequence[Interval]]) -> int:
    """How far apart in time one of each can be at least, in nanoseconds."""
    least = 1 << 62
    for latest in (begin for intervals in times for begin, _ in intervals):
        ends = [next((end for begin, end in intervals if begin <= latest), None) for intervals in times]
        if None not in ends:
            least = min(least, latest - min(end for end in ends if end is not None))
    return least


class WatchedMarket:
    """One run. `wrong` names everything that was told and is not so."""

    def __init__(
        self,
        folder: Path,
        venues: Sequence[str],
        *,
        symbols: Mapping[str, Sequence[str]] | None = None,
        clock_offsets: Mapping[str, float] | None = None,
        of_venues: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """`clock_offsets`: by how many seconds venues' clocks are ahead. `of_venues`: settings of each of them."""
        listed = {venue: list((symbols or {}).get(venue) or [SYMBOLS[venue]]) for venue in venues}
        settings = {name: {"symbols": listed[name], "streams": STREAMS, **(of_venues or {})} for name in venues}
        members = [f"{name}:{SYMBOLS[name]}" for name in venues if SYMBOLS[name].endswith("USDT")]
        compared = [{"name": "btc", "currency": "USDT", "members": members}] if len(members) > 1 else []
        tree = {
            "venues": settings,
            "comparisons": compared,
            "strategies": [{"name": "arb-btc", "comparison": "btc"}] if compared else [],
            **changes,
        }
        self.virtual = VirtualPlatform(dev_settings(folder, **tree))
        self.platform, self.world = self.virtual.platform, self.virtual.world
        self.system = self.platform.system
        self.instruments = [instrument_id(VenueId(venue), symbol) for venue in venues for symbol in listed[venue]]
        self.news = Collector()
        self.wrong: list[str] = []
        self.snapshots = 0
        self.opened: list[tuple[Nanos, OpenLink]] = []
        self.followed: InstrumentId | None = None
        self.truth: dict[InstrumentId, Truth] = {instrument: Truth() for instrument in self.instruments}
        for venue, seconds in (clock_offsets or {}).items():
            name = VenueId(venue)
            self.world._dialects[name] = build_dialect(name, self.world.exchanges[name], Nanos(int(seconds * SECOND)))
        for venue in venues:
            self._note_truth(VenueId(venue))
        self._note_connections()
        for actor in self.platform.strategies.values():
            self._hold_decisions_to_truth(actor)
        for kind in (*TOLD, *PREFERRED):
            self.system.bus.subscribe(kind, self)

    # -- what is noted -------------------------------------------------------------------------

    def _note_truth(self, venue: VenueId) -> None:
        dialect: Any = self.world._dialects[venue]

        def noted(event: Any, made: Any = dialect.on_event) -> None:
            truth = self.truth.get(instrument_id(venue, getattr(event, "symbol", "")))
            if truth is not None and isinstance(event, BookChanged):
                truth.changed(event)
            elif truth is not None and isinstance(event, TradeHappened):
                truth.trades.append(event)
            made(event)

        dialect.on_event = noted

    def _note_connections(self) -> None:
        perform = self.world.perform

        def noted(effect: Effect, now: Nanos) -> None:
            if isinstance(effect, OpenLink):
                self.opened.append((now, effect))
            perform(effect, now)

        self.world.perform = noted  # type: ignore[method-assign]  # what is noted is done

    def _hold_decisions_to_truth(self, actor: ActorName) -> None:
        cell: Any = self.system._cells[actor]

        def receive(message: Any, whole: Any = cell.receive) -> None:
            if type(message) is SynchronizedSnapshot:
                self._on_snapshot(message)
            whole(message)

        cell.receive = receive

    def _on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        """Its prices were true once, not long ago, and no further from each other than it says."""
        self.snapshots += 1
        now, bound = self.now, snapshot.bound + TOLERANCE
        times = [[*islice(self.truth[quote.instrument].when(quote, now), 1)] for quote in snapshot.quotes]
        for quote, ended in zip(snapshot.quotes, times, strict=True):
            if not ended or now - ended[0][1] > AGE_MAX + STAMP:
                self.wrong.append(f"decided on {quote}, which was true {ended}, at {now}")
                return
        if apart(times) > bound:  # prices that were there before may be meant
            times = [[*self.truth[quote.instrument].when(quote, now)] for quote in snapshot.quotes]
            if apart(times) > bound:
                self.wrong.append(f"{apart(times) / MILLISECOND} ms apart, not {bound / MILLISECOND}: {snapshot}")

    def tell(self, message: Any, /) -> None:
        """Whatever is published."""
        self.news.tell(message)
        if type(message) is Quote:
            if next(self.truth[message.instrument].when(message, self.now), None) is None:
                self.wrong.append(f"told {message}, which never was")
        elif isinstance(message, ActorFailed):
            self.wrong.append(str(message))
        elif isinstance(message, SourceChanged):
            self.followed = message.source
        elif isinstance(message, PreferredQuote | PreferredTrade):
            told = message.quote if isinstance(message, PreferredQuote) else message.trade
            if told.instrument != self.followed or self.state(told.instrument) is not BookState.VALID:
                self.wrong.append(f"{message} of a source that is not to be followed")

    # -- being driven --------------------------------------------------------------------------

    @property
    def now(self) -> Nanos:
        return max(self.virtual.now, self.system.now)

    def run(self, seconds: float) -> None:
        self.virtual.run(seconds)

    def begin(self, seconds: float = 5) -> None:
        """Until every book is VALID; what was told until then is forgotten."""
        self.run(seconds)
        assert self.invalid() == []
        self.news.take()
        self.opened.clear()

    def strike(self, fault: Fault, venue: str, seconds: float, *, there: float = 0, back: float = 0) -> None:
        lasts, *ways = (Nanos(int(each * SECOND)) for each in (seconds, there, back))
        self.world._strike(Happening(fault, VenueId(venue), lasts, there=ways[0], back=ways[1]), self.now)

    def suffer(self, seconds: float, rates: Mapping[Fault, float], seed: int = 1) -> dict[str, int]:
        """Faults at these rates for so long; how often each happened."""
        until = Nanos(self.now + int(seconds * SECOND))
        faults = self.world.faults = Faults(seed, rates, begin=self.now, until=until)
        self.run(seconds)
        return {fault.value: count for fault, count in faults.counts.items() if count}

    def cut(self, venue: str) -> None:
        self.world.cut(VenueId(venue), self.now)

    def stand_still(self, seconds: float) -> int:
        """We do nothing for so long; what arrived meanwhile is read only then. How much that was."""
        later, waiting = Nanos(self.now + int(seconds * SECOND)), []
        tell = self.world._tell
        self.world._tell = lambda actor, message: waiting.append((actor, message))
        self.world.run(later)
        self.world._tell = tell
        self.virtual._driver.now = later
        for actor, message in waiting:
            tell(actor, replace(message, received_at=later))
        return len(waiting)

    # -- what is seen --------------------------------------------------------------------------

    def state(self, instrument: InstrumentId) -> BookState:
        return self.platform.books.state(instrument)

    def invalid(self) -> list[str]:
        states = {instrument: self.state(instrument) for instrument in self.instruments}
        return [f"{name} {state}" for name, state in states.items() if state is not BookState.VALID]

    def seconds_until_valid(self, most: float = 60) -> float:
        """From now."""
        began = self.now
        while self.invalid():
            assert self.now - began < most * SECOND, self.invalid()
            self.run(0.1)
        return (self.now - began) / SECOND

    def seconds_from_connection(self, since: Nanos) -> float:
        """From the first connection that stood after this until every book was VALID."""
        self.seconds_until_valid()
        stood = [one.at for one in self.news.of(LinkChanged) if one.state is LinkState.LOGON and one.at >= since]
        return (self.now - min(stood)) / SECOND

    def attempts(self, venue: str) -> list[Nanos]:
        """When connections were tried."""
        return [at for at, effect in self.opened if effect.venue == venue]

    def quantities(self, instrument: InstrumentId, begin: Nanos, end: Nanos) -> tuple[float, float]:
        """What was traded between these moments: as it was told, and in truth."""
        told = [one for one in self.news.of(Trade) if one.instrument == instrument and begin <= one.venue_time < end]
        ids = [one.trade_id for one in told]
        if len(set(ids)) != len(ids):
            self.wrong.append(f"{instrument}: a trade was told twice")
        made = [one for one in self.truth[instrument].trades if begin <= one.time < end]
        return sum(one.quantity for one in told), sum(float(one.quantity) for one in made)

    def right(self, within: float = 10) -> list[str]:
        """Books that do not become the venue's own in this time."""
        wanted = dict.fromkeys(self.instruments)
        for _ in range(int(within / 0.02)):
            for instrument in list(wanted):
                theirs = self.world.exchanges[venue_of(instrument)].top(symbol_of(instrument))
                ours = self.platform.books.top(instrument)
                if ours is not None and (ours.bid, ours.ask) == (float(theirs.bid), float(theirs.ask)):
                    del wanted[instrument]
            if not wanted:
                break
            self.run(0.02)
        return list(wanted)

    def audit(self) -> list[str]:
        """Everything that does not hold after all; empty is well."""
        found = self.wrong[:10] + unaccounted(picture(self.platform))
        return found + [f"not the venue's: {instrument}" for instrument in self.right()]
