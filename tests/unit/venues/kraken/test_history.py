"""Kraken's past: candles of trades, the newest 720 of each interval, and no funding."""

from typing import Any

import pytest

from integrated_trading_system.domain.market import Candle
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import kraken
from tests.support.kraken import BTC, RECEIVED, answered

START = Nanos(1_700_000_040 * SECOND)
ROWS: list[list[Any]] = [
    [1700000040, "100.5", "103.0", "99.5", "102.0", "101.0", "2.00000000", 7],
    [1700000100, "102.0", "102.0", "102.0", "102.0", "0.0", "0.00000000", 0],
]


def made() -> Any:
    history = kraken.venue().history
    assert history is not None
    return history


def test_candles_are_asked_for_from_their_beginning_on() -> None:
    asked = made().candles(kraken.instrument(), "5m", START, Nanos(START + MINUTE), CandlePrice.TRADES)
    assert asked.request.target == "https://api.kraken.com/0/public/OHLC?pair=XBTUSD&interval=5&since=1700000039"
    assert made().candles_per_page == 720


@pytest.mark.parametrize(
    ("interval", "price"), [("1m", CandlePrice.MARK), ("3m", CandlePrice.TRADES), ("1w", CandlePrice.TRADES)]
)
def test_what_the_venue_does_not_have_is_not_asked_for(interval: str, price: CandlePrice) -> None:
    assert made().candles(kraken.instrument(), interval, START, START, price) is None


def test_all_but_the_last_candle_are_closed() -> None:
    reply = answered({"XXBTZUSD": ROWS[::-1], "last": 1700000040})
    first, last = made().decode_candles(kraken.instrument(), "1m", reply)
    assert first == Candle(BTC, "1m", START, 100.5, 103.0, 99.5, 102.0, 2.0, 7, True, RECEIVED, 202.0)
    assert (last.opened_at, last.closed, last.volume) == (Nanos(START + MINUTE), False, 0.0)


@pytest.mark.parametrize("result", [{"last": 5}, {"a": ROWS, "b": ROWS, "last": 5}, {"a": [["x"]]}, {"a": 5}])
def test_an_answer_that_is_not_one_pairs_candles_is_malformed(result: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        made().decode_candles(kraken.instrument(), "1m", answered(result))


def test_spot_pays_no_funding() -> None:
    assert made().funding_per_page == 0
    assert made().funding(kraken.instrument(), START, START) is None
    with pytest.raises(MalformedReply):
        made().decode_funding(kraken.instrument(), answered([]))
