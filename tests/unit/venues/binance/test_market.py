"""Public REST of Binance: instruments with their filters, the clock, snapshots."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import binance

SPOT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.0", "stepSize": "0.00001000"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "100", "stepSize": "0"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "avgPriceMins": 5},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
    ],
}
USDM: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "contractType": "PERPETUAL",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 2,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}
COINM: dict[str, Any] = {
    "symbol": "BTCUSD_PERP",
    "contractStatus": "TRADING",
    "contractSize": 100,
    "baseAsset": "BTC",
    "quoteAsset": "USD",
    "marginAsset": "BTC",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.1"},
        {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "60000", "stepSize": "1"},
    ],
}


def listed(flavour: str, *symbols: Any) -> tuple[Instrument, ...]:
    found, more = binance.venue(flavour).market.decode_instruments(binance.reply({"symbols": symbols}))
    assert more is None
    return found


# -- instruments ---------------------------------------------------------------------------------


def test_a_spot_symbol_carries_its_filters() -> None:
    (instrument,) = listed("spot", SPOT)
    assert (instrument.instrument, instrument.kind) == ("binance:spot:BTCUSDT", Kind.SPOT)
    assert (instrument.base, instrument.quote, instrument.settle) == ("BTC", "USDT", "USDT")
    assert (instrument.tick, instrument.lot) == (Decimal("0.01"), Decimal("0.00001"))
    assert (instrument.quantity_min, instrument.quantity_max) == (Decimal("0.00001"), Decimal(9000))
    assert (instrument.notional_min, instrument.multiplier) == (Decimal(5), Decimal(1))
    assert instrument.tradable


def test_a_linear_contract_names_its_minimum_notional_differently() -> None:
    (instrument,) = listed("usdm", USDM)
    assert (instrument.kind, instrument.settle) == (Kind.LINEAR, "USDT")
    assert (instrument.notional_min, instrument.tick) == (Decimal(100), Decimal("0.1"))


def test_an_inverse_contract_is_worth_its_size_in_quote_and_settles_in_base() -> None:
    (instrument,) = listed("coinm", COINM)
    assert (instrument.kind, instrument.settle, instrument.multiplier) == (Kind.INVERSE, "BTC", Decimal(100))
    assert instrument.notional(Decimal(60_000), Decimal(3)) == 300
    assert instrument.tradable


def test_the_older_minimum_notional_still_counts() -> None:
    filters = [{"filterType": "MIN_NOTIONAL", "minNotional": "10.0", "applyToMarket": True, "avgPriceMins": 5}]
    (instrument,) = listed("us", SPOT | {"filters": filters})
    assert instrument.notional_min == 10


def test_a_missing_filter_is_no_limit() -> None:
    (instrument,) = listed("spot", SPOT | {"filters": []})
    assert instrument.tick == instrument.lot == instrument.notional_min == 0


@pytest.mark.parametrize("status", ["BREAK", "HALT", "END_OF_DAY", "CANCEL_ONLY", "SOMETHING_NEW"])
def test_a_symbol_in_any_status_but_trading_is_listed_and_not_tradable(status: str) -> None:
    (instrument,) = listed("spot", SPOT | {"status": status})
    assert not instrument.tradable


def test_a_symbol_that_may_only_be_traded_on_margin_is_not_tradable() -> None:
    (instrument,) = listed("spot", SPOT | {"isSpotTradingAllowed": False})
    assert not instrument.tradable


@pytest.mark.parametrize(
    "strange",
    [
        {"symbol": "NEW"},
        SPOT | {"symbol": 'BAD"NAME'},
        SPOT | {"symbol": "A/B?C"},
        SPOT | {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "NaN"}]},
        SPOT | {"filters": [{"filterType": "LOT_SIZE", "stepSize": 1}]},
        "BTCUSDT",
        None,
    ],
)
def test_one_strange_symbol_does_not_hide_the_others(strange: Any) -> None:
    assert [instrument.symbol for instrument in listed("spot", strange, SPOT)] == ["BTCUSDT"]


def test_a_listing_in_which_nothing_is_understood_is_malformed() -> None:
    with pytest.raises(MalformedReply, match="none of 2 symbols"):
        listed("spot", {"name": "BTCUSDT"}, {"name": "ETHUSDT"})


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"symbols":7}', b"[" * 100_000, b"<html>"])
def test_a_listing_of_another_shape_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReply):
        binance.venue("spot").market.decode_instruments(binance.reply(body))


def test_an_error_instead_of_a_listing_is_malformed_and_quoted() -> None:
    with pytest.raises(MalformedReply, match="HTTP 418: -1003 IP banned"):
        binance.venue("spot").market.decode_instruments(binance.reply({"code": -1003, "msg": "IP banned"}, 418))


# -- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "base", "weights"),
    [
        ("spot", "https://api.binance.com/api/v3", (20, 1, 50)),
        ("us", "https://api.binance.us/api/v3", (10, 1, 10)),
        ("usdm", "https://fapi.binance.com/fapi/v1", (1, 1, 20)),
        ("coinm", "https://dapi.binance.com/dapi/v1", (1, 1, 20)),
    ],
)
def test_public_requests_and_their_weights(flavour: str, base: str, weights: tuple[int, int, int]) -> None:
    market = binance.venue(flavour).market
    (instruments,) = market.instruments()
    time, snapshot = market.time(), market.snapshot(binance.instrument(flavour))
    assert time is not None
    assert snapshot is not None
    asked = (instruments, time, snapshot)
    assert [item.request.target for item in asked] == [
        f"{base}/exchangeInfo",
        f"{base}/time",
        f"{base}/depth?symbol=BTCUSDT&limit=1000",
    ]
    assert [item.weights for item in asked] == [(("REQUEST_WEIGHT", weight),) for weight in weights]
    assert {item.request.method for item in asked} == {"GET"}


def test_a_symbol_that_is_not_ascii_is_percent_encoded() -> None:
    snapshot = binance.venue("testnet").market.snapshot(binance.instrument("testnet", "测456"))
    assert snapshot is not None
    assert snapshot.request.query == "symbol=%E6%B5%8B456&limit=1000"


def test_an_error_instead_of_a_snapshot_is_malformed() -> None:
    with pytest.raises(MalformedReply, match="-1121 Invalid symbol"):
        binance.venue("spot").market.decode_snapshot(
            binance.instrument("spot"), binance.reply({"code": -1121, "msg": "Invalid symbol."}, 400)
        )


# -- clock and snapshot --------------------------------------------------------------------------


def test_the_clock_is_read_in_milliseconds() -> None:
    market = binance.venue("spot").market
    assert market.decode_time(binance.reply({"serverTime": 1499827319559})) == 1499827319559_000_000


def test_a_spot_snapshot_is_continued_by_the_next_id() -> None:
    instrument = binance.instrument("spot")
    body = {"lastUpdateId": 160, "bids": [["4.00000000", "431.0"]], "asks": [["4.00000200", "12.0"]]}
    assert binance.venue("spot").market.decode_snapshot(instrument, binance.reply(body)) == BookSnapshot(
        instrument=instrument.instrument,
        bids=[(4.0, 431.0)],
        asks=[(4.000002, 12.0)],
        last_sequence=160,
        resume_from=161,
        order=160,
        venue_time=Nanos(0),
        received_at=Nanos(2000),
    )


def test_a_futures_snapshot_is_continued_by_a_change_that_covers_its_own_id() -> None:
    body = {"lastUpdateId": 160, "E": 1626992741264, "T": 1626992741261, "bids": [["7.6", "6"]], "asks": []}
    snapshot = binance.venue("usdm").market.decode_snapshot(binance.instrument("usdm"), binance.reply(body))
    assert (snapshot.last_sequence, snapshot.resume_from, snapshot.order) == (160, 160, 160)
    assert snapshot.venue_time == 1626992741264_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"lastUpdateId":-1,"bids":[],"asks":[]}',
        b'{"lastUpdateId":1,"bids":[["0","1"]],"asks":[]}',
        b'{"lastUpdateId":1,"bids":[["1","-1"]],"asks":[]}',
        b'{"lastUpdateId":1,"bids":[["NaN","1"]],"asks":[]}',
        b'{"lastUpdateId":1,"bids":{},"asks":[]}',
    ],
)
def test_a_snapshot_that_cannot_be_believed_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReply):
        binance.venue("spot").market.decode_snapshot(binance.instrument("spot"), binance.reply(body))


@given(st.binary(max_size=60))
def test_any_other_body_is_malformed_and_nothing_worse(body: bytes) -> None:
    market = binance.venue("spot").market
    with pytest.raises(MalformedReply):
        market.decode_snapshot(binance.instrument("spot"), binance.reply(body))
    with pytest.raises(MalformedReply):
        market.decode_time(binance.reply(body))
