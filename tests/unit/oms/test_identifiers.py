"""Client order ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.oms.identifiers import ClientOrderIds, IdentifiersExhausted

TEXT, NUMBER = VenueId("text:spot"), VenueId("number:spot")
RULES = {TEXT: 0, NUMBER: 2**32 - 1}


@given(fences=st.lists(st.integers(1, 2**14 - 1), min_size=2, max_size=4, unique=True), orders=st.integers(1, 50))
def test_no_two_orders_of_any_run_share_an_id(fences: list[int], orders: int) -> None:
    issued = []
    for fence in fences:
        identifiers = ClientOrderIds(fence, RULES, 14)
        issued += [identifiers.issue((TEXT, NUMBER)[number % 2]) for number in range(orders)]
    assert len(set(issued)) == len(issued)


def test_the_same_run_issues_the_same_ids() -> None:
    first, second = (ClientOrderIds(3, RULES, 14) for _ in range(2))
    assert [first.issue(venue) for venue in (TEXT, NUMBER)] == [second.issue(venue) for venue in (TEXT, NUMBER)]


def test_a_text_id_is_short_and_only_letters_and_digits() -> None:
    assert re.fullmatch(r"[a-z0-9]{1,18}", ClientOrderIds(2**28, RULES, 14).issue(TEXT))


def test_a_venue_without_a_rule_takes_text() -> None:
    assert ClientOrderIds(1, {}, 14).issue(TEXT) == "its1z1"


def test_a_numeric_id_fits_into_the_venues_number() -> None:
    identifiers = ClientOrderIds(2**14 - 1, RULES, 14)
    assert 0 < int(identifiers.issue(NUMBER)) <= 2**32 - 1


def test_orders_run_out_when_their_bits_do() -> None:
    identifiers = ClientOrderIds(1, {NUMBER: 2**16 - 1}, 14)
    for _ in range(3):
        identifiers.issue(NUMBER)
    with pytest.raises(IdentifiersExhausted, match="order 4 of this run does not fit into 2 bits"):
        identifiers.issue(NUMBER)
    assert identifiers.issue(TEXT) == "its1z4", "a refused id is not used up"


def test_starts_run_out_when_their_bits_do() -> None:
    with pytest.raises(IdentifiersExhausted, match="start 16384 does not fit into 14 bits"):
        ClientOrderIds(2**14, RULES, 14).issue(NUMBER)


def test_a_number_too_small_for_the_fence_is_refused() -> None:
    with pytest.raises(IdentifiersExhausted, match="does not fit into 0 bits"):
        ClientOrderIds(1, {NUMBER: 255}, 14).issue(NUMBER)


def test_a_text_id_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(IdentifiersExhausted, match="longer than 18"):
        ClientOrderIds(2**60, RULES, 14).issue(TEXT)
