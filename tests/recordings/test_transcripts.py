"""Connection transcripts of Binance, replayed through the whole platform, say exactly what the facts say."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.orchestrator.commands.replaying import Capture, play, read_captures, settings_for
from integrated_trading_system.orchestrator.platform import Platform
from integrated_trading_system.orchestrator.shown.summary import summarise
from tests.support.accounting import refused, unaccounted

FILES = {"binance:spot": "BINANCE", "binance:usdm": "BINANCE_FUTURES", "binance:us": "BINANCE_US"}
SYMBOLS = {
    "binance:spot": ("NKNUSDT", "RUNEEUR"),
    "binance:usdm": ("SUSHIUSDT", "KEEPUSDT"),
    "binance:us": ("COMPUSDT", "ZRXUSDT"),
}
BOOKS = [(venue, symbol) for venue, symbols in SYMBOLS.items() for symbol in symbols]
STREAMS = {"depth@100ms": "depth", "bookTicker": "quote", "aggTrade": "trade", "kline_1m": "candle"}
"""The capture's name of a stream, and the summary's."""


def captures_of(recordings: Path, *venues: str) -> tuple[Capture, ...]:
    """All three files of each venue: the list of instruments, the REST snapshots, and the frames."""
    parts = ("0", "http.0.0", "ws.1.0")
    return read_captures(
        [f"{venue}={recordings / 'cryptofeed' / f'{FILES[venue]}.{part}.gz'}" for venue in venues for part in parts]
    )


class Run:
    """One replay; `settings` are given what is subscribed to by `settings_for`, unless a test narrows it."""

    def __init__(self, captures: tuple[Capture, ...], **symbols: tuple[str, ...]) -> None:
        base = PlatformSettings.model_validate({"mode": "paper", "venues": {one.venue: {} for one in captures}})
        settings = settings_for(base, captures)
        narrowed = {
            venue: of.model_copy(update={"symbols": symbols.get(venue.partition(":")[2], of.symbols)})
            for venue, of in settings.venues.items()
        }
        platforms: list[Platform] = []
        self.outcome, self.playback = play(
            settings.model_copy(update={"venues": narrowed}), captures, prepare=platforms.append
        )
        self.platform = platforms[0]
        self.summary = summarise(self.outcome)

    def listed(self, venue: str, symbol: str) -> Instrument:
        found = self.platform.listing.get(InstrumentId(f"{venue}:{symbol}"))
        assert found is not None
        return found


@pytest.fixture(scope="module")
def runs(recordings: Path) -> dict[str, Run]:
    """Each venue by itself: they were recorded months apart."""
    return {venue: Run(captures_of(recordings, venue)) for venue in FILES}


@pytest.fixture(scope="module")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((recordings / "FACTS.json").read_text())["cryptofeed"]
    return found


def recorded_filters(recordings: Path, venue: str, symbol: str) -> dict[str, dict[str, str]]:
    """The filters of a symbol in the recorded answer itself, by type."""
    answer = next(line for line in captures_of(recordings, venue)[0].lines if "exchangeInfo" in line.url)
    row = next(row for row in json.loads(answer.payload)["symbols"] if row["symbol"] == symbol)
    return {one["filterType"]: one for one in row["filters"]}


@pytest.mark.parametrize(("venue", "symbol"), BOOKS)
def test_instruments_are_those_of_the_recorded_answer(
    recordings: Path, runs: dict[str, Run], venue: str, symbol: str
) -> None:
    filters = recorded_filters(recordings, venue, symbol)
    instrument = runs[venue].listed(venue, symbol)
    assert not instrument.inferred
    assert instrument.tick == Decimal(filters["PRICE_FILTER"]["tickSize"])
    assert instrument.lot == Decimal(filters["LOT_SIZE"]["stepSize"])
    assert instrument.quantity_min == Decimal(filters["LOT_SIZE"]["minQty"])


@pytest.mark.parametrize(("venue", "symbol"), BOOKS)
def test_every_book_is_what_was_recorded(runs: dict[str, Run], facts: dict[str, Any], venue: str, symbol: str) -> None:
    fact = facts[FILES[venue]][symbol]
    book = runs[venue].summary["books"][f"{venue}:{symbol}"]
    assert book["state"] == "valid"
    assert (book["stale_dropped"], book["updates"]) == (fact["stale_dropped"], fact["applied"])
    assert (book["gaps"], book["crossed"], book["resyncs"]) == (fact["gaps"], fact["crossed"], 0)
    assert book["last_sequence"] == fact["last_u"]
    assert [from_float(value) for value in book["best_bid"] + book["best_ask"]] == [
        Decimal(text) for text in fact["final_bbo"]
    ]
    assert list(book["levels"]) == fact["final_levels"]
    assert (book["compared"], book["equal"]) == (fact["bbo_same_u_checked"], fact["bbo_same_u_equal"])


@pytest.mark.parametrize("venue", FILES)
def test_no_check_refuses_anything_that_was_recorded(runs: dict[str, Run], venue: str) -> None:
    assert refused(runs[venue].summary) == {}


@pytest.mark.parametrize("venue", FILES)
def test_what_became_of_every_message_is_accounted_for(runs: dict[str, Run], venue: str) -> None:
    assert unaccounted(runs[venue].summary) == []
    assert runs[venue].summary["streams"]


@pytest.mark.parametrize("venue", FILES)
def test_every_message_of_every_type_is_counted_and_none_is_doubted(
    runs: dict[str, Run], facts: dict[str, Any], venue: str
) -> None:
    expected: Counter[str] = Counter()
    for fact in facts[FILES[venue]].values():
        expected.update({STREAMS[name]: number for name, number in fact["messages"].items()})
    summary, playback = runs[venue].summary, runs[venue].playback
    counted = summary["venues"][venue]
    assert counted["messages"] == sum(expected.values())
    assert counted["quarantined"] == counted["gaps"] == counted["reconnects"] == counted["resyncs"] == 0
    assert counted["ignored"] == {}
    expected["depth"] += len(SYMBOLS[venue])  # their snapshots, by REST
    streams = {name.rpartition(":")[2]: counts["received"] for name, counts in summary["streams"].items()}
    assert streams == dict(expected)
    rest = len(SYMBOLS[venue]) + 1  # snapshots, and the list of instruments
    assert playback.messages[VenueId(venue)] == counted["messages"] + rest


@pytest.mark.parametrize("venue", FILES)
def test_symbols_that_nobody_subscribed_to_are_counted_and_change_nothing(
    recordings: Path, facts: dict[str, Any], venue: str
) -> None:
    kept, other = SYMBOLS[venue]
    alone = Run(captures_of(recordings, venue), **{venue.partition(":")[2]: (kept,)})
    fact, ignored = facts[FILES[venue]][kept], facts[FILES[venue]][other]
    assert list(alone.summary["books"]) == [f"{venue}:{kept}"]
    book, counted = alone.summary["books"][f"{venue}:{kept}"], alone.summary["venues"][venue]
    assert (book["state"], book["last_sequence"], book["updates"]) == ("valid", fact["last_u"], fact["applied"])
    assert counted["ignored"] == {"stream": sum(ignored["messages"].values())}
    assert counted["quarantined"] == 0
    assert alone.outcome.failure is None


def test_a_venue_whose_capture_has_ended_falls_silent_and_is_believed_no_longer(
    recordings: Path, facts: dict[str, Any]
) -> None:
    """Binance.US was recorded four minutes before Binance."""
    together = Run(captures_of(recordings, "binance:us", "binance:spot"))
    state = {name: book["state"] for name, book in together.summary["books"].items()}
    assert state == {
        **{f"binance:us:{symbol}": "stale" for symbol in SYMBOLS["binance:us"]},
        **{f"binance:spot:{symbol}": "valid" for symbol in SYMBOLS["binance:spot"]},
    }
    for venue, symbol in BOOKS[:2] + BOOKS[4:]:
        updates = together.summary["books"][f"{venue}:{symbol}"]["updates"]
        assert updates == facts[FILES[venue]][symbol]["applied"], symbol
