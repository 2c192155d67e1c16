"""The trading state, reservations from approval to the end of the plan, losses that halt, and recovery."""

from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from integrated_trading_system.domain.execution import ExternalOrder, ExternalOrders
from integrated_trading_system.domain.health import (
    Halt,
    Reconciled,
    Reduce,
    Reduced,
    Resume,
    Resumed,
    TradingState,
    TradingStateChanged,
)
from integrated_trading_system.domain.ids import AccountId, Asset, PlanId, TradeId, VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.plan import AmendPlan, AmendRefused
from integrated_trading_system.domain.time import DAY, SECOND
from integrated_trading_system.risk.codes import Code
from integrated_trading_system.risk.past import Past
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import (
    ACCOUNT,
    START,
    balances,
    external,
    fill,
    fill_of,
    finished,
    instrument,
    leg,
    order,
    plan,
)

BUY, SELL = Side.BUY, Side.SELL
PAIR = plan(leg(A.instrument, BUY, "1", "100"), leg(B.instrument, SELL, "1", "99.99"))
MID = Decimal("99.995")


def states(rig: RiskRig) -> list[TradingState]:
    return [changed.state for changed in rig.published.of(TradingStateChanged)]


def worst(rig: RiskRig) -> Decimal:
    return rig.view.worst.total / MID


def others(*orders: ExternalOrder, venue: VenueId) -> ExternalOrders:
    return ExternalOrders(venue, ACCOUNT, orders)


# -- the trading state --------------------------------------------------------------------------------


def test_nothing_is_sent_before_the_venues_are_reconciled() -> None:
    rig = RiskRig(ready=False)
    assert states(rig) == [TradingState.STARTING]
    rig.tell(Reconciled(rig.now))
    assert states(rig) == [TradingState.STARTING, TradingState.ACTIVE]


def test_a_halt_survives_a_restart_until_somebody_resumes() -> None:
    rig = RiskRig(ready=False, past=Past(halted="panic (by me)"))
    rig.tell(Reconciled(rig.now))
    assert states(rig) == [TradingState.HALTED]
    assert rig.view.reason == "panic (by me)"
    rig.tell(Resume("me"))
    assert states(rig) == [TradingState.HALTED, TradingState.ACTIVE]


def test_resuming_before_reconciliation_only_goes_back_to_starting() -> None:
    rig = RiskRig(ready=False, past=Past(halted="panic"))
    rig.tell(Resume("me"))
    assert rig.view.trading is TradingState.STARTING


def test_the_restriction_to_reducing_survives_a_restart_until_somebody_resumes() -> None:
    rig = RiskRig(ready=False, past=Past(reducing="end of the day (by me)"))
    rig.list(A, B)
    rig.tell(Reconciled(rig.now))
    assert states(rig) == [TradingState.STARTING, TradingState.REDUCING]
    assert rig.published.of(TradingStateChanged)[-1].reason == rig.view.reason == "end of the day (by me)"
    assert rig.ask(PAIR) == Code.REDUCING
    rig.tell(Resume("me"))
    assert rig.ask(PAIR) == "approved"


@pytest.mark.parametrize("before", [(), (Halt("x", "me"),)], ids=["starting", "halted"])
def test_what_an_operator_says_is_told_even_where_the_trading_state_stays(before: tuple[Any, ...]) -> None:
    """For it is to outlive this run."""
    rig = RiskRig(ready=False)
    rig.tell(*before)
    for kind in (Reduced, Resumed):
        rig.system.bus.subscribe(kind, rig.published)
    rig.tell(Reduce("enough", "me"), Resume("me"))
    assert rig.published.of(Reduced) == [Reduced("enough (by me)", rig.now)]
    assert rig.published.of(Resumed) == [Resumed("me", rig.now)]


def test_the_first_reason_of_a_halt_stays() -> None:
    rig = RiskRig()
    rig.published.take()
    rig.tell(Halt("first", "me"), Halt("second", "you"))
    assert rig.published.take() == [TradingStateChanged(TradingState.HALTED, "first (by me)", rig.now)]
    assert rig.view.reason == "first (by me)"


COMMANDS: dict[str, Any] = {
    "halt": Halt("x", "me"),
    "reduce": Reduce("x", "me"),
    "resume": Resume("me"),
    "reconciled": Reconciled(START),
}


@pytest.mark.parametrize("sequence", list(product(COMMANDS, repeat=4)), ids="-".join)
def test_the_trading_state_is_the_strongest_of_what_holds(sequence: tuple[str, ...]) -> None:
    rig = RiskRig(ready=False)
    halted = reducing = reconciled = False
    expected = [TradingState.STARTING]
    for name in sequence:
        rig.tell(COMMANDS[name])
        reconciled |= name == "reconciled"
        halted = name != "resume" and (halted or name == "halt")
        reducing = name != "resume" and (reducing or name == "reduce")
        state = (
            TradingState.HALTED
            if halted
            else TradingState.STARTING
            if not reconciled
            else TradingState.REDUCING
            if reducing
            else TradingState.ACTIVE
        )
        assert rig.view.trading is state
        if state is not expected[-1]:
            expected.append(state)
    assert states(rig) == expected, "told once for every change"


# -- reservations -------------------------------------------------------------------------------------


def test_an_approved_plan_counts_in_full_until_it_is_finished() -> None:
    rig = RiskRig()
    assert rig.ask(PAIR) == "approved"
    assert worst(rig) == 2
    rig.tell(finished(PAIR))
    assert worst(rig) == 0
    assert rig.view.in_flight == ()


def test_a_fill_moves_reserved_to_held_without_changing_the_worst_case() -> None:
    rig = RiskRig()
    rig.ask(PAIR)
    first = order(PAIR, 0, "o-1", OrderStatus.INTENDED)
    rig.tell(first, fill_of(first, "0.4"), order(PAIR, 0, "o-1", OrderStatus.WORKING, filled=Decimal("0.4")))
    holding = rig.actor._state.exposure.holdings[A.instrument, first.request.account]
    assert (holding.position, holding.up, holding.down) == (Decimal("0.4"), Decimal("0.6"), Decimal("0.4"))
    assert worst(rig) == 2
    rig.tell(finished(PAIR))
    assert worst(rig) == Decimal("0.4")


def test_an_order_that_trades_a_leg_back_gives_its_room_back() -> None:
    rig = RiskRig()
    rig.ask(PAIR)
    first = order(PAIR, 0, "o-1", OrderStatus.INTENDED)
    undo = order(PAIR, 0, "o-2", OrderStatus.INTENDED, undo=True)
    rig.tell(first, fill_of(first, "1"), undo, fill_of(undo, "1"))
    assert worst(rig) == 2
    rig.tell(finished(PAIR))
    assert worst(rig) == 0


def test_an_unknown_order_keeps_its_plan_reserved() -> None:
    rig = RiskRig()
    rig.ask(PAIR)
    rig.tell(order(PAIR, 0, "o-1", OrderStatus.UNKNOWN), order(PAIR, 1, "o-2", OrderStatus.REJECTED))
    rig.run(3_600 * SECOND)
    assert worst(rig) == 2


def test_fills_of_orders_that_are_not_ours_count_as_exposure() -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, SELL, "3", "100"))
    assert worst(rig) == 3
    assert rig.view.external_fills == 1
    assert rig.view.worst.strategies == {"external": 3 * MID}


def test_fills_of_orders_that_are_not_ours_are_counted() -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, SELL, "3", "100"), fill(A.instrument, BUY, "1", "100", trade_id=TradeId("t-2")))
    assert rig.view.external_fills == 2
    assert worst(rig) == 2


def test_open_orders_of_others_count_until_another_report_replaces_them() -> None:
    rig = RiskRig()
    rig.tell(others(external(A.instrument, SELL, "3"), external(B.instrument, BUY, "1", 2), venue=A.venue))
    told = rig.view
    assert told.worst.instruments == {A.instrument: 3 * MID, B.instrument: MID}
    assert told.worst.venues == {A.venue: 3 * MID, B.venue: MID}
    assert told.worst.assets == {Asset("BTC"): 3 * MID}
    assert (told.worst.total, told.worst.strategies) == (4 * MID, {})
    assert told.external_orders == {A.instrument: (ZERO, Decimal(3)), B.instrument: (Decimal(1), ZERO)}
    assert rig.actor.calculate_exposure(A.instrument, Decimal(100)) == 300
    rig.tell(others(external(A.instrument, SELL, "0.5"), venue=A.venue))
    assert worst(rig) == Decimal("0.5")
    rig.tell(others(venue=A.venue))
    assert worst(rig) == 0
    assert rig.view.external_orders == {}


def test_the_report_of_one_account_leaves_those_of_others_alone() -> None:
    rig = RiskRig()
    rig.tell(others(external(A.instrument, SELL, "3"), venue=A.venue))
    rig.tell(others(external(B.instrument, SELL, "1"), venue=B.venue))
    rig.tell(others(venue=A.venue))
    assert worst(rig) == 1


def test_an_order_of_which_nobody_told_the_side_counts_on_both() -> None:
    rig = RiskRig()
    rig.tell(others(external(A.instrument, None, "3"), external(A.instrument, BUY, "1", 2), venue=A.venue))
    assert rig.view.external_orders == {A.instrument: (Decimal(4), Decimal(3))}
    assert worst(rig) == 4


def test_an_order_of_which_nobody_told_the_size_is_named() -> None:
    rig = RiskRig()
    rig.tell(others(external(A.instrument, BUY, "0"), venue=A.venue))
    assert rig.view.external_unsized == (A.instrument,)
    assert worst(rig) == 0


def test_what_others_may_do_takes_room_from_plans_and_hedges_nothing() -> None:
    rig = RiskRig(position_notional_max=250)
    rig.tell(others(external(A.instrument, SELL, "2"), venue=A.venue))
    buying = plan(leg(A.instrument, BUY, "1", "100"))
    assert rig.ask(buying) == Code.POSITION
    rig.tell(others(venue=A.venue))
    assert rig.ask(buying) == "approved"


def test_what_others_may_do_keeps_nobody_from_reducing() -> None:
    rig = RiskRig(position_notional_max=150)
    rig.tell(fill(A.instrument, BUY, "1", "100"), others(external(A.instrument, SELL, "5"), venue=A.venue))
    reducing = plan(leg(A.instrument, SELL, "1", "99.99", reduce_only=True))
    assert rig.ask(reducing) == "approved"


def test_on_spot_what_is_held_may_be_sold_as_reduce_only_and_no_more() -> None:
    """A is spot: there a position is what our fills left."""
    rig = RiskRig()
    rig.tell(fill(A.instrument, BUY, "1", "100"))
    for name, quantity, verdict in (("more", "1.001", Code.REDUCE_ONLY), ("all", "1", "approved")):
        assert rig.ask(plan(leg(A.instrument, SELL, quantity, "99.99", reduce_only=True), name=name)) == verdict
    more = plan(leg(A.instrument, SELL, "0.001", "99.99", reduce_only=True), name="again")
    assert rig.ask(more) == Code.REDUCE_ONLY, "all of it may be sold already"


def test_a_fill_after_its_plan_was_finished_still_counts() -> None:
    rig = RiskRig()
    rig.ask(PAIR)
    first = order(PAIR, 0, "o-1", OrderStatus.INTENDED)
    rig.tell(first, finished(PAIR), fill_of(first, "1"))
    assert worst(rig) == 1


def test_an_open_order_found_at_the_start_is_reserved_until_it_is_over() -> None:
    rig = RiskRig()
    found = order(PAIR, 0, "old", OrderStatus.UNKNOWN)
    rig.tell(found)
    assert worst(rig) == 1
    rig.tell(fill_of(found, "0.4"), order(PAIR, 0, "old", OrderStatus.UNKNOWN, filled=Decimal("0.4")))
    assert worst(rig) == 1
    assert rig.view.worst.strategies[PAIR.strategy] == MID
    rig.tell(order(PAIR, 0, "old", OrderStatus.CANCELLED, filled=Decimal("0.4")))
    assert worst(rig) == Decimal("0.4")


def test_the_end_of_an_unknown_plan_changes_nothing() -> None:
    rig = RiskRig()
    rig.tell(finished(PAIR))
    assert worst(rig) == 0


def test_long_and_short_on_different_accounts_do_not_cancel_out() -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, BUY, "1", "100"), fill(A.instrument, SELL, "1", "100", account=AccountId("other")))
    assert worst(rig) == 2


def test_what_has_no_price_or_rate_is_named_and_not_summed() -> None:
    rig = RiskRig(instruments=[instrument("a:spot", "BTCEUR", quote=Asset("EUR"))])
    rig.tell(fill(B.instrument, BUY, "1", "100"))
    assert rig.view.worst.unvalued == (B.instrument,)
    assert rig.view.worst.total == 0


def test_money_is_set_aside_until_the_plan_is_finished() -> None:
    rig = RiskRig()
    rig.tell(balances(A.instrument, {"USDT": "150"}))
    only = plan(PAIR.legs[0])
    assert rig.ask(only) == "approved"
    assert rig.ask(plan(PAIR.legs[0], name="p-2")) == Code.BALANCE
    rig.tell(finished(only))
    assert rig.ask(plan(PAIR.legs[0], name="p-2")) == "approved"


# -- recovery -----------------------------------------------------------------------------------------


def test_positions_and_losses_come_back_from_the_journals_fills() -> None:
    fills = [fill(A.instrument, BUY, "2", "100"), fill(A.instrument, SELL, "1", "90")]
    rig = RiskRig(past=Past(fills=fills))
    assert worst(rig) == 1
    assert rig.view.net == -10
    assert rig.view.unrealised == MID - 100
    assert rig.view.lost_today == 110 - MID
    assert rig.view.external_fills == 0


def test_a_recovered_loss_beyond_the_limit_halts_at_the_start() -> None:
    rig = RiskRig(past=Past(fills=[fill(A.instrument, BUY, "9", "100"), fill(A.instrument, SELL, "9", "40")]))
    assert rig.view.trading is TradingState.HALTED
    assert rig.view.reason.startswith("daily-loss-max: ")


def test_a_plan_that_was_under_way_is_reserved_again_until_the_oms_finishes_it() -> None:
    rig = RiskRig(past=Past(in_flight=[PAIR], fills=[fill(A.instrument, BUY, "0.5", "100")]))
    assert worst(rig) >= 2
    assert rig.ask(PAIR) == Code.DUPLICATE
    rig.tell(finished(PAIR))
    assert worst(rig) == Decimal("0.5")


# -- losses -------------------------------------------------------------------------------------------


def lose(rig: RiskRig, amount: str) -> None:
    rig.tell(
        fill(A.instrument, BUY, "1", amount, received_at=rig.now),
        fill(A.instrument, SELL, "1", "0", received_at=rig.now),
    )


def test_the_loss_of_a_day_halts_once_it_is_beyond_the_limit() -> None:
    rig = RiskRig(daily_loss_max=100)
    lose(rig, "100")
    assert states(rig)[-1] is TradingState.ACTIVE
    lose(rig, "0.01")
    assert states(rig)[-1] is TradingState.HALTED


def test_resuming_is_not_undone_by_the_next_fill_of_the_same_day() -> None:
    rig = RiskRig(daily_loss_max=100)
    lose(rig, "101")
    rig.tell(Resume("me"))
    lose(rig, "1")
    assert rig.view.trading is TradingState.ACTIVE


def test_without_a_valid_book_the_last_price_holds() -> None:
    rig = RiskRig()
    rig.ask(plan(leg(A.instrument, BUY, "1", "100")))
    rig.quotes.clear()
    assert rig.view.worst.total == MID
    rig.tell(fill(A.instrument, BUY, "1", "101"))
    assert rig.view.worst.total == 202, "our own fill is newer"


def test_a_plan_from_before_the_start_is_valued_at_its_own_price_while_there_is_no_quote() -> None:
    rig = RiskRig(past=Past(in_flight=[plan(leg(A.instrument, BUY, "1", "100"))]))
    rig.quotes.clear()
    assert rig.view.worst.total == 100


def test_a_plan_is_denied_when_the_best_prices_were_withdrawn_a_moment_ago() -> None:
    rig = RiskRig()
    rig.quotes.clear()
    assert rig.ask(PAIR) == Code.NO_QUOTE


def test_the_next_day_has_its_own_limit() -> None:
    rig = RiskRig(daily_loss_max=100)
    lose(rig, "101")
    rig.tell(Resume("me"))
    rig.run(DAY)
    assert rig.view.lost_today == 0
    lose(rig, "101")
    assert rig.view.lost_today == 101
    assert rig.view.trading is TradingState.HALTED


def test_a_drawdown_is_counted_from_the_best_moment() -> None:
    rig = RiskRig(drawdown_max=100)
    rig.tell(fill(A.instrument, BUY, "1", "100"), fill(A.instrument, SELL, "1", "190"))
    lose(rig, "100")
    assert (rig.view.net, rig.view.drawdown) == (Decimal(-10), Decimal(100))
    assert rig.view.trading is TradingState.ACTIVE
    lose(rig, "1")
    assert rig.view.reason.startswith("drawdown-max: ")


def test_fees_are_losses_in_whatever_asset_they_are_paid() -> None:
    rig = RiskRig(rates={"BNB": "600"})
    for amount, asset in (("1", "USDT"), ("0.01", "BTC"), ("0.001", "BNB"), ("5", "XYZ")):
        rig.tell(fill(A.instrument, BUY, "1", "100", fee=Money(Decimal(amount), Asset(asset))))
    assert rig.view.net == Decimal("-2.6")
    assert rig.view.unpriced == {"XYZ": 1}


def test_a_position_that_turns_starts_anew_at_the_price_at_which_it_turned() -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, BUY, "1", "100"), fill(A.instrument, SELL, "3", "110"))
    assert rig.view.net == 10
    rig.tell(fill(A.instrument, BUY, "2", "115"))
    assert rig.view.net == 0


def test_inverse_contracts_earn_in_base() -> None:
    inverse = instrument("a:coin", "BTCUSD", kind=Kind.INVERSE, multiplier=Decimal(100), settle=Asset("BTC"))
    rig = RiskRig(instruments=[inverse])
    rig.tell(fill(inverse.instrument, BUY, "10", "100"), fill(inverse.instrument, SELL, "10", "125"))
    # 1,000 of quote bought at 100 is 10 BTC, sold at 125 is 8 BTC: 2 BTC, each worth 125 then.
    assert rig.view.net == 250


def test_losses_wait_for_the_instrument_to_be_listed() -> None:
    rig = RiskRig(instruments=[B])
    rig.tell(fill(A.instrument, BUY, "1", "100"), fill(A.instrument, SELL, "1", "90"))
    assert rig.view.net == 0
    rig.list(A)
    assert rig.view.net == -10


# -- what may be asked between turns ------------------------------------------------------------------


def test_exposure_is_asked_at_any_price() -> None:
    rig = RiskRig()
    rig.ask(PAIR)
    assert rig.actor.calculate_exposure(A.instrument, Decimal(200)) == 200
    assert rig.actor.calculate_exposure(instrument("c:spot").instrument, Decimal(200)) is None


@pytest.mark.parametrize(("side", "price"), [(BUY, Decimal("99.50")), (SELL, Decimal("100.50"))], ids=["long", "short"])
def test_a_reduction_closes_the_position_a_little_beyond_the_touch(side: Side, price: Decimal) -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, side, "2.0005", "100"))
    made = rig.actor.trigger_position_reduction(A.instrument, PlanId("r-1"))
    assert made is not None
    (only,) = made.legs
    assert (only.side, only.quantity, only.price, only.reduce_only) == (side.opposite, Decimal(2), price, True)
    assert rig.ask(made) == "approved"


def test_there_is_nothing_to_reduce_without_a_position_or_while_a_plan_is_changing_it() -> None:
    rig = RiskRig()
    assert rig.actor.trigger_position_reduction(A.instrument, PlanId("r-1")) is None
    assert rig.actor.trigger_position_reduction(instrument("c:spot").instrument, PlanId("r-1")) is None
    rig.tell(fill(A.instrument, BUY, "1", "100"))
    rig.ask(plan(leg(A.instrument, SELL, "1", "99.99")))
    assert rig.actor.trigger_position_reduction(A.instrument, PlanId("r-1")) is None


def test_positions_that_outgrow_their_limit_are_cut_back_to_it_when_that_is_configured() -> None:
    rig = RiskRig(reduce_automatically=True, position_notional_max=200)
    rig.tell(fill(A.instrument, BUY, "3", "100"), fill(B.instrument, BUY, "2", "100"))
    rig.run(SECOND)
    (made,) = [message.plan for message in rig.approved.messages]
    assert made.legs[0].instrument == A.instrument
    assert made.legs[0].quantity == Decimal("0.999")
    assert made.plan_id == "risk-1-1"
    rig.run(SECOND)
    assert len(rig.approved.messages) == 1, "what is under way is not proposed again"


def test_nothing_is_cut_back_while_halted() -> None:
    rig = RiskRig(reduce_automatically=True, position_notional_max=200)
    rig.tell(fill(A.instrument, BUY, "3", "100"), Halt("x", "me"))
    rig.run(SECOND)
    assert rig.view.denied == {}
    rig.tell(Resume("me"))
    rig.quote(A.instrument)
    rig.run(SECOND)
    assert len(rig.approved.messages) == 1


def test_the_oldest_of_very_many_plan_ids_is_forgotten() -> None:
    rig = RiskRig(plan_ids_kept_max=2)
    plans = [plan(PAIR.legs[0], name=f"p-{index}") for index in range(3)]
    for one in plans:
        rig.ask(one)
        rig.tell(finished(one))
    assert rig.ask(plans[2]) == Code.DUPLICATE
    assert rig.ask(plans[0]) == "approved"


def test_the_view_says_how_much_of_the_rates_is_used() -> None:
    rig = RiskRig()
    rig.ask(PAIR)
    assert (rig.view.orders_used, rig.view.messages_used, rig.view.approved) == (4, 4, 1)
    rig.tell(order(PAIR, 0, "o-1", OrderStatus.FILLED), finished(PAIR))
    assert (rig.view.orders_used, rig.view.messages_used) == (1, 1)
    rig.run(SECOND)
    assert (rig.view.orders_used, rig.view.messages_used) == (0, 0)
    assert rig.view.exposure_max == rig.settings.exposure_max
    assert worst(rig) == 0


def test_a_wish_to_move_an_order_goes_on_only_while_its_plan_is_in_flight_and_the_rates_have_room() -> None:
    rig = RiskRig(orders_max=2)
    rig.system.bus.subscribe(AmendRefused, rig.published)
    resting = plan(leg(A.instrument, BUY, "1", "100", time_in_force=TimeInForce.GTC), hedge_orders_max=0)
    wish = AmendPlan(plan_id=resting.plan_id, strategy=resting.strategy, leg=0, price=Decimal(99))
    assert rig.ask(resting) == "approved"
    rig.tell(wish)
    assert rig.approved.messages[-1] == wish
    assert rig.published.of(AmendRefused) == []
    passed_on = len(rig.approved.messages)
    rig.tell(wish)
    rig.tell(finished(resting), wish)
    assert len(rig.approved.messages) == passed_on
    assert [(each.plan_id, each.strategy, each.leg, each.at) for each in rig.published.of(AmendRefused)] == [
        (resting.plan_id, resting.strategy, 0, rig.now)
    ] * 2
