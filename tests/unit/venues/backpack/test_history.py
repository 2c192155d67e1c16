"""Backpack's past: what is asked, what the answers become, and that nothing else gets through."""

from contextlib import suppress
from math import isfinite
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.intervals import INTERVALS
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import HOUR, MINUTE, Nanos, from_millis
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from tests.support import backpack

START = from_millis(1_700_000_040_000)
SENT = Nanos(START + MINUTE)
ROW: dict[str, Any] = {
    "start": "2023-11-14 22:14:00",
    "end": "2023-11-14 22:15:00",
    "open": "1.0",
    "high": "2.5",
    "low": "0.5",
    "close": "2.0",
    "volume": "10",
    "quoteVolume": "15",
    "trades": "9",
}
RATE = {"symbol": "SOL_USDC_PERP", "intervalEndTimestamp": "2023-11-14T22:00:00", "fundingRate": "-0.0000125"}
PERP = backpack.instrument("perp", "SOL_USDC_PERP")
SPOT = backpack.instrument("spot", "SOL_USDC")


def history(flavour: str = "perp") -> History:
    found = backpack.venue(flavour).history
    assert found is not None
    return found


def reply(body: Any, status: int = 200) -> HttpReply:
    return msgspec.structs.replace(backpack.reply(body, status), sent_at=SENT, received_at=Nanos(SENT + 1))


def asked(interval: str = "1m", price: CandlePrice = CandlePrice.TRADES) -> WeightedRequest | None:
    return history().candles(PERP, interval, START, Nanos(START + 2 * MINUTE), price)


def candles(*rows: Any) -> tuple[Candle, ...]:
    return history().decode_candles(PERP, "1m", reply(list(rows)))


def funding(*rows: Any) -> tuple[FundingRate, ...]:
    return history().decode_funding(PERP, reply(list(rows)))


# -- what is asked -------------------------------------------------------------------------------


def test_a_page_of_candles_is_asked_for_in_seconds_and_paced() -> None:
    request = history("spot").candles(SPOT, "1m", START, Nanos(START + 2 * MINUTE), CandlePrice.TRADES)
    assert request is not None
    assert request.request.target == (
        "https://api.backpack.exchange/api/v1/klines?symbol=SOL_USDC&interval=1m&startTime=1700000040&endTime=1700000159"
    )
    assert request.weights == (("REQUESTS", 1), ("HISTORICAL", 1))
    assert {name for name, _ in request.weights} <= {limit.name for limit in backpack.venue("spot").rate_limits}


@pytest.mark.parametrize(("price", "word"), [(CandlePrice.TRADES, "Last"), (CandlePrice.MARK, "Mark")])
def test_perpetuals_have_candles_of_trades_and_of_the_mark_price(price: CandlePrice, word: str) -> None:
    request = asked(price=price)
    assert request is not None
    assert request.request.query.endswith(f"&priceType={word}")


def test_spot_has_neither_mark_prices_nor_funding() -> None:
    assert history("spot").candles(SPOT, "1m", START, SENT, CandlePrice.MARK) is None
    assert history("spot").funding(SPOT, START, SENT) is None
    assert history("spot").funding_per_page == 0


def test_only_the_month_is_spelled_in_another_way() -> None:
    requests = [asked(interval) for interval in INTERVALS]
    words = [each.request.query.partition("interval=")[2].partition("&")[0] for each in requests if each is not None]
    assert words == [*INTERVALS[:-1], "1month"]
    assert history().intervals == INTERVALS
    assert asked("7m") is None


def test_funding_is_asked_for_as_far_back_as_there_is_any() -> None:
    request = history().funding(PERP, START, SENT)
    assert request is not None
    address = "https://api.backpack.exchange/api/v1/fundingRates"
    assert request.request.target == f"{address}?symbol=SOL_USDC_PERP&limit=10000"
    assert history().funding_per_page == 10_000


# -- what the answers become ---------------------------------------------------------------------


def test_a_row_is_a_candle() -> None:
    (candle,) = candles(ROW)
    assert candle == Candle(
        instrument=PERP.instrument,
        interval="1m",
        opened_at=START,
        open=1.0,
        high=2.5,
        low=0.5,
        close=2.0,
        volume=10.0,
        trades=9,
        closed=True,
        received_at=Nanos(SENT + 1),
        quote_volume=15.0,
    )


def test_candles_come_oldest_first_and_only_what_was_over_is_closed() -> None:
    later = ROW | {"start": "2023-11-14 22:15:00", "end": "2023-11-14 22:16:00"}
    assert [(candle.opened_at, candle.closed) for candle in candles(later, ROW)] == [
        (START, True),
        (START + MINUTE, False),
    ]


@pytest.mark.parametrize("missing", ["open", "high", "low", "close"])
def test_a_candle_in_which_nothing_traded_is_left_out(missing: str) -> None:
    assert candles(ROW | {missing: None}) == ()
    assert candles({name: value for name, value in ROW.items() if name != missing}) == ()


def test_a_rate_is_told_once_its_interval_is_over() -> None:
    next_one = RATE | {"intervalEndTimestamp": "2023-11-14T23:00:00"}
    earlier = RATE | {"intervalEndTimestamp": "2023-11-14T21:00:00", "fundingRate": "0.0002"}
    at = from_millis(1_699_999_200_000)
    assert [(rate.rate, rate.funding_at) for rate in funding(next_one, RATE, earlier)] == [
        (0.0002, at - HOUR),
        (-0.0000125, at),
    ]


# -- what cannot be believed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        7,
        [],
        {},
        ROW | {"start": "yesterday"},
        ROW | {"start": "1901-01-01 00:00:00"},
        ROW | {"start": 1700000040},
        ROW | {"end": ""},
        ROW | {"open": "nan"},
        ROW | {"close": "0"},
        ROW | {"volume": "-1"},
        ROW | {"trades": "-1"},
    ],
)
def test_a_row_of_another_shape_is_malformed(row: Any) -> None:
    with pytest.raises(MalformedReply):
        candles(ROW, row)


@pytest.mark.parametrize(
    "fields",
    [
        {"fundingRate": "nan"},
        {"fundingRate": None},
        {"intervalEndTimestamp": "soon"},
        {"intervalEndTimestamp": "0001-01-01T00:00:00+23:59"},
        {"symbol": "BTC_USDC_PERP"},
    ],
)
def test_a_rate_of_another_shape_or_symbol_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        funding(RATE, RATE | fields)


@pytest.mark.parametrize(
    ("body", "status"), [(b"<html>", 502), (b"[" * 100_000, 200), (b"\xff", 200), ({"code": "X"}, 400), ({}, 200)]
)
def test_whatever_is_no_good_answer_is_malformed(body: Any, status: int) -> None:
    with pytest.raises(MalformedReply):
        history().decode_candles(PERP, "1m", reply(body, status))
    with pytest.raises(MalformedReply):
        history().decode_funding(PERP, reply(body, status))


@given(st.sampled_from([ROW, RATE]), st.integers(0, 300), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_answer_is_believable_or_malformed(row: Any, at: int, removed: int, inserted: bytes) -> None:
    body = msgspec.json.encode([row, row])
    at %= len(body)
    damaged = reply(body[:at] + inserted + body[at + removed :])
    with suppress(MalformedReply):
        for candle in history().decode_candles(PERP, "1m", damaged):
            assert min(candle.open, candle.high, candle.low, candle.close) > 0
            assert 0 <= candle.volume <= 1e15
    with suppress(MalformedReply):
        assert all(isfinite(rate.rate) for rate in history().decode_funding(PERP, damaged))
