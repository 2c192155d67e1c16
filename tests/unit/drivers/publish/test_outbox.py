"""What an outbox drops, in which order, and that it can say of every event what became of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from integrated_trading_system.config.outputs import EventKind
from integrated_trading_system.drivers.publish.events import KINDS, Event
from integrated_trading_system.drivers.publish.outbox import Outbox
from tests.support.outputs import fill, heartbeat, logged, quote, trade

WORDS = (EventKind.HEARTBEAT, EventKind.QUOTE, EventKind.TRADE, EventKind.FILL)


def outbox(capacity: int = 10, conflate_from_percent: int = 100) -> Outbox:
    kinds = [KINDS[word] for word in WORDS]
    return Outbox("test", kinds, capacity, conflate_from_percent=conflate_from_percent)


def filled(count: int, **settings: int) -> Outbox:
    """With so many trades waiting."""
    box = outbox(**settings)
    for number in range(count):
        box.tell(trade(number))
    return box


def waiting(box: Outbox) -> list[str]:
    """The kinds of those that wait, oldest first."""
    kinds = [event.kind.word.value for event in box.take(1_000_000)]
    box.put_back()
    return kinds


def balance(box: Outbox) -> int:
    """What is not accounted for."""
    seen = box.statistics()
    return seen.told - seen.delivered - seen.conflated - sum(seen.dropped.values()) - seen.refused - seen.waiting


@pytest.mark.parametrize(("already", "dropped"), [(7, {}), (8, {"heartbeat": 1}), (9, {"heartbeat": 1})])
def test_from_80_percent_heartbeats_are_dropped(already: int, dropped: dict[str, int]) -> None:
    box = filled(already)
    box.tell(heartbeat())
    assert box.dropped == dropped


@pytest.mark.parametrize(("already", "dropped"), [(8, {}), (9, {"quote": 1})])
def test_from_90_percent_quotes_are_dropped(already: int, dropped: dict[str, int]) -> None:
    box = filled(already)
    box.tell(quote())
    assert box.dropped == dropped


def test_trades_are_kept_up_to_the_last_place() -> None:
    box = filled(10)
    assert (len(box), box.dropped) == (10, {})


def test_full_the_oldest_heartbeat_goes_first_then_the_oldest_quote_and_trades_last() -> None:
    box = outbox()
    box.tell(trade(0))
    box.tell(quote(1))
    box.tell(heartbeat(2))
    for number in range(7):
        box.tell(trade(10 + number))
    steps = []
    for number in range(3):
        box.tell(trade(20 + number))
        steps.append(dict(box.dropped))
    assert steps == [{"heartbeat": 1}, {"quote": 1, "heartbeat": 1}, {"quote": 1, "trade": 1, "heartbeat": 1}]
    assert [event.message.trade_id for event in box.take(1)] == ["t10"]  # the oldest trade was t0


def test_a_fill_takes_the_place_of_what_may_be_dropped() -> None:
    box = filled(10)
    box.tell(fill())
    assert (len(box), box.dropped) == (10, {"trade": 1})


def test_fills_are_not_dropped_but_take_as_much_room_again_and_then_end() -> None:
    box = outbox()
    with logged("ERROR") as lines:
        for number in range(25):
            box.tell(fill(number))
            box.tell(trade(number))
    assert (len(box), box.dropped) == (20, {"trade": 25})
    assert box.statistics().refused == 5
    assert len(lines) == 1
    assert "the journal and the history hold them" in lines[0]
    assert balance(box) == 0


def test_after_the_first_refused_fill_none_follows_so_that_there_is_no_hole() -> None:
    box = outbox()
    for number in range(21):
        box.tell(fill(number))
    delivered = box.take(100)
    box.settle()
    box.tell(fill(99))
    box.tell(trade(1))
    assert [event.message.trade_id for event in delivered] == [str(number) for number in range(20)]
    assert waiting(box) == ["trade"]
    assert box.statistics().refused == 2


def test_a_newer_quote_replaces_the_waiting_one_of_its_instrument_above_the_stated_fill() -> None:
    box = outbox(conflate_from_percent=50)
    for number in range(5):
        box.tell(quote(number))
    box.tell(quote(10, "ETHUSDT"))
    box.tell(quote(11, "BTCUSDT"))
    box.tell(quote(12, "ETHUSDT"))
    box.tell(quote(13, "BTCUSDT"))
    events = box.take(100)
    box.settle()
    told = [(event.message.instrument.rpartition(":")[2], event.message.sequence) for event in events]
    assert told == [*(("BTCUSDT", number) for number in range(5)), ("ETHUSDT", 12), ("BTCUSDT", 13)]
    assert (box.conflated, balance(box)) == (2, 0)


def test_a_quote_that_is_leaving_is_not_replaced_any_more() -> None:
    box = outbox(conflate_from_percent=0)
    box.tell(quote(1))
    (leaving,) = box.take(10)
    box.tell(quote(2))
    assert (leaving.message.sequence, len(box), box.conflated) == (1, 2, 0)
    box.put_back()
    assert [event.message.sequence for event in box.take(10)] == [1, 2]


def test_trades_and_fills_are_never_conflated() -> None:
    box = outbox(conflate_from_percent=0)
    for number in range(4):
        box.tell(trade(number))
        box.tell(fill(number))
    assert (len(box), box.conflated) == (8, 0)


def test_what_did_not_arrive_waits_again_in_its_old_place() -> None:
    box = outbox()
    for number, make in enumerate((trade, fill, quote, trade)):
        box.tell(make(number))  # type: ignore[operator]
    assert [event.n for event in box.take(3)] == [1, 2, 3]
    assert len(box) == 4
    box.put_back()
    assert [event.n for event in box.take(10)] == [1, 2, 3, 4]
    box.settle()
    assert (len(box), box.delivered) == (0, 4)


def test_what_the_other_side_refuses_for_good_counts_as_dropped() -> None:
    box = outbox()
    box.tell(trade(1))
    box.tell(quote(2))
    box.take(10)
    box.settle((1,))
    assert (box.delivered, box.dropped, balance(box)) == (1, {"quote": 1}, 0)


def test_it_wakes_whoever_waits_once_per_row() -> None:
    woken: list[int] = []
    box = outbox()
    box.wake = lambda: woken.append(len(box))
    box.tell(trade(1))
    box.tell(trade(2))
    box.take(10)
    box.settle()
    box.tell(trade(3))
    assert woken == [1, 1]


def test_what_it_was_not_asked_to_take_is_not_counted() -> None:
    box = Outbox("trades only", [KINDS[EventKind.TRADE]], 10)
    box.tell(quote())
    assert box.statistics().told == 0


def test_an_event_is_one_line_of_json_with_its_place_and_all_fields_of_the_fact() -> None:
    box = outbox()
    for message in (quote(7, "1000$X\nY"), trade(8), fill(9), heartbeat(3)):
        box.tell(message)
    lines = [event.written() for event in box.take(10)]
    assert all(b"\n" not in line for line in lines)
    first, second, third, fourth = (json.decode(line) for line in lines)
    assert first["n"] == 1
    assert (first["type"], first["provider"], first["symbol"]) == ("quote", "binance:usdm", "1000$X\nY")
    assert (first["bid"], first["ask"], first["sequence"], first["venue_time"]) == (107.0, 108.0, 7, 7_000_000)
    assert (second["type"], second["price"], second["trade_id"], second["side"]) == ("trade", 108.0, "t8", "buy")
    assert (third["type"], third["price"], third["quantity"]) == ("fill", "100.50", "0.10000001")
    assert (fourth["type"], fourth["provider"], fourth["symbol"]) == ("heartbeat", "binance:usdm", "__system__")


@pytest.mark.parametrize("word", EventKind)
def test_every_word_of_the_settings_is_a_kind_of_event(word: EventKind) -> None:
    assert KINDS[word].word is word


Step = Callable[[Outbox], None]


def take_and(then: Callable[[Outbox, list[Event]], None], limit: int) -> Step:
    def step(box: Outbox) -> None:
        then(box, box.take(limit))

    return step


def first_but_no_fill(events: list[Event]) -> tuple[int, ...]:
    return (0,) if events and events[0].kind.word is not EventKind.FILL else ()


def told(message: object) -> Step:
    return lambda box: box.tell(message)


SYMBOLS = st.sampled_from(["A", "B", "C"])
NUMBERS = st.integers(0, 9)
STEPS = st.one_of(
    st.builds(lambda n, s: told(quote(n, s)), NUMBERS, SYMBOLS),
    st.builds(lambda n, s: told(trade(n, s)), NUMBERS, SYMBOLS),
    st.builds(lambda n: told(heartbeat(n)), NUMBERS),
    st.builds(lambda n: told(fill(n)), NUMBERS),
    st.builds(lambda n: take_and(lambda box, _: box.settle(), n), NUMBERS),
    st.builds(lambda n: take_and(lambda box, events: box.settle(first_but_no_fill(events)), n), NUMBERS),
    st.builds(lambda n: take_and(lambda box, _: box.put_back(), n), NUMBERS),
)


@given(st.lists(STEPS, max_size=120), st.integers(2, 12), st.sampled_from([0, 30, 50, 100]))
def test_told_is_delivered_and_conflated_and_dropped_and_refused_and_waiting(
    steps: list[Step], capacity: int, conflate: int
) -> None:
    box = outbox(capacity, conflate_from_percent=conflate)
    for step in steps:
        step(box)
        assert balance(box) == 0
        assert len(box) <= 2 * capacity
        assert "fill" not in box.dropped
    numbers = [event.n for event in box.take(1_000)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == len(box)
