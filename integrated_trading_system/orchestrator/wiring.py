"""Who tells whom: the money, the strategies, and in which order all of them start.

Actors start in the order in which they are spawned here and stop in reverse: the money actors first,
so that they hear everything; the connectors last, so that nothing arrives before somebody listens.
The hot lane (connector → feed → synchronizer → strategy) is joined by inline refs; `data_wiring` has its stages.
"""

from functools import partial
from typing import Any, Final

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import AccountSettings
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.execution import BalancesReported, ExternalOrders, Fill
from integrated_trading_system.domain.health import (
    ActorFailed,
    Alarm,
    BookStateChanged,
    FeedReliable,
    FeedUnreliable,
    Gap,
    Halt,
    LinkChanged,
    Reconciled,
    TradingStateChanged,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import ActorName, Asset, StrategyId
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.money import BPS, ZERO
from integrated_trading_system.domain.opportunity import Opportunity, OpportunityMissed
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import AmendRefused, PlanDenied, PlanFinished
from integrated_trading_system.domain.position import ExternalFlow, FundingPaid, OpeningBalance
from integrated_trading_system.domain.preferred import SourceChanged
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.oms.manager import OrderManagementSystem
from integrated_trading_system.orchestrator.data_wiring import MONEY, DataWiring
from integrated_trading_system.orchestrator.overheard import Overheard
from integrated_trading_system.orchestrator.platform import (
    OMS,
    PMS,
    RISK,
    GateSwitch,
    Platform,
    Recovered,
    chosen_accounts,
)
from integrated_trading_system.orchestrator.reminder import Reminder
from integrated_trading_system.pms.manager import PositionManagementSystem
from integrated_trading_system.risk.kill_switch import KillGate
from integrated_trading_system.risk.manager import RiskManager
from integrated_trading_system.risk.past import Past
from integrated_trading_system.runtime.cell import Cell
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.supervisor import NEVER
from integrated_trading_system.runtime.system import System
from integrated_trading_system.strategies.catalog import strategy_of
from integrated_trading_system.strategies.holdings import Holdings
from integrated_trading_system.strategies.strategy import Fees, PlanIds, Strategy, StrategySetup

DECISIONS: Final = (
    *(
        ActorFailed,
        BookStateChanged,
        FeedUnreliable,
        FeedReliable,
        SourceChanged,
        Fill,
        Gap,
        Opportunity,
        OpportunityMissed,
    ),
    *(Order, PlanDenied, AmendRefused, PlanFinished, TradingStateChanged),
)
"""Facts that count as outputs of a run, beside the effects: their hash says whether two runs decided alike."""

FOLLOWED_BY_RISK: Final = (
    *(Order, Fill, PlanFinished, InstrumentsListed, BookStateChanged, FeedUnreliable, FeedReliable),
    *(LinkChanged, VenueBlocked, BalancesReported, ExternalOrders, Reconciled, Halt, Alarm),
)


def wire(settings: PlatformSettings, recovered: Recovered) -> Platform:
    """The whole core, not started yet. Raises ConfigurationError for what only the classes themselves can judge."""
    platform = _Wiring(settings, recovered).platform()
    platform.system.bus.subscribe(InstrumentsListed, platform.listing)
    platform.notes.follow(platform.system.bus)
    if settings.mode is Mode.SHADOW:
        platform.withheld.follow(platform.system.bus)
    platform.callbacks.publish = platform.system.bus.publish
    return platform


class _Wiring:
    """Spawns one actor after the other; each method adds one stage."""

    def __init__(self, settings: PlatformSettings, recovered: Recovered) -> None:
        self.settings = settings
        self.recovered = recovered
        self.fills = recovered.fills
        self.system = System()
        self.gate = KillGate(silent=settings.mode is Mode.SHADOW)
        self.outputs = Fingerprint()
        self.data = DataWiring(settings, self.system)
        self.strategies: dict[str, ActorName] = {}

    def platform(self) -> Platform:
        """Everything, in order of start."""
        system, data = self.system, self.data
        system.outputs = self.outputs
        system.bus.subscribe(TradingStateChanged, GateSwitch(self.gate))
        for kind in DECISIONS:
            system.bus.subscribe(kind, self.outputs)
        self.reminder = Reminder(system, data.venues, data.trading)
        pms = self._pms()
        oms = self._oms()
        risk = self._risk(oms)
        strategies = self._strategies(risk, oms)
        data.subscriptions()
        feed = data.feed(data.synchronizers(strategies))
        self.reminder.follow_feed(system.inline(feed))
        data.trust()
        data.candles()
        data.connectors(feed, Overheard(oms, risk), self.fills)
        self._subscribe_money(pms, oms, risk)
        return Platform(
            settings=self.settings,
            system=system,
            gate=self.gate,
            books=data.books,
            clocks=data.clocks,
            buffers=data.buffers,
            outputs=self.outputs,
            venues=data.venues,
            accounts=data.accounts,
            account_settings=data.account_settings,
            traded=data.traded,
            comparisons=data.comparisons,
            strategies=self.strategies,
            streams=data.streams,
        )

    # -- money ---------------------------------------------------------------------------------

    def _pms(self) -> Cell[Any]:
        return self.system.spawn(
            PMS,
            lambda: PositionManagementSystem(
                self.settings.pms,
                self.data.books,
                self.fills,
                self.recovered.openings,
                self.recovered.funding,
                self.recovered.owners,
            ),
            limits=MONEY,
            policy=NEVER,
        )

    def _oms(self) -> Cell[Any]:
        data = self.data
        rules = {venue: of.client_order_id_max for venue, of in data.venues.items()}
        return self.system.spawn(
            OMS,
            lambda: OrderManagementSystem(
                self.settings.oms,
                data.trading,
                data.receive_windows,
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
                self.data.books,
                run=str(self.recovered.run),
                past=Past(
                    halted=self.recovered.halted,
                    reducing=self.recovered.reducing,
                    latched=self.recovered.latched,
                    fills=self.fills,
                    owners={order: owner.strategy for order, owner in self.recovered.owners.items()},
                    in_flight=self.recovered.plans_in_flight,
                    traded=self.recovered.traded,
                ),
                conversions=[
                    conversion
                    for comparison in self.data.comparisons
                    if comparison.currency == self.settings.risk.currency
                    for conversion in comparison.conversions
                ],
                fees={
                    account: max(of.maker_fee_bps, of.taker_fee_bps, ZERO) / BPS
                    for account, of in self.data.account_settings.items()
                },
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
        subscribe(FundingPaid, pms)
        subscribe(Order, pms)
        subscribe(BalancesReported, pms)
        subscribe(Reconciled, pms)
        subscribe(InstrumentsListed, pms)
        subscribe(PlanFinished, pms)

    # -- deciding ------------------------------------------------------------------------------

    def _strategies(self, risk: Cell[Any], oms: Cell[Any]) -> dict[str, list[Cell[Any]]]:
        """By Comparison: the strategies that want its snapshots."""
        comparisons = {comparison.name: comparison for comparison in self.data.comparisons}
        wanting: dict[str, list[Cell[Any]]] = {comparison.name: [] for comparison in self.data.comparisons}
        owners = {order: owner.strategy for order, owner in self.recovered.owners.items()}
        holdings = Holdings(self.fills, owners)
        self.system.bus.subscribe(Order, holdings)
        self.system.bus.subscribe(Fill, holdings)
        for chosen in self.settings.strategies:
            if not chosen.enabled:
                continue
            kind, settings = strategy_of(chosen.strategy, chosen.settings)
            uses = chosen_accounts(self.settings, chosen)
            setup = StrategySetup(
                name=StrategyId(chosen.name),
                comparison=comparisons[chosen.comparison],
                books=self.data.books,
                plans=risk,
                cancels=oms,
                holdings=holdings,
                plan_ids=PlanIds(str(self.recovered.run)),
                accounts={venue: account for venue, account in uses.items() if account in self.data.traded},
                fees={venue: fees_of(self.data.account_settings[uses[venue]]) for venue in self.data.venues},
                settings=settings,
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
        always = (
            *(Order, PlanDenied, PlanFinished, TradingStateChanged, InstrumentsListed, BalancesReported),
            *(FeedUnreliable, FeedReliable),
        )
        for message in dict.fromkeys((*always, *kind.subscriptions)):
            if message is SynchronizedSnapshot:
                continue
            keys = kind.keys(message, comparison)
            for key in (None,) if keys is None else keys:
                self.system.bus.subscribe(message, cell, key)


def fees_of(account: AccountSettings) -> Fees:
    """What an account pays, as strategies reckon with it."""
    return Fees(
        maker_bps=account.maker_fee_bps,
        taker_bps=account.taker_fee_bps,
        asset=None if account.fee_asset is None else Asset(account.fee_asset),
        discount=account.fee_discount_pct / 100,
    )
