"""Kraken's public REST: which pairs become instruments, under which names, and the book to compare with."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.venues.kraken import symbols
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import kraken
from tests.support.kraken import BTC, RECEIVED, answered

PAIR: dict[str, Any] = {
    "altname": "XBTUSDT",
    "wsname": "XBT/USDT",
    "base": "XXBT",
    "quote": "USDT",
    "pair_decimals": 1,
    "lot_decimals": 8,
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.1",
    "status": "online",
}
MARKET = kraken.venue().market


def listed(**entries: Any) -> list[Any]:
    found, following = MARKET.decode_instruments(answered(entries))
    assert following is None
    return list(found)


def test_a_pair_is_called_as_in_the_stream_and_has_the_venues_steps() -> None:
    (made,) = listed(XBTUSDT=PAIR)
    assert (made.instrument, made.symbol, made.base, made.quote) == (
        "kraken:spot:BTC/USDT",
        "BTC/USDT",
        "BTC",
        "USDT",
    )
    assert (made.tick, made.lot) == (Decimal("0.1"), Decimal("0.00000001"))
    assert (made.quantity_min, made.notional_min, made.tradable) == (Decimal("0.00005"), Decimal("0.5"), True)


def test_an_older_listing_without_tick_and_status_is_understood() -> None:
    old = {key: value for key, value in PAIR.items() if key not in ("tick_size", "status", "costmin")}
    (made,) = listed(XBTUSDT=old)
    assert (made.tick, made.tradable) == (Decimal("0.1"), True)


def test_a_tick_coarser_than_the_printed_digits_keeps_those() -> None:
    (made,) = listed(XBTUSDT=PAIR | {"tick_size": "0.5", "pair_decimals": 3})
    assert made.tick == Decimal("0.5")
    assert symbols.decimals(made.tick) == 3


@pytest.mark.parametrize("status", ["cancel_only", "post_only", "limit_only", "reduce_only", "something new"])
def test_only_a_pair_that_is_online_can_be_traded(status: str) -> None:
    (made,) = listed(XBTUSDT=PAIR | {"status": status})
    assert not made.tradable


def test_a_strange_entry_does_not_hide_the_others() -> None:
    dark = {key: value for key, value in PAIR.items() if key != "wsname"}
    other = PAIR | {"altname": "FOOUSDT"}
    made = listed(a=dark, b=PAIR, c=5, d=other, e=PAIR | {"wsname": "X BT/USDT"}, f=PAIR | {"ordermin": "x"})
    assert [one.symbol for one in made] == ["BTC/USDT"]


@pytest.mark.parametrize("body", [b"<html>", b'{"error":["EService:Unavailable"]}', b'{"error":[],"result":{"a":1}}'])
def test_a_listing_of_which_nothing_can_be_understood_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReply):
        MARKET.decode_instruments(kraken.reply(body))


@pytest.mark.parametrize(
    ("symbol", "request_name", "answer_names"),
    [
        ("BTC/USD", "XBTUSD", ("XBTUSD", "XXBTZUSD")),
        ("ETH/BTC", "ETHXBT", ("ETHXBT", "XETHXXBT")),
        ("DOGE/EUR", "XDGEUR", ("XDGEUR", "XXDGZEUR")),
        ("SOL/USDC", "SOLUSDC", ("SOLUSDC", "SOLUSDC")),
    ],
)
def test_a_pair_has_other_names_in_rest(symbol: str, request_name: str, answer_names: tuple[str, str]) -> None:
    assert symbols.pair(symbol) == request_name
    assert symbols.names(symbol) == answer_names


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("XXBT", "BTC"),
        ("XBT", "BTC"),
        ("ZUSD", "USD"),
        ("XXDG", "DOGE"),
        ("XTZ", "XTZ"),
        ("ZRX", "ZRX"),
        ("USDT.F", "USDT.F"),
    ],
)
def test_assets_are_called_as_in_the_stream(code: str, name: str) -> None:
    assert symbols.modern(code) == name


def test_the_venues_clock_is_not_asked_for_it_tells_only_seconds() -> None:
    assert MARKET.time() is None
    with pytest.raises(Unsupported):
        MARKET.decode_time(answered({"unixtime": 1}))


def test_a_book_by_rest_stands_at_the_second_of_its_newest_level() -> None:
    asked = MARKET.snapshot(kraken.instrument())
    assert asked is not None
    assert asked.request.target == "https://api.kraken.com/0/public/Depth?pair=XBTUSD&count=100"
    book = {"asks": [["101.0", "0.5", 1700000003]], "bids": [["99.0", "1.5", 1700000009], ["98.0", "2", 1700000001]]}
    snapshot = MARKET.decode_snapshot(kraken.instrument(), answered({"XXBTZUSD": book}))
    assert (snapshot.instrument, snapshot.bids, snapshot.asks) == (BTC, [(99.0, 1.5), (98.0, 2.0)], [(101.0, 0.5)])
    assert snapshot.last_sequence == snapshot.order == snapshot.venue_time == 1700000009 * SECOND
    assert (snapshot.in_stream, snapshot.window, snapshot.received_at) == (False, 100, RECEIVED)


@pytest.mark.parametrize(
    "result",
    [{}, {"a": {"asks": [], "bids": []}, "b": {"asks": [], "bids": []}}, {"a": {"asks": [["x", "1", 1]], "bids": []}}],
)
def test_an_answer_that_is_not_one_book_is_malformed(result: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        MARKET.decode_snapshot(kraken.instrument(), answered(result))
