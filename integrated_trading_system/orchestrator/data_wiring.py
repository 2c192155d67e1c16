"""Who tells whom of market data: the synchronizers, the feed, and the venues that it comes from.

`DataWiring` knows which venues a run has; `wiring` asks it, and says in which order the actors start.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

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
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    InstrumentId,
    VenueId,
    account_id,
    instrument_id,
    venue_of_account,
)
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
from integrated_trading_system.simulation.observed import ObservedBooks
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
        self._observed = ObservedBooks(self.books)
        self.clocks = Clocks(settings.feed)
        self.buffers = Buffers(settings.feed.buffer_size)
        self._evidence = Evidence()
        self.venue_settings = _used(settings)
        self.accounts = {venue: account_id(venue, of.account) for venue, of in self.venue_settings.items()}
        self.account_settings = {
            account_id(venue, name): account
            for venue, of in self.venue_settings.items()
            for name, account in of.every_account.items()
        }
        self.venues = {venue: self._venue(account) for venue, account in self.accounts.items()}
        self.comparisons = tuple(of.to_domain() for of in settings.comparisons)
        self._configured = {venue: self._configuration(venue, of) for venue, of in self.venue_settings.items()}
        self._interest = Interest(self._configured)
        self.streams = self._interest.streams
        """What is wanted now; filled by the subscriptions."""
        self.traded = tuple(account for account in self.account_settings if self._tradable(account))
        """Accounts that orders can go to."""
        self.trading = {account: system.ref(taker_name(settings, account)) for account in self.traded}
        """By account: whom the OMS tells its orders."""

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

    def _tradable(self, account: AccountId) -> bool:
        """On paper everything but a venue that stands in for another; with real orders what we have a key for."""
        venue = venue_of_account(account)
        if self._configured[venue].fallback_of:
            return False
        if self.on_paper:
            return True
        keyed = self._settings.mode is not Mode.LIVE or self.account_settings[account].api_key is not None
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
        """One for each venue; on paper or in a shadow its accounts before it. `fills`: all that were ever booked."""
        for venue, settings in self.venue_settings.items():
            for account in self._traded_at(venue):
                if self.on_paper:
                    self._paper_account(account, oms, fills)
                elif self.in_shadow:
                    self._shadow(account, oms)
            self._system.spawn(
                connector_name(venue), partial(self._connector, venue, settings, feed, oms), limits=FRAMES
            )

    def _connector(self, venue: VenueId, settings: VenueSettings, feed: Cell[Any], oms: Ref[Any]) -> Connector:
        """Called at every restart: a new life decodes with a new codec."""
        traded = () if self.on_paper or self.in_shadow else self._traded_at(venue)
        ours = self._venue(self.accounts[venue])
        further = {account: self._venue(account).user_codec for account in traded if account != self.accounts[venue]}
        return Connector(
            replace(ours, further_codecs={name: codec for name, codec in further.items() if codec is not None}),
            settings,
            accounts=traded,
            feed=self._system.inline(feed),
            executions=oms,
            seed=self._settings.seed,
            dormant=bool(self._configured[venue].fallback_of),
            evidence=self._evidence,
        )

    def _traded_at(self, venue: VenueId) -> tuple[AccountId, ...]:
        return tuple(account for account in self.traded if venue_of_account(account) == venue)

    def _venue(self, account: AccountId) -> Venue:
        """The account's venue; its `user_codec` is of this account."""
        venue = venue_of_account(account)
        settings = self.venue_settings[venue]
        endpoints = catalog.endpoints_of(venue).moved(settings.rest_url, settings.ws_url)
        return catalog.build(venue, endpoints, account)

    def _shadow(self, account: AccountId, oms: Ref[Any]) -> None:
        """The connector answers for balances where there is a key; nothing else reaches it."""
        venue, settings = venue_of_account(account), self.account_settings[account]
        real = None if settings.api_key is None else self._system.ref(connector_name(venue))
        balances = {Asset(asset): amount for asset, amount in self._settings.paper.balances.items()}
        self._system.spawn(
            taker_name(self._settings, account),
            lambda: Shadow(venue, account, balances, oms, real),
            limits=MONEY,
            policy=NEVER,
        )

    def _paper_account(self, account: AccountId, oms: Ref[Any], fills: tuple[Fill, ...]) -> None:
        venue = venue_of_account(account)
        terms = PaperTerms(
            latency=self.paper_latency,
            taker_fee_bps=self.account_settings[account].taker_fee_bps,
            balances={Asset(asset): amount for asset, amount in self._settings.paper.balances.items()},
        )
        cell = self._system.spawn(
            taker_name(self._settings, account),
            lambda: PaperAccount(venue, account, terms, self._observed, oms, fills),
            limits=MONEY,
            policy=NEVER,
        )
        self._system.bus.subscribe(InstrumentsListed, cell, venue)


def _used(settings: PlatformSettings) -> dict[VenueId, VenueSettings]:
    """The venues of this run. `enabled: false` means absent, except in dev mode, where every venue is simulated."""
    return {
        catalog.resolve(name): of for name, of in settings.venues.items() if of.enabled or settings.mode is Mode.DEV
    }
