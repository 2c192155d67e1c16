"""The table of an order's life, as a whole."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus
from integrated_trading_system.oms.lifecycle import NEXT, Evidence, after, contradicts, settled
from tests.support.oms_orders import request

PAIRS = list(product(OrderStatus, Evidence))


def order(status: OrderStatus, filled: int = 0, venue_filled: int = 0, quantity: int = 5) -> Order:
    return replace(
        Order(request=request(quantity=quantity), status=status),
        filled=Decimal(filled),
        venue_filled=Decimal(venue_filled),
    )


@pytest.mark.parametrize(("status", "evidence"), PAIRS)
def test_what_is_over_stays_over(status: OrderStatus, evidence: Evidence) -> None:
    assert status not in TERMINAL or after(status, evidence) is status


@pytest.mark.parametrize(("status", "evidence"), PAIRS)
def test_only_proofs_end_an_order(status: OrderStatus, evidence: Evidence) -> None:
    ended = status not in TERMINAL and after(status, evidence) in TERMINAL
    assert not ended or evidence in (Evidence.UNSENT, Evidence.ABSENT)


@pytest.mark.parametrize("evidence", Evidence)
def test_unknown_is_left_only_by_the_venues_word_or_by_proof(evidence: Evidence) -> None:
    left = after(OrderStatus.UNKNOWN, evidence) is not OrderStatus.UNKNOWN
    assert left == (evidence in (Evidence.PRESENT, Evidence.TRADED, Evidence.ABSENT))


@pytest.mark.parametrize(("status", "evidence"), PAIRS)
def test_nothing_becomes_intended_and_only_the_intended_is_sent(status: OrderStatus, evidence: Evidence) -> None:
    result = after(status, evidence)
    assert result is not OrderStatus.INTENDED or status is OrderStatus.INTENDED
    assert result is not OrderStatus.SUBMITTED or status in (OrderStatus.INTENDED, OrderStatus.SUBMITTED)


@pytest.mark.parametrize("status", [OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.WORKING])
def test_a_reject_alone_ends_nothing(status: OrderStatus) -> None:
    assert after(status, Evidence.REFUSED) not in TERMINAL


@pytest.mark.parametrize("status", [OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.WORKING, *sorted(TERMINAL)])
def test_what_may_have_left_is_never_called_unsent_later(status: OrderStatus) -> None:
    assert after(status, Evidence.UNSENT) is (OrderStatus.REJECTED if status is OrderStatus.SUBMITTED else status)


def test_every_status_can_be_reached_and_every_open_one_left() -> None:
    reached = {OrderStatus.INTENDED}
    for _ in OrderStatus:
        reached |= {result for (status, _), result in NEXT.items() if status in reached}
    assert reached == set(OrderStatus) - {OrderStatus.FILLED, OrderStatus.EXPIRED}  # these two come by `settled` alone
    assert {status for status, _ in NEXT} == set(OrderStatus) - TERMINAL


@given(
    filled=st.integers(0, 6),
    venue_filled=st.integers(0, 6),
    status=st.sampled_from(sorted(set(OrderStatus) - TERMINAL)),
    done=st.none() | st.sampled_from(sorted(TERMINAL)),
)
def test_an_order_settles_only_when_all_that_the_venue_executed_is_owned(
    filled: int, venue_filled: int, status: OrderStatus, done: OrderStatus | None
) -> None:
    result = settled(order(status, filled, venue_filled), done)
    if filled >= 5:
        assert result is OrderStatus.FILLED
    elif done in (None, OrderStatus.FILLED) or filled != venue_filled:
        assert result is status
    else:
        assert result is done


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_settled_order_does_not_settle_again(status: OrderStatus) -> None:
    assert settled(order(status, 5, 5), OrderStatus.CANCELLED) is status


def test_a_late_acknowledgement_of_an_order_that_the_venue_took_and_rejected_is_no_contradiction() -> None:
    rejected = order(OrderStatus.REJECTED)
    assert contradicts(rejected, Evidence.PRESENT)
    assert not contradicts(replace(rejected, venue_order_id="v"), Evidence.PRESENT)


def test_a_fill_of_an_order_that_is_over_is_a_contradiction() -> None:
    assert all(contradicts(order(status), Evidence.TRADED) for status in TERMINAL)
    assert not contradicts(order(OrderStatus.UNKNOWN), Evidence.TRADED)
