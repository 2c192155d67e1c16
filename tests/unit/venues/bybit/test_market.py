"""Bybit's public REST: what is listed, page by page, and the venue's clock."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import Asset, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import from_millis
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import bybit

LINEAR: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "priceFilter": {"minPrice": "0.1", "maxPrice": "1999999.8", "tickSize": "0.10"},
    "lotSizeFilter": {"maxOrderQty": "1190", "minOrderQty": "0.001", "qtyStep": "0.001", "minNotionalValue": "5"},
}


def page(*entries: Any, cursor: str | None = "") -> HttpReply:
    return bybit.answered({"category": "linear", "list": entries, "nextPageCursor": cursor})


def listed(flavour: str, reply: HttpReply) -> tuple[Instrument, ...]:
    instruments, _ = bybit.venue(flavour).market.decode_instruments(reply)
    return instruments


def recorded(recordings: Path, name: str) -> HttpReply:
    return bybit.reply((recordings / "fixtures_nautilus" / "bybit" / f"{name}.json").read_bytes())


def test_a_linear_contract_is_listed_with_its_rules() -> None:
    assert listed("linear", page(LINEAR)) == (
        Instrument(
            instrument=InstrumentId("bybit:linear:BTCUSDT"),
            venue=VenueId("bybit:linear"),
            symbol="BTCUSDT",
            base=Asset("BTC"),
            quote=Asset("USDT"),
            settle=Asset("USDT"),
            kind=Kind.LINEAR,
            tick=Decimal("0.10"),
            lot=Decimal("0.001"),
            quantity_min=Decimal("0.001"),
            quantity_max=Decimal(1190),
            notional_min=Decimal(5),
        ),
    )


def test_spot_has_a_least_amount_but_no_least_quantity(recordings: Path) -> None:
    btc, eth = listed("spot", recorded(recordings, "http_get_instruments_spot"))
    assert (btc.lot, btc.tick) == (Decimal("0.0001"), Decimal("0.1"))
    assert btc.notional_min == 10
    assert btc.quantity_min == 0
    assert (eth.lot, eth.kind, eth.settle) == (Decimal("0.00001"), Kind.SPOT, Asset("USDT"))
    assert eth.quantity_max == 1000


def test_the_limit_orders_own_maximum_counts_on_spot(recordings: Path) -> None:
    raw = msgspec.json.decode(recorded(recordings, "http_get_instruments_spot").body)["result"]["list"][0]
    raw["lotSizeFilter"]["maxLimitOrderQty"] = "77"
    assert listed("spot", page(raw))[0].quantity_max == 77


def test_recorded_contracts_are_listed(recordings: Path) -> None:
    assert [each.symbol for each in listed("linear", recorded(recordings, "http_get_instruments_linear"))] == [
        "BTCUSDT",
        "ETHUSDT",
    ]


@pytest.mark.parametrize("fields", [{"status": "PreLaunch"}, {"status": "Halted"}, {"settleCoin": "USDC"}])
def test_what_is_not_trading_or_settles_in_another_coin_is_listed_but_not_tradable(fields: dict[str, str]) -> None:
    (instrument,) = listed("linear", page(LINEAR | fields))
    assert not instrument.tradable


@pytest.mark.parametrize(
    "fields",
    [
        {"contractType": "InversePerpetual"},
        {"symbol": "<script>"},
        {"symbol": ""},
        {"priceFilter": {"tickSize": "NaN"}},
        {"priceFilter": {}},
        {"lotSizeFilter": {"qtyStep": ""}},
        {"baseCoin": None},
    ],
)
def test_a_strange_entry_is_left_out_and_does_not_hide_the_others(fields: dict[str, Any]) -> None:
    assert len(listed("linear", page(LINEAR | fields, LINEAR))) == 1


def test_a_list_without_one_sensible_entry_is_malformed() -> None:
    with pytest.raises(MalformedReply):
        listed("linear", page({}, 1))


def test_instruments_are_asked_for_page_by_page() -> None:
    market = bybit.venue("linear").market
    (first,) = market.instruments()
    assert first.request.target == ("https://api.bybit.com/v5/market/instruments-info?category=linear&limit=1000")
    _, more = market.decode_instruments(page(LINEAR, cursor="first%3DA%26last%3DZ"))
    assert more is not None
    assert more.request.query == "category=linear&limit=1000&cursor=first%3DA%26last%3DZ"


@pytest.mark.parametrize("cursor", ["", None])
def test_a_page_without_cursor_is_the_last(cursor: str | None) -> None:
    _, more = bybit.venue("linear").market.decode_instruments(page(LINEAR, cursor=cursor))
    assert more is None


def test_an_empty_page_is_the_last_whatever_its_cursor() -> None:
    assert bybit.venue("linear").market.decode_instruments(page(cursor="again")) == ((), None)


def test_the_venues_clock_is_read_in_nanoseconds() -> None:
    market = bybit.venue("spot").market
    request = market.time()
    assert request is not None
    assert request.request.target == "https://api.bybit.com/v5/market/time"
    reply = bybit.answered({"timeSecond": "1688639403", "timeNano": "1688639403423213947"})
    assert market.decode_time(reply) == 1688639403423213947


@pytest.mark.parametrize(
    "reply",
    [
        bybit.reply(b"<html>", 502),
        bybit.reply(b"<html>"),
        bybit.reply(b"[" * 100_000),
        bybit.reply(b"\xff"),
        bybit.refused(10001),
        bybit.answered({}),
        bybit.answered({"timeNano": "soon", "list": 3}),
    ],
)
def test_a_reply_without_the_promised_shape_is_malformed(reply: HttpReply) -> None:
    market = bybit.venue("linear").market
    with pytest.raises(MalformedReply):
        market.decode_time(reply)
    with pytest.raises(MalformedReply):
        market.decode_instruments(reply)


@pytest.mark.parametrize("flavour", ["linear", "spot"])
def test_a_book_to_compare_with_is_asked_for_as_deep_as_there_is(flavour: str) -> None:
    asked = bybit.venue(flavour).market.snapshot(bybit.instrument(flavour))
    assert asked is not None
    address = "https://api.bybit.com/v5/market/orderbook"
    assert asked.request.target == f"{address}?category={flavour}&symbol=BTCUSDT&limit=1000"
    assert asked.weights == (("IP", 1),)


def test_the_recorded_book_is_read_whole_and_ordered_by_its_cross_sequence(recordings: Path) -> None:
    reply = recorded(recordings, "http_get_orderbook")
    assert bybit.venue("linear").market.decode_snapshot(bybit.instrument("linear"), reply) == BookSnapshot(
        instrument=bybit.BTC,
        bids=[(27450.5, 1.5), (27450.0, 2.0), (27449.5, 0.75)],
        asks=[(27451.0, 1.2), (27451.5, 3.0), (27452.0, 0.5)],
        last_sequence=1234567,
        resume_from=1234568,
        order=9876543,
        venue_time=from_millis(1709891679000),
        received_at=reply.received_at,
    )


@pytest.mark.parametrize(
    "fields",
    [{"s": "ETHUSDT"}, {"u": -1}, {"b": [["0", "1"]]}, {"a": [["1", "-1"]]}, {"seq": None}, {"b": "many"}, {"ts": "x"}],
)
def test_a_book_that_cannot_be_believed_is_malformed(fields: dict[str, Any]) -> None:
    book = {"s": "BTCUSDT", "b": [["1", "2"]], "a": [["3", "4"]], "u": 7, "seq": 8, "ts": 9} | fields
    with pytest.raises(MalformedReply):
        bybit.venue("linear").market.decode_snapshot(bybit.instrument("linear"), bybit.answered(book))
