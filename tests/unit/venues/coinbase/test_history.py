"""Candles of Coinbase's past, page by page."""

from typing import Any

import pytest

from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import coinbase
from tests.support.coinbase import RECEIVED, SENT, reply

START = Nanos(1_700_000_040 * SECOND)
"""The beginning of a minute."""


def history(flavour: str) -> History:
    found = coinbase.venue(flavour).history
    assert found is not None
    return found


def asked(flavour: str, interval: str, start: int, end: int) -> str:
    one = coinbase.instrument(flavour)
    request = history(flavour).candles(one, interval, Nanos(start), Nanos(end), CandlePrice.TRADES)
    assert request is not None
    return request.request.target


def test_only_what_the_venue_has_is_offered() -> None:
    assert history("exchange").intervals == ("1m", "5m", "15m", "1h", "6h", "1d")
    assert history("advanced").intervals == ("1m", "5m", "15m", "30m", "1h", "2h", "6h", "1d")
    assert (history("exchange").candles_per_page, history("advanced").candles_per_page) == (300, 350)
    for flavour in ("exchange", "advanced"):
        one = coinbase.instrument(flavour)
        assert history(flavour).candles(one, "4h", START, RECEIVED, CandlePrice.TRADES) is None
        assert history(flavour).candles(one, "1m", START, RECEIVED, CandlePrice.MARK) is None
        assert (history(flavour).funding_per_page, history(flavour).funding(one, START, RECEIVED)) == (0, None)
        with pytest.raises(MalformedReply, match="funding"):
            history(flavour).decode_funding(one, reply([]))


def test_a_page_ends_with_the_last_candle_that_opens_before_the_end() -> None:
    assert asked("exchange", "1m", START, START + 300 * MINUTE) == (
        "https://api.exchange.coinbase.com/products/BTC-USD/candles?granularity=60"
        "&start=2023-11-14T22%3A14%3A00.000000Z&end=2023-11-15T03%3A13%3A00.000000Z"
    )
    assert asked("advanced", "1m", START + 1, START + 2 * MINUTE + 1) == (
        "https://api.coinbase.com/api/v3/brokerage/market/products/BTC-USD/candles"
        f"?start={START // SECOND + 60}&end={START // SECOND + 120}&granularity=ONE_MINUTE&limit=350"
    )


@pytest.mark.parametrize(
    ("flavour", "body"),
    [
        ("exchange", [[1699999980, 1, 4, 2, 3, 42.5], [1699999920, 10, 40, 20, 30, 5]]),
        (
            "advanced",
            {
                "candles": [
                    {"start": "1699999980", "low": "1", "high": "4", "open": "2", "close": "3", "volume": "42.5"},
                    {"start": "1699999920", "low": "10", "high": "40", "open": "20", "close": "30", "volume": "5"},
                ]
            },
        ),
    ],
    ids=["exchange", "advanced"],
)
def test_candles_come_oldest_first_and_the_one_that_was_still_open_is_not_closed(flavour: str, body: Any) -> None:
    one = coinbase.instrument(flavour)
    before, last = history(flavour).decode_candles(one, "1m", reply(body))
    assert (last.opened_at, last.open, last.high, last.low, last.close) == (1699999980 * SECOND, 2.0, 4.0, 1.0, 3.0)
    assert (last.volume, last.trades, last.interval, last.received_at) == (42.5, 0, "1m", RECEIVED)
    assert last.opened_at + MINUTE > SENT
    assert (before.closed, last.closed) == (True, False)
    assert (before.opened_at, before.instrument) == (1699999920 * SECOND, one.instrument)


@pytest.mark.parametrize("flavour", ["exchange", "advanced"])
@pytest.mark.parametrize("body", [b"<html>", {"message": "NotFound"}, [[1, 2]], [[1699999920, -10, 40, 20, 30, 5]]])
def test_what_are_no_candles_is_malformed(flavour: str, body: Any) -> None:
    with pytest.raises(MalformedReply):
        history(flavour).decode_candles(coinbase.instrument(flavour), "1m", reply(body))
    with pytest.raises(MalformedReply):
        history(flavour).decode_candles(coinbase.instrument(flavour), "4h", reply([]))
