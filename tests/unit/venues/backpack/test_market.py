"""Backpack's public REST: what is listed, the venue's clock, and the snapshot of a book."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import Asset, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import backpack

SOL = InstrumentId("backpack:spot:SOL_USDC")
MARKET: dict[str, Any] = {
    "symbol": "SOL_USDC",
    "baseSymbol": "SOL",
    "quoteSymbol": "USDC",
    "marketType": "SPOT",
    "filters": {
        "price": {"minPrice": "0.01", "maxPrice": None, "tickSize": "0.01"},
        "quantity": {"minQuantity": "0.02", "maxQuantity": None, "stepSize": "0.01"},
    },
    "orderBookState": "Open",
}
PERPETUAL = MARKET | {"symbol": "SOL_USDC_PERP", "marketType": "PERP"}


def listed(flavour: str, *entries: Any) -> tuple[Instrument, ...]:
    instruments, more = backpack.venue(flavour).market.decode_instruments(backpack.reply(list(entries)))
    assert more is None
    return instruments


def test_a_spot_market_is_listed_with_its_rules() -> None:
    assert listed("spot", MARKET, PERPETUAL) == (
        Instrument(
            instrument=SOL,
            venue=VenueId("backpack:spot"),
            symbol="SOL_USDC",
            base=Asset("SOL"),
            quote=Asset("USDC"),
            settle=Asset("USDC"),
            kind=Kind.SPOT,
            tick=Decimal("0.01"),
            lot=Decimal("0.01"),
            quantity_min=Decimal("0.02"),
        ),
    )


def test_a_perpetual_is_listed_by_its_own_flavour() -> None:
    (instrument,) = listed("perp", MARKET, PERPETUAL)
    assert (instrument.instrument, instrument.kind) == ("backpack:perp:SOL_USDC_PERP", Kind.LINEAR)


def test_the_recorded_listing_is_understood(recordings: Path) -> None:
    text = (recordings / "backpack" / "hummingbot_backpack_spot_test_literals.json").read_text()
    text = text.replace("<expr:self.base_asset>", "COIN").replace("<expr:self.quote_asset>", "USDC")
    cases = json.loads(text)["test_backpack_exchange.py"]
    (market,) = (case["value"] for case in cases if case["where"] == "all_symbols_request_mock_response")
    (instrument,) = listed("spot", market | {"symbol": "COIN_USDC"})
    assert (instrument.base, instrument.tick, instrument.lot) == ("COIN", Decimal("0.01"), Decimal("0.01"))
    assert instrument.tradable


@pytest.mark.parametrize("state", ["Closed", "CancelOnly", "LimitOnly", "PostOnly", "Dreaming"])
def test_a_book_that_does_not_take_every_order_is_not_tradable(state: str) -> None:
    (instrument,) = listed("spot", MARKET | {"orderBookState": state})
    assert not instrument.tradable


@pytest.mark.parametrize(
    "fields",
    [{"symbol": "<script>"}, {"symbol": ""}, {"baseSymbol": None}, {"filters": {}}, {"marketType": 3}],
)
def test_a_strange_market_is_left_out_and_does_not_hide_the_others(fields: dict[str, Any]) -> None:
    assert len(listed("spot", MARKET | fields, MARKET)) == 1


def test_a_list_without_one_sensible_market_is_malformed() -> None:
    with pytest.raises(MalformedReply):
        listed("spot", {}, PERPETUAL)


def test_public_requests_need_no_more_than_their_address() -> None:
    market = backpack.venue("spot").market
    clock, snapshot = market.time(), market.snapshot(backpack.instrument("spot"))
    assert clock is not None
    assert snapshot is not None
    assert [weighted.request.target for weighted in (*market.instruments(), clock, snapshot)] == [
        "https://api.backpack.exchange/api/v1/markets",
        "https://api.backpack.exchange/api/v1/time",
        "https://api.backpack.exchange/api/v1/depth?symbol=SOL_USDC&limit=1000",
    ]


def test_the_venues_clock_is_a_bare_number_of_milliseconds() -> None:
    assert backpack.venue("spot").market.decode_time(backpack.reply(b"1750793021519")) == 1750793021519_000_000


def test_a_snapshot_is_sorted_and_resumed_by_the_update_after_it() -> None:
    body = {
        "asks": [["18.71", "2"], ["18.70", "1"]],
        "bids": [["18.60", "2"], ["18.67", "0.5"]],
        "lastUpdateId": "94978270",
        "timestamp": 1694687965940999,
    }
    snapshot = backpack.venue("spot").market.decode_snapshot(backpack.instrument("spot"), backpack.reply(body))
    assert snapshot == BookSnapshot(
        SOL,
        [(18.67, 0.5), (18.60, 2.0)],
        [(18.70, 1.0), (18.71, 2.0)],
        94978270,
        94978271,
        94978270,
        Nanos(1694687965940999_000),
        backpack.RECEIVED,
    )


def test_a_snapshot_may_be_undated() -> None:
    body = {"asks": [], "bids": [], "lastUpdateId": 7}
    snapshot = backpack.venue("spot").market.decode_snapshot(backpack.instrument("spot"), backpack.reply(body))
    assert (snapshot.venue_time, snapshot.last_sequence) == (0, 7)


@pytest.mark.parametrize(
    "reply",
    [
        backpack.reply(b"<html>", 502),
        backpack.reply(b"<html>"),
        backpack.reply(b"[" * 100_000),
        backpack.reply(b"\xff"),
        backpack.problem("INVALID_MARKET"),
        backpack.reply({}),
        backpack.reply({"asks": [["0", "1"]], "bids": [], "lastUpdateId": "1"}),
        backpack.reply({"asks": [["nan", "1"]], "bids": [], "lastUpdateId": "1"}),
        backpack.reply({"asks": [], "bids": [["1", "-1"]], "lastUpdateId": "1"}),
    ],
)
def test_a_reply_without_the_promised_shape_is_malformed(reply: HttpReply) -> None:
    market = backpack.venue("spot").market
    with pytest.raises(MalformedReply):
        market.decode_time(reply)
    with pytest.raises(MalformedReply):
        market.decode_instruments(reply)
    with pytest.raises(MalformedReply):
        market.decode_snapshot(backpack.instrument("spot"), reply)
