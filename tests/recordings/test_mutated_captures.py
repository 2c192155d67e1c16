"""Recorded books with something lost, doubled, swapped, altered, too old or numbered anew on the way.

Whatever is told after the fault is what the venue's own streams say of that sequence; a gap is told with the number
that was expected and the one that came.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.audit import BookDiverged
from integrated_trading_system.domain.health import BookBroken, BookState, BookStateChanged, Gap, SnapshotWanted
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, DataType, Quote
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from tests.support.feed_rig import FeedRig
from tests.support.recorded import (
    Best,
    Event,
    Recorded,
    Truth,
    best_by_sequence,
    binance_btc,
    bybit_book,
    transcript,
)

CHANGES = 150
SOURCES: dict[str, Callable[[Path], Recorded]] = {
    "binance:spot BTC": lambda folder: binance_btc(folder, "spot", "spot/btcusdt_20240808.gz", CHANGES),
    "binance:usdm BTC": lambda folder: binance_btc(folder, "usdm", "usdm/btcusdt_20240808.gz", CHANGES),
    "binance:coinm BTC": lambda folder: binance_btc(folder, "coinm", "cm/btcusd_perp_20240808.gz", CHANGES),
    "binance:spot NKN": lambda folder: transcript(folder, "binance:spot", "BINANCE", "NKNUSDT"),
    "binance:usdm SUSHI": lambda folder: transcript(folder, "binance:usdm", "BINANCE_FUTURES", "SUSHIUSDT"),
    "binance:us COMP": lambda folder: transcript(folder, "binance:us", "BINANCE_US", "COMPUSDT"),
    "bybit:linear XRP": bybit_book,
}
FAULTS = ("drop", "double", "swap", "late double", "restart", "checksum")
examples = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@cache
def recorded(folder: Path, source: str) -> tuple[Recorded, dict[int, Best]]:
    found = SOURCES[source](folder)
    return found, best_by_sequence(found)


@dataclass(frozen=True)
class Arrival:
    """One event as it arrives, and how many of the recording's events the venue had made by then."""

    made: int
    event: Event | BookBroken
    offset: int = 0
    """By how much less the venue numbers by now."""


def damaged(recording: Recorded, faults: dict[int, str]) -> list[Arrival]:
    """The recording with faults, each at a change of the book that is named by its place among them."""
    places = recording.deltas
    at = {places[number % len(places)]: kind for number, kind in faults.items()}
    arrivals: list[Arrival] = []
    offset = 0
    for index, event in enumerate(recording.events):
        kind = at.get(index)
        if kind == "restart" and offset == 0:
            offset = event.first_sequence - 1_000 if isinstance(event, BookDelta) else 0
        moved = renumbered(event, offset)
        arrival = Arrival(index + 1, moved, offset)
        if kind == "drop":
            continue
        arrivals.append(arrival)
        if kind == "double":
            arrivals.append(arrival)
        elif kind == "swap" and len(arrivals) > 1:
            arrivals[-2:] = [arrival, Arrival(index + 1, arrivals[-2].event, offset)]
        elif kind == "late double" and len(arrivals) > 5:
            arrivals.append(Arrival(index + 1, arrivals[-5].event, offset))
        elif kind == "checksum":
            broken = BookBroken(recording.instrument, "checksum", 1, 2, moved.received_at)
            arrivals.append(Arrival(index + 1, broken, offset))
    return arrivals


def renumbered(event: Event, offset: int) -> Event:
    """As a venue that was started anew numbers it."""
    if not offset:
        return event
    if isinstance(event, Quote):
        return replace(event, sequence=event.sequence - offset)
    return replace(
        event,
        first_sequence=event.first_sequence - offset,
        last_sequence=event.last_sequence - offset,
        previous_sequence=event.previous_sequence - offset,
        order=event.order - offset,
    )


class Replayed:
    """A feed that hears the arrivals and is given the venue's book, late and at first too old, when it asks."""

    def __init__(self, recording: Recorded, *, lag: int = 0, delay: int = 0) -> None:
        self.recording, self.lag, self.delay = recording, lag, delay
        self.rig = FeedRig({recording.instrument: (DataType.QUOTES, DataType.DEPTH)})
        self.rig.system.bus.subscribe(BookDiverged, self.rig.bus)
        self.truth = Truth(recording)
        self.made = self.offset = self.step = 0
        self.waiting: list[tuple[int, BookSnapshot]] = []
        if recording.first.in_stream:
            self.rig.tell(recording.first)

    def play(self, arrivals: list[Arrival]) -> Iterator[Arrival]:
        """Each arrival, after the feed has taken it in."""
        for arrival in arrivals:
            while self.made < arrival.made:
                original = self.recording.events[self.made]
                if isinstance(original, BookDelta):
                    self.truth.apply(original)
                self.made += 1
            self.offset = arrival.offset
            self.rig.tell(arrival.event)
            self._answer()
            yield arrival

    def _answer(self) -> None:
        """A book by REST is as old as the answer; one in the stream is as new as the stream."""
        self.step += 1
        for message in self.rig.connector.take():
            if isinstance(message, SnapshotWanted):
                past = list(self.truth.past)
                book = past[max(0, len(past) - 1 - self.lag)]
                self.lag = 0
                self.waiting.append((self.step + self.delay, book))
        while self.waiting and self.waiting[0][0] <= self.step:
            book = self.waiting.pop(0)[1]
            book = self.truth.past[-1] if book.in_stream else book
            offset = self.offset
            now = max(self.rig.system.now, book.received_at)
            self.rig.tell(
                replace(
                    book,
                    last_sequence=book.last_sequence - offset,
                    resume_from=book.resume_from - offset,
                    order=book.order - offset,
                    received_at=now,
                )
            )

    @property
    def told(self) -> list[Quote]:
        return self.rig.synchronizer.of(Quote)


def is_true(quote: Quote, best: dict[int, Best], offset: int) -> bool:
    values = (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
    return values in (best.get(quote.sequence), best.get(quote.sequence + offset))


@pytest.mark.parametrize("source", SOURCES)
def test_without_a_fault_the_book_is_valid_and_every_price_is_the_venues(recordings: Path, source: str) -> None:
    recording, best = recorded(recordings, source)
    run = Replayed(recording)
    for _ in run.play(damaged(recording, {})):
        pass
    assert run.rig.books.state(recording.instrument) is BookState.VALID
    assert run.told
    assert all(is_true(quote, best, 0) for quote in run.told)
    view = run.rig.view.books[recording.instrument]
    assert (view.gaps, view.crossed, view.compared - view.equal) == (0, 0, 0)


@pytest.mark.parametrize("source", SOURCES)
@examples
@given(
    faults=st.dictionaries(st.integers(5, 400), st.sampled_from(FAULTS), min_size=1, max_size=4),
    lag=st.integers(0, 4),
    delay=st.integers(0, 6),
)
def test_after_any_fault_no_wrong_price_is_told(
    recordings: Path, source: str, faults: dict[int, str], lag: int, delay: int
) -> None:
    recording, best = recorded(recordings, source)
    run = Replayed(recording, lag=lag, delay=delay)
    for _ in run.play(damaged(recording, faults)):
        top = run.rig.books.top(recording.instrument)
        assert top is None or is_true(top, best, run.offset)
    assert all(is_true(quote, best, run.offset) for quote in run.told)
    streams = run.rig.view.instruments[recording.instrument].streams
    depth = streams[DataType.DEPTH]
    assert depth.received == sum(depth.reasons.values()) + depth.delivered + depth.waiting


@pytest.mark.parametrize("source", SOURCES)
def test_a_lost_change_is_told_with_what_was_expected_and_what_came(recordings: Path, source: str) -> None:
    recording, _ = recorded(recordings, source)
    changes = [event for event in recording.events if isinstance(event, BookDelta)]
    lost = len(changes) // 2
    run = Replayed(recording, lag=3)
    for _ in run.play(damaged(recording, {lost: "drop"})):
        pass
    (gap,) = run.rig.bus.of(Gap)
    assert (gap.expected, gap.received) == (changes[lost - 1].last_sequence + 1, changes[lost + 1].first_sequence)
    states = [changed.state for changed in run.rig.bus.of(BookStateChanged)]
    assert BookState.SUSPECT in states
    assert all(before is not after for before, after in pairwise(states))
    assert run.rig.books.state(recording.instrument) is BookState.VALID


@pytest.mark.parametrize("source", SOURCES)
def test_a_venue_that_numbers_anew_is_believed_again_only_with_a_book_of_the_new_numbers(
    recordings: Path, source: str
) -> None:
    recording, best = recorded(recordings, source)
    run = Replayed(recording)
    for _ in run.play(damaged(recording, {len(recording.deltas) // 2: "restart"})):
        pass
    view = run.rig.view.books[recording.instrument]
    assert (view.state, view.gaps) == (BookState.VALID, 1)
    assert all(is_true(quote, best, run.offset) for quote in run.told)


def altered(recording: Recorded, index: int) -> BookDelta:
    """The change with another best bid: one that the venue does not have."""
    delta = recording.events[index]
    assert isinstance(delta, BookDelta)
    truth = Truth(recording)
    for event in recording.events[: index + 1]:
        if isinstance(event, BookDelta):
            truth.apply(event)
    bid, size, _, _ = truth.best
    return replace(delta, bids=[*(level for level in delta.bids if level[0] != bid), (bid, size + 1.0)])


@pytest.mark.parametrize("source", [source for source in SOURCES if source.endswith("BTC")])
def test_an_altered_change_is_found_where_quotes_tell_the_same_moment(recordings: Path, source: str) -> None:
    recording, best = recorded(recordings, source)
    quoted = {event.sequence for event in recording.events if isinstance(event, Quote)}
    comparable = [index for index in recording.deltas[5:-5] if order_of(recording, index) in quoted]
    for index in comparable[:: max(1, len(comparable) // 8)]:
        arrivals = damaged(recording, {})
        arrivals[index] = Arrival(index + 1, altered(recording, index))
        run = Replayed(recording)
        for arrival in run.play(arrivals):
            if run.rig.bus.of(BookDiverged) and arrival.made > index:
                break
        wrong = [quote for quote in run.told if not is_true(quote, best, 0)]
        assert len(run.rig.bus.of(BookDiverged)) == 1
        assert run.rig.books.top(recording.instrument) is None
        assert all(quote.sequence == order_of(recording, index) for quote in wrong)
        assert len(wrong) <= 1  # where the quote that disproves the change comes after it


def order_of(recording: Recorded, index: int) -> int:
    event = recording.events[index]
    return event.sequence if isinstance(event, Quote) else event.order


@pytest.mark.parametrize("source", [source for source in SOURCES if source.endswith("BTC")])
def test_an_altered_change_anywhere_is_not_believed_once_it_was_found(recordings: Path, source: str) -> None:
    recording, best = recorded(recordings, source)
    for index in recording.deltas[10:-40:17]:
        arrivals = damaged(recording, {})
        arrivals[index] = Arrival(index + 1, altered(recording, index))
        run = Replayed(recording)
        found_at: int | None = None
        for _ in run.play(arrivals):
            if found_at is None and run.rig.bus.of(BookDiverged):
                found_at = len(run.told)
        if found_at is not None:
            assert all(is_true(quote, best, 0) for quote in run.told[found_at:])


def test_a_second_of_a_restart_is_the_most_that_old_prices_stay(recordings: Path) -> None:
    """A change numbered before the book and stamped after it is the first sign; nothing new is told before it."""
    recording, _ = recorded(recordings, "binance:spot BTC")
    place = len(recording.deltas) // 2
    began = recording.events[recording.deltas[place]].received_at
    run = Replayed(recording)
    for arrival in run.play(damaged(recording, {place: "restart"})):
        if run.rig.bus.of(Gap):
            assert isinstance(arrival.event, BookDelta)
            assert Nanos(arrival.event.received_at - began) < 300 * MILLISECOND
            return
    raise AssertionError("the restart was not noticed")
