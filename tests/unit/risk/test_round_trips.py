"""Round trips: what one leg brings and another is paid with is held no more, whatever the two are worth."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.ids import Asset, ClientOrderId, PlanId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.risk.past import Past
from tests.support.risk_rig import RiskRig
from tests.support.seen import seen
from tests.support.trading import fill, fill_of, instrument, leg, order, plan

BTC, ETH, EUR = Asset("BTC"), Asset("ETH"), Asset("EUR")
BTCUSDT = instrument()
ETHBTC = instrument(symbol="ETHBTC", base=ETH, quote=BTC, settle=BTC)
ETHUSDT = instrument(symbol="ETHUSDT", base=ETH)
ALL = (BTCUSDT, ETHBTC, ETHUSDT)
PRICES = {BTCUSDT.instrument: 60_000, ETHBTC.instrument: 0.05, ETHUSDT.instrument: 3_000}
TRIP = plan(
    leg(BTCUSDT.instrument, Side.BUY, "0.1", "60000"),
    leg(ETHBTC.instrument, Side.BUY, "2", "0.05", follows=0),
    leg(ETHUSDT.instrument, Side.SELL, "2", "3000", follows=1),
)
LIMITS = ("order", "position", "asset", "venue", "strategy")
WIDE: dict[str, Any] = {f"{what}_notional_max": 10**9 for what in LIMITS} | {
    "exposure_max": 10**9,
    "rates": {"BTC": 65_000},
    "quote_age_ms_max": 1e9,
    "unhedged_floor": 10,
}
"""The stated rate is not the price of the book, as it may be."""


def rig_with(*listed: Instrument, of: Plan = TRIP, past: Past | None = None) -> RiskRig:
    rig = RiskRig(instruments=listed or ALL, past=past, fees={of.legs[0].account: Decimal(0)}, **WIDE)
    for name, price in PRICES.items():
        rig.quote(name, price, price)
    if past is None:
        assert rig.ask(of) == "approved"
    return rig


def trade(rig: RiskRig, index: int, quantity: str, fee: Money | None = None, of: Plan = TRIP) -> Decimal:
    """What is out of balance afterwards."""
    sent = order(of, index, f"o-{index}-{quantity}", OrderStatus.WORKING)
    made = fill_of(sent, quantity)
    rig.tell(sent, made if fee is None else replace(made, fee=fee))
    return rig.view.unhedged[TRIP.strategy]


def test_each_leg_stands_alone_until_the_next_one_passes_it_on() -> None:
    rig = rig_with()
    found = [trade(rig, 0, "0.1"), trade(rig, 1, "2"), trade(rig, 2, "2")]
    assert seen(*found) == (6_000, 6_000, 0)


def test_short_of_one_asset_does_not_make_up_for_long_of_another() -> None:
    assert trade(rig_with(), 1, "2") == 6_000
    assert trade(rig_with(), 2, "1") == 3_000


def test_a_fee_in_what_was_bought_is_held_no_more() -> None:
    rig = rig_with()
    trade(rig, 0, "0.1", Money(Decimal("0.001"), BTC))
    trade(rig, 1, "1.98", Money(Decimal("0.02"), ETH))
    assert trade(rig, 2, "1.96") == 0


def test_fees_in_what_is_not_traded_do_not_count() -> None:
    rig = rig_with()
    trade(rig, 0, "0.1", Money(Decimal(100), Asset("BNB")))
    trade(rig, 1, "2", Money(Decimal(100), Asset("USDT")))
    assert trade(rig, 2, "2") == 0


def test_the_other_way_round_counts_the_same() -> None:
    back = plan(
        leg(ETHUSDT.instrument, Side.BUY, "2", "3000"),
        leg(ETHBTC.instrument, Side.SELL, "2", "0.05", follows=0),
        leg(BTCUSDT.instrument, Side.SELL, "0.1", "60000", follows=1),
    )
    rig = rig_with(of=back)
    found = [trade(rig, 0, "2", of=back), trade(rig, 1, "2", of=back), trade(rig, 2, "0.1", of=back)]
    assert seen(*found) == (6_000, 6_000, 0)


def test_what_is_only_ever_paid_with_is_cash() -> None:
    """Bitcoin with a stated rate, and no leg that trades it: a pair in ether is balanced."""
    pair = plan(leg(ETHBTC.instrument, Side.BUY, "2", "0.05"), leg(ETHUSDT.instrument, Side.SELL, "2", "3000"))
    rig = rig_with(of=pair)
    trade(rig, 0, "2", of=pair)
    assert trade(rig, 1, "2", of=pair) == abs(2 * (Decimal("0.05") * 65_000 - 3_000))


def test_what_is_reckoned_in_is_never_out_of_balance() -> None:
    euro = instrument(symbol="BTCEUR", quote=EUR, settle=EUR)
    dollar = instrument(symbol="USDTEUR", base=Asset("USDT"), quote=EUR, settle=EUR)
    trip = plan(
        leg(BTCUSDT.instrument, Side.BUY, "0.1", "60000"),
        leg(euro.instrument, Side.SELL, "0.1", "50000", follows=0),
        leg(dollar.instrument, Side.BUY, "6000", "0.8", follows=1),
    )
    rig = RiskRig(instruments=(BTCUSDT, euro, dollar), **(WIDE | {"rates": {"EUR": "1.2"}}))
    for listed, price in ((BTCUSDT, 60_000), (euro, 50_000), (dollar, 0.8)):
        rig.quote(listed.instrument, price, price)
    rig.tell(trip)
    found = [trade(rig, 0, "0.1", of=trip), trade(rig, 1, "0.1", of=trip), trade(rig, 2, "6000", of=trip)]
    assert seen(*found) == (6_000, 0, 0)


def test_an_asset_that_nobody_sells_for_cash_is_worth_what_it_brings_by_way_of_others() -> None:
    sol = Asset("SOL")
    soleth = instrument(symbol="SOLETH", base=sol, quote=ETH, settle=ETH)
    solusdt = instrument(symbol="SOLUSDT", base=sol)
    trip = plan(
        leg(BTCUSDT.instrument, Side.BUY, "0.1", "60000"),
        leg(ETHBTC.instrument, Side.BUY, "2", "0.05", follows=0),
        leg(soleth.instrument, Side.BUY, "40", "0.05", follows=1),
        leg(solusdt.instrument, Side.SELL, "40", "150", follows=2),
        hedge_orders_max=4,
    )
    rig = RiskRig(instruments=(BTCUSDT, ETHBTC, soleth, solusdt), **(WIDE | {"rates": {"BTC": 65_000, "ETH": 1}}))
    for listed, price in ((BTCUSDT, 60_000), (ETHBTC, 0.05), (soleth, 0.05), (solusdt, 150)):
        rig.quote(listed.instrument, price, price)
    rig.tell(trip)
    traded = [trade(rig, index, str(made.quantity), of=trip) for index, made in enumerate(trip.legs)]
    assert seen(*traded) == (6_000, 6_000, 6_000, 0)


def test_after_a_restart_the_rest_of_a_round_trip_balances_what_was_traded_before() -> None:
    before = fill(BTCUSDT.instrument, Side.BUY, "0.1", "60000", client_order_id=ClientOrderId("old"))
    past = Past(
        fills=[before],
        owners={ClientOrderId("old"): TRIP.strategy},
        in_flight=[TRIP],
        traded={PlanId(TRIP.plan_id): [Decimal("0.1"), Decimal(0), Decimal(0)]},
    )
    rig = rig_with(past=past)
    rig.run(SECOND)
    assert rig.view.unhedged == {"arb": Decimal(6_000)}
    trade(rig, 1, "2")
    assert trade(rig, 2, "2") == 0


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40), st.integers(1, 200)), max_size=12),
    st.integers(1, 100),
    st.integers(1, 200),
)
def test_whatever_was_traded_in_whatever_order_a_way_back_at_any_price_balances_it(
    done: list[tuple[int, int, int]], ether: int, bitcoin: int
) -> None:
    rig = rig_with()
    held = {BTC: Decimal(0), ETH: Decimal(0)}
    steps = [(index, Decimal(lots) / 1000, Decimal(price) / 100) for index, lots, price in done]

    def deal(number: int, index: int, quantity: Decimal, price: Decimal) -> None:
        listed, side = ALL[index], Side.BUY if quantity > 0 else Side.SELL
        sent = order(TRIP, index, f"n-{number}", OrderStatus.WORKING, undo=side is not TRIP.legs[index].side)
        rig.tell(sent, replace(fill_of(sent, abs(quantity)), price=price))
        held[listed.base] += quantity
        if listed.quote in held:
            held[listed.quote] -= quantity * price

    for number, (index, quantity, price) in enumerate(steps):
        deal(number, index, quantity * TRIP.legs[index].side.sign, price)
    ways = ((ETHUSDT, ETH, ether), (BTCUSDT, BTC, bitcoin))
    for number, (listed, asset, last) in enumerate(ways, len(steps)):
        if held[asset]:
            deal(number, ALL.index(listed), -held[asset], Decimal(last))
    rig.run(SECOND)
    assert rig.view.unhedged[TRIP.strategy] == 0
