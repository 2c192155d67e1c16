"""How much of a page of history will not change any more."""

import pytest

from integrated_trading_system.domain.history import CANDLES_SETTLE, FUNDING_SETTLES, HistoryKind, HistoryPage
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Candle
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos

BTC = InstrumentId("binance:spot:BTCUSDT")
START = 20_000 * DAY


def candle(minute: int, *, closed: bool = True) -> Candle:
    return Candle(BTC, "1m", Nanos(START + minute * MINUTE), 1, 1, 1, 1, 1, 1, closed, Nanos(0))


def page(*candles: Candle, at: int, kind: HistoryKind = HistoryKind.CANDLES) -> HistoryPage:
    return HistoryPage(
        request="r",
        instrument=BTC,
        kind=kind,
        interval="" if kind is HistoryKind.FUNDING else "1m",
        candles=candles,
        since=Nanos(START),
        until=Nanos(START + 10 * MINUTE),
        last=True,
        at=Nanos(at),
    )


def test_a_page_of_long_ago_is_settled_to_its_end() -> None:
    assert page(candle(3), at=START + DAY).settled_until == START + 10 * MINUTE


def test_an_open_candle_and_what_follows_it_is_not_settled() -> None:
    told = page(candle(4), candle(5, closed=False), at=START + DAY)
    assert told.settled_until == START + 5 * MINUTE


def test_a_minute_that_is_not_over_is_not_settled_even_where_nothing_traded_in_it() -> None:
    assert page(at=START + 7 * MINUTE + 30 * SECOND).settled_until == START + 7 * MINUTE


@pytest.mark.parametrize(("after", "minutes"), [(CANDLES_SETTLE - 1, 6), (CANDLES_SETTLE, 7)])
def test_a_minute_that_is_over_settles_a_moment_later(after: int, minutes: int) -> None:
    assert page(candle(6), at=START + 7 * MINUTE + after).settled_until == START + minutes * MINUTE


def test_funding_settles_some_time_after_it_was_paid() -> None:
    told = page(at=START + FUNDING_SETTLES + 5 * MINUTE, kind=HistoryKind.FUNDING)
    assert told.settled_until == START + 5 * MINUTE


def test_of_a_page_that_is_all_in_the_future_nothing_is_settled() -> None:
    assert page(at=START - DAY).settled_until == START
