"""Every reason to disbelieve a message has its name, and what was really recorded has none."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.feed.validation import Reason, far_from, on_tick, quote_reason, trade_reason
from tests.support.feed_rig import quote, trade


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
        (quote(1, bid=1e11, ask=2e11), Reason.JUMP),
        (quote(1, bid=79.0, ask=79.5), Reason.JUMP),
    ],
)
def test_a_quote_that_cannot_be_true_is_named(bad: Quote, reason: Reason) -> None:
    assert quote_reason(bad, mid_before=100.0, jump_max=0.2, ticks_per_unit=10.0) is reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (trade("1", price=nan), Reason.PRICE),
        (trade("1", price=0.0), Reason.PRICE),
        (trade("1", quantity=0.0), Reason.SIZE),
        (trade("1", quantity=inf), Reason.SIZE),
        (trade("1", price=100.01), Reason.TICK),
        (trade("1", price=200.0), Reason.JUMP),
    ],
)
def test_a_trade_that_cannot_be_true_is_named(bad: Trade, reason: Reason) -> None:
    assert trade_reason(bad, price_before=100.0, jump_max=0.2, ticks_per_unit=10.0) is reason


def test_nothing_is_wrong_with_an_ordinary_quote_and_trade() -> None:
    assert quote_reason(quote(1), 100.0, 0.2, 10.0) is None
    assert trade_reason(trade("1"), 100.0, 0.2, 10.0) is None


def test_a_first_price_cannot_jump() -> None:
    assert quote_reason(quote(1, bid=1e11, ask=2e11), mid_before=0.0, jump_max=0.2, ticks_per_unit=0.0) is None
    assert not far_from(5.0, before=0.0, jump_max=0.01)


def test_an_unknown_tick_is_held_against_nobody() -> None:
    assert quote_reason(quote(1, bid=100.123456789), 100.0, 0.2, ticks_per_unit=0.0) is None


def test_a_price_whose_number_of_ticks_overflows_is_off_the_tick() -> None:
    assert not on_tick(1e308, ticks_per_unit=1e8)


@given(st.integers(1, 10**12), st.integers(0, 8))
def test_every_decimal_multiple_of_the_tick_is_on_it(ticks: int, digits: int) -> None:
    assert on_tick(float(f"{ticks}e-{digits}"), ticks_per_unit=float(10**digits))


@given(st.floats(), st.floats(), st.floats(), st.floats())
def test_whatever_is_believed_is_positive_finite_and_not_crossed(
    bid: float, ask: float, one: float, two: float
) -> None:
    if quote_reason(quote(1, bid=bid, ask=ask, bid_size=one, ask_size=two), 0.0, 0.2, 0.0) is None:
        assert 0 < bid < ask < inf
        assert 0 < one < inf
        assert 0 < two < inf
