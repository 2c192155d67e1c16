"""What can be sold again of what was bought: less than that where the fee was taken of it."""

from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.domain.ids import Asset, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan
from integrated_trading_system.oms.holding import Holding, holding, residuals
from integrated_trading_system.oms.progress import traded
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import Tracked
from tests.support.hostile import VENUES, account_of
from tests.support.oms_orders import INSTRUMENTS, request, tracked
from tests.support.oms_world import START, pair
from tests.support.seen import seen

PAIR = pair(1, 4, HedgePolicy.PROCEED, START)
VENUE = VENUES[0]
X, Y, Z = Asset("X"), Asset("Y"), Asset("Z")


def came(
    leg: int, made: Leg, filled: str, fee: str = "0", asset: Asset = X, purpose: Purpose = Purpose.FIRST
) -> Tracked:
    """An order of the leg that is over, at its price."""
    side = made.side.opposite if purpose is Purpose.UNWIND else made.side
    sent = replace(request(f"{leg}", side=side), instrument=made.instrument, account=made.account, leg=leg)
    order = tracked(replace(sent, price=made.price), OrderStatus.EXPIRED, 0, purpose)
    order.order = replace(order.order, filled=Decimal(filled))
    order.value, order.fees = Decimal(filled) * made.price, {asset: Decimal(fee)}
    return order


def surplus(plan: Plan, orders: list[Tracked], leg: int, instruments: dict[InstrumentId, Instrument]) -> Decimal:
    return holding(plan, orders, instruments).surplus(traded(plan, orders), leg)


def test_a_fee_in_what_was_bought_is_neither_traded_back_nor_a_residual() -> None:
    buy, sell = PAIR.legs
    orders = [came(0, buy, "4", "0.1"), came(1, sell, "1")]
    assert seen(surplus(PAIR, orders, 0, INSTRUMENTS)) == (Decimal("2.9"),)
    assert residuals(PAIR, orders, INSTRUMENTS) == (Money(Decimal("2.9"), X),)
    orders.append(came(0, buy, "2.9", "0.3", Y, Purpose.UNWIND))
    assert seen(surplus(PAIR, orders, 0, INSTRUMENTS)) == (0,)
    assert residuals(PAIR, orders, INSTRUMENTS) == ()


def test_fees_in_other_assets_and_of_sales_change_nothing() -> None:
    buy, sell = PAIR.legs
    assert surplus(PAIR, [came(0, buy, "4", "3", Y), came(1, sell, "1")], 0, INSTRUMENTS) == 3
    assert surplus(PAIR, [came(0, buy, "1"), came(1, sell, "4", "3")], 1, INSTRUMENTS) == 3


def test_a_derivative_delivers_nothing_that_a_fee_could_be_taken_of() -> None:
    buy, sell = PAIR.legs
    listed = {name: replace(each, kind=Kind.LINEAR) for name, each in INSTRUMENTS.items()}
    orders = [came(0, buy, "4", "0.1"), came(1, sell, "1")]
    assert surplus(PAIR, orders, 0, listed) == 3
    assert holding(PAIR, orders, listed).supply(1) is None


def test_a_sale_is_limited_by_what_another_leg_bought_for_the_same_account_only() -> None:
    buy, sell = PAIR.legs
    same = replace(PAIR, legs=(buy, replace(sell, instrument=buy.instrument, account=buy.account)))
    orders = [came(0, buy, "4", "0.1"), came(1, same.legs[1], "1")]
    assert holding(same, orders, INSTRUMENTS).supply(1) == Decimal("2.9")
    assert holding(same, orders, INSTRUMENTS).supply(0) is None
    assert holding(PAIR, [came(0, buy, "4", "0.1")], INSTRUMENTS).supply(1) is None, "another account has its own"


def test_a_derivative_is_sold_without_what_was_bought() -> None:
    buy, sell = PAIR.legs
    basis = replace(PAIR, legs=(buy, replace(sell, account=buy.account)))
    listed = INSTRUMENTS | {sell.instrument: replace(INSTRUMENTS[sell.instrument], kind=Kind.LINEAR)}
    assert holding(basis, [came(0, buy, "4", "0.1")], INSTRUMENTS).supply(1) == Decimal("3.9"), "spot needs it"
    assert holding(basis, [came(0, buy, "4", "0.1")], listed).supply(1) is None


def test_what_an_open_sale_may_yet_take_is_not_there_for_another() -> None:
    buy, sell = PAIR.legs
    same = replace(PAIR, legs=(buy, replace(sell, instrument=buy.instrument, account=buy.account)))
    selling = came(1, same.legs[1], "1")
    selling.order = replace(selling.order, status=OrderStatus.WORKING)
    selling.order = replace(selling.order, request=replace(selling.order.request, quantity=Decimal(3)))
    assert holding(same, [came(0, buy, "4", "0.1"), selling], INSTRUMENTS).supply(1) == Decimal("0.9")


def round_trip() -> tuple[Plan, dict[InstrumentId, Instrument]]:
    """Y buys X, X buys Z, Z is sold for Y: one account, each leg after the one before."""
    base, template = INSTRUMENTS[PAIR.legs[0].instrument], PAIR.legs[0]
    listed: dict[InstrumentId, Instrument] = {}
    legs = []
    for index, (name, of, paid, side, price) in enumerate(
        (("XY", X, Y, Side.BUY, 100), ("ZX", Z, X, Side.BUY, 2), ("ZY", Z, Y, Side.SELL, 200))
    ):
        instrument = InstrumentId(f"{VENUE}:{name}")
        listed[instrument] = replace(base, instrument=instrument, base=of, quote=paid)
        follows = index - 1 if index else None
        made = replace(template, instrument=instrument, side=side, price=Decimal(price), follows=follows)
        legs.append(replace(made, account=account_of(VENUE), quantity=Decimal(4 if index == 0 else 2)))
    return replace(PAIR, legs=tuple(legs)), listed


def test_what_another_leg_was_paid_with_is_not_there_any_more() -> None:
    plan, listed = round_trip()
    orders = [came(0, plan.legs[0], "4", "0.04"), came(1, plan.legs[1], "1.99", "0.02", Z)]
    assert surplus(plan, orders, 0, listed) == 0, "4 less the fee, less what bought Z"
    orders[1] = came(1, plan.legs[1], "1", "0.01", Z)
    back = came(1, plan.legs[1], "0.99", "0.05", X, Purpose.UNWIND)
    back.value = Decimal("1.9")
    here: Holding = holding(plan, [*orders, back], listed)
    assert here.supply(2) == 0
    assert seen(here.surplus(traded(plan, [*orders, back]), 0)) == (Decimal("3.81"),), "worse prices, another fee"
