"""The position management as an actor."""

from decimal import Decimal
from typing import Any

from integrated_trading_system.config.pms import PmsSettings
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import Reconciled
from integrated_trading_system.domain.ids import AccountId, ActorName, Asset, ClientOrderId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import InstrumentsListed, Kind
from integrated_trading_system.domain.opportunity import EdgeRealised
from integrated_trading_system.domain.order import Order, OrderRequest, OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.domain.position import Equity, ExternalFlow, FundingPaid, OpeningBalance, Position
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.pms.attribution import Owner
from integrated_trading_system.pms.manager import PositionManagementSystem
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector
from tests.support.pms_orders import ACCOUNT, VENUE, StillBooks, fill, funding, instrument, reported
from tests.support.seen import seen
from tests.unit.pms.test_valuation import finished, leg

PMS = ActorName("pms")
SPOT = instrument()
PERPETUAL = instrument(Kind.LINEAR, "BTCUSDT-P")
LISTED = InstrumentsListed(VENUE, (SPOT,))


class Rig:
    def __init__(
        self,
        fills: tuple[Fill, ...] = (),
        *,
        recovered: tuple[FundingPaid, ...] = (),
        owners: dict[ClientOrderId, Owner] | None = None,
        reconciled: bool = True,
        **mids: float,
    ) -> None:
        self.heard = Collector()
        self.system = System()
        self.pms = PositionManagementSystem(PmsSettings(), StillBooks(**mids), fills, {}, recovered, owners or {})
        self.system.spawn(PMS, lambda: self.pms)
        for kind in (Position, Equity, ExternalFlow, OpeningBalance, EdgeRealised):
            self.system.bus.subscribe(kind, self.heard)
        self.system.start(Nanos(0))
        if reconciled:
            self.tell(Reconciled(Nanos(0)))

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.system.tell(PMS, message)
            self.system.run(self.system.now)

    def wait(self, seconds: int) -> None:
        until = self.system.now + seconds * SECOND
        while (due := self.system.deadline()) is not None and due <= until:
            self.system.run(due)
        self.system.run(Nanos(until))


def test_a_fill_is_booked_and_its_position_published() -> None:
    rig = Rig()
    rig.tell(LISTED, fill(SPOT, Side.BUY, "2", "100", fee="0.2"))
    (position,) = rig.heard.of(Position)
    assert seen(position.quantity, position.average_price, position.fees) == (2, 100, {"USDT": Decimal("0.2")})
    assert rig.pms.view().positions == (position,)
    assert rig.pms.view().fills == 1


def test_fills_of_an_instrument_that_is_not_listed_yet_wait_and_keep_their_order() -> None:
    recovered = (fill(SPOT, Side.BUY, "2", "100"), fill(SPOT, Side.SELL, "1", "110", trade="2"))
    rig = Rig(recovered)
    rig.tell(fill(SPOT, Side.SELL, "1", "120", trade="3"))
    assert rig.pms.view().waiting == 3
    rig.tell(LISTED, LISTED)
    assert [position.realised for position in rig.heard.of(Position)] == [30]
    assert (rig.pms.view().waiting, rig.pms.view().fills) == (0, 3)


def test_recovered_fills_give_the_same_books_as_live_ones() -> None:
    fills = tuple(fill(SPOT, side, "1", price) for side, price in ((Side.BUY, "100"), (Side.SELL, "103")))
    live, recovered = Rig(BTCUSDT=100.0), Rig(fills, BTCUSDT=100.0)
    live.tell(LISTED, *fills)
    recovered.tell(LISTED)
    assert live.pms.view() == recovered.pms.view()


def test_equity_is_published_again_and_again() -> None:
    rig = Rig(BTCUSDT=110.0)
    rig.tell(LISTED, fill(SPOT, Side.BUY, "2", "100"))
    rig.wait(3)
    assert [equity.total for equity in rig.heard.of(Equity)] == [20, 20, 20]
    nothing = {"realised": 0, "fees": 0, "fees_apart": 0, "funding": 0}
    assert rig.pms.view().pnl == nothing | {"unrealised": 20, "total": 20}


def test_positions_are_read_by_instrument_and_account() -> None:
    rig = Rig()
    other = AccountId("other")
    rig.tell(LISTED, fill(SPOT, Side.BUY, "2", "100"), fill(SPOT, Side.BUY, "1", "90", account=other))
    assert [position.quantity for position in rig.pms.position(SPOT.instrument)] == [2, 1]
    assert [position.quantity for position in rig.pms.position(SPOT.instrument, other)] == [1]
    assert rig.pms.position(instrument(symbol="X").instrument) == ()
    assert rig.pms.unrealised(SPOT.instrument, Decimal(110)) == 40


def test_balances_are_kept_as_reported_and_compared_with_the_ledger() -> None:
    rig = Rig()
    rig.tell(LISTED, reported(USDT="1000", BTC="0"), fill(SPOT, Side.BUY, "2", "100"))
    assert rig.pms.view().balances == {ACCOUNT: {"USDT": 1000, "BTC": 0}}
    assert rig.pms.view().expected == {ACCOUNT: {"USDT": 800, "BTC": 2}}
    rig.tell(reported(complete=False, USDT="800"))
    assert rig.pms.view().balances == {ACCOUNT: {"USDT": 800, "BTC": 0}}
    rig.tell(reported(USDT="800", BTC="2"))
    assert rig.heard.of(ExternalFlow) == []


def test_a_deposit_is_booked_as_external_once_it_stays() -> None:
    rig = Rig()
    rig.tell(LISTED, reported(USDT="1000"))
    rig.tell(reported(USDT="1500"))
    rig.wait(10)
    rig.tell(reported(USDT="1500"))
    (flow,) = rig.heard.of(ExternalFlow)
    assert seen(flow.asset, flow.amount) == ("USDT", 500)
    assert rig.pms.view().external == {ACCOUNT: {"USDT": 500}}


def test_balances_are_not_judged_while_fills_of_the_venue_wait_for_their_instrument() -> None:
    rig = Rig((fill(SPOT, Side.BUY, "2", "100"),))
    rig.tell(reported(USDT="800"))
    assert rig.heard.of(OpeningBalance) == []
    rig.tell(LISTED, reported(USDT="800"))
    assert [opened.amount for opened in rig.heard.of(OpeningBalance)] == [1000]


def order(
    status: OrderStatus,
    time_in_force: TimeInForce = TimeInForce.IOC,
    venue_filled: int = 0,
    *,
    number: str = "c",
    strategy: str = "s",
) -> Order:
    request = OrderRequest(
        client_order_id=ClientOrderId(number),
        instrument=SPOT.instrument,
        account=ACCOUNT,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal(100),
        quantity=Decimal(2),
        time_in_force=time_in_force,
        strategy=StrategyId(strategy),
        plan_id=PlanId(f"plan-{number}"),
        leg=0,
    )
    return Order(request=request, status=status, venue_filled=Decimal(venue_filled))


def test_nothing_counts_as_external_while_an_order_may_have_traded_what_is_not_known_yet() -> None:
    for unsettled in (order(OrderStatus.UNKNOWN), order(OrderStatus.WORKING, TimeInForce.GTC, venue_filled=1)):
        rig = Rig()
        rig.tell(LISTED, reported(USDT="1000"), unsettled)
        for _ in range(3):
            rig.tell(reported(USDT="800"))
            rig.wait(10)
        assert rig.heard.of(ExternalFlow) == []
        rig.tell(fill(SPOT, Side.BUY, "2", "100"), order(OrderStatus.FILLED), reported(USDT="800"))
        assert rig.pms.view().expected == {ACCOUNT: {"USDT": 800}}


def test_an_order_that_only_rests_hides_no_deposit() -> None:
    rig = Rig()
    rig.tell(LISTED, reported(USDT="1000"), order(OrderStatus.WORKING, TimeInForce.GTC), reported(USDT="1500"))
    rig.wait(10)
    rig.tell(reported(USDT="1500"))
    assert [flow.amount for flow in rig.heard.of(ExternalFlow)] == [500]


def test_before_the_account_is_reconciled_a_resting_order_of_an_earlier_run_may_have_traded() -> None:
    """Its fill was told to a life that died before it was on disk, and now the order looks as if it only rested."""
    rig = Rig(reconciled=False)
    rig.tell(LISTED, order(OrderStatus.WORKING, TimeInForce.GTC))
    for _ in range(3):
        rig.tell(reported(at=5, USDT="800"))
        rig.wait(10)
    assert (rig.heard.of(OpeningBalance), rig.heard.of(ExternalFlow)) == ([], [])
    rig.tell(fill(SPOT, Side.BUY, "2", "100", at=3), order(OrderStatus.FILLED), Reconciled(rig.system.now))
    assert [opened.amount for opened in rig.heard.of(OpeningBalance)] == [1000]
    assert rig.pms.view().expected == {ACCOUNT: {"USDT": 800}}


def test_what_was_reported_before_the_account_was_reconciled_and_traded_on_since_opens_nothing() -> None:
    rig = Rig(reconciled=False)
    rig.tell(LISTED, reported(at=1, USDT="1000"), fill(SPOT, Side.BUY, "2", "100", at=3), Reconciled(Nanos(0)))
    assert rig.heard.of(OpeningBalance) == []
    rig.tell(reported(at=4, USDT="800"))
    assert [opened.amount for opened in rig.heard.of(OpeningBalance)] == [1000]


def test_a_report_from_before_our_last_fill_proves_nothing() -> None:
    rig = Rig()
    rig.tell(LISTED, reported(at=1, USDT="1000"), fill(SPOT, Side.BUY, "1", "100", trade="1", at=3))
    rig.tell(reported(complete=False, at=2, USDT="1000"))
    rig.wait(10)
    rig.tell(fill(SPOT, Side.BUY, "1", "100", trade="2", at=5), reported(complete=False, at=4, USDT="900"))
    assert rig.heard.of(ExternalFlow) == []
    rig.tell(reported(complete=False, at=6, USDT="800"))
    assert rig.pms.view().expected == {ACCOUNT: {"USDT": 800}}


def test_a_stream_that_lags_behind_an_answer_is_not_believed() -> None:
    rig = Rig()
    rig.tell(LISTED, reported(at=9, USDT="1000"), reported(complete=False, at=8, USDT="1500"))
    assert rig.pms.view().balances == {ACCOUNT: {"USDT": 1000}}


def test_a_report_without_a_time_does_not_let_an_older_one_be_believed() -> None:
    rig = Rig()
    rig.tell(LISTED, reported(at=9, USDT="1000"), reported(USDT="900"), reported(complete=False, at=8, USDT="1500"))
    assert rig.pms.view().balances == {ACCOUNT: {"USDT": 900}}


def test_what_the_accounts_held_at_first_is_recovered() -> None:
    openings = {(VENUE, ACCOUNT, Asset("USDT")): Decimal(1000)}
    pms = PositionManagementSystem(PmsSettings(), StillBooks(), (), openings)
    assert pms.audit.expected() == {(VENUE, ACCOUNT, "USDT"): 1000}


def two_legs(flow: str) -> PlanFinished:
    return finished(leg(SPOT, Side.BUY, "2", "-200"), leg(SPOT, Side.SELL, "2", flow))


def test_a_finished_trade_tells_what_it_brought() -> None:
    rig = Rig()
    rig.tell(LISTED, two_legs("210"), two_legs("195"))
    assert [edge.realised for edge in rig.heard.of(EdgeRealised)] == [10, -5]
    assert seen(rig.pms.view().realised_edge, rig.pms.view().plans_traded) == (5, 2)


def test_a_trade_that_was_turned_back_counts_by_its_cost() -> None:
    rig = Rig()
    rig.tell(LISTED, finished(leg(SPOT, Side.BUY, "0", "-3"), leg(SPOT, Side.SELL, "0", "0")))
    assert rig.pms.view().realised_edge == -3


def test_single_orders_and_plans_that_did_not_trade_have_no_edge() -> None:
    rig = Rig()
    untouched = finished(leg(SPOT, Side.BUY, "0", "0"), leg(SPOT, Side.SELL, "0", "0"))
    rig.tell(LISTED, untouched, finished(leg(SPOT, Side.BUY, "2", "-200")))
    assert rig.heard.of(EdgeRealised) == []


def test_a_plan_whose_instruments_are_not_listed_yet_waits() -> None:
    rig = Rig()
    rig.tell(two_legs("210"))
    assert rig.pms.view().plans_traded == 0
    rig.tell(LISTED)
    assert rig.pms.view().realised_edge == 10
    assert rig.pms.view().by_asset == {}
    assert Asset("USDT") == rig.heard.of(EdgeRealised)[0].currency


def intended(number: str, strategy: str) -> Order:
    return order(OrderStatus.FILLED, number=number, strategy=strategy)


def test_funding_explains_its_part_of_a_balance() -> None:
    rig = Rig()
    rig.tell(InstrumentsListed(VENUE, (PERPETUAL,)), reported(USDT="1000"))
    rig.tell(funding("-3", "1", of=PERPETUAL), reported(USDT="997"))
    rig.wait(20)
    rig.tell(reported(USDT="997"))
    assert rig.heard.of(ExternalFlow) == []
    assert rig.pms.view().funding == {"USDT": -3}
    assert rig.pms.view().pnl["funding"] == rig.pms.view().pnl["total"] == -3


def test_funding_that_came_twice_counts_once() -> None:
    rig = Rig()
    rig.tell(LISTED, funding("-3", "1"), funding("-3", "1"))
    assert rig.pms.view().funding == {"USDT": -3}
    assert sum(rig.pms.performance().profit.by_strategy.values()) == -3


def test_funding_goes_to_the_strategies_that_hold_the_position() -> None:
    rig = Rig()
    rig.tell(InstrumentsListed(VENUE, (PERPETUAL,)), intended("a", "one"), intended("b", "two"))
    rig.tell(
        fill(PERPETUAL, Side.BUY, "3", "100", order="a"), fill(PERPETUAL, Side.BUY, "1", "100", order="b", trade="2")
    )
    rig.tell(funding("-4", of=PERPETUAL), funding("9", "2"))
    profit = rig.pms.performance().profit
    assert profit.by_strategy == {"one": -3, "two": -1, "unattributed": 9}
    assert profit.by_plan == {"plan-a": -3, "plan-b": -1, "unattributed": 9}
    assert profit.by_venue == {VENUE: 5}
    assert profit.by_instrument == {PERPETUAL.instrument: -4, "unattributed": 9}


def test_recovered_funding_waits_for_the_fills_of_its_instrument_and_balances_wait_for_it() -> None:
    rig = Rig((fill(PERPETUAL, Side.BUY, "1", "100"),), recovered=(funding("-3", of=PERPETUAL),))
    rig.tell(LISTED, reported(USDT="997"))
    assert rig.pms.view().funding == {}
    assert rig.heard.of(OpeningBalance) == []
    rig.tell(InstrumentsListed(VENUE, (PERPETUAL,)), reported(USDT="997", at=9))
    assert rig.pms.view().funding == {"USDT": -3}
    assert [opening.amount for opening in rig.heard.of(OpeningBalance)] == [1000]


def test_balances_wait_for_recovered_funding_also_where_no_fill_waits() -> None:
    rig = Rig(recovered=(funding("-3"),))
    rig.tell(reported(USDT="997"))
    assert rig.heard.of(OpeningBalance) == []
    rig.tell(LISTED, reported(USDT="997"))
    assert [opening.amount for opening in rig.heard.of(OpeningBalance)] == [1000]


def test_a_look_shows_the_same_figures_as_the_whole_report() -> None:
    rig = Rig(BTCUSDT=110.0)
    rig.tell(LISTED, intended("c", "s"), fill(SPOT, Side.BUY, "2", "100", fee="2", fee_asset="XRP"))
    rig.tell(finished(leg(SPOT, Side.BUY, "1", "-100"), leg(SPOT, Side.SELL, "1", "104")))
    rig.wait(2)
    shown, whole = rig.pms.view().figures, rig.pms.performance()
    assert (shown.drawdown, shown.ratios, shown.plans) == (whole.drawdown, whole.ratios, whole.plans)
    assert shown.turnover == whole.turnover
    assert seen(shown.by_strategy, shown.by_venue) == ({"s": 20}, {VENUE: 20})
    assert seen(whole.currency, whole.fees_apart) == ("USDT", {"XRP": 2})


def test_performance_follows_equity_closed_plans_and_capital() -> None:
    rig = Rig(BTCUSDT=110.0)
    rig.tell(LISTED, reported(USDT="1000", XRP="7"), intended("c", "s"), fill(SPOT, Side.BUY, "2", "100", fee="2"))
    flows = leg(SPOT, Side.BUY, "1", "-100"), leg(SPOT, Side.SELL, "1", "104")
    rig.tell(finished(*flows))
    rig.wait(2)
    performance = rig.pms.performance()
    assert seen(performance.equity.total, performance.capital, performance.capital_unpriced) == (18, 1000, {"XRP": 7})
    assert [total for _, total in performance.curve] == [18, 18]
    assert seen(performance.plans.won, performance.plans.win_average) == (1, 4)
    assert seen(performance.turnover, performance.fees_by_turnover_bps) == (200, 100)
    assert performance.fees_by_gross_profit == Decimal("0.1")
    assert performance.profit.by_plan == {"plan-c": 18}
    assert [plan.realised for plan in performance.closed] == [4]
    assert rig.pms.view().figures.by_strategy == {"s": 18}


def test_the_owners_of_recovered_fills_are_known() -> None:
    rig = Rig((fill(SPOT, Side.BUY, "2", "100"),), owners={ClientOrderId("c"): Owner(PlanId("p"), StrategyId("s"))})
    rig.tell(LISTED)
    assert list(rig.pms.performance().profit.by_plan) == ["p"]
    assert [lot.quantity for lot in rig.pms.lots(SPOT.instrument)] == [2]
