"""Legs paid with what the leg before them brings: what has to be there beforehand, on both sides of the limit."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.ids import AccountId, Asset, ClientOrderId
from integrated_trading_system.domain.money import Money, use_money_context
from integrated_trading_system.domain.order import OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.risk.codes import Code
from tests.support.risk_rig import RiskRig
from tests.support.trading import ACCOUNT, START, balances, fill_of, finished, instrument, leg, order, plan

BUY, SELL = Side.BUY, Side.SELL
ETH = Asset("ETH")
FINE = Decimal("0.00000001")
BTC_USDT = instrument(lot=FINE)
ETH_USDT = instrument(symbol="ETHUSDT", base=ETH, lot=FINE)
ETH_BTC = instrument(symbol="ETHBTC", base=ETH, quote=Asset("BTC"), settle=Asset("BTC"), lot=FINE)
ALL = (BTC_USDT, ETH_USDT, ETH_BTC)
FEES = {ACCOUNT: Decimal("0.001")}


def rig_of(*, fees: Mapping[AccountId, Decimal] = FEES, **free: str) -> RiskRig:
    """Everything is quoted at 100, and a BTC is worth 100 USDT: prices do not matter to what is paid with what."""
    rig = RiskRig(instruments=ALL, fees=fees, rates={"BTC": "1"}, order_notional_max="100000")
    rig.tell(balances(BTC_USDT.instrument, free))
    return rig


def first(quantity: str = "1", **changes: Any) -> Leg:
    """BTC for USDT: brings 0.999 of what it is for."""
    return leg(BTC_USDT.instrument, BUY, quantity, "100", **changes)


def second(quantity: str, worst: str = "100", **changes: Any) -> Leg:
    """ETH for BTC, as the first fills."""
    return leg(ETH_BTC.instrument, BUY, quantity, "99.99", **{"worst_price": Decimal(worst), "follows": 0} | changes)


def asked(second_leg: Leg, *others: Leg, **free: str) -> str:
    rig = rig_of()
    rig.tell(balances(BTC_USDT.instrument, {"USDT": "100"} | free))
    return rig.ask(plan(first(), second_leg, *others))


def test_a_follower_is_paid_with_what_its_leader_brings_after_the_fee() -> None:
    assert asked(second("0.00999")) == "approved"
    assert asked(second("0.00999001")) == Code.BALANCE


def test_what_the_leader_does_not_bring_has_to_be_there() -> None:
    assert asked(second("0.01"), BTC="0.001") == "approved"
    assert asked(second("0.01"), BTC="0.00099999") == Code.BALANCE


def test_a_follower_is_reckoned_at_the_worst_price_at_which_it_may_trade() -> None:
    assert asked(second("0.0099", worst="100.90")) == "approved"
    assert asked(second("0.0099", worst="100.91")) == Code.BALANCE


def test_the_first_leg_of_a_round_trip_is_not_paid_with_what_the_last_one_brings() -> None:
    rig = rig_of(USDT="99.99")
    back = leg(ETH_USDT.instrument, SELL, "0.0099", "100", follows=1)
    assert rig.ask(plan(first(), second("0.0099"), back)) == Code.BALANCE


def test_a_round_trip_needs_only_what_it_begins_with() -> None:
    back = leg(ETH_USDT.instrument, SELL, "0.00989", "100", follows=1)
    more = leg(ETH_USDT.instrument, SELL, "0.0099", "100", follows=1)
    assert asked(second("0.0099"), back) == "approved"
    assert asked(second("0.0099"), more) == Code.BALANCE


def test_a_sale_brings_what_it_comes_to_at_its_worst_price() -> None:
    sale = leg(ETH_USDT.instrument, SELL, "1", "100", worst_price=Decimal(99))
    for quantity, found in (("0.98901", "approved"), ("0.98902", Code.BALANCE)):
        spending = leg(BTC_USDT.instrument, BUY, quantity, "99", worst_price=Decimal(100), follows=0)
        assert rig_of(ETH="1").ask(plan(sale, spending)) == found


def test_a_sale_at_the_market_brings_nobody_knows_what() -> None:
    sale = leg(ETH_USDT.instrument, SELL, "1", "99.99", order_type=OrderType.MARKET)
    spending = leg(BTC_USDT.instrument, BUY, "0.1", "100", follows=0)
    assert rig_of(ETH="1").ask(plan(sale, spending)) == Code.BALANCE


def test_two_followers_share_what_their_leader_brings() -> None:
    assert asked(second("0.005"), second("0.00499")) == "approved"
    assert asked(second("0.005"), second("0.00499001")) == Code.BALANCE


def test_legs_that_leave_at_once_need_all_of_it() -> None:
    assert asked(second("0.00999", follows=None)) == Code.BALANCE


def test_another_account_pays_for_nothing_here() -> None:
    elsewhere = second("0.00999", account=AccountId("other"))
    rig = rig_of(USDT="100")
    rig.tell(replace(balances(BTC_USDT.instrument), account=AccountId("other")))
    assert rig.ask(plan(first(), elsewhere)) == Code.BALANCE


def test_where_the_fee_is_not_known_a_leader_brings_nothing() -> None:
    assert rig_of(fees={}, USDT="100").ask(plan(first(), second("0.00999"))) == Code.BALANCE


def test_what_a_leader_brought_is_not_spent_by_another_plan_before_its_follower() -> None:
    rig = rig_of(USDT="100", BTC="0.1")
    chain = plan(first(), second("0.00999"))
    assert rig.ask(chain) == "approved"
    paid = Money(Decimal("0.001"), Asset("BTC"))
    rig.tell(
        fill_of(order(chain, 0, ClientOrderId("c"), OrderStatus.FILLED), "1", fee=paid, venue_time=Nanos(START + 1))
    )
    sale = leg(BTC_USDT.instrument, SELL, "0.10000001", "99.99")
    assert rig.ask(plan(sale, name="p-2")) == Code.BALANCE
    assert rig.ask(plan(leg(BTC_USDT.instrument, SELL, "0.1", "99.99"), name="p-3")) == "approved"
    rig.tell(finished(chain))
    assert rig.ask(plan(leg(BTC_USDT.instrument, SELL, "0.999", "99.99"), name="p-4")) == "approved"


amounts = st.integers(1, 400).map(lambda units: Decimal(units) / 100)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=5), amounts, st.integers(1, 100), st.data())
def test_whatever_is_approved_can_be_paid_at_every_moment(
    wanted: list[tuple[Decimal, Decimal]], held: Decimal, percent: int, draw: st.DataObject
) -> None:
    """BTC is bought and spent: leaders fill in part, then their followers for the same share; it never lacks."""
    use_money_context()
    rig = rig_of(USDT="100000", BTC=str(held))
    there, plans = held, list[Plan]()
    for number, (bought, spent) in enumerate(wanted):
        chain = plan(first(str(bought)), second(str(spent / 100)), name=f"p-{number}")
        if rig.ask(chain) == "approved":
            plans.append(chain)
    for chain in draw.draw(st.permutations(plans)):
        there += chain.legs[0].quantity * percent / 100 * Decimal("0.999")
        there -= chain.legs[1].quantity * 100 * percent / 100
        assert there >= 0


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.GTC])
def test_a_leader_may_rest_or_not(time_in_force: TimeInForce) -> None:
    rig = rig_of(USDT="100")
    assert rig.ask(plan(first(time_in_force=time_in_force), second("0.00999"))) == "approved"
