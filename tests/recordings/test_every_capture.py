"""Every capture of which facts are known, through the command line: the summary says what the facts say."""

import gzip
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.money import from_float
from tests.support.accounting import refused, unaccounted
from tests.support.captures import CAPTURES, REWRAPPED, Replayed, replay, replayed

pytestmark = pytest.mark.xdist_group("captures")

SOURCES = {
    "BINANCE": "binance:spot",
    "BINANCE_US": "binance:us",
    "BINANCE_FUTURES": "binance:usdm",
    "KRAKEN": "kraken:spot",
    "OKX": "okx:spot",
    "OKX as a swap": "okx:swap",
    "COINBASE": "coinbase:exchange",
    "BYBIT": "bybit:linear",
}
HFT = {
    "spot BTCUSDT": "binance:spot:BTCUSDT",
    "usdm BTCUSDT": "binance:usdm:BTCUSDT",
    "cm BTCUSD_PERP": "binance:coinm:BTCUSD_PERP",
}
NAMED = {"OKX as a swap": "OKX", "BYBIT": "BYBIT_v2"}
"""Where the facts' name is another."""
TODAY = {"ADA/XBT": "ADA/BTC", "XBT/CHF": "BTC/CHF", "KSM/XBT": "KSM/BTC"}
"""Symbols that the venue spells otherwise now."""
SILENT = {"coinbase:exchange:NU-GBP"}
"""Books of which nothing was heard in the capture's last five seconds."""
BOOKS = [
    ("BTC on three markets", "hft", "spot BTCUSDT"),
    ("BTC on three markets", "hft", "usdm BTCUSDT"),
    ("BTC on three markets", "hft", "cm BTCUSD_PERP"),
    *(("BINANCE", "cryptofeed", symbol) for symbol in ("NKNUSDT", "RUNEEUR")),
    *(("BINANCE_US", "cryptofeed", symbol) for symbol in ("COMPUSDT", "ZRXUSDT")),
    *(("BINANCE_FUTURES", "cryptofeed", symbol) for symbol in ("SUSHIUSDT", "KEEPUSDT")),
    *(("KRAKEN", "cryptofeed", symbol) for symbol in ("ADA/XBT", "XBT/CHF", "SC/EUR", "KSM/XBT", "XMR/USD")),
    *((name, "cryptofeed", "BTC-USDT") for name in ("OKX", "OKX as a swap")),
    *(("COINBASE", "cryptofeed", symbol) for symbol in ("NU-GBP", "YFI-BTC", "BAND-BTC", "DASH-BTC", "SKL-USD")),
    *(("BYBIT", "cryptofeed", symbol) for symbol in ("LTCUSDT", "LINKUSDT", "ADAUSDT", "ETHUSDT", "BTCUSD")),
]

KINDS = {
    "depth@100ms": "depth",
    "depth@0ms": "depth",
    "rest_snapshot": "depth",
    "bookTicker": "quote",
    "trade": "trade",
    "aggTrade": "trade",
    "kline_1m": "candle",
    "books": "depth",
    "trades": "trade",
    "tickers": "statistics",
    "snapshot": "depth",
    "l2update": "depth",
    "match": "trade",
    "ticker": "statistics",
}
"""The capture's name of a kind of message, and the summary's."""


@pytest.fixture(scope="module")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((recordings / "FACTS.json").read_text())
    return found


def facts_of(facts: dict[str, Any], name: str, group: str) -> dict[str, Any]:
    """By symbol, as the facts spell it."""
    found: dict[str, Any] = facts["hft"] if group == "hft" else facts["cryptofeed"][NAMED.get(name, name)]
    return found


def instrument(name: str, symbol: str) -> str:
    return HFT.get(symbol) or f"{SOURCES[name]}:{TODAY.get(symbol, symbol)}"


def test_no_recorded_book_is_left_out(facts: dict[str, Any]) -> None:
    known = {("hft", symbol) for symbol in facts["hft"]}
    known |= {(name, symbol) for name, symbols in facts["cryptofeed"].items() for symbol in symbols}
    assert {("hft" if group == "hft" else NAMED.get(name, name), symbol) for name, group, symbol in BOOKS} == known


def test_no_recorded_file_is_left_out(facts: dict[str, Any]) -> None:
    """Every file of a connection, and every raw capture, is played by one of the tests here."""
    captured = {path for path in facts["files"] if path.startswith(("cryptofeed/", "hft_"))}
    assert {path for sources in CAPTURES.values() for _, path in sources} == captured


@pytest.mark.parametrize(("name", "group", "symbol"), BOOKS)
def test_every_book_ends_where_the_facts_say(
    recordings: Path, facts: dict[str, Any], name: str, group: str, symbol: str
) -> None:
    fact = facts_of(facts, name, group)[symbol]
    key = instrument(name, symbol)
    book = replayed(recordings, name).summary["books"][key]
    assert book["state"] == ("stale" if key in SILENT else "valid")
    best = [Decimal(text) for text in fact["final_bbo"]]
    assert [from_float(value) for value in book["best_bid"] + book["best_ask"]] == best
    assert (book["gaps"], book["crossed"], book["resyncs"], book["duplicates"]) == (0, fact.get("crossed", 0), 0, 0)
    assert book["stale_dropped"] == fact.get("stale_dropped", 0)
    if "final_levels" in fact:
        assert book["levels"] == fact["final_levels"]
    if "last_u" in fact:
        assert book["last_sequence"] == fact["last_u"]
        assert (book["compared"], book["equal"]) == (fact["bbo_same_u_checked"], fact["bbo_same_u_equal"])
        assert fact["gaps"] == 0


@pytest.mark.parametrize(("name", "group", "symbol"), BOOKS)
def test_every_change_of_a_book_is_in_it(
    recordings: Path, facts: dict[str, Any], name: str, group: str, symbol: str
) -> None:
    fact = facts_of(facts, name, group)[symbol]
    told = next((fact[kind] for kind in ("applied", "updates", "deltas") if kind in fact), None)
    if told is None:
        messages = fact["messages"]
        told = messages["l2update"] if "l2update" in messages else messages["books"] - 1  # the first is the book
    assert replayed(recordings, name).summary["books"][instrument(name, symbol)]["updates"] == told


@pytest.mark.parametrize(("name", "group", "symbol"), BOOKS)
def test_every_recorded_checksum_is_compared_and_none_fails(
    recordings: Path, facts: dict[str, Any], name: str, group: str, symbol: str
) -> None:
    fact = facts_of(facts, name, group)[symbol]
    counted = replayed(recordings, name).summary["books"][instrument(name, symbol)]["checksums"]
    own = 1 if name == "KRAKEN" else 0  # snapshots had none then: it is given the one that it has
    expected = fact["checksum_ok"] + own if "checksum_ok" in fact else 0
    assert counted == {"checked": expected, "failed": fact.get("checksum_bad", 0)}


@pytest.mark.parametrize(
    ("name", "frames", "pattern", "book"),
    [
        ("OKX", "OKX.ws.1.0.gz", rb'"checksum":-?\d+', "okx:spot:BTC-USDT"),
        ("KRAKEN", "KRAKEN.ws.50.0.gz", rb'(?<="c":")\d+(?=".*XMR/USD)', "kraken:spot:XMR/USD"),
    ],
)
def test_one_false_checksum_is_counted_and_its_book_is_believed_no_longer(
    recordings: Path, tmp_path: Path, name: str, frames: str, pattern: bytes, book: str
) -> None:
    text = gzip.decompress((recordings / "cryptofeed" / frames).read_bytes())
    place = list(re.finditer(pattern, text))[40]
    path = tmp_path / "altered"
    path.write_bytes(text[: place.start()] + place[0][:-1] + bytes([place[0][-1] ^ 1]) + text[place.end() :])
    others = [f"{venue}={recordings / one}" for venue, one in CAPTURES[name] if not one.endswith(frames)]
    summary = replay([*others, f"{CAPTURES[name][0][0]}={path}"], tmp_path).summary
    told = summary["books"].pop(book)
    before = replayed(recordings, name).summary["books"]
    assert told["state"] not in ("valid", "syncing")
    assert told["checksums"]["failed"] == 1
    assert told["checksums"]["checked"] < before[book]["checksums"]["checked"]
    assert all(other["checksums"] == before[key]["checksums"] for key, other in summary["books"].items())
    assert unaccounted(summary) == []


def messages_of(found: dict[str, Any], symbols: list[str]) -> Counter[str]:
    """By our kinds of stream."""
    counted: Counter[str] = Counter()
    for symbol in symbols:
        counted.update(_by_kind(found[symbol]))
    return counted


def _by_kind(fact: dict[str, Any]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for kind, number in fact.get("messages", {}).items():
        if kind in KINDS:
            counted[KINDS[kind]] += number
    counted["depth"] += fact["updates"] + 1 if "updates" in fact else fact.get("snapshots", 0) + fact.get("deltas", 0)
    if "snapshot_lastUpdateId" in fact and "rest_snapshot" not in fact["messages"]:
        counted["depth"] += 1
    return counted


@pytest.mark.parametrize(("name", "venue"), SOURCES.items())
def test_every_message_of_a_transcript_is_told_by_its_kind(
    recordings: Path, facts: dict[str, Any], name: str, venue: str
) -> None:
    found = facts_of(facts, name, "cryptofeed")
    expected = messages_of(found, list(found))
    streams = replayed(recordings, name).summary["streams"]
    told = {kind.rpartition(":")[2]: counts["received"] for kind, counts in streams.items()}
    assert set(streams) == {f"{venue}:{kind}" for kind in told}
    if name == "KRAKEN":  # of its trades and tickers there are no facts; of Bybit's trades there are those of messages
        expected["trade"], expected["statistics"] = told["trade"], told["statistics"]
    elif name == "BYBIT":
        expected["trade"] = told["trade"]
        assert told["trade"] >= sum(fact["trade_msgs"] for fact in found.values())
    assert told == {kind: number for kind, number in expected.items() if number}


@pytest.mark.parametrize("symbol", HFT)
def test_every_message_of_three_markets_is_told_by_its_kind(
    recordings: Path, facts: dict[str, Any], symbol: str
) -> None:
    venue = HFT[symbol].rpartition(":")[0]
    streams = replayed(recordings, "BTC on three markets").summary["streams"]
    told = {kind.rpartition(":")[2]: one["received"] for kind, one in streams.items() if kind.startswith(f"{venue}:")}
    assert told == dict(messages_of(facts["hft"], [symbol]))


@pytest.mark.parametrize("name", CAPTURES)
def test_every_frame_of_the_files_was_played(recordings: Path, facts: dict[str, Any], name: str) -> None:
    run = replayed(recordings, name)
    frames = 0
    for _, path in CAPTURES[name]:
        with gzip.open(recordings / path) as lines:
            frames += sum(line[:1].isdigit() and b' {"lastUpdateId"' not in line[:40] for line in lines)
    assert sum(venue["messages"] for venue in run.summary["venues"].values()) == frames
    assert "not read" not in run.said


@pytest.mark.parametrize("name", [*CAPTURES, *REWRAPPED])
def test_what_became_of_every_message_is_accounted_for(recordings: Path, name: str) -> None:
    summary = replayed(recordings, name).summary
    assert unaccounted(summary) == []
    assert summary["streams"]
    assert all(venue["gaps"] == venue["resyncs"] == 0 for venue in summary["venues"].values())


@pytest.mark.parametrize("name", CAPTURES)
def test_nothing_in_the_captures_is_doubted(recordings: Path, name: str) -> None:
    run = replayed(recordings, name)
    assert refused(run.summary) == {}
    assert all(venue["quarantined"] == 0 for venue in run.summary["venues"].values())


def test_packed_or_not_a_file_says_the_same(recordings: Path, tmp_path: Path) -> None:
    sources = []
    for venue, path in CAPTURES["COINBASE"]:
        plain = tmp_path / Path(path).stem
        plain.write_bytes(gzip.decompress((recordings / path).read_bytes()))
        sources.append(f"{venue}={plain}")
    packed, plainly = replayed(recordings, "COINBASE"), replay(sources, tmp_path)
    assert same_run(plainly, packed)


def same_run(one: Replayed, other: Replayed) -> bool:
    hashes = ("input_hash", "output_hash")
    return [one.summary[name] for name in hashes] == [other.summary[name] for name in hashes]


def test_the_order_in_which_files_are_named_does_not_matter(recordings: Path, tmp_path: Path) -> None:
    sources = [f"{venue}={recordings / path}" for venue, path in reversed(CAPTURES["BINANCE"])]
    assert same_run(replay(sources, tmp_path), replayed(recordings, "BINANCE"))
