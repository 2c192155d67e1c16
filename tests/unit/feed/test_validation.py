"""Every reason to disbelieve a message has its name, and what was really recorded has none."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.feed.outliers import Typical
from integrated_trading_system.feed.validation import (
    QUOTE_CHECKS,
    TRADE_CHECKS,
    Bounds,
    Reason,
    book_reason,
    far_from,
    levels_reason,
    on_lot,
    on_tick,
    quote_reason,
    trade_reason,
)
from tests.support.feed_rig import quote, trade

BOUNDS = Bounds(
    price_before=100.0,
    jump_max=0.2,
    step_max=0.03,
    spread_max=0.1,
    ticks_per_unit=10.0,
    lots_per_unit=1_000.0,
    typical=Typical(low=97.0, high=103.0, size_max=1e6),
)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (quote(1, bid=0.0), Reason.PRICE),
        (quote(1, bid=-1.0), Reason.PRICE),
        (quote(1, bid=nan), Reason.PRICE),
        (quote(1, ask=inf), Reason.PRICE),
        (quote(1, bid_size=0.0), Reason.SIZE),
        (quote(1, ask_size=-3.0), Reason.SIZE),
        (quote(1, ask_size=nan), Reason.SIZE),
        (quote(1, bid_size=inf), Reason.SIZE),
        (quote(1, bid=102.0, ask=101.0), Reason.CROSSED),
        (quote(1, bid=101.0, ask=101.0), Reason.LOCKED),
        (quote(1, bid=100.25, ask=101.0), Reason.TICK),
        (quote(1, bid=100.0, ask=101.05), Reason.TICK),
        (quote(1, bid=1e11, ask=1.01e11), Reason.JUMP),
        (quote(1, bid=79.0, ask=79.5), Reason.JUMP),
        (quote(1, bid=90.0, ask=110.0), Reason.SPREAD),
        (quote(1, bid=105.0, ask=106.0), Reason.OUTLIER),
        (quote(1, bid_size=1e9), Reason.VOLUME),
        (quote(1, ask_size=1e9), Reason.VOLUME),
    ],
)
def test_a_quote_that_cannot_be_true_is_named(bad: Quote, reason: Reason) -> None:
    assert quote_reason(bad, BOUNDS) is reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (trade("1", price=nan), Reason.PRICE),
        (trade("1", price=0.0), Reason.PRICE),
        (trade("1", quantity=0.0), Reason.SIZE),
        (trade("1", quantity=inf), Reason.SIZE),
        (trade("1", price=100.01), Reason.TICK),
        (trade("1", price=200.0), Reason.JUMP),
        (trade("1", price=105.0), Reason.OUTLIER),
        (trade("1", quantity=0.0005), Reason.LOT),
        (trade("1", quantity=1e9), Reason.VOLUME),
    ],
)
def test_a_trade_that_cannot_be_true_is_named(bad: Trade, reason: Reason) -> None:
    assert trade_reason(bad, BOUNDS) is reason


def test_nothing_is_wrong_with_an_ordinary_quote_and_trade() -> None:
    assert quote_reason(quote(1), BOUNDS) is None
    assert trade_reason(trade("1"), BOUNDS) is None


def test_a_first_price_cannot_jump() -> None:
    assert quote_reason(quote(1, bid=1e11, ask=1.1e11), Bounds(jump_max=0.2)) is None
    assert not far_from(5.0, before=0.0, jump_max=0.01)


def test_an_unknown_tick_is_held_against_nobody() -> None:
    assert quote_reason(quote(1, bid=100.123456789), Bounds(price_before=100.0, jump_max=0.2)) is None


def test_a_price_whose_number_of_ticks_overflows_is_off_the_tick() -> None:
    assert not on_tick(1e308, ticks_per_unit=1e8)


@given(st.integers(1, 10**12), st.integers(0, 8))
def test_every_decimal_multiple_of_the_tick_is_on_it(ticks: int, digits: int) -> None:
    assert on_tick(float(f"{ticks}e-{digits}"), ticks_per_unit=float(10**digits))


@given(st.floats(), st.floats(), st.floats(), st.floats())
def test_whatever_is_believed_is_positive_finite_and_not_crossed(
    bid: float, ask: float, one: float, two: float
) -> None:
    if quote_reason(quote(1, bid=bid, ask=ask, bid_size=one, ask_size=two), Bounds()) is None:
        assert 0 < bid < ask < inf
        assert 0 < one < inf
        assert 0 < two < inf


def test_every_check_has_one_name_and_is_shown_to_fail_above() -> None:
    assert {*QUOTE_CHECKS, *TRADE_CHECKS} == {*Reason} - {
        Reason.SEQUENCE,
        Reason.AGE,
        Reason.FUTURE,
        Reason.UNSORTED,
    }


def test_more_lots_than_a_float_can_tell_apart_are_held_against_nobody() -> None:
    assert on_lot(1e9 + 1e-7, lots_per_unit=1e8)
    assert not on_lot(1.5, lots_per_unit=1.0)


@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        ([(100.0, 1.0), (99.9, 2.0)], [(100.1, 1.0), (101.0, 1.0)], None),
        ([], [], None),
        ([(99.9, 1.0), (100.0, 2.0)], [], Reason.UNSORTED),
        ([(99.9, 1.0), (99.9, 2.0)], [], Reason.UNSORTED),
        ([], [(101.0, 1.0), (100.0, 2.0)], Reason.UNSORTED),
        ([(0.0, 1.0)], [], Reason.PRICE),
        ([(nan, 1.0)], [], Reason.PRICE),
        ([(100.0, 0.0)], [], Reason.SIZE),
        ([], [(100.0, -1.0)], Reason.SIZE),
        ([], [(100.0, inf)], Reason.SIZE),
        ([(100.05, 1.0)], [], Reason.TICK),
        ([(100.0, 0.5), (99.95, 0.25)], [], None),  # orders from before a change of tick and lot
        ([(100.0, 1.0)], [(100.0, 1.0)], Reason.LOCKED),
        ([(100.0, 1.0)], [(99.0, 1.0)], Reason.CROSSED),
    ],
)
def test_a_book_that_cannot_be_true_is_named(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], reason: Reason | None
) -> None:
    assert book_reason(bids, asks, ticks_per_unit=10.0) is reason


def test_a_level_that_is_told_to_be_empty_is_no_mistake() -> None:
    assert levels_reason([(100.0, 0.0)]) is None


def test_a_price_far_from_the_median_but_near_the_one_before_has_walked_there() -> None:
    walked = structs.replace(BOUNDS, price_before=104.0)
    assert quote_reason(quote(1, bid=105.0, ask=106.0), walked) is None
    assert trade_reason(trade("1", price=105.0), walked) is None
