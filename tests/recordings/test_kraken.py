"""Kraken: the recorded transcript proves every checksum through the whole platform; sample messages lose no field."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.execution import (
    BalancesReported,
    Fill,
    OpenOrdersListed,
    OrderAccepted,
    RequestFailed,
)
from integrated_trading_system.domain.health import BookBroken
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.commands.replaying import play, read_captures, settings_for
from integrated_trading_system.orchestrator.shown.summary import summarise
from integrated_trading_system.simulation.capture import Kind, Line
from integrated_trading_system.simulation.formats.kraken_v1 import KrakenV1
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, VenueEvent
from tests.support import kraken
from tests.support.kraken import ACCOUNT, FILLS, submit

PARTS = ("0", "ws.48.0", "ws.49.0", "ws.50.0")
SYMBOLS = {
    "ADA/XBT": "ADA/BTC",
    "XBT/CHF": "BTC/CHF",
    "SC/EUR": "SC/EUR",
    "KSM/XBT": "KSM/BTC",
    "XMR/USD": "XMR/USD",
}
"""The recorder's spelling, and ours."""
AT = Nanos(7)


# -- the transcript ------------------------------------------------------------------------------


def sources(recordings: Path, *parts: str) -> list[str]:
    return [f"kraken:spot={recordings / 'cryptofeed' / f'KRAKEN.{part}.gz'}" for part in parts]


def replayed(recordings: Path, *parts: str) -> dict[str, Any]:
    captures = read_captures(sources(recordings, *parts))
    base = PlatformSettings.model_validate({"mode": "paper", "venues": {"kraken:spot": {}}})
    outcome, _ = play(settings_for(base, captures), captures)
    return summarise(outcome)


@pytest.fixture(scope="module")
def summary(recordings: Path) -> dict[str, Any]:
    return replayed(recordings, *PARTS)


@pytest.fixture(scope="module")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((recordings / "FACTS.json").read_text())["cryptofeed"]["KRAKEN"]
    return found


@pytest.mark.parametrize("recorded", SYMBOLS)
def test_every_book_is_what_was_recorded(summary: dict[str, Any], facts: dict[str, Any], recorded: str) -> None:
    fact, book = facts[recorded], summary["books"][f"kraken:spot:{SYMBOLS[recorded]}"]
    assert book["state"] == "valid"
    assert (book["updates"], book["gaps"], book["crossed"], book["resyncs"]) == (fact["updates"], 0, 0, 0)
    assert book["best_bid"] + book["best_ask"] == [float(text) for text in fact["final_bbo"]]
    assert list(book["levels"]) == fact["final_levels"]


def test_every_recorded_checksum_is_verified(recordings: Path, facts: dict[str, Any]) -> None:
    (capture,) = read_captures(sources(recordings, "ws.50.0"))
    codec = kraken.venue().codec
    codec.list(capture.instruments)
    frames = [line for line in capture.lines if line.kind is Kind.FRAME]
    events = [event for line in frames for event in codec.decode(line.payload, line.at)]
    assert sum(isinstance(event, BookDelta) for event in events) == sum(fact["checksum_ok"] for fact in facts.values())
    assert not any(isinstance(event, BookBroken) for event in events)
    assert {event.window for event in events if isinstance(event, BookSnapshot)} == {1000}


def test_an_altered_level_or_checksum_breaks_its_book_and_no_other(recordings: Path) -> None:
    (capture,) = read_captures(sources(recordings, "ws.50.0"))
    codec = kraken.venue().codec
    codec.list(capture.instruments)
    broken: list[BookBroken] = []
    spoiled = 0
    for line in capture.lines:
        payload = line.payload
        if not spoiled and b'"update"' in payload and b'"SC/EUR"' in payload:
            payload, spoiled = payload.replace(b'"checksum":', b'"checksum":1', 1), 1
        if line.kind is Kind.FRAME:
            broken += [event for event in codec.decode(payload, line.at) if isinstance(event, BookBroken)]
    assert [one.instrument for one in broken] == ["kraken:spot:SC/EUR"]


def test_nothing_that_was_recorded_is_doubted_or_lost(summary: dict[str, Any], facts: dict[str, Any]) -> None:
    venue = summary["venues"]["kraken:spot"]
    assert (venue["quarantined"], venue["gaps"], venue["reconnects"]) == (0, 0, 0)
    streams = {name.rpartition(":")[2]: counts for name, counts in summary["streams"].items()}
    assert streams["depth"]["received"] == sum(fact["updates"] for fact in facts.values()) + len(facts)
    for counts in streams.values():
        parts = ("delivered", "conflated", "dropped", "quarantined", "waiting")
        assert counts["received"] == sum(counts[part] for part in parts)
    assert streams["trade"]["received"] == streams["trade"]["delivered"] > 0
    assert streams["trade"]["dropped"] == 0


def test_without_the_list_of_pairs_it_is_inferred(recordings: Path, facts: dict[str, Any]) -> None:
    (capture,) = read_captures(sources(recordings, *PARTS[1:]))
    found = {instrument.symbol: instrument for instrument in capture.instruments}
    assert set(found) == set(SYMBOLS.values())
    assert all(instrument.inferred for instrument in found.values())
    assert (found["BTC/CHF"].base, found["BTC/CHF"].quote) == ("BTC", "CHF")
    assert float(found["BTC/CHF"].tick) == 0.1
    books = replayed(recordings, *PARTS[1:])["books"]
    for recorded, symbol in SYMBOLS.items():
        book = books[f"kraken:spot:{symbol}"]
        assert book["best_bid"] + book["best_ask"] == [float(text) for text in facts[recorded]["final_bbo"]]


# -- sample messages -----------------------------------------------------------------------------


def sample(recordings: Path, name: str) -> bytes:
    return (recordings / "fixtures_nautilus" / "kraken" / f"{name}.json").read_bytes()


def told(frame: bytes, *instruments: Instrument) -> list[VenueEvent]:
    codec = kraken.venue().codec
    codec.list(instruments or [kraken.instrument()])
    return list(codec.decode(frame, AT))


def test_sample_messages_of_the_stream_become_what_they_say(recordings: Path) -> None:
    day = Nanos(1_671_960_659_123_456_000)
    btc = kraken.BTC
    assert told(sample(recordings, "ws_ticker_snapshot")) == [
        Quote(btc, 105944.2, 2.5, 105944.3, 3.2, day, day, AT),
        Statistics(btc, 105899.4, 163.28908096, 163.28908096 * 105904.39279, 0.24, day, AT),
    ]
    at = Nanos(1_696_613_755_440_295_000)
    assert told(sample(recordings, "ws_trade_update")) == [
        Trade(btc, "10218208", 105944.2, 0.00027625, Side.BUY, at, AT),
        Trade(btc, "10218209", 105910.5, 0.0001246, Side.SELL, Nanos(1_696_613_756_123_456_000), AT),
    ]
    (candle,) = told(sample(recordings, "ws_ohlc_update"))
    opened_at = Nanos(1_696_436_700 * SECOND)
    worth = 30927.68066226 * 106039.6
    assert candle == Candle(
        btc, "1m", opened_at, 106038.2, 106044.3, 106038.1, 106040.1, 30927.68066226, 12, False, AT, worth
    )
    assert told(sample(recordings, "ws_pong")) == [Pong()]
    (answer,) = told(sample(recordings, "ws_subscribe_response"))
    assert answer == Acknowledged("1", ok=True)


def test_a_sample_book_is_read_and_its_invented_checksum_found_out(recordings: Path) -> None:
    (broken,) = told(sample(recordings, "ws_book_snapshot"))
    assert isinstance(broken, BookBroken)
    assert broken.expected == 2439117997
    true = sample(recordings, "ws_book_snapshot").replace(b"2439117997", str(broken.received).encode())
    (snapshot,) = told(true)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.bids == [(105944.2, 0.136), (105935.4, 0.024), (105920.1, 0.052)]
    assert snapshot.asks == [(105944.3, 0.136), (105946.9, 0.095), (105955.8, 0.003)]


def test_sample_replies_are_read_to_the_last_field(recordings: Path) -> None:
    venue = kraken.venue()
    assert venue.trading is not None
    assert venue.history is not None
    (usdt,), _ = venue.market.decode_instruments(kraken.reply(sample(recordings, "http_asset_pairs")))
    assert (usdt.symbol, str(usdt.tick), str(usdt.quantity_min)) == ("BTC/USDT", "0.1", "0.00005")
    (stock,), _ = kraken.venue().market.decode_instruments(
        kraken.reply(sample(recordings, "http_asset_pairs_tokenized"))
    )
    assert stock.symbol == "AAPLx/USD"
    candles = venue.history.decode_candles(usdt, "1m", kraken.reply(sample(recordings, "http_ohlc")))
    assert (candles[0].opened_at, candles[0].open, candles[3].trades) == (1_762_777_020 * SECOND, 106038.2, 3)
    assert [candle.closed for candle in candles] == [True] * (len(candles) - 1) + [False]
    book = venue.market.decode_snapshot(usdt, kraken.reply(sample(recordings, "http_order_book")))
    assert (book.bids[0], book.asks[0], book.venue_time) == (
        (105944.2, 0.002),
        (105944.3, 0.136),
        1_762_820_249 * SECOND,
    )
    (accepted,) = venue.trading.decode_place(submit(), usdt, kraken.reply(sample(recordings, "http_add_order_spot")))
    assert isinstance(accepted, OrderAccepted)
    (listed,), _ = venue.trading.decode_open_orders(ACCOUNT, kraken.reply(sample(recordings, "http_open_orders")))
    assert isinstance(listed, OpenOrdersListed)
    assert [(order.client_order_id, order.venue_order_id) for order in listed.orders] == [("", "O26VBY-ISGAE-JP5TLU")]
    (fill,), cursor = venue.trading.decode_fills(FILLS, usdt, kraken.reply(sample(recordings, "http_trades_history")))
    assert isinstance(fill, Fill)
    assert (fill.trade_id, str(fill.price), str(fill.fee.amount), cursor) == (
        "TCCCTY-WJ6EO-4FP4VZ",
        "29500.50",
        "23.60",
        "",
    )
    held = venue.trading.decode_balances(ACCOUNT, kraken.answered({"XXBT": {"balance": "0.5", "hold_trade": "0.1"}}))
    assert isinstance(held[0], BalancesReported)
    assert not isinstance(held[0], RequestFailed)


# -- what somebody else's program makes of raw messages ------------------------------------------


def cases(recordings: Path) -> list[dict[str, Any]]:
    every = json.loads((recordings / "normalizer_cases" / "tardis_node_raw_to_normalized.json").read_text())
    return [case for case in every if case["exchange"] == "kraken"]


def proven(raw: Any, symbol: str) -> list[VenueEvent]:
    """The message, in either protocol, through the codec; a book without its checksum is given the one that it has.

    A change is made to a book that holds nothing but one offer far away.
    """
    codec = kraken.venue().codec
    codec.list([kraken.instrument(symbol)])
    messages = [raw]
    if isinstance(raw, list) and raw[2].startswith("book"):
        (changed,) = (part["b"] for part in raw[1:-2])
        far = ["99999.0", "1.0", "1000000000.0"]
        total = kraken.summed([(price, size) for price, size, _ in changed], [("99999.0", "1.00000000")])
        whole = [raw[0], {"as": [["99999.0", "1.00000000", far[2]]], "bs": []}, *raw[2:]]
        messages = [whole, [raw[0], raw[1] | {"c": str(total)}, *raw[2:]]]
    translate, events = KrakenV1(), []
    for message in messages:
        line = translate(Line(AT, Kind.FRAME, "", json.dumps(message, separators=(",", ":")).encode()))
        events = list(codec.decode(line.payload, AT))
        if isinstance(events[0], BookBroken):
            told_total = str(events[0].expected).encode()
            frame = line.payload.replace(told_total, str(events[0].received).encode())
            events = list(codec.decode(frame, AT))
    return events


def as_expected(event: VenueEvent) -> dict[str, Any]:
    """In the words of the program that made the cases."""
    match event:
        case Trade():
            return {"type": "trade", "price": event.price, "amount": event.quantity, "side": event.side.value}
        case Quote():
            return {
                "type": "book_ticker",
                "askAmount": event.ask_size,
                "askPrice": event.ask,
                "bidPrice": event.bid,
                "bidAmount": event.bid_size,
            }
        case BookSnapshot() | BookDelta():
            bids, asks = (
                [{"price": price, "amount": size} for price, size in side] for side in (event.bids, event.asks)
            )
            whole = isinstance(event, BookSnapshot)
            return {"type": "book_change", "isSnapshot": whole, "bids": bids, "asks": asks}
        case _:
            raise AssertionError(event)


def nanos(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1_000_000) * 1_000


def test_every_message_is_read_as_another_program_reads_it(recordings: Path) -> None:
    found = cases(recordings)
    assert len(found) >= 7
    for case in found:
        expected = case["expected"]
        symbol = expected[0]["symbol"] if expected else "BTC/USD"
        events = proven(case["raw"], symbol.replace("XBT", "BTC"))
        if not expected:
            assert all(isinstance(event, Ignored) for event in events)
            continue
        for event, wanted in zip(events, expected, strict=True):
            said = as_expected(event)
            assert said == {key: wanted[key] for key in said}
            assert isinstance(event, Trade | Quote | BookSnapshot | BookDelta)
            assert event.venue_time == nanos(wanted["timestamp"])
            if wanted.get("id"):
                assert isinstance(event, Trade)
                assert event.trade_id == wanted["id"]
