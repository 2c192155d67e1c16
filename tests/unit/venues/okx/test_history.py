"""OKX's past: candles of trades and marks, and funding that was paid."""

import pytest

from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import HOUR, Nanos, from_millis
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import okx

START, END = from_millis(1_700_000_000_000), from_millis(1_700_003_600_000)
SWAP = okx.instrument("swap")


@pytest.fixture
def history() -> History:
    found = okx.venue("swap").history
    assert found is not None
    return found


def target(history: History, interval: str, price: CandlePrice) -> str:
    weighted = history.candles(SWAP, interval, START, END, price)
    assert weighted is not None
    return weighted.request.target.removeprefix("https://www.okx.com/api/v5/market/")


def test_a_page_holds_what_both_kinds_of_candles_promise(history: History) -> None:
    assert f"&limit={history.candles_per_page}" in target(history, "1m", CandlePrice.MARK)
    weighted = history.funding(SWAP, START, END)
    assert weighted is not None
    assert weighted.request.query.endswith(f"&limit={history.funding_per_page}")


def test_the_start_belongs_to_a_page_and_the_end_does_not(history: History) -> None:
    expected = "history-candles?instId=BTC-USDT-SWAP&bar=1m&before=1699999999999&after=1700003600000&limit=100"
    assert target(history, "1m", CandlePrice.TRADES) == expected


@pytest.mark.parametrize(
    ("interval", "bar"), [("1h", "1H"), ("4h", "4H"), ("6h", "6Hutc"), ("1d", "1Dutc"), ("1M", "1Mutc")]
)
def test_long_candles_open_by_universal_time(history: History, interval: str, bar: str) -> None:
    assert f"&bar={bar}&" in target(history, interval, CandlePrice.TRADES)


def test_mark_prices_have_an_endpoint_of_their_own_and_no_candles_of_three_days(history: History) -> None:
    assert target(history, "1m", CandlePrice.MARK).startswith("history-mark-price-candles?")
    assert history.candles(SWAP, "3d", START, END, CandlePrice.MARK) is None
    assert history.candles(okx.instrument("spot"), "1m", START, END, CandlePrice.MARK) is None


def test_every_interval_that_is_offered_can_be_asked_for_and_no_other(history: History) -> None:
    assert all(history.candles(SWAP, name, START, END, CandlePrice.TRADES) for name in history.intervals)
    assert history.candles(SWAP, "8h", START, END, CandlePrice.TRADES) is None


def test_candles_are_told_oldest_first_and_the_open_one_says_so(history: History) -> None:
    newest = ["1700000060000", "2", "3", "1", "2.5", "10", "0.1", "250", "0"]
    oldest = ["1700000000000", "1", "2", "1", "2", "20", "0.2", "400", "1"]
    first, last = history.decode_candles(SWAP, "1m", okx.answered(newest, oldest))
    assert first == Candle(okx.BTC, "1m", START, 1.0, 2.0, 1.0, 2.0, 20.0, 0, True, okx.RECEIVED, quote_volume=400.0)
    assert not last.closed


def test_a_mark_prices_candle_has_no_volume(history: History) -> None:
    (candle,) = history.decode_candles(SWAP, "1h", okx.answered(["1700000000000", "1", "2", "1", "2", "1"]))
    assert (candle.open, candle.close, candle.volume, candle.quote_volume, candle.closed) == (1.0, 2.0, 0.0, 0.0, True)


@pytest.mark.parametrize("row", [[], ["1", "2"], ["x", "1", "2", "1", "2", "1"], ["1", "0", "2", "1", "2", "1"], 7])
def test_a_row_of_another_shape_is_malformed(history: History, row: object) -> None:
    with pytest.raises(MalformedReply):
        history.decode_candles(SWAP, "1m", okx.answered(row))


def test_funding_is_what_was_really_paid_oldest_first(history: History) -> None:
    weighted = history.funding(SWAP, START, Nanos(START + 8 * HOUR))
    assert weighted is not None
    assert weighted.request.target == (
        "https://www.okx.com/api/v5/public/funding-rate-history"
        "?instId=BTC-USDT-SWAP&before=1699999999999&after=1700028800000&limit=100"
    )
    newest = {"fundingTime": "1700028800000", "fundingRate": "0.0002", "realizedRate": "0.00015"}
    oldest = {"fundingTime": "1700000000000", "fundingRate": "-0.0001"}
    later = from_millis(1700028800000)
    assert history.decode_funding(SWAP, okx.answered(newest, oldest)) == (
        FundingRate(okx.BTC, -0.0001, START, START, okx.RECEIVED),
        FundingRate(okx.BTC, 0.00015, later, later, okx.RECEIVED),
    )
    assert history.funding(okx.instrument("spot"), START, END) is None
