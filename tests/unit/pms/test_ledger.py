"""What fills do to positions, purses and fees."""

from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.execution import Liquidity
from integrated_trading_system.domain.ids import AccountId, Asset, TradeId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.order import Side
from integrated_trading_system.pms.ledger import FUNDED_MAX, LATE_MAX, Holding, Ledger, Purse, worth
from tests.support.pms_orders import ACCOUNT, VENUE, fill, funding, instrument
from tests.support.seen import seen

SPOT, LINEAR = instrument(), instrument(Kind.LINEAR, "BTCUSDT-P", "0.01")
INVERSE = instrument(Kind.INVERSE, "BTCUSD", "100", quote="USD")


def purse(asset: str) -> Purse:
    return Purse(VENUE, ACCOUNT, Asset(asset))


def test_a_spot_buy_moves_both_balances_and_the_fee() -> None:
    ledger = Ledger()
    holding = ledger.book(fill(SPOT, Side.BUY, "2", "100", fee="0.002", fee_asset="BTC"), SPOT)
    assert ledger.flows == {purse("BTC"): Decimal("1.998"), purse("USDT"): Decimal(-200)}
    assert seen(holding.quantity, holding.average_price) == (2, 100)
    assert ledger.fees.amounts() == holding.fees == {"BTC": Decimal("0.002")}
    assert ledger.flow(purse("XRP")) == 0


def test_closing_realises_against_the_average_cost() -> None:
    ledger = Ledger()
    ledger.book(fill(SPOT, Side.BUY, "1", "100"), SPOT)
    ledger.book(fill(SPOT, Side.BUY, "1", "110"), SPOT)
    holding = ledger.book(fill(SPOT, Side.SELL, "1", "120"), SPOT)
    assert seen(holding.realised, holding.quantity, holding.average_price) == (15, 1, 105)
    assert holding.unrealised(Decimal(100)) == -5


def test_trading_through_zero_closes_all_and_opens_the_rest() -> None:
    ledger = Ledger()
    ledger.book(fill(LINEAR, Side.BUY, "3", "100"), LINEAR)
    holding = ledger.book(fill(LINEAR, Side.SELL, "5", "110"), LINEAR)
    assert holding.realised == Decimal("0.3")
    assert seen(holding.quantity, holding.average_price) == (-2, 110)
    assert holding.unrealised(Decimal(100)) == Decimal("0.2")


def test_a_fill_that_comes_late_counts_in_the_place_in_which_it_happened() -> None:
    fills = [
        fill(LINEAR, Side.BUY, "1", "100", trade="1", at=1),
        fill(LINEAR, Side.SELL, "2", "110", trade="2", at=2),
        fill(LINEAR, Side.BUY, "1", "90", trade="3", at=3),
    ]
    for order in permutations(fills):
        ledger = Ledger()
        for each in order:
            ledger.book(each, LINEAR)
        (holding,) = ledger
        assert seen(holding.quantity, holding.cost) == (0, 0)
        assert ledger.flows == {purse("USDT"): Decimal("0.3")}, "closed at 110 and at 90, not at any other pair"


def test_a_venues_clock_that_steps_back_changes_nothing_where_its_fills_are_numbered() -> None:
    fills = [
        fill(LINEAR, Side.BUY, "1", "100", trade="9", at=30),
        fill(LINEAR, Side.SELL, "2", "110", trade="10", at=20),
        fill(LINEAR, Side.BUY, "1", "90", trade="11", at=10),
    ]
    counted = [replace(each, trade_id=TradeId(f"x{each.trade_id}"), sequence=int(each.trade_id)) for each in fills]
    for order in (*permutations(fills), *permutations(counted)):
        ledger = Ledger()
        for each in order:
            ledger.book(each, LINEAR)
        assert ledger.flows == {purse("USDT"): Decimal("0.3")}


def test_fills_that_share_a_number_count_from_the_best_price() -> None:
    sold = [fill(LINEAR, Side.SELL, "1", price, trade=f"x{price}") for price in ("110", "120")]
    opened = replace(fill(LINEAR, Side.BUY, "1", "100", trade="a"), sequence=6)
    for order in permutations([opened, *(replace(each, sequence=7) for each in sold)]):
        ledger = Ledger()
        for each in order:
            ledger.book(each, LINEAR)
        assert ledger.flows == {purse("USDT"): Decimal("0.2")}, "closed at the better of the two"


def test_fills_that_are_not_numbered_count_from_the_best_price_of_whoever_took_them() -> None:
    def booked(*prices: str, side: Side, liquidity: Liquidity) -> Decimal:
        ledger = Ledger()
        ledger.book(fill(LINEAR, side.opposite, "1", "100", trade="a"), LINEAR)
        for price in prices:
            ledger.book(fill(LINEAR, side, "1", price, trade=f"x{price}", at=2, liquidity=liquidity), LINEAR)
        (holding,) = ledger
        return holding.realised

    for liquidity, side, gain in (
        (Liquidity.TAKER, Side.SELL, "0.2"),
        (Liquidity.MAKER, Side.SELL, "0.1"),
        (Liquidity.TAKER, Side.BUY, "-0.1"),
    ):
        for prices in (("110", "120"), ("120", "110")):
            assert booked(*prices, side=side, liquidity=liquidity) == Decimal(gain), (liquidity, side, prices)


def test_only_so_many_fills_are_kept_for_those_that_come_late() -> None:
    ledger = Ledger()
    for number in range(LATE_MAX + 5):
        ledger.book(fill(LINEAR, Side.BUY, "1", "100", trade=str(number), at=number + 10), LINEAR)
    (holding,) = ledger
    ledger.book(fill(LINEAR, Side.SELL, "5", "120", trade="x", at=1), LINEAR)
    assert holding.quantity == LATE_MAX
    assert holding.realised == 1, "five that had been settled were closed by it"


def test_a_derivative_moves_only_profit_and_fees() -> None:
    ledger = Ledger()
    ledger.book(fill(LINEAR, Side.SELL, "100", "100", fee="0.05"), LINEAR)
    assert ledger.flows == {purse("USDT"): Decimal("-0.05")}
    ledger.book(fill(LINEAR, Side.BUY, "100", "90", fee="-0.01"), LINEAR)
    assert ledger.flows == {purse("USDT"): 10 - Decimal("0.04")}
    assert ledger.fees.amounts() == {"USDT": Decimal("0.04")}


def test_an_inverse_contract_pays_in_base() -> None:
    ledger = Ledger()
    ledger.book(fill(INVERSE, Side.BUY, "10", "50000", fee_asset="BTC"), INVERSE)
    holding = ledger.book(fill(INVERSE, Side.SELL, "10", "62500", fee_asset="BTC"), INVERSE)
    gain = 10 * 100 * (Decimal(1) / 50000 - Decimal(1) / 62500)
    assert holding.realised == ledger.flow(purse("BTC")) == gain == Decimal("0.004")
    assert holding.profit_asset == "BTC"


def test_an_inverse_short_gains_when_the_price_falls() -> None:
    holding = Holding(INVERSE, ACCOUNT)
    holding.trade(Decimal(-10), Decimal(50000))
    assert holding.average_price == 50000
    assert holding.unrealised(Decimal(40000)) == Decimal("0.005")
    assert holding.trade(Decimal(4), Decimal(40000)) == Decimal("0.002")


def test_a_flat_position_has_no_price() -> None:
    ledger = Ledger()
    ledger.book(fill(SPOT, Side.BUY, "1", "100"), SPOT)
    position = ledger.book(fill(SPOT, Side.SELL, "1", "101"), SPOT).position()
    assert seen(position.quantity, position.average_price, position.realised) == (0, 0, 1)


def test_every_account_has_its_own_position() -> None:
    ledger = Ledger()
    ledger.book(fill(SPOT, Side.BUY, "1", "100"), SPOT)
    ledger.book(fill(SPOT, Side.BUY, "2", "90", account=AccountId("other")), SPOT)
    assert [holding.quantity for holding in ledger] == [1, 2]
    assert ledger.by_asset() == {"BTC": 3, "USDT": -280}
    assert ledger.fills == 2


@pytest.mark.parametrize(("quantity", "price", "value"), [("3", "70000", "0.00428571"), ("1", "3", "33.33333333")])
def test_the_worth_of_an_inverse_contract_has_eight_decimals(quantity: str, price: str, value: str) -> None:
    assert worth(INVERSE, Decimal(price), Decimal(quantity)) == Decimal(value)


def test_funding_moves_a_purse_once_and_no_position() -> None:
    ledger = Ledger()
    assert ledger.fund(funding("-0.5", "a", of=LINEAR))
    assert not ledger.fund(funding("-0.5", "a", of=LINEAR))
    assert ledger.flow(purse("USDT")) == ledger.funding[Asset("USDT")] == Decimal("-0.5")
    assert list(ledger) == []


def test_so_many_payments_are_remembered_and_no_more() -> None:
    ledger = Ledger()
    for number in range(FUNDED_MAX + 1):
        ledger.fund(funding("1", str(number)))
    assert not ledger.fund(funding("1", "1"))
    assert ledger.fund(funding("1", "0")), "forgotten"


def test_profit_by_lots_and_by_average_differ_until_the_position_is_flat() -> None:
    ledger = Ledger()
    ledger.book(fill(LINEAR, Side.BUY, "1", "100", trade="1"), LINEAR)
    ledger.book(fill(LINEAR, Side.BUY, "1", "120", trade="2"), LINEAR)
    holding = ledger.book(fill(LINEAR, Side.SELL, "1", "130", trade="3"), LINEAR)
    assert seen(holding.realised, holding.realised_fifo) == (Decimal("0.2"), Decimal("0.3"))
    assert holding.position().realised_fifo == Decimal("0.3")
    holding = ledger.book(fill(LINEAR, Side.SELL, "1", "130", trade="4"), LINEAR)
    assert holding.realised == holding.realised_fifo == Decimal("0.4")
    assert ledger.find(LINEAR.instrument, ACCOUNT) is holding


def test_a_late_fill_takes_its_place_among_the_lots() -> None:
    fills = [fill(LINEAR, Side.BUY, "1", price, trade=price, at=at) for at, price in ((1, "100"), (2, "120"))]
    sold = fill(LINEAR, Side.SELL, "1", "130", trade="3", at=3)
    for order in permutations([*fills, sold]):
        ledger = Ledger()
        for each in order:
            ledger.book(each, LINEAR)
        (holding,) = ledger
        assert holding.realised_fifo == Decimal("0.3")
        assert [lot.opened_at for lot in holding.lots] == [2]
