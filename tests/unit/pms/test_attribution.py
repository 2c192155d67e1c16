"""To whom the profit belongs: small cases worked out by hand; that all parts add up is a property test."""

from decimal import Decimal

import pytest

from integrated_trading_system.domain.ids import Asset, ClientOrderId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.order import Side
from integrated_trading_system.pms.attribution import EARLIER, EXTERNAL, Attribution, Owner, Parts
from integrated_trading_system.pms.ledger import Ledger
from tests.support.pms_orders import fill, instrument

PERPETUAL = instrument(Kind.LINEAR, "BTCUSDT-P")
QUARTERLY = instrument(Kind.LINEAR, "BTCUSDT-Q")
RATES = {Asset("USDT"): Decimal(1), Asset("BTC"): Decimal(120)}


class Rig:
    def __init__(self, kept_max: int = 0) -> None:
        self.ledger, self.parts, self.fills = Ledger(), Parts(kept_max), 0

    def trade(
        self,
        name: str,
        side: Side,
        quantity: str,
        price: str,
        *,
        fee: str = "0",
        fee_asset: str = "USDT",
        of: Instrument = PERPETUAL,
    ) -> None:
        self.fills += 1
        traded = fill(of, side, quantity, price, fee=fee, fee_asset=fee_asset, trade=str(self.fills))
        self.parts.book(name, traded, self.ledger.book(traded, of), Decimal(90))

    def values(self, price: int | None) -> dict[str, Decimal]:
        return self.parts.values(self.ledger, lambda _: None if price is None else Decimal(price), RATES.get)


def test_plans_beyond_the_limit_become_one_that_has_what_they_had() -> None:
    rig = Rig(kept_max=1)
    rig.trade("one", Side.BUY, "1", "100", fee="0.01")
    rig.parts.fund(Asset("USDT"), Decimal(-4), None, "one")
    rig.trade("two", Side.SELL, "3", "110", fee="0.02")
    assert set(rig.parts.names()) == {EARLIER, "two"}
    rig.parts.fund(Asset("USDT"), Decimal(5), None, "two")
    rig.trade("three", Side.BUY, "2", "105")
    one, two = 20 - Decimal("0.01") - 4, -30 - Decimal("0.02") + 5
    assert rig.values(120) == {EARLIER: one + two, "three": 30}


def test_it_has_what_they_had_in_every_instrument_and_need_not_have_traded_all() -> None:
    rig = Rig(kept_max=1)
    rig.trade("one", Side.BUY, "1", "100")
    rig.trade("two", Side.BUY, "1", "105", of=QUARTERLY)
    rig.trade("three", Side.BUY, "1", "110")
    assert rig.values(120) == {EARLIER: 20 + 15, "three": 10}


def test_what_is_nobodys_takes_no_plans_place() -> None:
    rig = Rig(kept_max=1)
    rig.trade(EXTERNAL, Side.BUY, "1", "100")
    rig.trade("one", Side.BUY, "1", "110")
    assert rig.values(120) == {EXTERNAL: 20, "one": 10}


@pytest.mark.parametrize("side", Side)
def test_without_a_price_everyone_holds_a_share_at_cost(side: Side) -> None:
    """Together they paid 105 for each unit, so the one that paid 100 for its half gains what the other loses."""
    rig = Rig()
    rig.trade("cheap", side, "0.5", "100")
    rig.trade("dear", side, "0.5", "110")
    gain = side.sign * Decimal("2.5")
    assert rig.values(None) == {"cheap": gain, "dear": -gain}


def test_a_fee_in_a_third_asset_costs_whoever_paid_it_what_that_is_worth_now() -> None:
    rig = Rig()
    rig.trade("one", Side.BUY, "2", "90", fee="0.01", fee_asset="BTC")
    assert rig.values(100) == {"one": 20 - Decimal("1.2")}


def test_of_too_many_orders_the_oldest_are_nobodys() -> None:
    attribution = Attribution(10, 1, {})
    for number in ("a", "b"):
        attribution.own(ClientOrderId(number), Owner(PlanId(f"plan-{number}"), StrategyId("s")))
    ledger = Ledger()
    for number in ("a", "b"):
        traded = fill(PERPETUAL, Side.BUY, "1", "100", order=number, trade=number)
        attribution.book(traded, ledger.book(traded, PERPETUAL), None)
    assert attribution.by_plan.names() == (EXTERNAL, "plan-b")
