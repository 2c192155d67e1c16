"""The walk over two books against the slowest possible one: a lot at a time, in fractions."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import round_down, use_money_context
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.strategies.arbitrage.conversion import Unit
from integrated_trading_system.strategies.arbitrage.sizing import Costs, common_lot, ladder, matched, priced
from tests.support.trading import instrument

bps = st.integers(0, 60).map(lambda value: Decimal(value) / 10_000)
sizes = st.integers(1, 30).map(lambda value: value / 10)
signed_bps = st.integers(-20, 20).map(lambda value: Decimal(value) / 10_000)
costs = st.builds(Costs, buy_fee=bps, sell_fee=bps, decay=bps, edge_min=bps, funding=signed_bps, conversion=bps)
rates = st.sampled_from([Decimal(1), Decimal("0.9995"), Decimal("1.002")])


@st.composite
def books(draw: st.DrawFn, side: Side, best: int) -> list[tuple[float, float]]:
    """Levels in cents, getting worse."""
    steps = draw(st.lists(st.tuples(st.integers(1, 40), sizes), min_size=1, max_size=6))
    levels, price = [], best
    for step, size in steps:
        levels.append((price / 100, size))
        price += step if side is Side.BUY else -step
    return levels


def units(levels: list[tuple[float, float]], rate: Decimal) -> list[tuple[Fraction, Fraction]]:
    """(value, price) of each tenth of a base unit, best first."""
    return [
        (Fraction(Decimal(repr(price)) * rate), Fraction(Decimal(repr(price))))
        for price, size in levels
        for _ in range(round(size * 10))
    ]


@given(
    st.integers(9_950, 10_050).flatmap(lambda best: books(Side.BUY, best)),
    st.integers(10_000, 10_200).flatmap(lambda best: books(Side.SELL, best)),
    costs,
    rates,
    rates,
)
def test_size_and_edge_are_those_of_taking_one_unit_after_the_other(
    asks: list[tuple[float, float]],
    bids: list[tuple[float, float]],
    costs: Costs,
    buy_rate: Decimal,
    sell_rate: Decimal,
) -> None:
    use_money_context()
    lot = Decimal("0.1")
    buy_unit = Unit(instrument("a:spot", lot=lot), Decimal(1), buy_rate)
    sell_unit = Unit(instrument("b:spot", lot=lot), Decimal(1), sell_rate)
    buys = ladder(top(buy_unit, ask=asks[0]), Side.BUY, asks, buy_unit)
    sells = ladder(top(sell_unit, bid=bids[0]), Side.SELL, bids, sell_unit)
    taken = []
    buy_fee, sell_fee = Fraction(costs.buy_fee), Fraction(costs.sell_fee)
    wanted = Fraction(costs.edge_min + costs.decay + costs.funding + costs.conversion)
    for bought, sold in zip(units(asks, buy_rate), units(bids, sell_rate), strict=False):
        if sold[0] * (1 - sell_fee) - bought[0] * (1 + buy_fee) < wanted * bought[0]:
            break
        taken.append((bought, sold))
    quantity = matched(buys, sells, costs)
    assert quantity == Decimal(len(taken)) / 10
    if not taken:
        return
    result = priced(buys, sells, quantity, costs)
    paid = sum(bought[0] for bought, _ in taken) / 10
    received = sum(sold[0] for _, sold in taken) / 10
    fees = paid * buy_fee + received * sell_fee
    assert Fraction(result.gross - result.slippage) == received - paid
    assert Fraction(result.fees) == fees
    other = Fraction(costs.decay + costs.funding + costs.conversion)
    assert Fraction(result.edge) == received - paid - fees - paid * other
    parts = result.fees + result.slippage + result.decay + result.funding + result.conversion
    assert result.edge == result.gross - parts, "the split is exact"
    assert Fraction(result.buy_limit) == max(bought[1] for bought, _ in taken)
    assert Fraction(result.sell_limit) == min(sold[1] for _, sold in taken)
    assert result.slippage >= 0
    assert Decimal(result.edge_bps) >= costs.edge_min * 10_000 - Decimal("0.000001")


def top(unit: Unit, bid: tuple[float, float] = (0.01, 1.0), ask: tuple[float, float] = (999.0, 1.0)) -> Quote:
    return Quote(unit.instrument.instrument, bid[0], bid[1], ask[0], ask[1], 1, Nanos(0), Nanos(0))


lots = st.sampled_from([Decimal(text) for text in ("0", "0.001", "0.004", "0.06", "1", "5", "10", "2.5", "1E+2")])
multipliers = st.sampled_from([Decimal(text) for text in ("1", "0.01", "1000")])


@given(lots, lots, multipliers, multipliers, st.integers(1, 10**7))
def test_a_common_lot_is_the_smallest_whole_number_of_both(
    first: Decimal, second: Decimal, one: Decimal, two: Decimal, thousandths: int
) -> None:
    use_money_context()
    units = (Unit(instrument(lot=first), one, Decimal(1)), Unit(instrument("b:spot", lot=second), two, Decimal(1)))
    lot = common_lot(*units)
    steps = [step for step in (first * one, second * two) if step]
    if not steps:
        assert lot == 0
        return
    assert all(lot % step == 0 for step in steps)
    smaller = (min(steps) * count for count in range(1, 200))
    assert not any(all(size % step == 0 for step in steps) for size in smaller if size < lot)
    rounded = round_down(Decimal(thousandths) / 1000, lot)
    for unit in units:
        quantity = rounded / unit.base
        assert unit.instrument.round_quantity(quantity) == quantity
