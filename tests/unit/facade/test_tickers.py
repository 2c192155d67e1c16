"""A ticker is a quote with the last trade and the 24 hours that were known at its time."""

from pathlib import Path

import pytest

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import DataType, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.facade.tickers import Tickers
from integrated_trading_system.orchestrator.platform import Platform
from tests.support.virtual_platform import SPOT, VirtualPlatform, dev_settings

BTC = InstrumentId(SPOT)


def quote(second: int, bid: float = 100.0) -> Quote:
    return Quote(BTC, bid, 1.0, bid + 2.0, 1.0, second, Nanos(0), Nanos(second * SECOND))


def trade(second: int, price: float) -> Trade:
    return Trade(BTC, str(second), price, 0.5, Side.BUY, Nanos(0), Nanos(second * SECOND))


def statistics(second: int, volume: float) -> Statistics:
    return Statistics(BTC, 99.0, volume, 0.0, 1.0, Nanos(0), Nanos(second * SECOND))


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return VirtualPlatform(dev_settings(tmp_path)).platform


def test_before_any_trade_the_price_is_the_middle_and_the_volume_unknown(platform: Platform) -> None:
    ticker = Tickers(platform).of(quote(3))
    assert (ticker.exchange, ticker.symbol) == ("binance", "BTCUSDT")
    assert (ticker.price, ticker.bid, ticker.ask, ticker.volume_24h) == (101.0, 100.0, 102.0, 0.0)
    assert ticker.timestamp == 3.0


def test_the_newest_trade_and_statistics_are_part_of_it(platform: Platform) -> None:
    tickers = Tickers(platform)
    for message in (trade(1, 99.5), statistics(1, 7.0), trade(2, 100.5), statistics(2, 8.0)):
        platform.system.bus.publish(message)
    ticker = tickers.of(quote(3))
    assert (ticker.price, ticker.volume_24h) == (100.5, 8.0)


def test_what_was_heard_before_is_known_at_once(platform: Platform) -> None:
    platform.buffers.of(BTC, DataType.TRADES).append(trade(1, 99.5))
    platform.buffers.of(BTC, DataType.STATISTICS).append(statistics(1, 7.0))
    ticker = Tickers(platform).of(quote(3))
    assert (ticker.price, ticker.volume_24h) == (99.5, 7.0)


def test_a_closed_one_hears_no_more(platform: Platform) -> None:
    tickers = Tickers(platform)
    tickers.close()
    platform.system.bus.publish(trade(1, 99.5))
    assert tickers.of(quote(3)).price == 101.0


def test_tickers_of_the_past_have_what_was_known_then_oldest_first(platform: Platform) -> None:
    buffers = platform.buffers
    buffers.of(BTC, DataType.QUOTES).extend(quote(second, 100.0 + second) for second in range(6))
    buffers.of(BTC, DataType.TRADES).extend([trade(2, 50.0), trade(4, 60.0)])
    buffers.of(BTC, DataType.STATISTICS).append(statistics(3, 9.0))
    latest = Tickers(platform).latest(BTC, 5)
    assert [ticker.timestamp for ticker in latest] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [ticker.price for ticker in latest] == [102.0, 50.0, 50.0, 60.0, 60.0]
    assert [ticker.volume_24h for ticker in latest] == [0.0, 0.0, 9.0, 9.0, 9.0]


def test_without_quotes_there_are_no_tickers(platform: Platform) -> None:
    assert Tickers(platform).latest(BTC, 5) == []


def test_a_book_is_shown_while_it_is_believed(tmp_path: Path) -> None:
    run = VirtualPlatform(dev_settings(tmp_path))
    tickers = Tickers(run.platform)
    assert tickers.book(BTC, 5) is None
    run.run(5.0)
    book, top = tickers.book(BTC, 5), run.platform.books.top(BTC)
    assert book is not None
    assert top is not None
    assert (book.bids[0], book.asks[0]) == ((top.bid, top.bid_size), (top.ask, top.ask_size))
    assert len(book.bids) == len(book.asks) == 5
