"""What a strategy is: an actor that hears of the market and its own orders, and tells risk plans.

A user's own strategy subclasses `Strategy`, names what it wants to hear in `subscriptions`, and
overrides the methods of the same names. It runs in the core: no clock, no network, no waiting.

    class BuyTheDip(Strategy):
        subscriptions = (Quote,)

        def on_quote(self, quote: Quote) -> None:
            if quote.ask < 60_000:
                self.propose(self.order(quote.instrument, Side.BUY, Decimal("0.001"), quote.ask))
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias, assert_never

from msgspec import Struct
from pydantic import BaseModel

from integrated_trading_system.domain.book import BookReader
from integrated_trading_system.domain.cointegration import CointegrationTold
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.health import FeedReliable, FeedUnreliable, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
    venue_of,
)
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.market import FundingRate, Quote, Trade
from integrated_trading_system.domain.money import ZERO, from_float
from integrated_trading_system.domain.order import TERMINAL, CancelOrder, Order, Side, TimeInForce
from integrated_trading_system.domain.plan import (
    AmendPlan,
    AmendRefused,
    HedgePolicy,
    Leg,
    Plan,
    PlanDenied,
    PlanFinished,
)
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.actor import Actor, Ref
from integrated_trading_system.strategies.holdings import Holdings
from integrated_trading_system.strategies.resting import Resting


class Wakeup(Struct, frozen=True):
    """A strategy's timer is due."""

    name: str


StrategyInbox: TypeAlias = (
    SynchronizedSnapshot
    | Quote
    | Trade
    | FundingRate
    | Fill
    | Order
    | PlanDenied
    | AmendRefused
    | PlanFinished
    | TradingStateChanged
    | InstrumentsListed
    | BalancesReported
    | FeedUnreliable
    | FeedReliable
    | CointegrationTold
    | Wakeup
)


class Fees(Struct, frozen=True):
    """What an account pays, in basis points of the notional; negative is a rebate."""

    maker_bps: Decimal
    taker_bps: Decimal
    asset: Asset | None = None
    """Fees are taken from this asset (BNB, say) and are lower by `discount`, while there is any of it."""
    discount: Decimal = ZERO
    """A part of the fee: 0.25."""


class PlanIds:
    """Plan ids that never repeat: strategy, run, count. One object serves all incarnations of a strategy."""

    def __init__(self, run: str) -> None:
        """`run` differs at every start of the process."""
        self._run = run
        self._count = 0

    def next(self, strategy: StrategyId) -> PlanId:
        """The next one."""
        self._count += 1
        return PlanId(f"{strategy}-{self._run}-{self._count}")


class StrategySetup(Struct, frozen=True, kw_only=True):
    """Everything a strategy is given."""

    name: StrategyId
    comparison: Comparison
    books: BookReader
    plans: Ref[Plan | AmendPlan]
    cancels: Ref[CancelOrder]
    holdings: Holdings
    """What every strategy's own orders came to, over all runs."""
    plan_ids: PlanIds
    accounts: Mapping[VenueId, AccountId]
    """Where it may trade; a venue without an account is only watched."""
    fees: Mapping[VenueId, Fees]
    settings: Any = None
    """An instance of the class's `settings_model`, or None."""


class Strategy(Actor[StrategyInbox]):
    """Hears facts, proposes plans. Override what you need; everything does nothing by default."""

    subscriptions: ClassVar[tuple[type, ...]] = (SynchronizedSnapshot,)
    """What it hears of the market and its fills. Its own orders' and plans' fate, instruments, balances and
    the trading state it hears anyway. Snapshots come inline from the synchronizer, the rest from the bus."""
    settings_model: ClassVar[type[BaseModel] | None] = None
    """Validates the `settings` of its configuration."""

    def __init__(self, setup: StrategySetup) -> None:
        """Called again at every restart."""
        self.setup = setup
        self.name = setup.name
        self.instruments: dict[InstrumentId, Instrument] = {}
        """What is known of the Comparison's instruments and conversion books."""
        self.trading = TradingState.STARTING
        self.resting = Resting()
        """Where orders of ours rest, this strategy's or another's."""
        self.unreliable: dict[InstrumentId, str] = {}
        """Instruments whose circuit is open, and why: decide nothing on their data. Risk would refuse it, too."""
        comparison = setup.comparison
        self._watched = dict.fromkeys(comparison.instruments + comparison.conversion_books)

    @staticmethod
    def keys(kind: type, comparison: Comparison) -> tuple[str, ...] | None:
        """By which instruments or venues to subscribe to a kind of message; None: to all of them."""
        if kind in (Quote, Trade, FundingRate, Fill):
            return comparison.instruments
        watched = comparison.instruments + comparison.conversion_books
        if kind in (FeedUnreliable, FeedReliable):
            return watched
        if kind in (InstrumentsListed, BalancesReported):
            return tuple(dict.fromkeys(venue_of(instrument) for instrument in watched))
        return None

    # -- to be overridden ----------------------------------------------------------------------

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        """Quotes of the Comparison that were true at the same time."""

    def on_quote(self, quote: Quote) -> None:
        """The top of one book changed."""

    def on_trade(self, trade: Trade) -> None:
        """A public print."""

    def on_funding_rate(self, rate: FundingRate) -> None:
        """What a perpetual of the Comparison will pay next."""

    def on_fill(self, fill: Fill) -> None:
        """Somebody's order of ours traded in an instrument of the Comparison: perhaps another strategy's."""

    def on_order(self, order: Order) -> None:
        """One of this strategy's orders changed."""

    def on_plan_denied(self, denied: PlanDenied) -> None:
        """Risk refused one of this strategy's plans."""

    def on_amend_refused(self, refused: AmendRefused) -> None:
        """The price of one of this strategy's resting legs stays what it was."""

    def on_plan_finished(self, finished: PlanFinished) -> None:
        """One of this strategy's plans is over."""

    def on_trading_state(self, state: TradingState) -> None:
        """What may be sent has changed."""

    def on_feed(self, instrument: InstrumentId, *, reliable: bool) -> None:
        """The circuit of an instrument of the Comparison closed or opened; see `unreliable`."""

    def on_instruments(self, instruments: tuple[Instrument, ...]) -> None:
        """Instruments of the Comparison became known or changed."""

    def on_balances(self, report: BalancesReported) -> None:
        """A venue reported what an account holds."""

    def on_cointegration(self, told: CointegrationTold) -> None:
        """What was asked for with a CointegrationAsked is worked out, or cannot be."""

    def on_wakeup(self, name: str) -> None:
        """A timer set with `wake` is due."""

    # -- to be used ----------------------------------------------------------------------------

    def propose(self, plan: Plan) -> PlanId:
        """Tell risk. The answer comes as PlanDenied, or as orders, fills and in the end PlanFinished."""
        self.setup.plans.tell(plan)
        return plan.plan_id

    def amend(self, plan_id: PlanId, price: Decimal | float, leg: int = 0) -> None:
        """Have what rests of this leg rest at another price, at most as far as its worst price.

        It is cancelled, and what is left is ordered anew once that is certain: `on_order` tells of both, or
        `on_amend_refused` why not.
        """
        self.setup.plans.tell(AmendPlan(plan_id=plan_id, strategy=self.name, leg=leg, price=_exact(price)))

    def cancel(self, order: Order) -> None:
        """Have one of this strategy's orders cancelled. Whether it was, `on_order` tells; the plan goes on without."""
        request = order.request
        assert request.strategy == self.name, "an order of another strategy"
        if order.status not in TERMINAL:
            self.setup.cancels.tell(
                CancelOrder(request.client_order_id, request.instrument, request.account, order.venue_order_id)
            )

    def held(self, instrument: InstrumentId) -> Decimal:
        """What this strategy's own orders came to, over all runs: signed, before fees."""
        return self.setup.holdings.of(self.name, instrument).quantity

    def order(
        self,
        instrument: InstrumentId,
        side: Side,
        quantity: Decimal | float,
        price: Decimal | float,
        *,
        time_in_force: TimeInForce = TimeInForce.IOC,
        post_only: bool = False,
        reduce_only: bool = False,
    ) -> Plan:
        """A plan of one limit order, on tick (never worse than asked) and lot (never more than asked).

        Nothing is sent yet: `propose` it. What the venue would refuse is refused by risk, by name.
        """
        known = self.instruments.get(instrument)
        price, quantity = _exact(price), _exact(quantity)
        if known is not None:
            price, quantity = known.round_price(price, side), known.round_quantity(quantity)
        now = self.context.now
        leg = Leg(
            instrument=instrument,
            account=self.setup.accounts.get(venue_of(instrument), AccountId("")),
            side=side,
            quantity=quantity,
            price=price,
            worst_price=price,
            unwind_price=price,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
        )
        return Plan(
            plan_id=self.setup.plan_ids.next(self.name),
            strategy=self.name,
            legs=(leg,),
            policy=HedgePolicy.CANCEL,
            hedge_orders_max=0,
            created_at=now,
            submit_by=Nanos(now + SECOND),
            hedge_by=Nanos(now + SECOND),
        )

    def wake(self, delay: int, name: str) -> None:
        """Have `on_wakeup(name)` called after `delay` nanoseconds."""
        self.context.after(delay, Wakeup(name))

    # -- inside --------------------------------------------------------------------------------

    def receive(self, message: StrategyInbox) -> None:  # noqa: C901, PLR0912 - one line a kind of message
        """Keep the books every strategy needs, then ask the method for this kind of message."""
        if type(message) is SynchronizedSnapshot:  # the hot lane: one comparison
            self.on_snapshot(message)
            return
        match message:
            case Quote():
                self.on_quote(message)
            case Trade():
                self.on_trade(message)
            case FundingRate():
                self.on_funding_rate(message)
            case Fill():
                self.on_fill(message)
            case Order():
                self.resting.order(message)
                if message.request.strategy == self.name:
                    self.on_order(message)
            case PlanDenied():
                if message.strategy == self.name:
                    self.on_plan_denied(message)
            case AmendRefused():
                if message.strategy == self.name:
                    self.on_amend_refused(message)
            case PlanFinished():
                if message.strategy == self.name:
                    self.on_plan_finished(message)
            case TradingStateChanged():
                self.trading = message.state
                self.on_trading_state(message.state)
            case InstrumentsListed():
                self._list(message)
            case BalancesReported():
                self.on_balances(message)
            case FeedUnreliable(instrument, reason):
                self._follow_feed(instrument, reason)
            case FeedReliable(instrument):
                self._follow_feed(instrument, None)
            case CointegrationTold():
                self.on_cointegration(message)
            case Wakeup():
                self.on_wakeup(message.name)
            case _:
                assert_never(message)

    def _follow_feed(self, instrument: InstrumentId, reason: str | None) -> None:
        known = instrument in self.unreliable
        if reason is None:
            self.unreliable.pop(instrument, None)
        else:
            self.unreliable[instrument] = reason
        if known != (reason is not None):
            self.on_feed(instrument, reliable=reason is None)

    def _list(self, message: InstrumentsListed) -> None:
        wanted = tuple(one for one in message.instruments if one.instrument in self._watched)
        self.instruments.update((one.instrument, one) for one in wanted)
        if wanted:
            self.on_instruments(wanted)


def _exact(value: Decimal | float) -> Decimal:
    return from_float(value) if isinstance(value, float) else Decimal(value)
