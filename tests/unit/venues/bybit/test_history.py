"""Bybit's past: what is asked, what the answers become, and that nothing else gets through."""

from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.intervals import INTERVALS
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import MINUTE, Nanos, from_millis
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from tests.support import bybit

ANSWERED_AT = 1_700_000_000_005
"""When the venue wrote what `bybit.answered` gives, in milliseconds."""
OPENED = 1_699_999_920_000
"""The last whole minute that was over by then."""
START, END = from_millis(OPENED), Nanos(from_millis(OPENED) + 2 * MINUTE)
ROW = [str(OPENED), "1.0", "2.5", "0.5", "2.0", "10", "15"]
NEXT = [str(OPENED + 60_000), *ROW[1:]]
RATE = {"symbol": "BTCUSDT", "fundingRate": "-0.0001", "fundingRateTimestamp": "1699977600000"}


def history(flavour: str = "linear") -> History:
    found = bybit.venue(flavour).history
    assert found is not None
    return found


def asked(
    interval: str = "1m", price: CandlePrice = CandlePrice.TRADES, flavour: str = "linear"
) -> WeightedRequest | None:
    return history(flavour).candles(bybit.instrument(flavour), interval, START, END, price)


def candles(*rows: Any, symbol: str = "BTCUSDT") -> tuple[Candle, ...]:
    reply = bybit.answered({"category": "linear", "symbol": symbol, "list": list(rows)})
    return history().decode_candles(bybit.instrument("linear"), "1m", reply)


def funding(*rows: Any) -> tuple[FundingRate, ...]:
    reply = bybit.answered({"category": "linear", "list": list(rows)})
    return history().decode_funding(bybit.instrument("linear"), reply)


# -- what is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", ["linear", "spot"])
def test_a_page_of_candles_is_asked_for_by_the_time_it_covers(flavour: str) -> None:
    request = asked(flavour=flavour)
    assert request is not None
    assert request.request.target == (
        f"https://api.bybit.com/v5/market/kline?category={flavour}&symbol=BTCUSDT"
        f"&interval=1&start={OPENED}&end={OPENED + 119_999}&limit=1000"
    )
    assert request.weights == (("IP", 1),)
    assert history(flavour).candles_per_page == 1000


def test_contracts_have_candles_of_the_mark_price() -> None:
    request = asked(price=CandlePrice.MARK)
    assert request is not None
    assert request.request.url == "https://api.bybit.com/v5/market/mark-price-kline"


def test_spot_has_neither_mark_prices_nor_funding() -> None:
    assert asked(price=CandlePrice.MARK, flavour="spot") is None
    assert history("spot").funding(bybit.instrument("spot"), START, END) is None
    assert history("spot").funding_per_page == 0


def test_intervals_are_asked_for_in_the_venues_words() -> None:
    words = {interval: request for interval in INTERVALS if (request := asked(interval)) is not None}
    assert tuple(words) == history().intervals == tuple(name for name in INTERVALS if name not in ("8h", "3d"))
    spelled = [request.request.query.partition("interval=")[2].partition("&")[0] for request in words.values()]
    assert spelled == ["1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D", "W", "M"]


def test_funding_is_asked_for_with_both_ends_of_the_time() -> None:
    # The venue refuses a start without an end.
    request = history().funding(bybit.instrument("linear"), START, END)
    assert request is not None
    assert request.request.target == (
        "https://api.bybit.com/v5/market/funding/history?category=linear&symbol=BTCUSDT"
        f"&startTime={OPENED}&endTime={OPENED + 119_999}&limit=200"
    )
    assert history().funding_per_page == 200


# -- what the answers become ---------------------------------------------------------------------


def test_a_row_is_a_candle_whose_trades_are_not_counted() -> None:
    (candle,) = candles(ROW)
    assert candle == Candle(
        instrument=bybit.BTC,
        interval="1m",
        opened_at=START,
        open=1.0,
        high=2.5,
        low=0.5,
        close=2.0,
        volume=10.0,
        trades=0,
        closed=True,
        received_at=bybit.RECEIVED,
        quote_volume=15.0,
    )


def test_the_venues_order_is_turned_round_and_only_what_was_over_is_closed() -> None:
    assert [(candle.opened_at, candle.closed) for candle in candles(NEXT, ROW)] == [
        (START, True),
        (START + MINUTE, False),
    ]
    assert OPENED + 60_000 < ANSWERED_AT < OPENED + 120_000


def test_a_candle_of_the_mark_price_has_no_volume() -> None:
    (candle,) = candles(ROW[:5])
    assert (candle.volume, candle.quote_volume) == (0.0, 0.0)


def test_the_recorded_candle_and_rates_are_read(recordings: Path) -> None:
    folder = recordings / "fixtures_nautilus" / "bybit"
    reply = bybit.reply((folder / "http_get_klines_linear.json").read_bytes())
    (candle,) = history().decode_candles(bybit.instrument("linear"), "1m", reply)
    assert (candle.open, candle.high, candle.low, candle.close) == (27450.0, 27460.0, 27440.0, 27455.0)
    assert (candle.volume, candle.quote_volume, candle.closed) == (123.45, 3390000.0, False)
    reply = bybit.reply((folder / "http_get_funding_history.json").read_bytes())
    rates = history().decode_funding(bybit.instrument("linear"), reply)
    assert [(rate.rate, rate.funding_at) for rate in rates] == [
        (0.00015, from_millis(1709856000000)),
        (0.0001, from_millis(1709884800000)),
    ]


# -- what cannot be believed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        7,
        [],
        ROW[:4],
        [ROW[0], "nan", *ROW[2:]],
        [ROW[0], "0", *ROW[2:]],
        [*ROW[:5], "-1", "15"],
        ["-1", *ROW[1:]],
        ["9" * 30, *ROW[1:]],
    ],
)
def test_a_row_of_another_shape_is_malformed(row: Any) -> None:
    with pytest.raises(MalformedReply):
        candles(row)


@pytest.mark.parametrize(
    "fields",
    [
        {"fundingRate": "nan"},
        {"fundingRate": ""},
        {"fundingRateTimestamp": "-1"},
        {"symbol": "ETHUSDT"},
        {"symbol": 3},
    ],
)
def test_a_rate_of_another_shape_or_symbol_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        funding(RATE, RATE | fields)


def test_candles_of_another_symbol_are_malformed() -> None:
    with pytest.raises(MalformedReply):
        candles(ROW, symbol="ETHUSDT")


def test_more_rows_than_a_page_may_hold_are_malformed() -> None:
    with pytest.raises(MalformedReply):
        candles(*[ROW] * 1_001)
    with pytest.raises(MalformedReply):
        funding(*[RATE] * 201)


@pytest.mark.parametrize(
    "reply", [bybit.reply(b"<html>", 403), bybit.reply(b"[" * 100_000), bybit.refused(10001), bybit.answered({})]
)
def test_whatever_is_no_good_answer_is_malformed(reply: Any) -> None:
    with pytest.raises(MalformedReply):
        history().decode_candles(bybit.instrument("linear"), "1m", reply)
    with pytest.raises(MalformedReply):
        history().decode_funding(bybit.instrument("linear"), reply)


BODIES = tuple(
    bybit.answered({"symbol": "BTCUSDT", "list": rows}).body for rows in ([NEXT, ROW], [ROW[:5]], [RATE, RATE])
)


@given(
    st.sampled_from(BODIES),
    st.sampled_from(history().intervals),
    st.integers(0, 300),
    st.integers(0, 5),
    st.binary(max_size=6),
)
def test_a_damaged_answer_is_believable_or_malformed(
    body: bytes, interval: str, at: int, removed: int, inserted: bytes
) -> None:
    at %= len(body)
    reply = msgspec.structs.replace(bybit.answered({}), body=body[:at] + inserted + body[at + removed :])
    with suppress(MalformedReply):
        for candle in history().decode_candles(bybit.instrument("linear"), interval, reply):
            assert min(candle.open, candle.high, candle.low, candle.close) > 0
            assert 0 <= candle.volume <= 1e15
    with suppress(MalformedReply):
        rates = history().decode_funding(bybit.instrument("linear"), reply)
        assert all(isfinite(rate.rate) for rate in rates)
