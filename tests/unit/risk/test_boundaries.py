"""Every limit lets through what lies exactly at it, and denies by its own name what is one step beyond."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.comparison import Conversion
from integrated_trading_system.domain.execution import RequestFailed
from integrated_trading_system.domain.health import Resume
from integrated_trading_system.domain.ids import Asset, StrategyId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.order import OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import MILLISECOND, SECOND
from integrated_trading_system.risk.codes import Code
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import (
    ACCOUNT,
    START,
    balances,
    fill,
    fill_of,
    finished,
    instrument,
    leg,
    order,
    plan,
)

BUY, SELL = Side.BUY, Side.SELL
MID = Decimal("99.995")
PERPETUAL = instrument("b:spot", kind=Kind.LINEAR)
COIN = instrument("b:coin", "BTCUSD", kind=Kind.INVERSE, multiplier=Decimal(100), settle=Asset("BTC"))
USDC = instrument("b:spot", "BTCUSDC", quote=Asset("USDC"))
ANOTHER = instrument("a:spot", "BTCOTHER")
PEG = instrument("a:spot", "USDCUSDT", base=Asset("USDC"))
GUARD = Conversion(asset=Asset("USDC"), book=PEG.instrument, depeg_bps_max=Decimal(50))


def buy(quantity: str = "1", price: str = "100", **changes: Any) -> Leg:
    return leg(A.instrument, BUY, quantity, price, **changes)


def buy_another() -> Leg:
    return leg(ANOTHER.instrument, BUY, "1", "100")


def sell(quantity: str = "1", price: str = "99.99", **changes: Any) -> Leg:
    return leg(B.instrument, SELL, quantity, price, **changes)


def pair(**changes: Any) -> Plan:
    return plan(buy(), sell(), **changes)


def with_settings(asked: Plan, *before: Plan, **limits: Any) -> Callable[[Any], str]:
    """A rig whose one setting is the value, which approved the plans before."""
    (name,) = [key for key, value in limits.items() if value is VALUE]

    def ask(value: Any) -> str:
        rig = RiskRig(**(limits | {name: value}))
        for one in before:
            assert rig.ask(one) == "approved"
        return rig.ask(asked)

    return ask


VALUE = object()


def order_of(quantity: str) -> str:
    return RiskRig(order_notional_max=500).ask(plan(buy(quantity, "100")))


def follower_of(worst: str) -> str:
    """Its orders go up to its worst price, so that is what an order of it is worth."""
    led = leg(A.instrument, BUY, "1", "100", worst_price=Decimal(worst), follows=0)
    return RiskRig(order_notional_max=101).ask(plan(sell(), led))


def touching(quantity: str) -> str:
    return RiskRig(touch_multiple_max="0.5").ask(plan(buy(quantity)))


def touching_down(quantity: str) -> str:
    """10 are wanted, and 4 offered."""
    rig = RiskRig(touch_multiple_max="0.5", instruments=[A])
    rig.quotes[A.instrument] = replace(rig.quotes[A.instrument], ask_size=4.0)
    return rig.ask(plan(leg(A.instrument, SELL, quantity, "99.99")))


def walking(bps: float) -> str:
    """1 at 100 and 1 at 101 are 100.50 on average: 50 bps beyond the touch."""
    rig = RiskRig(impact_bps_max=bps)
    rig.quote(A.instrument, size=1.0)
    rig.quotes.deeper[A.instrument, BUY] = ((101.0, 5.0),)
    return rig.ask(plan(buy("2", "101")))


def walking_down(bps: float) -> str:
    """1 at 100 and 1 at 99 are 99.50 on average."""
    rig = RiskRig(impact_bps_max=bps)
    rig.quote(B.instrument, 100.0, 100.01, size=1.0)
    rig.quotes.deeper[B.instrument, SELL] = ((99.0, 5.0),)
    return rig.ask(plan(sell("2", "99")))


def spending(free: str) -> str:
    rig = RiskRig()
    rig.tell(balances(A.instrument, {"USDT": free}))
    return rig.ask(pair())


def twice_in_one(free: str) -> str:
    """Two legs of one instrument on one account, of one purse."""
    rig = RiskRig()
    rig.tell(balances(A.instrument, {"USDT": free}))
    return rig.ask(plan(buy(), buy("2")))


def binding(free: str) -> str:
    """Notional 99.99 at a leverage of 3."""
    rig = RiskRig(instruments=[A, PERPETUAL], leverage_of={"b:spot": 3})
    rig.tell(balances(PERPETUAL.instrument, {"USDT": free}))
    return rig.ask(pair())


def binding_coins(free: str) -> str:
    """10 contracts of 100 at 100 are 10 BTC; half of them at a leverage of 2."""
    rig = RiskRig(instruments=[COIN], leverage=2)
    rig.tell(balances(COIN.instrument, {"BTC": free}))
    return rig.ask(plan(leg(COIN.instrument, BUY, "10", "100")))


def closing(free: str) -> str:
    """Of 3 sold, 2 close what is held: margin is for one, and the plan before holds 99.99 as well."""
    rig = RiskRig(instruments=[A, PERPETUAL])
    rig.tell(fill(PERPETUAL.instrument, BUY, "2", "100"), balances(PERPETUAL.instrument, {"USDT": free}))
    return rig.ask(plan(sell("3")))


def closing_twice(free: str) -> str:
    """Two legs sell 2 each, of which 2 close what is held: margin is for the other two."""
    rig = RiskRig(instruments=[A, PERPETUAL])
    rig.tell(fill(PERPETUAL.instrument, BUY, "2", "100"), balances(PERPETUAL.instrument, {"USDT": free}))
    return rig.ask(plan(sell("2"), sell("2")))


def on_one_venue(limit: str) -> str:
    """Two instruments, 1 of each."""
    return RiskRig(venue_notional_max=limit, instruments=[A, ANOTHER]).ask(plan(buy(), buy_another()))


def elsewhere(limit: str) -> str:
    """Whatever one venue may hold, the other has its own limit."""
    return RiskRig(venue_notional_max_of={"a:spot": "1000", "b:spot": limit}).ask(pair())


def of_one_asset(limit: str) -> str:
    """Two instruments of it, 1 of each."""
    return RiskRig(asset_notional_max=limit, instruments=[A, ANOTHER]).ask(plan(buy(), buy_another()))


def net(limit: str) -> str:
    """Long 3 here and short 3 there net to nothing; one more leg makes it one."""
    rig = RiskRig(asset_notional_max=limit, position_notional_max=10_000)
    rig.tell(fill(A.instrument, BUY, "3", "100"), fill(B.instrument, SELL, "3", "100"))
    return rig.ask(plan(buy()))


def failing(count: int) -> str:
    rig = RiskRig(venue_errors_max=3)
    for _ in range(count):
        rig.tell(
            RequestFailed(venue=B.venue, account=ACCOUNT, subject="fills", reason="500", received_at=START),
        )
    return rig.ask(pair())


def failing_before(milliseconds: int) -> str:
    rig = RiskRig(venue_errors_max=0, venue_error_window_ms=500)
    rig.tell(RequestFailed(venue=B.venue, account=ACCOUNT, subject="fills", reason="500", received_at=START))
    rig.run(milliseconds * MILLISECOND)
    return rig.ask(pair())


def pegged(mid: float) -> str:
    rig = RiskRig(instruments=[USDC, PEG], rates={"USDC": 1}, conversions=[GUARD])
    rig.quote(PEG.instrument, mid, mid)
    return rig.ask(plan(leg(USDC.instrument, BUY, "1", "100")))


def repeating(milliseconds: int) -> str:
    rig = RiskRig(repeats_max=1, repeat_window_ms=500)
    assert rig.ask(pair()) == "approved"
    rig.run(milliseconds * MILLISECOND)
    return rig.ask(plan(buy("2"), sell("2"), name="p-2"))


def duplicating(milliseconds: int) -> str:
    rig = RiskRig(duplicates_max=1, duplicate_window_ms=500)
    assert rig.ask(pair()) == "approved"
    rig.run(milliseconds * MILLISECOND)
    return rig.ask(pair(name="p-2"))


def out_of_balance(seconds: int, floor: str = "10") -> str:
    """One leg of 1 has traded, the other has not: 99.995 for so long, where 999.95 times seconds are allowed."""
    rig = RiskRig(unhedged_max="999.95", unhedged_floor=floor, quote_age_ms_max=1e9)
    made = pair()
    assert rig.ask(made) == "approved"
    first = order(made, 0, "o-1", OrderStatus.FILLED)
    rig.tell(first, fill_of(first, "1"), finished(made))
    for _ in range(seconds):
        rig.run(SECOND)
    return rig.ask(pair(name="p-2", at=rig.now))


def dusty(floor: str) -> str:
    return out_of_balance(60, floor)


def marked_down(bid: float) -> str:
    """Nothing is realised: 10 are held from 100, and their price falls."""
    rig = RiskRig(daily_loss_max=100)
    rig.tell(fill(A.instrument, BUY, "10", "100"))
    rig.quote(A.instrument, bid, bid)
    rig.run(SECOND)
    rig.tell(Resume("me"))
    return rig.ask(plan(leg(B.instrument, BUY, "1", "100"), at=rig.now))


def given_back(bid: float) -> str:
    """10 held from 100 were worth 50 more, and are not any more."""
    rig = RiskRig(drawdown_max=50)
    rig.tell(fill(A.instrument, BUY, "10", "100"))
    for price in (105.0, bid):
        rig.quote(A.instrument, price, price)
        rig.run(SECOND)
    rig.tell(Resume("me"))
    return rig.ask(plan(leg(B.instrument, BUY, "1", "100"), at=rig.now))


def late(nanos: int) -> str:
    rig = RiskRig()
    rig.run(nanos)
    return rig.ask(pair())


def old(nanos: int) -> str:
    rig = RiskRig(quote_age_ms_max=500)
    rig.run(nanos)
    return rig.ask(pair())


def resting(limit: int) -> str:
    return RiskRig(messages_max=limit).ask(plan(buy(time_in_force=TimeInForce.GTC), sell()))


OTHERS = (plan(buy(), strategy=StrategyId("other"), name="p-0"),)

BOUNDARIES: list[tuple[Code, Callable[[Any], str], Any, Any]] = [
    (Code.EXPIRED, late, SECOND, SECOND + 1),
    (Code.QUOTE_STALE, old, 500 * MILLISECOND, 500 * MILLISECOND + 1),
    (Code.PLANS_IN_FLIGHT, with_settings(pair(), *OTHERS, plans_in_flight_max=VALUE), 2, 1),
    (Code.DUPLICATE_ORDER, with_settings(pair(), pair(name="p-0"), duplicates_max=VALUE), 2, 1),
    (Code.DUPLICATE_ORDER, duplicating, 500, 499),
    (Code.REPEATED, with_settings(pair(), pair(name="p-0"), repeats_max=VALUE), 2, 1),
    (Code.REPEATED, repeating, 500, 499),
    (Code.VENUE_ERRORS, failing, 3, 4),
    (Code.VENUE_ERRORS, failing_before, 500, 499),
    (Code.DEPEG, pegged, 0.995, 0.9949),
    (Code.DEPEG, pegged, 1.005, 1.0051),
    (Code.COLLAR, lambda price: RiskRig().ask(plan(buy("1", price))), "101", "101.01"),
    (Code.COLLAR, lambda price: RiskRig(instruments=[A, PERPETUAL]).ask(plan(sell("1", price))), "99", "98.99"),
    (
        Code.COLLAR,
        lambda price: RiskRig().ask(plan(buy("1", price, order_type=OrderType.MARKET), hedge_orders_max=0)),
        "99",
        "98.99",
    ),
    (Code.ENVELOPE, lambda price: RiskRig().ask(plan(buy(worst_price=Decimal(price)))), "103", "103.01"),
    (Code.ENVELOPE, lambda price: RiskRig().ask(plan(buy(unwind_price=Decimal(price)))), "97", "96.99"),
    (
        Code.ENVELOPE,
        lambda price: RiskRig().ask(plan(sell(), buy(follows=0, worst_price=Decimal(price)), hedge_orders_max=0)),
        "103",
        "103.01",
    ),
    (Code.ORDER_NOTIONAL, order_of, "5", "5.001"),
    (Code.ORDER_NOTIONAL, follower_of, "101", "101.01"),
    (Code.TOUCH, touching, "5", "5.001"),
    (Code.TOUCH, touching_down, "5", "5.001"),
    (Code.IMPACT, walking, 50.000001, 49.9),
    (Code.IMPACT, walking_down, 50.000001, 49.9),
    (Code.BALANCE, spending, "100", "99.99"),
    (Code.BALANCE, twice_in_one, "300", "299.99"),
    (Code.MARGIN, binding, "33.33", "33.32"),
    (Code.MARGIN, binding_coins, "5", "4.999"),
    (Code.MARGIN, closing, "99.99", "99.98"),
    (Code.MARGIN, closing_twice, "199.98", "199.97"),
    (Code.POSITION, with_settings(pair(), position_notional_max=VALUE), "99.995", "99.994"),
    (Code.POSITION, with_settings(plan(buy(), buy("2")), position_notional_max=VALUE), 3 * MID, 3 * MID - 1),
    (Code.POSITION, with_settings(pair(), *OTHERS, position_notional_max=VALUE), 2 * MID, 2 * MID - 1),
    (Code.ASSET, with_settings(pair(), asset_notional_max=VALUE), "99.995", "99.994"),
    (Code.ASSET, with_settings(plan(buy(), buy("2")), asset_notional_max=VALUE), 3 * MID, 3 * MID - 1),
    (Code.ASSET, net, "99.995", "99.994"),
    (Code.VENUE, with_settings(plan(buy(), buy("2")), venue_notional_max=VALUE), 3 * MID, 3 * MID - 1),
    (Code.ASSET, of_one_asset, 2 * MID, 2 * MID - 1),
    (Code.VENUE, on_one_venue, 2 * MID, 2 * MID - 1),
    (Code.VENUE, elsewhere, MID, MID - 1),
    (Code.STRATEGY, with_settings(pair(), *OTHERS, strategy_notional_max=VALUE), 2 * MID, 2 * MID - 1),
    (Code.STRATEGY, with_settings(pair(), pair(name="p-0"), strategy_notional_max=VALUE), 4 * MID, 4 * MID - 1),
    (Code.EXPOSURE, with_settings(pair(), *OTHERS, exposure_max=VALUE), 3 * MID, 3 * MID - 1),
    (Code.UNHEDGED, out_of_balance, 10, 11),
    (Code.UNHEDGED, dusty, "99.995", "99.994"),
    (Code.DAILY_LOSS, marked_down, 90.0, 89.99),
    (Code.DRAWDOWN, given_back, 100.0, 99.99),
    (Code.ORDER_RATE, with_settings(pair(), orders_max=VALUE), 4, 3),
    (Code.MESSAGE_RATE, resting, 5, 4),
]


@pytest.mark.parametrize(
    ("code", "ask", "inside", "beyond"), BOUNDARIES, ids=[f"{index}-{row[0]}" for index, row in enumerate(BOUNDARIES)]
)
def test_a_limit_holds_at_itself_and_denies_one_step_beyond(
    code: Code, ask: Callable[[Any], str], inside: Any, beyond: Any
) -> None:
    assert ask(inside) == "approved"
    assert ask(beyond) == code
