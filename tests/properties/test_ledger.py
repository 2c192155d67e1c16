"""The ledger loses nothing: any fills, in any order, add up to the last decimal."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import use_money_context
from integrated_trading_system.domain.order import Side
from integrated_trading_system.pms.ledger import Ledger, worth
from integrated_trading_system.pms.shares import CENT
from tests.support.pms_orders import fill, instrument

INSTRUMENTS = [
    instrument(),
    instrument(Kind.LINEAR, "BTCUSDT-P", "0.01"),
    instrument(Kind.INVERSE, "BTCUSD", "100", quote="USD"),
]
QUANTITIES = st.integers(1, 10_000).map(lambda thousandths: str(Decimal(thousandths) / 1000))
PRICES = st.integers(1, 10_000_000).map(lambda cents: str(Decimal(cents) / 100))
FEES = st.integers(-1_000, 1_000).map(lambda units: str(Decimal(units) * CENT))
TRADES = st.lists(st.tuples(st.sampled_from(Side), QUANTITIES, PRICES, FEES), min_size=1, max_size=25)


def booked(of: Instrument, trades: list[tuple[Side, str, str, str]]) -> Ledger:
    use_money_context()
    ledger = Ledger()
    for side, quantity, price, fee in trades:
        ledger.book(fill(of, side, quantity, price, fee=fee, fee_asset="BNB"), of)
    return ledger


@given(of=st.sampled_from(INSTRUMENTS), trades=TRADES)
def test_what_was_realised_and_what_is_invested_add_up_to_what_was_paid(
    of: Instrument, trades: list[tuple[Side, str, str, str]]
) -> None:
    (holding,) = booked(of, trades)
    paid = sum(side.sign * worth(of, Decimal(price), Decimal(quantity)) for side, quantity, price, _ in trades)
    invested = holding.cost if holding.quantity > 0 else -holding.cost
    realised = -holding.realised if of.kind is Kind.INVERSE else holding.realised
    assert realised == invested - paid
    assert holding.cost >= 0
    assert (holding.quantity == 0) <= (holding.cost == 0)


@given(of=st.sampled_from(INSTRUMENTS), trades=TRADES)
def test_flows_are_exactly_what_the_fills_moved(of: Instrument, trades: list[tuple[Side, str, str, str]]) -> None:
    ledger = booked(of, trades)
    (holding,) = ledger
    fees = sum(Decimal(fee) for *_, fee in trades)
    assert ledger.by_asset().get("BNB", 0) == -fees  # type: ignore[call-overload]  # a literal asset
    if of.kind is Kind.SPOT:
        assert ledger.by_asset()[of.base] == sum(side.sign * Decimal(quantity) for side, quantity, _, _ in trades)
        assert ledger.by_asset()[of.quote] == -sum(
            side.sign * Decimal(quantity) * Decimal(price) for side, quantity, price, _ in trades
        )
    else:
        assert ledger.by_asset().get(of.settle, 0) == holding.realised


@given(trades=TRADES)
def test_realised_profit_is_that_of_average_cost_worked_out_with_fractions(
    trades: list[tuple[Side, str, str, str]],
) -> None:
    """Within a hundred-millionth per closing, which is what venues round to."""
    held = average = realised = Fraction(0)
    for side, quantity, price, _ in trades:
        signed, at = side.sign * Fraction(quantity), Fraction(price)
        if held * signed >= 0:
            average = (average * held + at * signed) / (held + signed)
        else:
            closed = min(abs(signed), abs(held)) * (1 if held > 0 else -1)
            realised += closed * (at - average)
            average = at if abs(signed) > abs(held) else average
        held += signed
    (holding,) = booked(INSTRUMENTS[0], trades)
    assert abs(Fraction(holding.realised) - realised) <= Fraction(CENT) * len(trades)
    assert Fraction(holding.quantity) == held


@given(of=st.sampled_from(INSTRUMENTS[:2]), trades=TRADES.filter(lambda trades: len(trades) > 1), seed=st.randoms())
def test_the_order_of_fills_changes_when_profit_is_realised_and_not_how_much_there_is(
    of: Instrument, trades: list[tuple[Side, str, str, str]], seed: object
) -> None:
    shuffled = list(trades)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    price = Decimal(500)
    first, second = (booked(of, order) for order in (trades, shuffled))
    worths = [sum(holding.realised + holding.unrealised(price) for holding in ledger) for ledger in (first, second)]
    assert worths[0] == worths[1]


@given(of=st.sampled_from(INSTRUMENTS), trades=TRADES, data=st.data())
def test_the_order_in_which_fills_reach_us_changes_nothing(
    of: Instrument, trades: list[tuple[Side, str, str, str]], data: st.DataObject
) -> None:
    use_money_context()
    fills = [
        fill(of, side, quantity, price, fee=fee, trade=str(number), at=data.draw(st.integers(1, 4), "venue's clock"))
        for number, (side, quantity, price, fee) in enumerate(trades)
    ]
    ledgers = Ledger(), Ledger()
    for ledger, order in zip(ledgers, (fills, data.draw(st.permutations(fills))), strict=True):
        for each in order:
            ledger.book(each, of)
    (expected,), (found,) = ledgers
    assert (found.quantity, found.cost, found.realised) == (expected.quantity, expected.cost, expected.realised)
    assert ledgers[0].flows == ledgers[1].flows or of.kind is not Kind.SPOT
    assert ledgers[0].by_asset().get(of.settle, 0) == ledgers[1].by_asset().get(of.settle, 0)


@given(trades=TRADES)
def test_profit_by_lots_is_that_of_first_in_first_out_worked_out_with_fractions(
    trades: list[tuple[Side, str, str, str]],
) -> None:
    """Within a hundred-millionth per lot that a closing touches."""
    lots: list[tuple[Fraction, Fraction]] = []
    realised = Fraction(0)
    touched = 0
    for side, quantity, price, _ in trades:
        left, at = side.sign * Fraction(quantity), Fraction(price)
        while left and lots and lots[0][0] * left < 0:
            held, entry = lots.pop(0)
            closed = min(abs(left), abs(held)) * (1 if held > 0 else -1)
            realised += closed * (at - entry)
            left += closed
            touched += 1
            if held != closed:
                lots.insert(0, (held - closed, entry))
        if left:
            lots.append((left, at))
    (holding,) = booked(INSTRUMENTS[0], trades)
    assert abs(Fraction(holding.realised_fifo) - realised) <= Fraction(CENT) * 2 * touched
    assert [Fraction(lot.quantity) for lot in holding.lots] == [abs(quantity) for quantity, _ in lots]


@given(of=st.sampled_from(INSTRUMENTS), trades=TRADES)
def test_closed_and_open_lots_together_are_the_same_as_average_cost(
    of: Instrument, trades: list[tuple[Side, str, str, str]]
) -> None:
    (holding,) = booked(of, trades)
    signed = [holding.cost - holding.lots.cost, holding.lots.cost - holding.cost]
    inverse = of.kind is Kind.INVERSE
    assert holding.realised_fifo - holding.realised == signed[(holding.quantity > 0) is not inverse]
    assert holding.lots.quantity == holding.quantity


@given(of=st.sampled_from(INSTRUMENTS), trades=TRADES, price=PRICES)
def test_over_a_cycle_from_flat_to_flat_lots_and_average_realise_the_same(
    of: Instrument, trades: list[tuple[Side, str, str, str]], price: str
) -> None:
    held = sum(side.sign * Decimal(quantity) for side, quantity, _, _ in trades)
    if held:
        trades = [*trades, (Side.SELL if held > 0 else Side.BUY, str(abs(held)), price, "0")]
    (holding,) = booked(of, trades)
    assert holding.quantity == 0
    assert holding.realised_fifo == holding.realised
    assert list(holding.lots) == []


@given(of=st.sampled_from(INSTRUMENTS), trades=TRADES, data=st.data())
def test_the_order_in_which_fills_reach_us_changes_no_lot(
    of: Instrument, trades: list[tuple[Side, str, str, str]], data: st.DataObject
) -> None:
    use_money_context()
    fills = [
        fill(of, side, quantity, price, fee=fee, trade=str(number), at=data.draw(st.integers(1, 4), "venue's clock"))
        for number, (side, quantity, price, fee) in enumerate(trades)
    ]
    ledgers = Ledger(), Ledger()
    for ledger, order in zip(ledgers, (fills, data.draw(st.permutations(fills))), strict=True):
        for each in order:
            ledger.book(each, of)
    (expected,), (found,) = ledgers
    assert list(found.lots) == list(expected.lots)
    assert (found.realised, found.realised_fifo) == (expected.realised, expected.realised_fifo)
    assert ledgers[0].flows == ledgers[1].flows
