"""What Alpaca lists, its clock, its books, and its candles of the past."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Market
from tests.support import alpaca
from tests.support.alpaca import SENT

PAIR = {
    "id": "c150e086-1e75-44e6-9c2c-093bb1e93139",
    "class": "crypto",
    "exchange": "CRYPTO",
    "symbol": "BTC/USD",
    "name": "Bitcoin / US Dollar",
    "status": "active",
    "tradable": True,
    "fractionable": True,
    "min_order_size": "0.000026873",
    "min_trade_increment": "0.000000001",
    "price_increment": "1",
}
SHARE = {"class": "us_equity", "symbol": "BRK.B", "status": "active", "tradable": True, "fractionable": True}


@pytest.fixture
def crypto() -> Market:
    return alpaca.venue("crypto").market


@pytest.fixture
def history() -> History:
    offered = alpaca.venue("crypto").history
    assert offered is not None
    return offered


def listed(flavour: str, *entries: Any) -> tuple[Instrument, ...]:
    found, following = alpaca.venue(flavour).market.decode_instruments(alpaca.reply(entries))
    assert following is None
    return found


def test_a_pair_of_coins_has_the_venues_own_steps() -> None:
    (found,) = listed("crypto", PAIR)
    assert (found.instrument, found.base, found.quote) == ("alpaca:crypto:BTC/USD", "BTC", "USD")
    assert (found.tick, found.lot) == (Decimal(1), Decimal("0.000000001"))
    assert (found.quantity_min, found.notional_min) == (Decimal("0.000026873"), Decimal(10))
    assert found.tradable


def test_what_is_not_priced_in_dollars_has_no_least_notional() -> None:
    (found,) = listed("crypto", PAIR | {"symbol": "BTC/USDT"})
    assert found.notional_min == 0


def test_a_share_is_its_own_base_in_dollars_by_cents_and_whole_shares() -> None:
    (found,) = listed("stocks", SHARE)
    assert (found.base, found.quote) == (Asset("BRK.B"), Asset("USD"))
    assert (found.tick, found.lot, found.notional_min) == (Decimal("0.01"), Decimal(1), Decimal(0))


@pytest.mark.parametrize("change", [{"tradable": False}, {"status": "inactive"}])
def test_what_is_listed_without_being_traded_is_not_tradable(change: dict[str, Any]) -> None:
    (found,) = listed("crypto", PAIR | change)
    assert not found.tradable


def test_an_entry_that_cannot_be_understood_does_not_hide_the_others() -> None:
    odd = [{}, PAIR | {"symbol": "BTC USD"}, PAIR | {"price_increment": "NaN"}, PAIR | {"symbol": "BTCUSD"}, SHARE]
    assert [each.symbol for each in listed("crypto", *odd, PAIR)] == ["BTC/USD"]


def test_a_listing_of_which_nothing_can_be_understood_is_refused(crypto: Market) -> None:
    with pytest.raises(MalformedReply, match="none of 1 entries"):
        crypto.decode_instruments(alpaca.reply([{}]))


def test_the_clock_has_the_zone_of_new_york(crypto: Market) -> None:
    clock = {"timestamp": "2024-03-12T06:27:48.858228144-04:00", "is_open": True}
    assert crypto.decode_time(alpaca.reply(clock)) == 1_710_239_268_858_228_144


@pytest.mark.parametrize("body", [{}, {"timestamp": "yesterday, at the latest"}, b"<html>"])
def test_a_clock_that_cannot_be_read_is_refused(crypto: Market, body: Any) -> None:
    with pytest.raises(MalformedReply):
        crypto.decode_time(alpaca.reply(body))


def test_a_book_is_asked_for_by_its_symbol_in_one_word(crypto: Market) -> None:
    weighted = crypto.snapshot(alpaca.instrument())
    assert weighted is not None
    assert weighted.request.target == (
        "https://data.alpaca.markets/v1beta3/crypto/us/latest/orderbooks?symbols=BTC%2FUSD"
    )


def test_a_reply_without_the_book_is_refused(crypto: Market) -> None:
    with pytest.raises(MalformedReply, match="no book of BTC/USD"):
        crypto.decode_snapshot(alpaca.instrument(), alpaca.reply({"orderbooks": {}}))


def test_stocks_show_no_book() -> None:
    market, share = alpaca.venue("stocks").market, alpaca.instrument("AMD", "stocks")
    assert market.snapshot(share) is None
    with pytest.raises(Unsupported):
        market.decode_snapshot(share, alpaca.reply({}))


# -- candles -------------------------------------------------------------------------------------


def bar(at: str) -> dict[str, Any]:
    return {"t": at, "o": 1, "h": 3, "l": 0.5, "c": 2, "v": 4, "n": 5, "vw": 1.5}


def test_candles_are_asked_for_without_the_end(history: History) -> None:
    end = Nanos(SENT + 2 * MINUTE)
    weighted = history.candles(alpaca.instrument(), "1m", SENT, end, CandlePrice.TRADES)
    assert weighted is not None
    assert weighted.request.target == (
        "https://data.alpaca.markets/v1beta3/crypto/us/bars?symbols=BTC%2FUSD&timeframe=1Min"
        "&start=2023-11-14T22:13:20.000000000Z&end=2023-11-14T22:15:19.999999999Z&limit=10000&sort=asc"
    )


def test_a_candle_that_was_over_when_asked_for_is_closed(history: History) -> None:
    rows = [bar("2023-11-14T22:12:00Z"), bar("2023-11-14T22:13:00Z")]
    found = history.decode_candles(alpaca.instrument(), "1m", alpaca.reply({"bars": {"BTC/USD": rows}}))
    assert [each.closed for each in found] == [True, False]
    assert (found[0].low, found[0].trades, found[0].quote_volume) == (0.5, 5, 6.0)


@pytest.mark.parametrize("bars", [{}, None])
def test_a_time_without_trades_has_no_candles(history: History, bars: Any) -> None:
    assert history.decode_candles(alpaca.instrument(), "1m", alpaca.reply({"bars": bars})) == ()


@pytest.mark.parametrize(
    "body",
    [
        {"bars": {"BTC/USD": [bar("x" * 20)]}},
        {"bars": {"BTC/USD": [bar("2023-11-14T22:12:00Z") | {"o": -1}]}},
        {"bars": {}, "next_page_token": "more"},
        {},
    ],
)
def test_half_an_answer_is_none(history: History, body: Any) -> None:
    with pytest.raises(MalformedReply):
        history.decode_candles(alpaca.instrument(), "1m", alpaca.reply(body))


def test_there_are_no_mark_prices_no_three_days_and_no_funding(history: History) -> None:
    instrument = alpaca.instrument()
    assert history.candles(instrument, "1m", SENT, Nanos(SENT + 1), CandlePrice.MARK) is None
    assert history.candles(instrument, "3d", SENT, Nanos(SENT + 1), CandlePrice.TRADES) is None
    assert "3d" not in history.intervals
    assert history.funding(instrument, SENT, Nanos(SENT + 1)) is None
    assert history.funding_per_page == 0
    with pytest.raises(MalformedReply):
        history.decode_funding(instrument, alpaca.reply({}))
