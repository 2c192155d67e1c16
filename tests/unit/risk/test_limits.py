"""Every denial code can be reached, by a plan that differs from an approved one in one thing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.comparison import Conversion
from integrated_trading_system.domain.execution import RequestFailed, UserStreamChanged
from integrated_trading_system.domain.health import (
    Alarm,
    AlarmKind,
    BookState,
    BookStateChanged,
    FeedUnreliable,
    Halt,
    Latched,
    LinkChanged,
    LinkState,
    Reconciled,
    Reduce,
    Resume,
    TradingState,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import Asset, LinkId, PlanId, StrategyId, VenueId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed, Kind
from integrated_trading_system.domain.order import OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.risk.admission import LEGS_MAX
from integrated_trading_system.risk.codes import DENIAL_CODES, Code
from integrated_trading_system.risk.limits import ADMITTED, CHECKS, GROWING_ONLY
from integrated_trading_system.risk.past import Past
from tests.support.risk_rig import ASK, A, B, RiskRig
from tests.support.trading import ACCOUNT, START, balances, fill, fill_of, finished, instrument, leg, order, plan

BUY, SELL = Side.BUY, Side.SELL
SKEWED = Alarm(B.venue, AlarmKind.CLOCK_OFFSET, raised=True, figure=1500.0, limit=1000.0, at=START)


def buy(quantity: str = "1", price: str = "100", **changes: Any) -> Leg:
    return leg(A.instrument, BUY, quantity, price, **changes)


def sell(quantity: str = "1", price: str = "99.99", **changes: Any) -> Leg:
    return leg(B.instrument, SELL, quantity, price, **changes)


def pair(**changes: Any) -> Plan:
    return plan(buy(), sell(), **changes)


def lose(rig: RiskRig, amount: str) -> None:
    """Buy high, sell low, by somebody's orders."""
    rig.tell(
        fill(A.instrument, BUY, "1", amount, received_at=rig.now),
        fill(A.instrument, SELL, "1", "0", received_at=rig.now),
    )


def rig_after(*messages: Any, **settings: Any) -> RiskRig:
    rig = RiskRig(**settings)
    rig.tell(*messages)
    return rig


def rig_at(later: float, **settings: Any) -> RiskRig:
    rig = RiskRig(**settings)
    rig.run(int(later * SECOND))
    return rig


def rig_that_lost(amount: str, **settings: Any) -> RiskRig:
    rig = RiskRig(**settings)
    lose(rig, amount)
    rig.tell(Resume("me"))
    return rig


def rig_that_approved(*plans: Plan, **settings: Any) -> RiskRig:
    rig = RiskRig(**settings)
    for one in plans:
        assert rig.ask(one) == "approved"
    return rig


def rig_with_links(*states: LinkState) -> RiskRig:
    return rig_after(*(LinkChanged(VenueId("a:spot"), LinkId("1"), "market-0", state, "", START) for state in states))


def rig_without_quote() -> RiskRig:
    rig = RiskRig(instruments=[A])
    rig.tell(InstrumentsListed(B.venue, (B,)), BookStateChanged(B.instrument, BookState.VALID, "", START))
    return rig


def stream(*, up: bool) -> UserStreamChanged:
    return UserStreamChanged(venue=B.venue, account=ACCOUNT, up=up, received_at=START)


def rig_with_euros(rate: str | None = None, *, book: float | None) -> RiskRig:
    """An instrument in EUR, and the book of USDT in EUR that guards its rate or stands for it; None is not VALID."""
    rates = {} if rate is None else {"EUR": rate}
    rig = RiskRig(instruments=[EUR, DOLLAR], conversions=[CONVERSION], rates=rates)
    if book is None:
        del rig.quotes[DOLLAR.instrument]
    else:
        rig.quote(DOLLAR.instrument, 1 / book, 1 / book)
    return rig


def rig_with_a_deep_book() -> RiskRig:
    """One at 100, and below it as much as anybody wants at 101."""
    rig = RiskRig(impact_bps_max=49.9)
    rig.quote(A.instrument, size=1.0)
    rig.quotes.deeper[A.instrument, BUY] = ((101.0, 1000.0),)
    return rig


def rig_with_a_perpetual(free: str, **settings: Any) -> RiskRig:
    perpetual = instrument("b:spot", kind=Kind.LINEAR)
    rig = RiskRig(instruments=[A, perpetual], **settings)
    rig.tell(balances(perpetual.instrument, {"USDT": free}))
    return rig


def rig_out_of_balance(seconds: int = 10, **settings: Any) -> RiskRig:
    """One leg of 100 has traded, the other has not, for so long."""
    rig = RiskRig(unhedged_floor=10, quote_age_ms_max=1e9, **settings)
    made = plan(buy("1", "100"), sell("1"))
    assert rig.ask(made) == "approved"
    first = order(made, 0, "o-1", OrderStatus.FILLED)
    rig.tell(first, fill_of(first, "1"), finished(made))
    rig.run(seconds * SECOND)
    return rig


LATCHED = Latched(StrategyId("arb"), B.instrument, "again and again", START)
FAILED = RequestFailed(venue=B.venue, account=ACCOUNT, subject="balances", reason="500", received_at=START)
DOLLAR = instrument("b:spot", "USDTEUR", base=Asset("USDT"), quote=Asset("EUR"))
CONVERSION = Conversion(asset=Asset("EUR"), book=DOLLAR.instrument, depeg_bps_max=Decimal(50))
EUR = instrument("a:spot", "BTCEUR", quote=Asset("EUR"))
MANY = [instrument("a:spot", f"{index}") for index in range(LEGS_MAX + 1)]

DENIALS: list[tuple[Code, Callable[[], RiskRig], Plan]] = [
    (Code.SHUTTING_DOWN, lambda: rig_after(Shutdown("bye")), pair()),
    (Code.HALTED, lambda: rig_after(Halt("panic", "me")), pair()),
    (Code.NOT_STARTED, lambda: RiskRig(ready=False), pair()),
    (Code.REDUCING, lambda: rig_after(Reduce("enough", "me")), pair()),
    (Code.MALFORMED, RiskRig, plan()),
    (Code.MALFORMED, RiskRig, plan(*(leg(one.instrument, BUY, "1", "1") for one in MANY))),
    (Code.MALFORMED, RiskRig, plan(buy(), sell(follows=1))),
    (Code.MALFORMED, RiskRig, plan(buy(), sell(follows=-1))),
    (Code.MALFORMED, RiskRig, pair(hedge_by=START)),
    (Code.MALFORMED, RiskRig, pair(hedge_orders_max=-1)),
    (Code.MALFORMED, RiskRig, plan(buy("NaN"))),
    (Code.MALFORMED, RiskRig, plan(buy("Infinity"))),
    (Code.MALFORMED, RiskRig, plan(buy("1", "1E+30"))),
    (Code.MALFORMED, RiskRig, plan(buy("0"))),
    (Code.MALFORMED, RiskRig, plan(buy(worst_price=Decimal("sNaN")))),
    (Code.DUPLICATE, lambda: rig_that_approved(pair()), pair()),
    (Code.EXPIRED, lambda: rig_at(1.001), pair()),
    (Code.PLANS_IN_FLIGHT, lambda: rig_that_approved(pair(), plans_in_flight_max=1), pair(name="p-2")),
    (Code.LATCHED, lambda: RiskRig(past=Past(latched=[LATCHED])), pair()),
    (Code.DUPLICATE_ORDER, lambda: rig_that_approved(pair(), duplicates_max=1), pair(name="p-2")),
    (Code.REPEATED, lambda: rig_that_approved(pair(), repeats_max=1), plan(buy("2"), sell("2"), name="p-2")),
    (Code.UNKNOWN_INSTRUMENT, lambda: RiskRig(instruments=[A]), pair()),
    (Code.NO_RATE, lambda: RiskRig(instruments=[EUR]), plan(leg(EUR.instrument, BUY, "1", "100"))),
    (Code.NO_RATE, lambda: rig_with_euros(book=None), plan(leg(EUR.instrument, BUY, "1", "100"))),
    (Code.DEPEG, lambda: rig_with_euros("1.1", book=1.2), plan(leg(EUR.instrument, BUY, "1", "100"))),
    (Code.DEPEG, lambda: rig_with_euros("1.1", book=None), plan(leg(EUR.instrument, BUY, "1", "100"))),
    (Code.VENUE_DOWN, lambda: rig_with_links(LinkState.CONNECT), pair()),
    (Code.VENUE_BLOCKED, lambda: rig_after(VenueBlocked(B.venue, "451", START)), pair()),
    (Code.USER_STREAM, lambda: rig_after(stream(up=False)), pair()),
    (Code.VENUE_ERRORS, lambda: rig_after(FAILED, venue_errors_max=0), pair()),
    (Code.VENUE_DOWN, lambda: rig_with_links(LinkState.LIVE, LinkState.DOWN), pair()),
    (Code.CLOCK_SKEW, lambda: rig_after(SKEWED), pair()),
    (Code.BOOK_NOT_VALID, lambda: rig_after(BookStateChanged(B.instrument, BookState.SUSPECT, "", START)), pair()),
    (Code.FEED_UNRELIABLE, lambda: rig_after(FeedUnreliable(B.instrument, "flaps", START)), pair()),
    (Code.NO_QUOTE, rig_without_quote, pair()),
    (Code.QUOTE_STALE, lambda: rig_at(0.501, quote_age_ms_max=500), pair()),
    (Code.FILTER, RiskRig, plan(buy("0.0001"))),
    (Code.FILTER, RiskRig, plan(buy("1", "100.001"))),
    (Code.FILTER, lambda: RiskRig(instruments=[instrument(notional_min=Decimal(101))]), plan(buy())),
    (Code.FILTER, lambda: RiskRig(instruments=[A, instrument("b:spot", quantity_min=Decimal(2))]), pair()),
    (Code.FILTER, lambda: RiskRig(instruments=[instrument(tradable=False)]), plan(buy())),
    (Code.REDUCE_ONLY, RiskRig, plan(buy(reduce_only=True))),
    (Code.COLLAR, RiskRig, plan(buy("1", "101.01"))),
    (Code.COLLAR, RiskRig, plan(sell("1", "98.99"))),
    (Code.COLLAR, RiskRig, plan(buy("1", "90", order_type=OrderType.MARKET))),
    (Code.ENVELOPE, RiskRig, plan(buy(worst_price=Decimal("103.01")))),
    (Code.ENVELOPE, RiskRig, plan(buy(unwind_price=Decimal("96.99")))),
    (Code.ENVELOPE, RiskRig, plan(sell(unwind_price=Decimal("103.01")))),
    (Code.ORDER_NOTIONAL, lambda: RiskRig(order_notional_max="99.99"), pair()),
    (Code.TOUCH, lambda: RiskRig(touch_multiple_max="0.05"), pair()),
    (Code.TOUCH, lambda: RiskRig(touch_multiple_max="0.05"), plan(sell())),
    (Code.IMPACT, rig_with_a_deep_book, plan(buy("2", "101"))),
    (Code.BALANCE, lambda: rig_after(balances(A.instrument, {"USDT": "99.99"})), pair()),
    (Code.BALANCE, lambda: rig_after(balances(B.instrument, {"BTC": "0.999"})), pair()),
    (Code.BALANCE, lambda: rig_after(balances(B.instrument, {"USDT": "1000"})), pair()),
    (Code.MARGIN, lambda: rig_with_a_perpetual("99.98"), plan(sell())),
    (Code.POSITION, lambda: RiskRig(position_notional_max="99.99"), pair()),
    (Code.POSITION, lambda: RiskRig(position_notional_max_of={B.instrument: 50}), pair()),
    (Code.POSITION, lambda: rig_that_approved(pair(), position_notional_max=150), pair(name="p-2")),
    (Code.ASSET, lambda: RiskRig(asset_notional_max="99.99"), pair()),
    (Code.ASSET, lambda: RiskRig(asset_notional_max_of={"BTC": 50}), pair()),
    (Code.VENUE, lambda: RiskRig(venue_notional_max=99), pair()),
    (Code.VENUE, lambda: RiskRig(venue_notional_max_of={"b:spot": 99}), pair()),
    (Code.STRATEGY, lambda: RiskRig(strategy_notional_max=199), pair()),
    (Code.STRATEGY, lambda: RiskRig(strategy_notional_max_of={"arb": 150}), pair()),
    (Code.EXPOSURE, lambda: RiskRig(exposure_max=199), pair()),
    (Code.UNHEDGED, lambda: rig_out_of_balance(unhedged_max=999), pair(name="p-2", at=START + 10 * SECOND)),
    (Code.DAILY_LOSS, lambda: rig_that_lost("500.01"), pair()),
    (Code.DRAWDOWN, lambda: rig_that_lost("400", drawdown_max=399), pair()),
    (Code.ORDER_RATE, lambda: RiskRig(orders_max=3), pair()),
    (Code.MESSAGE_RATE, lambda: RiskRig(messages_max=4), plan(buy(time_in_force=TimeInForce.GTC), sell())),
]


@pytest.mark.parametrize(
    ("code", "make", "asked"), DENIALS, ids=[f"{index}-{row[0]}" for index, row in enumerate(DENIALS)]
)
def test_a_plan_that_breaks_one_rule_is_denied_by_its_name(
    code: Code, make: Callable[[], RiskRig], asked: Plan
) -> None:
    rig = make()
    denied_before = rig.view.denied.get(code, 0)
    exposure_before = rig.view.worst
    assert rig.ask(asked) == code
    assert rig.view.denied[code] == denied_before + 1
    assert rig.view.worst == exposure_before, "a denied plan reserves nothing"


def test_a_plan_within_all_limits_is_approved() -> None:
    assert RiskRig().ask(pair()) == "approved"


def test_a_clock_that_is_right_again_and_alarms_about_other_things_deny_nothing() -> None:
    rig = rig_after(SKEWED, replace(SKEWED, raised=False), replace(SKEWED, kind=AlarmKind.LATENCY_P99))
    assert rig.ask(pair()) == "approved"


def test_every_code_is_reached_by_this_table_and_explained() -> None:
    assert {code for code, _, _ in DENIALS} == set(Code)
    assert list(DENIAL_CODES) == list(Code)
    assert all(text.endswith(".") for text in DENIAL_CODES.values())


def test_there_is_one_question_per_check() -> None:
    assert len(set(CHECKS)) == len(CHECKS)


@pytest.mark.parametrize(
    "asked",
    [
        plan(buy("1", "101")),
        plan(buy(worst_price=Decimal(103), unwind_price=Decimal("97.01"))),
        plan(buy("1", "1"), hedge_orders_max=0),
        plan(buy("1", "1", worst_price=Decimal(200)), hedge_orders_max=0),
        plan(buy("1", "100.001", order_type=OrderType.MARKET)),
        plan(sell("1", "150"), hedge_orders_max=0),
        plan(buy("50")),
    ],
    ids=["collar", "envelope", "far-below", "no-repairs", "market", "far-above", "order-notional"],
)
def test_what_lies_exactly_at_a_limit_is_approved(asked: Plan) -> None:
    assert RiskRig().ask(asked) == "approved"


def test_orders_that_rest_have_no_impact() -> None:
    assert RiskRig(touch_multiple_max="0.05").ask(plan(buy("1", "99.99"), hedge_orders_max=0)) == "approved"


def test_balances_that_no_venue_reported_do_not_deny() -> None:
    rig = rig_after(balances(B.instrument, {"USDT": "1000"}, complete=False))
    assert rig.ask(pair()) == "approved"


def test_what_one_plan_may_spend_the_next_may_not() -> None:
    rig = rig_after(balances(A.instrument, {"USDT": "150"}))
    assert rig.ask(plan(buy())) == "approved"
    assert rig.ask(plan(buy(), name="p-2")) == Code.BALANCE


def test_derivatives_need_no_asset_to_be_sold() -> None:
    perpetual = instrument("b:spot", kind=Kind.LINEAR)
    rig = RiskRig(instruments=[perpetual])
    rig.tell(balances(perpetual.instrument, {"USDT": "99.99"}))
    assert rig.ask(plan(sell())) == "approved"


def test_an_exceeded_limit_still_lets_reducing_plans_through() -> None:
    rig = RiskRig(position_notional_max=150)
    rig.tell(fill(A.instrument, BUY, "5", "100"))
    assert rig.ask(plan(leg(A.instrument, SELL, "3", "99.99"))) == "approved"
    assert rig.ask(plan(leg(A.instrument, BUY, "1", "100"), name="p-2")) == Code.POSITION


@pytest.mark.parametrize(
    ("side", "quantity", "code"),
    [(SELL, "2", "approved"), (SELL, "2.001", Code.REDUCING), (BUY, "0.001", Code.REDUCING)],
)
def test_reducing_never_lets_a_position_grow_or_turn(side: Side, quantity: str, code: str) -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, BUY, "2", "100"), Reduce("enough", "me"))
    assert rig.ask(plan(leg(A.instrument, side, quantity, str(ASK)))) == code


def test_two_reducing_plans_in_flight_together_cannot_turn_a_position() -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, BUY, "2", "100"), Reduce("enough", "me"))
    assert rig.ask(plan(leg(A.instrument, SELL, "1.5", "99.99"))) == "approved"
    assert rig.ask(plan(leg(A.instrument, SELL, "1", "99.99"), name="p-2")) == Code.REDUCING


def test_after_a_resumed_loss_only_reducing_plans_pass_until_midnight() -> None:
    rig = rig_that_lost("600", drawdown_max=10_000)
    rig.tell(fill(A.instrument, BUY, "1", "100", received_at=rig.now))
    assert rig.ask(pair()) == Code.DAILY_LOSS
    assert rig.ask(plan(leg(A.instrument, SELL, "1", "99.99"), name="p-2")) == "approved"
    rig.run(86_400 * SECOND)
    rig.quote(A.instrument)
    rig.quote(B.instrument)
    assert rig.ask(pair(at=rig.now)) == "approved"


@pytest.mark.parametrize(
    ("code", "make", "asked"), DENIALS, ids=[f"{index}-{row[0]}" for index, row in enumerate(DENIALS)]
)
def test_a_reducing_plan_is_denied_only_for_what_concerns_it_too(
    code: Code, make: Callable[[], RiskRig], asked: Plan
) -> None:
    """The same plans as above, of accounts that hold the opposite of them."""
    rig = make()
    for one in asked.legs:
        rig.tell(fill(one.instrument, one.side.opposite, "60", "100", received_at=rig.now))
    expected = "approved" if code in {*GROWING_ONLY, Code.REDUCE_ONLY} else code
    assert rig.ask(asked) == expected


ORDERS: dict[str, dict[str, Any]] = {
    "immediate": {"time_in_force": TimeInForce.IOC},
    "all or nothing": {"time_in_force": TimeInForce.FOK},
    "resting": {"time_in_force": TimeInForce.GTC, "post_only": True},
}
STATES: dict[TradingState, list[Any]] = {
    TradingState.STARTING: [],
    TradingState.ACTIVE: [Reconciled(START)],
    TradingState.REDUCING: [Reconciled(START), Reduce("enough", "me")],
    TradingState.HALTED: [Reconciled(START), Halt("panic", "me")],
}


@given(
    state=st.sampled_from(list(STATES)),
    kind=st.sampled_from(list(ORDERS)),
    held=st.integers(-30, 30),
    side=st.sampled_from(Side),
    quantities=st.lists(st.integers(1, 30), min_size=1, max_size=3),
)
def test_the_table_of_trading_states_holds_for_every_position_and_kind_of_order(
    state: TradingState, kind: str, held: int, side: Side, quantities: list[int]
) -> None:
    rig = RiskRig(ready=False, instruments=())
    rig.list(A)
    rig.tell(*STATES[state])
    if held:
        rig.tell(fill(A.instrument, BUY if held > 0 else SELL, str(abs(held)), "100"))
    legs = [leg(A.instrument, side, str(one), "100" if side is BUY else "99.99", **ORDERS[kind]) for one in quantities]
    reducing = side.sign * held < 0 and sum(quantities) <= abs(held)
    denied_as_reducing, denied_as_growing = ADMITTED[state]
    assert rig.ask(plan(*legs)) == ((denied_as_reducing if reducing else denied_as_growing) or "approved")


def test_every_trading_state_is_in_the_table() -> None:
    assert set(ADMITTED) == set(TradingState) == set(STATES)


def test_an_asset_without_a_stated_rate_is_worth_what_its_book_says_now() -> None:
    rig = rig_with_euros(book=1.25)
    rig.tell(fill(EUR.instrument, BUY, "1", "100"))
    mid = Decimal("99.995")
    assert rig.view.worst.total == mid * Decimal("1.25")
    rig.quote(DOLLAR.instrument, 0.5, 0.5)
    assert rig.view.worst.total == mid * 2
    del rig.quotes[DOLLAR.instrument]
    assert rig.view.worst.total == mid * 2, "the last one holds for what is held"


def test_margin_that_a_fill_bound_is_not_free_until_the_venue_reports() -> None:
    rig = rig_with_a_perpetual("199.98")
    made = plan(sell())
    assert rig.ask(made) == "approved"
    sent = order(made, 0, "o-1", OrderStatus.WORKING)
    rig.tell(sent, fill_of(sent, "1", venue_time=START + 1), finished(made))
    assert rig.ask(plan(sell("1.001"), name="p-2")) == Code.MARGIN
    assert rig.ask(plan(sell(), name="p-3")) == "approved"


def test_what_closes_a_derivative_frees_its_margin() -> None:
    rig = rig_with_a_perpetual("0")
    perpetual = B.instrument
    rig.tell(fill(perpetual, SELL, "1", "99.99"))
    rig.tell(fill(perpetual, BUY, "1", "99.99", venue_time=START + 1))
    assert rig.ask(plan(sell())) == "approved"


def test_margin_that_plans_in_flight_hold_is_not_free() -> None:
    rig = rig_with_a_perpetual("199.97")
    assert rig.ask(plan(sell())) == "approved"
    assert rig.ask(plan(sell(), name="p-2")) == Code.MARGIN


def test_risk_itself_may_close_what_others_opened_beyond_any_strategys_limit() -> None:
    rig = RiskRig(strategy_notional_max=150)
    rig.tell(fill(A.instrument, BUY, "2", "100"))
    made = rig.actor.trigger_position_reduction(A.instrument, PlanId("r-1"))
    assert made is not None
    assert rig.ask(plan(*made.legs, name="p-1", strategy=StrategyId("arb"))) == Code.STRATEGY
    assert rig.ask(made) == "approved"


def test_two_legs_that_reduce_together_may_not_turn_a_position() -> None:
    rig = RiskRig()
    rig.tell(fill(A.instrument, BUY, "2", "100"), Reduce("enough", "me"))
    half = leg(A.instrument, SELL, "1.5", "99.99")
    assert rig.ask(plan(half)) == "approved"
    rig.tell(finished(plan(half)))
    assert rig.ask(plan(half, half, name="p-2")) == Code.REDUCING


def test_an_exceeded_limit_still_lets_through_what_does_not_exceed_it_more() -> None:
    """Turning 5 to -1 brings no larger size about, and is no reduction either."""
    rig = RiskRig(position_notional_max=300)
    rig.tell(fill(A.instrument, BUY, "5", "100"))
    assert rig.ask(plan(sell_here("6"))) == "approved"
    assert rig.ask(plan(sell_here("5"), name="p-2")) == Code.POSITION


def sell_here(quantity: str) -> Leg:
    return leg(A.instrument, SELL, quantity, "99.99")


def test_a_contracts_multiplier_counts_in_every_sum() -> None:
    contract = instrument("b:spot", kind=Kind.LINEAR, multiplier=Decimal("0.1"))
    rig = RiskRig(instruments=[contract], order_notional_max=100)
    assert rig.ask(plan(leg(contract.instrument, BUY, "10", "100"))) == "approved"
    assert rig.view.worst.total == Decimal("99.995")
    assert rig.ask(plan(leg(contract.instrument, BUY, "10.001", "100"), name="p-2")) == Code.ORDER_NOTIONAL
    rig.tell(fill(contract.instrument, BUY, "10", "100"), fill(contract.instrument, SELL, "10", "90"))
    assert rig.view.net == -10


def test_at_the_limit_of_a_venue_not_even_a_crumb_is_added() -> None:
    rig = RiskRig(venue_notional_max=100)
    assert rig.ask(plan(buy())) == "approved"
    assert rig.ask(plan(buy("0.001"), name="p-2")) == Code.VENUE
