"""When candles open."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.intervals import INTERVALS, next_opened_at, opened_at
from integrated_trading_system.domain.time import SECOND

instants = st.integers(min_value=0, max_value=4_000_000_000 * SECOND)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("interval", "instant", "opened"),
    [
        ("1m", "2024-02-29T12:34:56", "2024-02-29T12:34:00"),
        ("15m", "2024-02-29T12:34:56", "2024-02-29T12:30:00"),
        ("4h", "2024-02-29T15:34:56", "2024-02-29T12:00:00"),
        ("1d", "2024-02-29T12:34:56", "2024-02-29T00:00:00"),
        ("1w", "2024-02-29T12:34:56", "2024-02-26T00:00:00"),
        ("1w", "2024-02-26T00:00:00", "2024-02-26T00:00:00"),
        ("1w", "2024-02-25T23:59:59", "2024-02-19T00:00:00"),
        ("1M", "2024-02-29T12:34:56", "2024-02-01T00:00:00"),
        ("1M", "1970-01-01T00:00:00", "1970-01-01T00:00:00"),
    ],
)
def test_a_candle_opens_where_its_calendar_says(interval: str, instant: str, opened: str) -> None:
    assert opened_at(interval, at(instant)) == at(opened)


@pytest.mark.parametrize(
    ("opened", "following"),
    [("2023-12-01", "2024-01-01"), ("2024-01-01", "2024-02-01"), ("2024-02-01", "2024-03-01")],
)
def test_months_are_as_long_as_they_are(opened: str, following: str) -> None:
    assert next_opened_at("1M", at(opened)) == at(following)


@pytest.mark.parametrize("interval", INTERVALS)
@given(instant=instants)
def test_every_instant_lies_in_one_candle(interval: str, instant: int) -> None:
    opened = opened_at(interval, instant)
    following = next_opened_at(interval, opened)
    assert opened <= instant < following
    assert opened_at(interval, opened) == opened
    assert opened_at(interval, following) == following
    assert opened_at(interval, following - 1) == opened


@pytest.mark.parametrize("interval", [name for name in INTERVALS if name != "1m"])
@given(instant=instants)
def test_every_candle_begins_with_a_minute(interval: str, instant: int) -> None:
    opened = opened_at(interval, instant)
    assert opened_at("1m", opened) == opened


def test_an_unknown_interval_is_an_error() -> None:
    with pytest.raises(KeyError, match="7m"):
        opened_at("7m", 0)
