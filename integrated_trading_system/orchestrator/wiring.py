"""Who tells whom. The one file that knows every concrete class of the core.

Actors start in the order in which they are spawned here and stop in reverse: the money actors first,
so that they hear everything; the connectors last, so that nothing arrives before somebody listens.
The hot lane (connector → feed → synchronizer → strategy) is joined by inline refs.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.health import (
    ActorFailed,
    BookStateChanged,
    Gap,
    Halt,
    LinkChanged,
    Reconciled,
    TradingStateChanged,
)
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    InstrumentId,
    StrategyId,
    VenueId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.opportunity import Opportunity, OpportunityMissed
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.domain.position import ExternalFlow, OpeningBalance
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.feeder import MarketDataFeeder
from integrated_trading_system.feed.synchronizer import Synchronizer
from integrated_trading_system.oms.manager import OrderManagementSystem
from integrated_trading_system.orchestrator.platform import (
    FEED,
    OMS,
    PMS,
    RISK,
    GateSwitch,
    Platform,
    Recovered,
    connector_name,
    paper_name,
)
from integrated_trading_system.orchestrator.reminder import Reminder
from integrated_trading_system.pms.manager import PositionManagementSystem
from integrated_trading_system.risk.kill_switch import KillGate
from integrated_trading_system.risk.manager import RiskManager
from integrated_trading_system.runtime.actor import Ref
from integrated_trading_system.runtime.cell import Cell
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.mailbox import MailboxLimits
from integrated_trading_system.runtime.supervisor import NEVER
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.paper import PaperAccount, PaperTerms
from integrated_trading_system.strategies.catalog import strategy_class, strategy_settings
from integrated_trading_system.strategies.strategy import Fees, PlanIds, Strategy, StrategySetup
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.connector import Connector
from integrated_trading_system.venues.venue import Venue

MONEY: Final = MailboxLimits(capacity=100_000)
"""Nothing of it may be shed: overflow halts."""
FRAMES: Final = MailboxLimits(capacity=200_000)
"""Raw frames are never dropped: a lost change is a gap in a book."""

DECISIONS: Final = (
    *(ActorFailed, BookStateChanged, Fill, Gap, Opportunity, OpportunityMissed),
    *(Order, PlanDenied, PlanFinished, TradingStateChanged),
)
"""Facts that count as outputs of a run, beside the effects: their hash says whether two runs decided alike."""

FOLLOWED_BY_RISK: Final = (
    *(Order, Fill, PlanFinished, InstrumentsListed, BookStateChanged),
    *(LinkChanged, BalancesReported, Reconciled, Halt),
)


def wire(settings: PlatformSettings, recovered: Recovered) -> Platform:
    """The whole core, not started yet. Raises ConfigurationError for what only the classes themselves can judge."""
    platform = _Wiring(settings, recovered).platform()
    platform.system.bus.subscribe(InstrumentsListed, platform.listing)
    return platform


class _Wiring:
    """Spawns one actor after the other; each method adds one stage."""

    def __init__(self, settings: PlatformSettings, recovered: Recovered) -> None:
        self.settings = settings
        self.recovered = recovered
        self.fills = recovered.fills
        self.system = System()
        self.gate = KillGate()
        self.books = Books()
        self.clocks = Clocks(settings.feed)
        self.buffers = Buffers(settings.feed.buffer_size)
        self.outputs = Fingerprint()
        self.venue_settings = _used(settings)
        self.accounts = {venue: AccountId(f"{venue}/{of.account}") for venue, of in self.venue_settings.items()}
        self.venues = {venue: self._venue(venue, of) for venue, of in self.venue_settings.items()}
        self.comparisons = tuple(of.to_domain() for of in settings.comparisons)
        self.streams: dict[InstrumentId, tuple[DataType, ...]] = {
            instrument_id(venue, symbol): of.streams
            for venue, of in self.venue_settings.items()
            for symbol in of.symbols
        }
        self.strategies: dict[str, ActorName] = {}
        self.trading = {venue: self.system.ref(self._trading_name(venue)) for venue in self.venues}

    def platform(self) -> Platform:
        """Everything, in order of start."""
        system = self.system
        system.outputs = self.outputs
        system.bus.subscribe(TradingStateChanged, GateSwitch(self.gate))
        for kind in DECISIONS:
            system.bus.subscribe(kind, self.outputs)
        self.reminder = Reminder(system, self.accounts, self.trading)
        pms = self._pms()
        oms = self._oms()
        risk = self._risk(oms)
        strategies = self._strategies(risk)
        feed = self._feed(self._synchronizers(strategies))
        self.reminder.follow_feed(system.inline(feed))
        self._venue_actors(feed, oms)
        self._subscribe_money(pms, oms, risk)
        return Platform(
            settings=self.settings,
            system=system,
            gate=self.gate,
            books=self.books,
            clocks=self.clocks,
            buffers=self.buffers,
            outputs=self.outputs,
            venues=self.venues,
            accounts=self.accounts,
            comparisons=self.comparisons,
            strategies=self.strategies,
            streams=self.streams,
        )

    # -- money ---------------------------------------------------------------------------------

    def _pms(self) -> Cell[Any]:
        return self.system.spawn(
            PMS,
            lambda: PositionManagementSystem(self.settings.pms, self.books, self.fills, self.recovered.openings),
            limits=MONEY,
            policy=NEVER,
        )

    def _oms(self) -> Cell[Any]:
        windows = {venue: of.receive_window for venue, of in self.venues.items()}
        if self._on_paper:
            windows = {venue: Nanos(2 * self._paper_latency) for venue in self.venues}
        rules = {venue: of.client_order_id_max for venue, of in self.venues.items()}
        return self.system.spawn(
            OMS,
            lambda: OrderManagementSystem(
                self.settings.oms,
                self.trading,
                self.accounts,
                windows,
                rules,
                self.recovered.records,
                self.recovered.run,
            ),
            limits=MONEY,
            policy=NEVER,
        )

    def _risk(self, oms: Cell[Any]) -> Cell[Any]:
        return self.system.spawn(
            RISK,
            lambda: RiskManager(
                self.settings.risk,
                oms,
                self.books,
                run=str(self.recovered.run),
                halted=self.recovered.halted,
                recovered=self.fills,
                in_flight=self.recovered.plans_in_flight,
            ),
            limits=MONEY,
            policy=NEVER,
        )

    def _subscribe_money(self, pms: Cell[Any], oms: Cell[Any], risk: Cell[Any]) -> None:
        """Facts that the money actors follow. A fill reaches risk before anyone else can act on it."""
        subscribe = self.system.bus.subscribe
        for kind in FOLLOWED_BY_RISK:
            subscribe(kind, risk)
        subscribe(TradingStateChanged, oms)
        subscribe(InstrumentsListed, oms)
        subscribe(OpeningBalance, oms)
        subscribe(ExternalFlow, oms)
        subscribe(Fill, pms)
        subscribe(Order, pms)
        subscribe(BalancesReported, pms)
        subscribe(InstrumentsListed, pms)
        subscribe(PlanFinished, pms)

    # -- deciding ------------------------------------------------------------------------------

    def _strategies(self, risk: Cell[Any]) -> dict[str, list[Cell[Any]]]:
        """By Comparison: the strategies that want its snapshots."""
        comparisons = {comparison.name: comparison for comparison in self.comparisons}
        wanting: dict[str, list[Cell[Any]]] = {comparison.name: [] for comparison in self.comparisons}
        fees = {
            venue: Fees(maker_bps=of.maker_fee_bps, taker_bps=of.taker_fee_bps)
            for venue, of in self.venue_settings.items()
        }
        for chosen in self.settings.strategies:
            if not chosen.enabled:
                continue
            kind = strategy_class(chosen.strategy)
            setup = StrategySetup(
                name=StrategyId(chosen.name),
                comparison=comparisons[chosen.comparison],
                books=self.books,
                plans=risk,
                plan_ids=PlanIds(str(self.recovered.run)),
                accounts=self.accounts,
                fees=fees,
                settings=strategy_settings(kind, chosen.settings),
            )
            name = ActorName(f"strategy.{chosen.name}")
            cell = self.system.spawn(name, partial(kind, setup))
            self.strategies[chosen.name] = name
            self._subscribe_strategy(kind, setup.comparison, cell)
            self.reminder.follow_strategy(name, self.system.inline(cell), kind, setup.comparison)
            if SynchronizedSnapshot in kind.subscriptions:
                wanting[chosen.comparison].append(cell)
        return wanting

    def _subscribe_strategy(self, kind: type[Strategy], comparison: Comparison, cell: Cell[Any]) -> None:
        always = (Order, PlanDenied, PlanFinished, TradingStateChanged, InstrumentsListed, BalancesReported)
        for message in dict.fromkeys((*always, *kind.subscriptions)):
            if message is SynchronizedSnapshot:
                continue
            keys = kind.keys(message, comparison)
            for key in (None,) if keys is None else keys:
                self.system.bus.subscribe(message, cell, key)

    # -- market data ---------------------------------------------------------------------------

    def _synchronizers(self, strategies: Mapping[str, list[Cell[Any]]]) -> dict[InstrumentId, tuple[Ref[Any], ...]]:
        """By instrument: whom the feeder tells its quotes."""
        told: dict[InstrumentId, tuple[Ref[Any], ...]] = {}
        for comparison in self.comparisons if self.settings.feed.enable_sync else ():
            targets = tuple(self.system.inline(cell) for cell in strategies[comparison.name])
            cell = self.system.spawn(
                ActorName(f"synchronizer.{comparison.name}"),
                partial(Synchronizer, self.settings.feed, comparison, self.clocks, targets),
            )
            inline = self.system.inline(cell)
            for instrument in comparison.instruments:
                told[instrument] = (*told.get(instrument, ()), inline)
        return told

    def _feed(self, synchronizers: Mapping[InstrumentId, tuple[Ref[Any], ...]]) -> Cell[Any]:
        connectors = {venue: self.system.ref(connector_name(venue)) for venue in self.venues}
        return self.system.spawn(
            FEED,
            lambda: MarketDataFeeder(
                self.settings.feed,
                self.books,
                self.clocks,
                self.buffers,
                connectors=connectors,
                synchronizers=synchronizers,
                streams=self.streams,
            ),
            limits=FRAMES,
        )

    # -- venues --------------------------------------------------------------------------------

    @property
    def _on_paper(self) -> bool:
        return self.settings.mode is Mode.PAPER

    @property
    def _paper_latency(self) -> Nanos:
        return Nanos(int(self.settings.paper.latency_ms * MILLISECOND))

    def _trading_name(self, venue: VenueId) -> ActorName:
        return paper_name(venue) if self._on_paper else connector_name(venue)

    def _venue(self, venue: VenueId, settings: VenueSettings) -> Venue:
        endpoints = catalog.endpoints_of(venue).moved(settings.rest_url, settings.ws_url)
        return catalog.build(venue, endpoints, self.accounts[venue])

    def _venue_actors(self, feed: Cell[Any], oms: Cell[Any]) -> None:
        for venue, settings in self.venue_settings.items():
            if self._on_paper:
                self._paper_account(venue, settings, oms)
            self.system.spawn(
                connector_name(venue), partial(self._connector, venue, settings, feed, oms), limits=FRAMES
            )

    def _connector(self, venue: VenueId, settings: VenueSettings, feed: Cell[Any], oms: Cell[Any]) -> Connector:
        """Called at every restart: a new life decodes with a new codec."""
        trades = not self._on_paper and self.venues[venue].trading is not None
        return Connector(
            self._venue(venue, settings),
            settings,
            symbols=settings.symbols,
            data_types=settings.streams,
            accounts=(self.accounts[venue],) if trades else (),
            feed=self.system.inline(feed),
            executions=oms,
            seed=self.settings.seed,
        )

    def _paper_account(self, venue: VenueId, settings: VenueSettings, oms: Cell[Any]) -> None:
        terms = PaperTerms(
            latency=self._paper_latency,
            taker_fee_bps=settings.taker_fee_bps,
            balances={Asset(asset): amount for asset, amount in self.settings.paper.balances.items()},
        )
        cell = self.system.spawn(
            self._trading_name(venue),
            lambda: PaperAccount(venue, self.accounts[venue], terms, self.books, oms, self.fills),
            limits=MONEY,
            policy=NEVER,
        )
        self.system.bus.subscribe(InstrumentsListed, cell, venue)


def _used(settings: PlatformSettings) -> dict[VenueId, VenueSettings]:
    """The venues of this run. `enabled: false` means absent, except in dev mode, where every venue is simulated."""
    return {
        catalog.resolve(name): of for name, of in settings.venues.items() if of.enabled or settings.mode is Mode.DEV
    }
