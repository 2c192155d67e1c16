"""What is kept of the facts about the feed's condition: what is so now, and how often it was."""

from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.domain.health import (
    Alarm,
    AlarmKind,
    BookBroken,
    Heartbeat,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import Asset, InstrumentId, StrategyId, VenueId
from integrated_trading_system.domain.market import DataType, PolledQuote, Quote
from integrated_trading_system.domain.opportunity import RebalanceAdvised
from integrated_trading_system.domain.streams import Stream, StreamsRefused
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.notes import REFUSALS_KEPT, Notes
from integrated_trading_system.runtime.bus import Bus

VENUE = VenueId("toy:spot")
BTC = InstrumentId("toy:spot:BTC")
NOW = Nanos(1)


def notes_after(*facts: object) -> Notes:
    bus, notes = Bus(), Notes()
    notes.follow(bus)
    for fact in facts:
        bus.publish(fact)
    return notes


def alarm(*, raised: bool) -> Alarm:
    return Alarm(VENUE, AlarmKind.LATENCY_P50, raised, 9.0, 5.0, NOW)


def test_heartbeats_are_counted_apart_and_the_newest_says_whether_the_venue_is_silent() -> None:
    notes = notes_after(Heartbeat(VENUE, False, NOW), Heartbeat(VENUE, True, NOW), Heartbeat(VENUE, True, NOW))
    beats = notes.beats[VENUE]
    assert (beats.real, beats.synthetic, beats.silent) == (1, 2, True)


def test_an_alarm_is_there_until_it_is_lowered_and_its_count_stays() -> None:
    assert list(notes_after(alarm(raised=True)).alarms) == [(VENUE, AlarmKind.LATENCY_P50)]
    notes = notes_after(alarm(raised=True), alarm(raised=False), alarm(raised=True), alarm(raised=False))
    assert (notes.alarms, notes.alarms_raised) == ({}, {(VENUE, AlarmKind.LATENCY_P50): 2})


def test_blocks_broken_books_and_prices_by_rest_are_kept() -> None:
    polled = PolledQuote(BTC, Quote(BTC, 1.0, 1.0, 2.0, 1.0, -1, NOW, NOW))
    broken = BookBroken(BTC, "checksum", 1, 2, NOW)
    notes = notes_after(VenueBlocked(VENUE, "http-451", NOW), broken, broken, polled)
    assert (notes.blocked, notes.broken, notes.polled) == ({VENUE: "http-451"}, {BTC: 2}, {BTC: 1})


def test_every_refused_stream_is_counted_and_only_the_newest_are_named() -> None:
    streams = tuple(Stream(InstrumentId(f"toy:spot:{n}"), DataType.TRADES) for n in range(REFUSALS_KEPT + 1))
    notes = notes_after(StreamsRefused(VENUE, streams, "unknown symbol", NOW))
    assert notes.refused == {VENUE: REFUSALS_KEPT + 1}
    assert len(notes.refusals) == REFUSALS_KEPT
    assert notes.refusals[f"toy:spot:{REFUSALS_KEPT} trades"] == "unknown symbol"
    assert "toy:spot:0 trades" not in notes.refusals


def test_the_newest_advice_of_each_strategy_and_asset_stays() -> None:
    older = RebalanceAdvised(
        strategy=StrategyId("arb"),
        comparison="btc",
        asset=Asset("BTC"),
        source=VENUE,
        target=VenueId("other:spot"),
        quantity=Decimal(1),
        dry_in=None,
        cost=Decimal(0),
        missed=Decimal(1),
        pays=True,
        at=NOW,
    )
    newer = replace(older, quantity=Decimal(2))
    other = replace(older, asset=Asset("USDT"))
    assert list(notes_after(older, other, newer).advice.values()) == [newer, other]
