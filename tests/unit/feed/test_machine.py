"""A book is believed only while every change of it is at hand."""

from math import nan

import pytest

from integrated_trading_system.domain.market import BookDelta, Level
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.feed.machine import BookMachine, Outcome
from tests.support.feed_rig import delta, ms, snapshot

RETRY = Nanos(5 * SECOND)


@pytest.fixture
def machine() -> BookMachine:
    return BookMachine(pending_max=5)


def proven(machine: BookMachine) -> BookMachine:
    """At sequence 11, bid 100, ask 101."""
    machine.snapshot(snapshot(10))
    assert machine.delta(delta(11, 11)) is Outcome.APPLIED
    return machine


def accounted(machine: BookMachine) -> int:
    return machine.updates + machine.duplicates + machine.stale_dropped + machine.discarded + machine.waiting


def test_changes_wait_for_a_snapshot_and_continue_it(machine: BookMachine) -> None:
    for number in (9, 10, 11):
        assert machine.delta(delta(number, number, bids=[(100.0 - number, 1.0)])) is Outcome.WAITING
    assert machine.needs_snapshot
    assert machine.snapshot(snapshot(10)) is Outcome.APPLIED
    assert (machine.stale_dropped, machine.updates, machine.sequence) == (2, 1, 11)
    assert machine.book.bids(9) == ((100.0, 1.0), (89.0, 1.0))


def test_a_snapshot_alone_proves_nothing_until_a_change_covers_it(machine: BookMachine) -> None:
    machine.delta(delta(9, 9))
    assert machine.snapshot(snapshot(10)) is Outcome.WAITING
    assert not machine.proven
    assert not machine.needs_snapshot
    assert machine.delta(delta(10, 10)) is Outcome.OUTDATED
    assert machine.delta(delta(11, 14)) is Outcome.APPLIED
    assert machine.proven


def test_the_first_change_may_reach_back_before_the_snapshot(machine: BookMachine) -> None:
    machine.snapshot(snapshot(10))
    assert machine.delta(delta(8, 12)) is Outcome.APPLIED


def test_by_the_rule_of_futures_the_change_that_ends_at_the_snapshot_is_applied(machine: BookMachine) -> None:
    futures = snapshot(10, resume_from=10)
    machine.delta(delta(5, 9))
    machine.delta(delta(10, 10))
    machine.delta(delta(15, 20, previous_sequence=10))
    assert machine.snapshot(futures) is Outcome.APPLIED
    assert (machine.stale_dropped, machine.updates, machine.sequence) == (1, 2, 20)


def test_a_change_that_continues_the_snapshots_own_number_leaves_nothing_out(machine: BookMachine) -> None:
    machine.snapshot(snapshot(10, resume_from=10))
    assert machine.delta(delta(15, 20, previous_sequence=10)) is Outcome.APPLIED


def test_a_snapshot_older_than_the_first_change_is_refused_and_the_changes_go_on_waiting(machine: BookMachine) -> None:
    machine.delta(delta(15, 16))
    machine.delta(delta(17, 18))
    assert machine.snapshot(snapshot(10)) is Outcome.TOO_OLD
    assert machine.needs_snapshot
    assert machine.waiting == 2
    assert machine.snapshot(snapshot(16)) is Outcome.APPLIED
    assert (machine.stale_dropped, machine.updates) == (1, 1)


def test_a_gap_discards_the_book_and_begins_to_wait_with_the_change_that_came(machine: BookMachine) -> None:
    assert proven(machine).delta(delta(13, 14)) is Outcome.GAP
    assert machine.last_gap == (12, 13)
    assert (machine.gaps, machine.resyncs, machine.waiting, len(machine.book)) == (1, 1, 1, 0)
    assert machine.top is None
    assert machine.snapshot(snapshot(12)) is Outcome.APPLIED
    assert machine.sequence == 14


def test_a_gap_among_the_waiting_changes_is_a_gap(machine: BookMachine) -> None:
    for change in (delta(11, 11), delta(13, 13), delta(14, 14)):
        machine.delta(change)
    assert machine.snapshot(snapshot(10)) is Outcome.GAP
    assert (machine.waiting, machine.gaps) == (2, 1)


def test_a_duplicate_changes_nothing(machine: BookMachine) -> None:
    change = delta(12, 12, bids=[(100.0, 7.0)])
    proven(machine).delta(change)
    machine.delta(delta(13, 13, bids=[(100.0, 2.0)]))
    assert machine.delta(change) is Outcome.OUTDATED
    assert machine.duplicates == 1
    assert machine.book.best_bid == (100.0, 2.0)


def test_a_change_that_spans_the_books_place_is_applied_whole(machine: BookMachine) -> None:
    """Two links of a rollover may cut the stream at different numbers."""
    assert proven(machine).delta(delta(9, 13, bids=[(99.0, 3.0)])) is Outcome.APPLIED
    assert machine.sequence == 13


def test_numbering_that_went_back_is_no_duplicate(machine: BookMachine) -> None:
    assert proven(machine).delta(delta(1, 1, at=500)) is Outcome.RESTARTED
    assert (machine.gaps, machine.duplicates) == (1, 0)
    assert not machine.proven


@pytest.mark.parametrize("bid", [101.0, 102.0])
def test_a_book_that_is_locked_or_crossed_is_never_kept(machine: BookMachine, bid: float) -> None:
    assert proven(machine).delta(delta(12, 12, bids=[(bid, 1.0)])) is Outcome.CROSSED
    assert machine.crossed == 1
    assert not machine.proven
    assert machine.needs_snapshot


@pytest.mark.parametrize("bids", [[(101.0, 1.0)], [(nan, 1.0)]])
def test_a_snapshot_that_cannot_be_is_refused(machine: BookMachine, bids: list[Level]) -> None:
    machine.delta(delta(11, 11))
    assert machine.snapshot(snapshot(10, bids=bids)) is Outcome.CROSSED
    assert machine.waiting == 1
    assert not machine.proven


def test_a_snapshot_in_the_stream_replaces_the_book_at_once(machine: BookMachine) -> None:
    proven(machine).delta(delta(20, 20))
    assert machine.snapshot(snapshot(3, bids=[(50.0, 1.0)], asks=[(51.0, 1.0)], in_stream=True)) is Outcome.APPLIED
    assert machine.top == (50.0, 1.0, 51.0, 1.0)
    assert machine.stale_dropped == 1
    assert machine.delta(delta(4, 4)) is Outcome.APPLIED


def test_a_rest_snapshot_that_nobody_waits_for_is_ignored(machine: BookMachine) -> None:
    assert proven(machine).snapshot(snapshot(5, bids=[(1.0, 1.0)])) is Outcome.OUTDATED
    assert machine.top == (100.0, 1.0, 101.0, 1.0)
    assert (machine.snapshots, machine.snapshots_unneeded) == (1, 1)


def test_of_a_window_only_the_kept_levels_are_known(machine: BookMachine) -> None:
    bids = [(100.0 - level, 1.0) for level in range(3)]
    machine.snapshot(snapshot(10, bids=bids, in_stream=True, window=3))
    machine.delta(delta(11, 11, bids=[(100.5, 1.0)]))
    assert machine.book.bids(9) == ((100.5, 1.0), (100.0, 1.0), (99.0, 1.0))


def test_waiting_is_bounded_and_a_newer_snapshot_is_needed_beyond(machine: BookMachine) -> None:
    for number in range(1, 9):
        machine.delta(delta(number, number))
    assert (machine.waiting, machine.discarded) == (5, 3)
    assert machine.snapshot(snapshot(1)) is Outcome.TOO_OLD
    assert machine.snapshot(snapshot(3)) is Outcome.APPLIED


def test_after_a_cut_everything_is_forgotten(machine: BookMachine) -> None:
    proven(machine).ask(ms(0))
    machine.discard()
    assert (machine.proven, len(machine.book), machine.resyncs, machine.tries) == (False, 0, 1, 0)
    machine.delta(delta(12, 12))
    machine.discard()
    assert (machine.resyncs, machine.discarded) == (1, 1)


def test_one_snapshot_is_asked_for_at_a_time(machine: BookMachine) -> None:
    assert machine.may_ask(ms(0), RETRY, 3)
    machine.ask(ms(0))
    assert not machine.may_ask(ms(4_999), RETRY, 3)
    assert machine.may_ask(ms(5_000), RETRY, 3)


def test_an_answer_that_will_not_do_is_asked_for_again_three_times_at_once_then_with_a_pause(
    machine: BookMachine,
) -> None:
    machine.delta(delta(50, 50))
    for attempt in range(3):
        assert machine.may_ask(ms(attempt), RETRY, 3)
        machine.ask(ms(attempt))
        assert machine.snapshot(snapshot(attempt)) is Outcome.TOO_OLD
    assert not machine.may_ask(ms(3), RETRY, 3)
    assert machine.may_ask(ms(5_002), RETRY, 3)


def test_every_change_is_counted_once(machine: BookMachine) -> None:
    changes: list[BookDelta] = [delta(9, 9), delta(11, 11), delta(11, 11), delta(12, 12), delta(15, 15), delta(16, 16)]
    machine.delta(changes[0])
    machine.snapshot(snapshot(10))
    for change in changes[1:]:
        machine.delta(change)
    machine.delta(delta(17, 17, bids=[(200.0, 1.0)]))
    machine.snapshot(snapshot(15))
    assert accounted(machine) == len(changes) + 1
