"""Money is parsed strictly and rounded only on demand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.money import from_float, parse_decimal, plain, round_down, round_up

numbers = st.decimals(min_value=0, max_value=10**9, places=8)
steps = st.sampled_from([Decimal("0.01"), Decimal("0.00001"), Decimal(1), Decimal(5), Decimal("0.5")])


@pytest.mark.parametrize(
    "text", ["NaN", "sNaN", "Infinity", "1_000", "١٢٣", " 1 ", "1e5", "", "-", ".5", "5.", "0x1", "1" * 30]
)
def test_what_is_not_a_plain_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        parse_decimal(text)


@given(numbers)
def test_plain_text_reads_back_as_the_same_number(value: Decimal) -> None:
    assert parse_decimal(plain(value)) == value
    assert "E" not in plain(value)


@given(numbers, steps)
def test_rounding_lands_on_the_step_and_brackets_the_value(value: Decimal, step: Decimal) -> None:
    below, above = round_down(value, step), round_up(value, step)
    assert below % step == above % step == 0
    assert below <= value <= above
    assert above - below in (0, step)


@given(st.decimals(min_value=0, max_value=10**7, places=7))
def test_fifteen_digits_survive_the_trip_through_a_float(value: Decimal) -> None:
    assert from_float(float(value)) == value
