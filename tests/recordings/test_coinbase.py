"""What others recorded and noted of Coinbase, through our codecs, and the transcript through the whole platform."""

import dataclasses
import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.execution import BalancesReported, OpenOrdersListed, OrderReport
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Quote, Statistics, Trade
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.orchestrator.commands.replaying import Capture, play, read_captures, settings_for
from integrated_trading_system.orchestrator.shown.summary import summarise
from integrated_trading_system.simulation.capture import Kind as LineKind
from integrated_trading_system.simulation.capture import Line, Problems, read_lines
from integrated_trading_system.simulation.inference import infer_instruments
from integrated_trading_system.venues.coinbase.wire import moment
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, VenueEvent
from tests.support import coinbase
from tests.support.coinbase import ACCOUNT, CLIENT, QUERY, reply

AT = Nanos(7)


@pytest.fixture(scope="module")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((recordings / "FACTS.json").read_text())["cryptofeed"]["COINBASE"]
    return found


def files(recordings: Path) -> list[Path]:
    """The list of products, and the frames."""
    return [recordings / "cryptofeed" / f"COINBASE.{part}.gz" for part in ("0", "ws.28.0")]


def lines(path: Path) -> list[Line]:
    with gzip.open(path) as raw:
        return list(read_lines(raw, Problems(path.name)))


# -- the transcript ------------------------------------------------------------------------------


def test_every_book_of_the_transcript_is_what_was_recorded(recordings: Path, facts: dict[str, Any]) -> None:
    codec = coinbase.venue("exchange").codec
    codec.list([coinbase.instrument("exchange", symbol) for symbol in facts])
    machines = {f"coinbase:exchange:{symbol}": BookMachine(10) for symbol in facts}
    for line in lines(files(recordings)[1]):
        for event in codec.decode(line.payload, line.at) if line.kind is LineKind.FRAME else ():
            assert not isinstance(event, Quarantined)
            if isinstance(event, BookSnapshot):
                assert machines[event.instrument].snapshot(event) is Outcome.APPLIED
            elif isinstance(event, BookDelta):
                assert machines[event.instrument].delta(event) is Outcome.APPLIED
    for symbol, fact in facts.items():
        machine = machines[f"coinbase:exchange:{symbol}"]
        assert machine.top is not None
        assert [from_float(value) for value in machine.top] == [Decimal(text) for text in fact["final_bbo"]]
        assert [len(machine.book.bids(1 << 20)), len(machine.book.asks(1 << 20))] == fact["final_levels"]
        assert machine.updates == fact["messages"]["l2update"]


def replayed(captures: tuple[Capture, ...]) -> dict[str, Any]:
    """The summary of a run of its own."""
    base = PlatformSettings.model_validate({"mode": "paper", "venues": {"coinbase:exchange": {}}})
    outcome, _ = play(settings_for(base, captures), captures)
    return summarise(outcome)


def test_the_transcript_replayed_through_the_platform_says_the_same(recordings: Path, facts: dict[str, Any]) -> None:
    summary = replayed(read_captures([f"coinbase:exchange={path}" for path in files(recordings)]))
    for symbol, fact in facts.items():
        book = summary["books"][f"coinbase:exchange:{symbol}"]
        assert [from_float(value) for value in book["best_bid"] + book["best_ask"]] == [
            Decimal(text) for text in fact["final_bbo"]
        ]
        assert list(book["levels"]) == fact["final_levels"]
        assert (book["updates"], book["crossed"], book["gaps"]) == (fact["messages"]["l2update"], fact["crossed"], 0)
    expected: Counter[str] = Counter()
    for fact in facts.values():
        expected.update(fact["messages"])
    counted = summary["venues"]["coinbase:exchange"]
    assert counted["messages"] == sum(expected.values()) + 3  # acknowledgements
    assert counted["ignored"] == {"last match": expected["last_match"]}
    assert counted["quarantined"] == counted["gaps"] == counted["resyncs"] == 0
    streams = {name.split(":")[2]: counts["delivered"] for name, counts in summary["streams"].items()}
    assert streams["trade"] == expected["match"]
    assert streams["depth"] == expected["l2update"] + expected["snapshot"]


def without_a_match(found: list[Line]) -> list[Line]:
    victim = [line for line in found if b'{"type":"match"' in line.payload and b'"SKL-USD"' in line.payload][20]
    return [line for line in found if line is not victim]


def changes(found: list[Line]) -> list[int]:
    """Where the changes of one product are."""
    return [at for at, line in enumerate(found) if b'{"type":"l2update","product_id":"SKL-USD"' in line.payload]


def with_two_changes_swapped(found: list[Line]) -> list[Line]:
    first, second = changes(found)[1000], changes(found)[1050]
    swapped = list(found)
    swapped[first] = replace(found[first], payload=found[second].payload)
    swapped[second] = replace(found[second], payload=found[first].payload)
    return swapped


def with_a_garbled_change(found: list[Line]) -> list[Line]:
    at = changes(found)[1000]
    garbled = list(found)
    garbled[at] = replace(found[at], payload=found[at].payload.replace(b'[["', b'[["-'))
    return garbled


@pytest.mark.parametrize("mutate", [without_a_match, with_two_changes_swapped, with_a_garbled_change])
def test_a_book_of_which_something_was_lost_is_believed_no_longer(
    recordings: Path, facts: dict[str, Any], mutate: Callable[[list[Line]], list[Line]]
) -> None:
    """Nobody answers in a replay: what has to be proven anew stays unproven. The other books are as recorded."""
    (capture,) = read_captures([f"coinbase:exchange={path}" for path in files(recordings)])
    summary = replayed((dataclasses.replace(capture, lines=mutate(capture.lines)),))
    books = summary["books"]
    victim = books.pop("coinbase:exchange:SKL-USD")
    assert victim["state"] not in ("valid", "syncing")
    assert victim["updates"] < facts["SKL-USD"]["messages"]["l2update"]
    for name, book in books.items():
        assert book["updates"] == facts[name.rpartition(":")[2]]["messages"]["l2update"]
        assert [from_float(value) for value in book["best_bid"] + book["best_ask"]] == [
            Decimal(text) for text in facts[name.rpartition(":")[2]]["final_bbo"]
        ]


def test_instruments_are_those_of_the_recorded_answer(recordings: Path, facts: dict[str, Any]) -> None:
    (answer,) = [line for line in lines(files(recordings)[0]) if line.kind is LineKind.ANSWER]
    products = {row["id"]: row for row in json.loads(answer.payload)}
    found, _ = coinbase.venue("exchange").market.decode_instruments(reply(answer.payload))
    assert {one.symbol for one in found} == set(products)
    for one in found:
        row = products[one.symbol]
        assert (one.tick, one.lot) == (Decimal(row["quote_increment"]), Decimal(row["base_increment"]))
        assert (one.quantity_min, one.quantity_max) == (Decimal(row["base_min_size"]), Decimal(row["base_max_size"]))
        assert (one.base, one.quote) == (row["base_currency"], row["quote_currency"])
    frames = [line.payload for line in lines(files(recordings)[1]) if line.kind is LineKind.FRAME]
    inferred = infer_instruments(coinbase.venue("exchange").venue, frames)
    assert {one.symbol for one in inferred} == set(facts)
    listed = {one.symbol: one for one in found}
    for one in inferred:
        assert (one.tick, one.base, one.quote) == tuple(
            getattr(listed[one.symbol], f) for f in ("tick", "base", "quote")
        )


# -- notes of others -----------------------------------------------------------------------------


def cases(recordings: Path) -> list[dict[str, Any]]:
    """Raw messages of Exchange, with what another normaliser made of them."""
    everything = json.loads((recordings / "normalizer_cases" / "tardis_node_raw_to_normalized.json").read_text())
    return [case for case in everything if case["exchange"] == "coinbase"]


def check_trade(_: Any, expected: Any, events: dict[type, Any]) -> None:
    trade = events[Trade]
    assert (trade.trade_id, trade.price, trade.quantity) == (expected["id"], expected["price"], expected["amount"])
    assert (trade.side, trade.venue_time) == (expected["side"], moment(expected["timestamp"]))


def check_change(raw: Any, expected: Any, events: dict[type, Any]) -> None:
    delta = events[BookDelta]
    for ours, theirs in ((delta.bids, expected["bids"]), (delta.asks, expected["asks"])):
        assert ours == [(level["price"], level["amount"]) for level in theirs]
    assert delta.venue_time == moment(raw["time"])


def check_ticker(raw: Any, expected: Any, events: dict[type, Any]) -> None:
    """One without sizes is no quote of ours."""
    assert events[Statistics].last_price == float(raw["price"])
    assert (Quote in events) is (expected["bidAmount"] is not None)
    if Quote in events:
        quote = events[Quote]
        assert (quote.bid, quote.bid_size) == (expected["bidPrice"], expected["bidAmount"])
        assert (quote.ask, quote.ask_size) == (expected["askPrice"], expected["askAmount"])
        assert quote.venue_time == moment(expected["timestamp"])


CHECKS = {"trade": check_trade, "book_change": check_change, "book_ticker": check_ticker}


def test_what_another_normaliser_made_of_messages_is_what_we_make_of_them(recordings: Path) -> None:
    found = cases(recordings)
    for case in found:
        raw, (expected,) = case["raw"], case["expected"]
        codec = coinbase.venue("exchange").codec
        codec.list([coinbase.instrument("exchange", raw["product_id"])])
        events: dict[type, Any] = {type(event): event for event in codec.decode(coinbase.message(raw), AT)}
        CHECKS[expected["type"]](raw, expected, events)
    assert Counter(case["expected"][0]["type"] for case in found) == {"trade": 1, "book_change": 2, "book_ticker": 2}


# -- fixtures of Advanced Trade ------------------------------------------------------------------


class Fixtures:
    """The folder, decoded."""

    def __init__(self, recordings: Path) -> None:
        self._folder = recordings / "fixtures_nautilus" / "coinbase"

    def raw(self, name: str) -> bytes:
        return (self._folder / f"{name}.json").read_bytes()

    def json(self, name: str) -> Any:
        return json.loads(self.raw(name))

    def events(self, name: str) -> Sequence[VenueEvent]:
        codec = coinbase.venue("advanced").codec
        codec.list([coinbase.instrument("advanced")])
        return codec.decode(self.raw(name), AT)


@pytest.fixture(scope="module")
def fixtures(recordings: Path) -> Fixtures:
    return Fixtures(recordings)


def test_the_recorded_book_and_its_change_prove_themselves(fixtures: Fixtures) -> None:
    codec, machine = coinbase.venue("advanced").codec, BookMachine(10)
    codec.list([coinbase.instrument("advanced")])
    (snapshot,) = codec.decode(fixtures.raw("ws_l2_data_snapshot"), AT)
    (delta,) = codec.decode(fixtures.raw("ws_l2_data_update"), AT)
    assert isinstance(snapshot, BookSnapshot)
    assert isinstance(delta, BookDelta)
    rows = fixtures.json("ws_l2_data_snapshot")["events"][0]["updates"]
    levels = [(float(row["price_level"]), float(row["new_quantity"])) for row in rows]
    assert snapshot.bids + snapshot.asks == levels
    assert machine.snapshot(snapshot) is machine.delta(delta) is Outcome.APPLIED
    assert machine.top == (68900.0, 2.0, 68901.5, 1.2)


def test_recorded_tickers_trades_and_candles_keep_every_field(fixtures: Fixtures) -> None:
    row = fixtures.json("ws_ticker")["events"][0]["tickers"][0]
    at = moment("2026-04-07T14:30:03.000000Z")
    statistics, quote = fixtures.events("ws_ticker")
    assert statistics == Statistics(
        coinbase.BTC,
        float(row["price"]),
        float(row["volume_24_h"]),
        0.0,
        float(row["price_percent_chg_24_h"]),
        at,
        AT,
    )
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (68900.0, 1.5, 68901.0, 0.5)
    trades = fixtures.json("ws_market_trades")["events"][0]["trades"]
    for trade, raw in zip(fixtures.events("ws_market_trades"), trades, strict=True):
        assert isinstance(trade, Trade)
        assert (trade.trade_id, trade.price, trade.quantity) == (
            raw["trade_id"],
            float(raw["price"]),
            float(raw["size"]),
        )
        assert (trade.side, trade.venue_time) == ("sell" if raw["side"] == "BUY" else "buy", moment(raw["time"]))
    (candle,) = fixtures.events("ws_candles")
    assert isinstance(candle, Candle)
    assert (candle.opened_at, candle.open, candle.high, candle.low, candle.close, candle.volume, candle.closed) == (
        1775521800 * 10**9,
        68900.0,
        68950.0,
        68850.0,
        68920.5,
        42.15,
        True,
    )


def test_recorded_control_messages_are_told_for_what_they_are(fixtures: Fixtures) -> None:
    assert list(fixtures.events("ws_heartbeats")) == [Pong()]
    assert list(fixtures.events("ws_subscriptions")) == [Acknowledged("", ok=True)]


def test_recorded_products_are_instruments(fixtures: Fixtures) -> None:
    market = coinbase.venue("advanced").market
    spot, _ = market.decode_instruments(reply(fixtures.raw("http_products")))
    assert [(one.symbol, one.quote, one.tick, one.tradable) for one in spot] == [
        ("BTC-USD", "USD", Decimal("0.01"), True),
        ("BTC-USDC", "USDC", Decimal("0.01"), True),
    ]
    futures, _ = market.decode_instruments(reply(fixtures.raw("http_products_future")))
    first = futures[0]
    assert (first.symbol, first.kind, first.base, first.multiplier) == (
        "BIP-20DEC30-CDE",
        Kind.LINEAR,
        "BTC",
        Decimal("0.01"),
    )
    assert (first.tick, first.lot, first.tradable) == (Decimal(5), Decimal(1), False)


def test_the_recorded_book_by_rest_and_candles_by_rest(fixtures: Fixtures) -> None:
    one, venue = coinbase.instrument("advanced"), coinbase.venue("advanced")
    book = venue.market.decode_snapshot(one, reply(fixtures.raw("http_product_book")))
    assert (book.bids[0], book.asks[0], len(book.bids), len(book.asks)) == (
        (68923.66, 0.17189468),
        (68923.67, 0.16987193),
        5,
        5,
    )
    assert venue.history is not None
    candles = venue.history.decode_candles(one, "1h", reply(fixtures.raw("http_candles")))
    assert [candle.opened_at for candle in candles] == [1712188800 * 10**9, 1712192400 * 10**9]
    assert (candles[1].open, candles[1].high, candles[1].low, candles[1].close) == (
        66312.4,
        66331.99,
        66055.14,
        66181.6,
    )


def test_the_recorded_account(fixtures: Fixtures) -> None:
    trading = coinbase.venue("advanced").trading
    assert trading is not None
    (report,) = trading.decode_balances(ACCOUNT, reply(fixtures.raw("http_accounts")))
    assert isinstance(report, BalancesReported)
    assert [(balance.asset, balance.free, balance.locked) for balance in report.balances] == [
        ("BTC", Decimal("1.23456789"), Decimal("0.005")),
        ("USD", Decimal("10000.50"), Decimal(450)),
    ]
    (listed,), _ = trading.decode_open_orders(ACCOUNT, reply(fixtures.raw("http_orders_list")))
    assert isinstance(listed, OpenOrdersListed)
    assert [order.status for order in listed.orders] == ["working", "filled"]
    body = fixtures.json("http_order")
    body["order"]["client_order_id"] = CLIENT
    (order,) = trading.decode_query(QUERY, coinbase.instrument("advanced"), reply(body))
    assert isinstance(order, OrderReport)
    assert (order.status, order.venue_filled) == ("working", Decimal("0.001"))


def test_a_product_that_nobody_listed_is_ignored(fixtures: Fixtures) -> None:
    codec = coinbase.venue("advanced").codec
    codec.list([coinbase.instrument("advanced", "ETH-USD")])
    for name in ("ws_l2_data_snapshot", "ws_ticker", "ws_market_trades", "ws_candles"):
        assert list(codec.decode(fixtures.raw(name), AT)) == [Ignored("symbol")]
