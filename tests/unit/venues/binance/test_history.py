"""Binance's past: what is asked, what the answers become, and that nothing else gets through."""

from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.intervals import INTERVALS
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import DAY, MINUTE, Nanos, from_millis
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from tests.support import binance

START = from_millis(1_700_000_040_000)
"""A whole minute."""
SENT = Nanos(START + 2 * MINUTE + 1)
ROW: list[Any] = [1700000040000, "1.0", "2.5", "0.5", "2.0", "10", 1700000099999, "15", 9, "5", "7", "0"]
RATE: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "fundingRate": "-0.00010000",
    "fundingTime": 1700006400000,
    "markPrice": "34287.5",
}
SYMBOLS = {"coinm": "BTCUSD_PERP"}


def history(flavour: str) -> History:
    found = binance.venue(flavour).history
    assert found is not None
    return found


def instrument(flavour: str) -> Instrument:
    return binance.instrument(flavour, SYMBOLS.get(flavour, "BTCUSDT"))


def asked(
    flavour: str, interval: str = "1m", price: CandlePrice = CandlePrice.TRADES, start: int = START, end: int = SENT
) -> WeightedRequest | None:
    return history(flavour).candles(instrument(flavour), interval, Nanos(start), Nanos(end), price)


def candles(flavour: str, body: Any) -> tuple[Candle, ...]:
    reply = msgspec.structs.replace(binance.reply(body), sent_at=SENT)
    return history(flavour).decode_candles(instrument(flavour), "1m", reply)


def funding(flavour: str, body: Any) -> tuple[FundingRate, ...]:
    return history(flavour).decode_funding(instrument(flavour), binance.reply(body))


# -- what is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "url", "limit", "weight"),
    [
        ("spot", "https://api.binance.com/api/v3/klines", 1000, 2),
        ("us", "https://api.binance.us/api/v3/klines", 1000, 1),
        ("usdm", "https://fapi.binance.com/fapi/v1/klines", 1000, 5),
        ("coinm", "https://dapi.binance.com/dapi/v1/klines", 200, 2),
    ],
)
def test_a_page_of_candles_is_asked_for_by_the_time_it_covers(flavour: str, url: str, limit: int, weight: int) -> None:
    request = asked(flavour)
    assert request is not None
    symbol = instrument(flavour).symbol
    assert request.request.target == (
        f"{url}?symbol={symbol}&interval=1m&startTime=1700000040000&endTime=1700000160000&limit={limit}"
    )
    assert request.weights == (("REQUEST_WEIGHT", weight),)
    assert history(flavour).candles_per_page == limit


def test_the_end_does_not_belong_to_the_page_and_the_start_does() -> None:
    request = asked("spot", start=START, end=START + MINUTE)
    assert request is not None
    assert "startTime=1700000040000&endTime=1700000099999&" in request.request.query
    between = asked("spot", start=START + 1, end=START + MINUTE + 1)
    assert between is not None
    assert "startTime=1700000040001&endTime=1700000100000&" in between.request.query


@pytest.mark.parametrize("flavour", ["usdm", "coinm"])
def test_futures_have_candles_of_the_mark_price(flavour: str) -> None:
    request = asked(flavour, price=CandlePrice.MARK)
    assert request is not None
    assert request.request.url.endswith("/v1/markPriceKlines")


def test_spot_has_neither_mark_prices_nor_funding() -> None:
    assert asked("spot", price=CandlePrice.MARK) is None
    assert history("spot").funding(instrument("spot"), START, SENT) is None
    assert history("spot").funding_per_page == 0


@pytest.mark.parametrize("flavour", ["spot", "us", "testnet", "usdm"])
def test_every_interval_is_offered_in_the_venues_words_which_are_ours(flavour: str) -> None:
    assert history(flavour).intervals == INTERVALS
    assert all(asked(flavour, interval) for interval in INTERVALS)
    assert asked(flavour, "7m") is None


def test_a_page_of_coinm_never_reaches_over_more_than_200_days() -> None:
    # "The difference between startTime and endTime can only be up to 200 days."
    inverse = history("coinm")
    assert inverse.intervals[-1] == "1d"
    assert inverse.candles_per_page * DAY <= 200 * DAY
    assert asked("coinm", "1w") is None


def test_questions_for_funding_are_counted_on_their_own_on_usdm() -> None:
    request = history("usdm").funding(instrument("usdm"), START, SENT)
    assert request is not None
    assert request.request.target == (
        "https://fapi.binance.com/fapi/v1/fundingRate?symbol=BTCUSDT"
        "&startTime=1700000040000&endTime=1700000160000&limit=1000"
    )
    assert request.weights == (("FUNDING", 1),)
    assert history("usdm").funding_per_page == 1000


@pytest.mark.parametrize("flavour", ["spot", "us", "testnet", "usdm", "coinm"])
def test_every_limit_that_is_spent_from_is_known(flavour: str) -> None:
    venue = binance.venue(flavour)
    requests = (asked(flavour), history(flavour).funding(instrument(flavour), START, SENT))
    spent = {name for request in requests if request is not None for name, _ in request.weights}
    assert spent <= {limit.name for limit in venue.rate_limits}


# -- what the answers become ---------------------------------------------------------------------


def test_a_row_is_a_candle() -> None:
    (candle,) = candles("spot", [ROW])
    assert candle == Candle(
        instrument=instrument("spot").instrument,
        interval="1m",
        opened_at=START,
        open=1.0,
        high=2.5,
        low=0.5,
        close=2.0,
        volume=10.0,
        trades=9,
        closed=True,
        received_at=Nanos(2000),
        quote_volume=15.0,
    )


def test_an_inverse_candle_counts_base_units_and_what_they_are_worth() -> None:
    (candle,) = candles("coinm", [ROW])
    assert (candle.volume, candle.quote_volume) == (15.0, 1000.0)


def test_a_candle_that_was_not_over_when_it_was_asked_for_is_open() -> None:
    later = [ROW[0] + 120_000, *ROW[1:6], ROW[6] + 120_000, *ROW[7:]]
    assert [candle.closed for candle in candles("usdm", [ROW, later])] == [True, False]


def test_candles_come_oldest_first_whatever_the_order_of_the_answer() -> None:
    later = [ROW[0] + 60_000, *ROW[1:6], ROW[6] + 60_000, *ROW[7:]]
    assert candles("spot", [later, ROW]) == candles("spot", [ROW, later])
    assert candles("spot", []) == ()


def test_updates_of_a_mark_price_are_not_trades() -> None:
    (candle,) = candles("usdm", [[*ROW[:5], "0 ".strip(), ROW[6], "0", 60, "0", "0", "0"]])
    assert (candle.volume, candle.trades) == (0.0, 0)


def test_the_recorded_candle_is_read(recordings: Path) -> None:
    path = recordings / "fixtures_nautilus" / "binance" / "spot" / "http_json" / "klines_response.json"
    (candle,) = candles("spot", path.read_bytes())
    assert (candle.open, candle.high, candle.low, candle.close) == (0.0163479, 0.8, 0.015758, 0.015771)
    assert (candle.volume, candle.quote_volume, candle.trades) == (148976.11427815, 2434.19055334, 308)
    assert candle.closed


def test_a_payment_of_funding_is_a_rate_of_the_past() -> None:
    later = RATE | {"fundingTime": 1700035200000, "fundingRate": "0.0003"}
    rates = funding("usdm", [later, RATE])
    assert [(rate.rate, rate.funding_at) for rate in rates] == [
        (-0.0001, from_millis(1700006400000)),
        (0.0003, from_millis(1700035200000)),
    ]


# -- what cannot be believed ---------------------------------------------------------------------

BODIES: list[Any] = [
    b"",
    b"<html>",
    b"[" * 100_000,
    b"\xff",
    {},
    {"code": -1121, "msg": "Invalid symbol."},
    [7],
    [[]],
    [ROW[:8]],
    [[*ROW[:1], "nan", *ROW[2:]]],
    [[*ROW[:1], "0", *ROW[2:]]],
    [[*ROW[:5], "-1", *ROW[6:]]],
    [[-1, *ROW[1:]]],
    [ROW] * 1_501,
    [RATE | {"fundingRate": "nan"}],
    [RATE | {"fundingRate": "1e400"}],
    [RATE | {"fundingTime": -1}],
    [RATE | {"symbol": "ETHUSDT"}],
    [RATE] * 1_001,
]


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_of_another_shape_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedReply):
        candles("usdm", body)
    with pytest.raises(MalformedReply):
        funding("usdm", body)


def test_an_error_is_malformed_whatever_its_body() -> None:
    for status in (400, 418, 429, 500):
        with pytest.raises(MalformedReply):
            history("spot").decode_candles(instrument("spot"), "1m", binance.reply([ROW], status))
        with pytest.raises(MalformedReply):
            history("usdm").decode_funding(instrument("usdm"), binance.reply([RATE], status))


@given(st.sampled_from([[ROW, ROW], [RATE, RATE]]), st.integers(0, 300), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_answer_is_believable_or_malformed(rows: Any, at: int, removed: int, inserted: bytes) -> None:
    body = msgspec.json.encode(rows)
    at %= len(body)
    damaged = body[:at] + inserted + body[at + removed :]
    with suppress(MalformedReply):
        for candle in candles("usdm", damaged):
            assert min(candle.open, candle.high, candle.low, candle.close) > 0
            assert 0 <= candle.volume <= 1e15
            assert 0 <= candle.opened_at < 2**63
    with suppress(MalformedReply):
        assert all(isfinite(rate.rate) for rate in funding("usdm", damaged))
