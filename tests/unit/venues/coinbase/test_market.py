"""Coinbase's public REST: what is listed, the clock, and a book to audit with."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.coinbase.streams.numbers import AFTER_QUOTES
from integrated_trading_system.venues.coinbase.symbols import data_symbol
from integrated_trading_system.venues.coinbase.wire import moment
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from tests.support import coinbase
from tests.support.coinbase import RECEIVED, reply

STAMP = "2026-04-07T00:28:59.662782Z"
PRODUCT: dict[str, Any] = {
    "id": "BTC-USD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "quote_increment": "0.01",
    "base_increment": "0.00000001",
    "min_market_funds": "1",
    "status": "online",
    "trading_disabled": False,
    "cancel_only": False,
    "post_only": False,
    "limit_only": False,
    "auction_mode": False,
}
ADVANCED: dict[str, Any] = {
    "product_id": "BTC-USD",
    "product_type": "SPOT",
    "base_currency_id": "BTC",
    "quote_currency_id": "USD",
    "base_increment": "0.00000001",
    "quote_increment": "0.001",
    "price_increment": "0.01",
    "base_min_size": "0.00001",
    "base_max_size": "3400",
    "quote_min_size": "1",
    "status": "online",
}


def url(request: WeightedRequest | None) -> str:
    assert request is not None
    return request.request.target


def listed(flavour: str, *entries: dict[str, Any]) -> tuple[Instrument, ...]:
    body = {"products": entries} if flavour == "advanced" else entries
    found, following = coinbase.venue(flavour).market.decode_instruments(reply(body))
    assert following is None
    return found


def test_everything_is_asked_where_the_flavour_has_it() -> None:
    exchange, advanced = (coinbase.venue(flavour).market for flavour in ("exchange", "advanced"))
    assert [url(each) for each in exchange.instruments()] == ["https://api.exchange.coinbase.com/products"]
    base = "https://api.coinbase.com/api/v3/brokerage"
    assert [url(each) for each in advanced.instruments()] == [f"{base}/market/products"]
    assert (url(exchange.time()), url(advanced.time())) == ("https://api.exchange.coinbase.com/time", f"{base}/time")
    book = exchange.snapshot(coinbase.instrument("exchange"))
    assert url(book) == "https://api.exchange.coinbase.com/products/BTC-USD/book?level=2"
    assert url(advanced.snapshot(coinbase.instrument("advanced"))) == (
        f"{base}/market/product_book?product_id=BTC-USD&limit=500"
    )


def test_a_product_of_exchange() -> None:
    (found,) = listed("exchange", PRODUCT)
    assert found.instrument == InstrumentId("coinbase:exchange:BTC-USD")
    assert (found.base, found.quote, found.settle, found.kind) == ("BTC", "USD", "USD", Kind.SPOT)
    assert (found.tick, found.lot, found.notional_min) == (Decimal("0.01"), Decimal("0.00000001"), Decimal(1))
    assert found.quantity_min == found.quantity_max == 0
    assert (found.tradable, found.inferred) == (True, False)


def test_a_product_of_advanced_trade_has_the_tick_of_its_prices() -> None:
    (found,) = listed("advanced", ADVANCED)
    assert (found.tick, found.lot, found.notional_min) == (Decimal("0.01"), Decimal("0.00000001"), Decimal(1))
    assert (found.quantity_min, found.quantity_max, found.tradable) == (Decimal("0.00001"), Decimal(3400), True)


@pytest.mark.parametrize("flavour", ["exchange", "advanced"])
@pytest.mark.parametrize(
    "said",
    [{"status": "delisted"}, *({name: True} for name in ("trading_disabled", "cancel_only", "post_only"))],
    ids=str,
)
def test_what_takes_no_taker_is_not_tradable(flavour: str, said: dict[str, Any]) -> None:
    (found,) = listed(flavour, (ADVANCED if flavour == "advanced" else PRODUCT) | said)
    assert not found.tradable


def test_a_future_is_shown_with_the_worth_of_its_contract_and_not_traded() -> None:
    future = ADVANCED | {
        "product_id": "BIP-20DEC30-CDE",
        "product_type": "FUTURE",
        "base_currency_id": "",
        "future_product_details": {"contract_size": "0.01", "contract_root_unit": "BTC"},
    }
    (found,) = listed("advanced", future)
    assert (found.kind, found.base, found.multiplier, found.tradable) == (Kind.LINEAR, "BTC", Decimal("0.01"), False)


def test_an_entry_that_is_not_as_promised_is_left_out_and_hides_no_other() -> None:
    strange = [
        {"product_id": 5},
        ADVANCED | {"price_increment": "nan"},
        ADVANCED | {"product_type": "FUTURE"},
        ADVANCED | {"base_currency_id": ""},
        ADVANCED | {"product_id": "BTC/../USD"},
    ]
    assert [one.symbol for one in listed("advanced", *strange, ADVANCED)] == ["BTC-USD"]
    with pytest.raises(MalformedReply, match="none of 5"):
        listed("advanced", *strange)


def test_the_dollar_coins_book_is_the_dollars_but_for_two() -> None:
    symbols = ("BTC-USDC", "USDT-USDC", "EURC-USDC", "BTC-USD", "USDC-EUR")
    assert [data_symbol(symbol) for symbol in symbols] == ["BTC-USD", "USDT-USDC", "EURC-USDC", "BTC-USD", "USDC-EUR"]


def test_the_clock_of_either_flavour() -> None:
    told = {"iso": "2026-04-07T00:28:59.662Z", "epoch": 1775521739.662}
    assert coinbase.venue("exchange").market.decode_time(reply(told)) == 1_775_521_739_662_000_000
    told = {"iso": "2026-04-07T00:28:59Z", "epochSeconds": "1775521739", "epochMillis": "1775521739662"}
    assert coinbase.venue("advanced").market.decode_time(reply(told)) == 1_775_521_739_662_000_000


def test_a_book_by_rest_has_its_time_for_a_number_as_the_stream_has() -> None:
    one = coinbase.instrument("exchange")
    body = {"bids": [["100", "1.5", 3]], "asks": [["101", "2", 1]], "sequence": 7, "time": STAMP}
    found = coinbase.venue("exchange").market.decode_snapshot(one, reply(body))
    assert (found.bids, found.asks) == ([(100.0, 1.5)], [(101.0, 2.0)])
    number = moment(STAMP) + AFTER_QUOTES
    assert (found.last_sequence, found.resume_from, found.order) == (number, number + 1, number)
    assert (found.venue_time, found.received_at, found.in_stream) == (moment(STAMP), RECEIVED, False)


def test_a_book_of_the_other_flavour_says_whose_it_is() -> None:
    market = coinbase.venue("advanced").market
    levels = {"bids": [{"price": "100", "size": "1.5"}], "asks": [{"price": "101", "size": "2"}], "time": STAMP}
    body = {"pricebook": levels | {"product_id": "BTC-USD"}}
    found = market.decode_snapshot(coinbase.instrument("advanced"), reply(body))
    assert (found.bids, found.asks, found.venue_time) == ([(100.0, 1.5)], [(101.0, 2.0)], moment(STAMP))
    assert market.decode_snapshot(coinbase.instrument("advanced", "BTC-USDC"), reply(body)).bids == [(100.0, 1.5)]
    with pytest.raises(MalformedReply, match="asked about ETH-USD"):
        market.decode_snapshot(coinbase.instrument("advanced", "ETH-USD"), reply(body))


@pytest.mark.parametrize("answer", [reply({"message": "NotFound"}, 404), reply(b"<html>"), reply({"iso": "noon"})])
def test_an_answer_that_is_none_raises_malformed_reply(answer: Any) -> None:
    market, one = coinbase.venue("exchange").market, coinbase.instrument("exchange")
    for decode in (market.decode_instruments, market.decode_time, lambda got: market.decode_snapshot(one, got)):
        with pytest.raises(MalformedReply):
            decode(answer)


def test_exchange_does_not_trade_and_says_why() -> None:
    venue = coinbase.venue("exchange")
    assert (venue.trading, venue.user_codec) == (None, None)
    assert "coinbase:advanced" in venue.no_trading
    assert venue.receive_window == Nanos(120_000_000_000)
