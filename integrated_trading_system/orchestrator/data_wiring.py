"""Who tells whom of market data: the synchronizers, the feed, and the venues that it comes from.

`DataWiring` knows which venues a run has; `wiring` asks it, and says in which order the actors start.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.evidence import Evidence
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import (
    ActorFailed,
    BookStateChanged,
    FeedReliable,
    FeedUnreliable,
    LinkChanged,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import AccountId, ActorName, Asset, InstrumentId, VenueId, instrument_id
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.streams import StreamsRefused
from integrated_trading_system.domain.time import MILLISECOND, Nanos, from_millis
from integrated_trading_system.feed.alarms import Alarms
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.breaker import Circuit, CircuitBreaker
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.candles import CandleMaker
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.failover import Failover
from integrated_trading_system.feed.feeder import MarketDataFeeder
from integrated_trading_system.feed.subscriptions import Configured, Interest, Subscriptions
from integrated_trading_system.feed.synchronizer import Synchronizer
from integrated_trading_system.orchestrator.platform import (
    ALARMS,
    BREAKER,
    CANDLES,
    FEED,
    SUBSCRIPTIONS,
    connector_name,
    taker_name,
)
from integrated_trading_system.runtime.actor import Ref
from integrated_trading_system.runtime.cell import Cell
from integrated_trading_system.runtime.mailbox import MailboxLimits
from integrated_trading_system.runtime.supervisor import NEVER
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.paper import PaperAccount, PaperTerms
from integrated_trading_system.simulation.shadow import Shadow
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.connector.connector import Connector
from integrated_trading_system.venues.venue import Venue

MONEY: Final = MailboxLimits(capacity=100_000)
"""Nothing of it may be shed: overflow halts."""
FRAMES: Final = MailboxLimits(capacity=200_000)
"""Raw frames are never dropped: a lost change is a gap in a book."""


class DataWiring:
    """The venues of a run, and the actors between them and the strategies. Each method adds one stage."""

    def __init__(self, settings: PlatformSettings, system: System) -> None:
        """Nothing is spawned yet."""
        self._settings = settings
        self._system = system
        self.books = Books()
        self.clocks = Clocks(settings.feed)
        self.buffers = Buffers(settings.feed.buffer_size)
        self._evidence = Evidence()
        self.venue_settings = _used(settings)
        self.accounts = {venue: AccountId(f"{venue}/{of.account}") for venue, of in self.venue_settings.items()}
        self.venues = {venue: self._venue(venue, of) for venue, of in self.venue_settings.items()}
        self.comparisons = tuple(of.to_domain() for of in settings.comparisons)
        self._configured = {venue: self._configuration(venue, of) for venue, of in self.venue_settings.items()}
        self._interest = Interest(self._configured)
        self.streams = self._interest.streams
        """What is wanted now; filled by the subscriptions."""
        self.traded = {
            venue: self.accounts[venue]
            for venue, of in self._configured.items()
            if not of.fallback_of and self._tradable(venue)
        }
        """A venue that stands in for another gives data, no more; so does one that we cannot trade on."""
        self.trading = {venue: system.ref(self._trading_name(venue)) for venue in self.traded}
        """By venue: whom the OMS tells its orders."""

    @property
    def on_paper(self) -> bool:
        """Orders go to a paper account instead of the venue."""
        return self._settings.mode is Mode.PAPER

    @property
    def in_shadow(self) -> bool:
        """Orders go nowhere."""
        return self._settings.mode is Mode.SHADOW

    @property
    def paper_latency(self) -> Nanos:
        """From order to venue, and back."""
        return Nanos(int(self._settings.paper.latency_ms * MILLISECOND))

    def _tradable(self, venue: VenueId) -> bool:
        """On paper everything; with real orders what we have a key for."""
        if self.on_paper:
            return True
        keyed = self._settings.mode is not Mode.LIVE or self.venue_settings[venue].api_key is not None
        return keyed and self.venues[venue].trading is not None

    @property
    def receive_windows(self) -> dict[VenueId, Nanos]:
        """By venue: how long after its timestamp an order may still be accepted."""
        if self.on_paper:
            return {venue: Nanos(2 * self.paper_latency) for venue in self.venues}
        return {venue: of.receive_window for venue, of in self.venues.items()}

    # -- from venue to strategy ----------------------------------------------------------------

    def synchronizers(self, strategies: Mapping[str, list[Cell[Any]]]) -> dict[InstrumentId, tuple[Ref[Any], ...]]:
        """By instrument: whom the feeder tells its quotes. `strategies`: by Comparison, who wants its snapshots."""
        told: dict[InstrumentId, tuple[Ref[Any], ...]] = {}
        for comparison in self.comparisons if self._settings.feed.enable_sync else ():
            targets = tuple(self._system.inline(cell) for cell in strategies[comparison.name])
            cell = self._system.spawn(
                ActorName(f"synchronizer.{comparison.name}"),
                partial(Synchronizer, self._settings.feed, comparison, self.clocks, targets),
            )
            inline = self._system.inline(cell)
            for instrument in comparison.instruments:
                told[instrument] = (*told.get(instrument, ()), inline)
        return told

    def feed(self, synchronizers: Mapping[InstrumentId, tuple[Ref[Any], ...]]) -> Cell[Any]:
        """The feeder of all venues."""
        connectors = {venue: self._system.ref(connector_name(venue)) for venue in self.venues}
        return self._system.spawn(
            FEED,
            lambda: MarketDataFeeder(
                self._settings.feed,
                self.books,
                self.clocks,
                self.buffers,
                connectors=connectors,
                synchronizers=synchronizers,
                streams=self.streams,
                evidence=self._evidence,
            ),
            limits=FRAMES,
        )

    def candles(self) -> None:
        """Whoever makes candles of trades, where that is wanted."""
        settings = self._settings.candles
        if settings.intervals:
            every = from_millis(settings.publish_every_ms)
            cell = self._system.spawn(CANDLES, lambda: CandleMaker(settings.intervals, every, self.clocks))
            inline = self._system.inline(cell)
            self._follow(inline, Trade, LinkChanged)

    def trust(self) -> None:
        """Whoever says which data can be relied on: the circuit breaker, failover, alarms."""
        settings, system = self._settings, self._system
        circuits: dict[InstrumentId, Circuit] = {}
        breaker = system.spawn(BREAKER, lambda: CircuitBreaker(settings.breaker, circuits))
        self._follow(breaker, BookStateChanged, ActorFailed)
        for group in settings.failover:
            cell = system.spawn(ActorName(f"failover.{group.name}"), partial(Failover, group, self.books))
            inline = system.inline(cell)
            for source in group.sources:
                self._follow(inline, BookStateChanged, FeedUnreliable, FeedReliable, Quote, Trade, key=source)
        system.spawn(ALARMS, lambda: Alarms(settings.alarms, self.venues, self.clocks, self.buffers))

    def subscriptions(self) -> None:
        """Who counts what is wanted, and tells the connectors."""
        system = self._system
        connectors = {venue: system.ref(connector_name(venue)) for venue in self.venues}
        names = {connector_name(venue): venue for venue in self.venues}
        cell = system.spawn(SUBSCRIPTIONS, lambda: Subscriptions(self._interest, self._configured, connectors, names))
        self._follow(cell, StreamsRefused, InstrumentsListed, VenueBlocked, ActorFailed)

    def _follow(self, ref: Ref[Any], *kinds: type[Any], key: str | None = None) -> None:
        for kind in kinds:
            self._system.bus.subscribe(kind, ref, key)

    def _configuration(self, venue: VenueId, settings: VenueSettings) -> Configured:
        return Configured(
            symbols=tuple(instrument_id(venue, symbol) for symbol in settings.symbols),
            data_types=settings.streams,
            on_demand=settings.on_demand,
            fallback_of=tuple(
                other
                for other, of in self.venue_settings.items()
                if of.fallback is not None and catalog.resolve(of.fallback) == venue
            ),
        )

    # -- venues --------------------------------------------------------------------------------

    def connectors(self, feed: Cell[Any], oms: Ref[Any], fills: tuple[Fill, ...]) -> None:
        """One for each venue; on paper or in a shadow its account before it. `fills`: all that were ever booked."""
        for venue, settings in self.venue_settings.items():
            if self.on_paper and venue in self.traded:
                self._paper_account(venue, settings, oms, fills)
            elif self.in_shadow and venue in self.traded:
                self._shadow(venue, settings, oms)
            self._system.spawn(
                connector_name(venue), partial(self._connector, venue, settings, feed, oms), limits=FRAMES
            )

    def _connector(self, venue: VenueId, settings: VenueSettings, feed: Cell[Any], oms: Ref[Any]) -> Connector:
        """Called at every restart: a new life decodes with a new codec."""
        trades = not self.on_paper and not self.in_shadow and venue in self.traded
        return Connector(
            self._venue(venue, settings),
            settings,
            accounts=(self.accounts[venue],) if trades else (),
            feed=self._system.inline(feed),
            executions=oms,
            seed=self._settings.seed,
            dormant=bool(self._configured[venue].fallback_of),
            evidence=self._evidence,
        )

    def _venue(self, venue: VenueId, settings: VenueSettings) -> Venue:
        endpoints = catalog.endpoints_of(venue).moved(settings.rest_url, settings.ws_url)
        return catalog.build(venue, endpoints, self.accounts[venue])

    def _trading_name(self, venue: VenueId) -> ActorName:
        return taker_name(self._settings, venue)

    def _shadow(self, venue: VenueId, settings: VenueSettings, oms: Ref[Any]) -> None:
        """The connector answers for balances where there is a key; nothing else reaches it."""
        real = None if settings.api_key is None else self._system.ref(connector_name(venue))
        balances = {Asset(asset): amount for asset, amount in self._settings.paper.balances.items()}
        self._system.spawn(
            self._trading_name(venue),
            lambda: Shadow(venue, self.accounts[venue], balances, oms, real),
            limits=MONEY,
            policy=NEVER,
        )

    def _paper_account(self, venue: VenueId, settings: VenueSettings, oms: Ref[Any], fills: tuple[Fill, ...]) -> None:
        terms = PaperTerms(
            latency=self.paper_latency,
            taker_fee_bps=settings.taker_fee_bps,
            balances={Asset(asset): amount for asset, amount in self._settings.paper.balances.items()},
        )
        cell = self._system.spawn(
            self._trading_name(venue),
            lambda: PaperAccount(venue, self.accounts[venue], terms, self.books, oms, fills),
            limits=MONEY,
            policy=NEVER,
        )
        self._system.bus.subscribe(InstrumentsListed, cell, venue)


def _used(settings: PlatformSettings) -> dict[VenueId, VenueSettings]:
    """The venues of this run. `enabled: false` means absent, except in dev mode, where every venue is simulated."""
    return {
        catalog.resolve(name): of for name, of in settings.venues.items() if of.enabled or settings.mode is Mode.DEV
    }
