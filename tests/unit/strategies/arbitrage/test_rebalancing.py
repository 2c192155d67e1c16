"""Advice on where capital should lie: for whom, from where, how much, and when none is given."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import Asset, VenueId
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.strategies.arbitrage.rebalancing import Flows, Stock, advise

A, B, C = (VenueId(f"{letter}:spot") for letter in "abc")
ZERO = Decimal(0)


def stock(venue: VenueId, free: str, flow: str = "0", missed: str = "0") -> Stock:
    return Stock(venue, Decimal(free), Decimal(flow), Decimal(missed))


def test_the_venue_that_runs_dry_first_is_filled_up_from_the_fullest() -> None:
    move = advise((stock(A, "10", "-1"), stock(B, "4", "-1"), stock(C, "100")), ZERO)
    assert move is not None
    assert (move.source, move.target, move.dry_in) == (C, B, 4 * HOUR)
    assert move.quantity == Decimal("48.5"), "so that both have the same an hour from now"


def test_missed_edge_goes_before_what_only_may_be_missed() -> None:
    move = advise((stock(A, "1", "-1"), stock(B, "0", "0", "5"), stock(C, "100")), ZERO)
    assert move is not None
    assert (move.target, move.missed) == (B, Decimal(5))
    assert move.dry_in is None


@pytest.mark.parametrize(
    "stocks",
    [
        (stock(A, "10"), stock(B, "0")),
        (stock(A, "30", "-1"), stock(B, "1000")),
        (stock(A, "0", "0", "5"),),
        (stock(A, "0", "0", "5"), stock(B, "0", "0", "5")),
    ],
    ids=["nothing flows", "it lasts longer than a day", "there is nowhere else", "nobody has any"],
)
def test_nothing_is_advised_without_need_or_means(stocks: tuple[Stock, ...]) -> None:
    assert advise(stocks, ZERO) is None


def test_what_a_transfer_would_eat_up_is_not_moved() -> None:
    stocks = (stock(A, "0", "0", "5"), stock(B, "2"))
    assert advise(stocks, Decimal("0.9")) is not None
    assert advise(stocks, Decimal(1)) is None


def test_flows_are_averages_per_hour_and_what_was_missed_is_told_once() -> None:
    flows, place = Flows(Nanos(0)), (A, Asset("BTC"))
    flows.move(place, Decimal(-3))
    flows.miss(place, Decimal(2))
    assert flows.stock(place, Decimal(1), Nanos(2 * HOUR)) == Stock(A, Decimal(1), Decimal("-1.5"), Decimal(2))
    flows.advised([place])
    assert flows.stock(place, Decimal(1), Nanos(2 * HOUR)).missed == 0


amounts = st.integers(0, 1000).map(Decimal)


@given(st.lists(st.tuples(amounts, st.integers(-100, 100).map(Decimal), amounts), min_size=1, max_size=6), amounts)
def test_a_move_is_never_more_than_is_there_nor_to_the_place_it_comes_from(
    rows: list[tuple[Decimal, Decimal, Decimal]], cost: Decimal
) -> None:
    stocks = [Stock(VenueId(f"{index}:spot"), *row) for index, row in enumerate(rows)]
    move = advise(stocks, cost)
    if move is None:
        return
    free = {stock.venue: stock.free for stock in stocks}
    assert move.source != move.target
    assert cost < move.quantity <= free[move.source]
