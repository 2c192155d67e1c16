"""A user's strategy: twenty lines, told what it asked for, on tick and lot without thinking of it."""

from decimal import Decimal
from typing import ClassVar

import pytest
from pydantic import BaseModel

from integrated_trading_system.domain.comparison import Comparison, Conversion, Member
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import Asset, InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.order import Order, OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.strategies.arbitrage.detector import ArbitrageDetector
from integrated_trading_system.strategies.catalog import strategy_class, strategy_settings
from integrated_trading_system.strategies.strategy import PlanIds, Strategy, StrategySetup
from tests.support.strategy_rig import StrategyRig
from tests.support.trading import START, balances, fill, finished, instrument, leg, order, plan, quote

A = instrument("a:spot")
PEG = instrument("p:spot", "USDCUSDT")
COMPARISON = Comparison(
    name="btc",
    currency=Asset("USDT"),
    members=(Member(instrument=A.instrument),),
    conversions=(Conversion(asset=Asset("USDC"), book=PEG.instrument),),
)


class BuyTheDip(Strategy):
    """Buys once below a price, and sells when that is filled."""

    subscriptions: ClassVar[tuple[type, ...]] = (Quote, Fill)

    def on_quote(self, quote: Quote) -> None:
        if quote.ask < 60_000:
            self.propose(self.order(quote.instrument, Side.BUY, 0.0019, quote.ask))

    def on_fill(self, fill: Fill) -> None:
        if fill.side is Side.BUY:
            self.propose(self.order(fill.instrument, Side.SELL, fill.quantity, fill.price * 2))


class Listener(Strategy):
    """Writes down what it hears."""

    def __init__(self, setup: StrategySetup) -> None:
        super().__init__(setup)
        self.heard: list[str] = []

    def start(self) -> None:
        self.wake(SECOND, "tea")

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        self.heard.append("snapshot")

    def on_trade(self, trade: Trade) -> None:
        self.heard.append("trade")

    def on_order(self, order: Order) -> None:
        self.heard.append(f"order {order.request.client_order_id}")

    def on_plan_denied(self, denied: PlanDenied) -> None:
        self.heard.append(f"denied {denied.plan_id}")

    def on_plan_finished(self, finished: PlanFinished) -> None:
        self.heard.append(f"finished {finished.plan_id}")

    def on_trading_state(self, state: TradingState) -> None:
        self.heard.append(state)

    def on_instruments(self, instruments: tuple[Instrument, ...]) -> None:
        self.heard += [one.symbol for one in instruments]

    def on_balances(self, report: BalancesReported) -> None:
        self.heard.append("balances")

    def on_wakeup(self, name: str) -> None:
        self.heard.append(name)


def test_a_small_strategy_buys_and_sells_on_tick_and_lot() -> None:
    rig = StrategyRig(BuyTheDip, COMPARISON)
    rig.listed(A)
    rig.tell(quote(A.instrument, 60_000, 60_000.01), quote(A.instrument, 59_000, 59_000.019))
    rig.tell(fill(A.instrument, Side.BUY, "0.001", "59000.01"))
    bought, sold = rig.proposed
    assert [(one.side, one.quantity, one.price) for one in bought.legs + sold.legs] == [
        (Side.BUY, Decimal("0.001"), Decimal("59000.01")),
        (Side.SELL, Decimal("0.001"), Decimal("118000.02")),
    ]
    assert (bought.plan_id, sold.plan_id) == ("arb-r1-1", "arb-r1-2")
    assert bought.legs[0].account == "main"
    assert (bought.submit_by, bought.hedge_orders_max) == (START + SECOND, 0)


def test_before_an_instrument_is_listed_an_order_is_proposed_as_it_is_and_left_to_risk() -> None:
    rig = StrategyRig(BuyTheDip, COMPARISON)
    rig.tell(quote(A.instrument, 59_000, 59_000.019))
    assert rig.proposed[0].legs[0].quantity == Decimal("0.0019")


def test_an_order_carries_what_was_asked_for() -> None:
    rig = StrategyRig(Strategy, COMPARISON)
    (made,) = rig.actor.order(
        A.instrument, Side.BUY, 1, Decimal(5), time_in_force=TimeInForce.GTC, post_only=True, reduce_only=True
    ).legs
    assert (made.time_in_force, made.post_only, made.reduce_only, made.quantity) == (
        TimeInForce.GTC,
        True,
        True,
        Decimal(1),
    )
    assert rig.proposed == [], "only propose tells risk"


def test_a_strategy_hears_of_its_own_orders_and_plans_only() -> None:
    rig = StrategyRig(Listener, COMPARISON)
    mine = plan(leg(A.instrument, Side.BUY, "1", "100"), name="mine")
    other = plan(leg(A.instrument, Side.BUY, "1", "100"), name="other", strategy=StrategyId("else"))
    for one in (mine, other):
        rig.tell(order(one, 0, f"o-{one.plan_id}", OrderStatus.WORKING), finished(one))
        rig.tell(PlanDenied(plan_id=one.plan_id, strategy=one.strategy, code="x", detail="", at=START))
    assert rig.actor.heard == ["order o-mine", "finished mine", "denied mine"]


def test_everything_else_reaches_the_method_of_its_name() -> None:
    rig = StrategyRig(Listener, COMPARISON)
    rig.see(quote(A.instrument, 1, 2))
    rig.tell(Trade(A.instrument, "t", 1.0, 1.0, Side.BUY, START, START), balances(A.instrument))
    rig.trade()
    ether = instrument("a:spot", "ETHUSDT")
    rig.tell(InstrumentsListed(A.venue, (A, ether)), InstrumentsListed(A.venue, (ether,)))
    rig.run(SECOND)
    assert rig.actor.heard == ["snapshot", "trade", "balances", "active", "BTCUSDT", "tea"]
    assert list(rig.actor.instruments) == [A.instrument], "others are not kept"


def test_what_is_not_overridden_is_ignored() -> None:
    rig = StrategyRig(Strategy, COMPARISON)
    mine = plan(leg(A.instrument, Side.BUY, "1", "100"))
    rig.see(quote(A.instrument, 1, 2))
    rig.listed(A)
    rig.trade()
    rig.tell(
        quote(A.instrument, 1, 2),
        Trade(A.instrument, "t", 1.0, 1.0, Side.BUY, START, START),
        fill(A.instrument, Side.BUY, "1", "1"),
        order(mine, 0, "o", OrderStatus.WORKING),
        PlanDenied(plan_id=PlanId("p"), strategy=StrategyId("arb"), code="x", detail="", at=START),
        finished(mine),
        balances(A.instrument),
    )
    rig.actor.wake(1, "x")
    rig.run(SECOND)
    assert rig.actor.trading is TradingState.ACTIVE
    assert rig.proposed == []


def test_subscriptions_are_narrowed_to_what_concerns_the_comparison() -> None:
    assert Strategy.keys(Quote, COMPARISON) == (A.instrument,)
    assert Strategy.keys(Fill, COMPARISON) == (A.instrument,)
    assert Strategy.keys(InstrumentsListed, COMPARISON) == ("a:spot", "p:spot")
    assert Strategy.keys(PlanDenied, COMPARISON) is None
    assert ArbitrageDetector.keys(Quote, COMPARISON) == (PEG.instrument,)
    assert ArbitrageDetector.keys(Fill, COMPARISON) == (A.instrument,)


def test_plan_ids_go_on_counting_over_a_restart_of_the_strategy() -> None:
    ids = PlanIds("7")
    assert [ids.next(StrategyId("x")) for _ in range(2)] == ["x-7-1", "x-7-2"]


def test_strategies_are_found_by_word_or_by_path() -> None:
    assert strategy_class("arbitrage") is ArbitrageDetector
    path = "integrated_trading_system.strategies.arbitrage.detector:ArbitrageDetector"
    assert strategy_class(path) is ArbitrageDetector


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("no_such_module:Class", "cannot import no_such_module"),
        ("decimal:Missing", "has no class Missing"),
        ("decimal:Decimal", "that is a Strategy"),
        ("decimal:localcontext", "that is a Strategy"),
    ],
)
def test_what_is_no_strategy_is_refused_with_its_name(name: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        strategy_class(name)


class Own(BaseModel):
    """Settings of a user's strategy."""

    level: int


class Configured(Strategy):
    """With settings of its own."""

    settings_model: ClassVar[type[BaseModel] | None] = Own


def test_a_strategys_own_settings_are_validated_by_its_model() -> None:
    assert strategy_settings(Configured, {"level": 3}) == Own(level=3)
    assert strategy_settings(Strategy, {"anything": 1}) == {"anything": 1}
    with pytest.raises(ConfigurationError, match="settings of Configured: level: "):
        strategy_settings(Configured, {"level": "high"})


def test_now_is_the_time_of_the_turn() -> None:
    rig = StrategyRig(Strategy, COMPARISON)
    rig.run(5)
    made = rig.actor.order(InstrumentId("a:spot:BTCUSDT"), Side.SELL, 1, 1)
    assert made.created_at == Nanos(START + 5)
