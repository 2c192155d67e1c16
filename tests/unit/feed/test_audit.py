"""Books that are believed are compared with fresh ones: what differs twice is disproven, what is void says nothing."""

from typing import Any

import pytest

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.audit import AuditFailed, AuditSnapshot, AuditWanted, BookDiverged
from integrated_trading_system.domain.health import BookState, BookStateChanged, LinkState, SnapshotWanted
from integrated_trading_system.domain.ids import InstrumentId, venue_of
from integrated_trading_system.domain.market import BookSnapshot, DataType, Level
from integrated_trading_system.domain.streams import Stream, StreamsWanted
from integrated_trading_system.feed.audit import Audit, Difference, compare, compare_side
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.feed.report import AuditView
from tests.support.feed_rig import BTC, DEPTH, FeedRig, delta, link, ms, snapshot

BIDS: list[Level] = [(100.0, 1.0), (99.0, 2.0), (98.0, 3.0)]
ASKS: list[Level] = [(101.0, 1.0), (102.0, 2.0), (103.0, 3.0)]


class Audited(FeedRig):
    """A rig with a proven book, whose stream goes on twice a second; audits are answered by the test."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(DEPTH, FeedSettings(**{"audit_every_s": 10, **settings}))
        self.system.bus.subscribe(BookDiverged, self.bus)
        self.sequence = 10
        self.at = 0.0
        self.tell(snapshot(10, bids=BIDS, asks=ASKS))
        self.go_on(0.5)
        self.forget()

    def go_on(self, seconds: float, **levels: list[Level]) -> None:
        """Time passes; a change every half second, without effect unless `levels` says so."""
        for _ in range(int(seconds * 2)):
            self.at += 500
            self.sequence += 1
            self.tell(delta(self.sequence, self.sequence, self.at, **levels))

    def asked(self) -> int:
        """How many audits were asked for since it was last called."""
        return len([message for message in self.connector.take() if isinstance(message, AuditWanted)])

    def answer(self, bids: list[Level] = BIDS, asks: list[Level] = ASKS, **changes: Any) -> None:
        last = changes.pop("last", self.sequence)
        sent_at = changes.pop("sent_at", self.system.now)
        self.tell(AuditSnapshot(snapshot(last, self.at, bids=bids, asks=asks, **changes), sent_at))

    @property
    def audits(self) -> AuditView:
        return self.book.audits


def test_a_book_is_audited_in_its_turn_and_nothing_happens_when_it_is_right() -> None:
    rig = Audited()
    rig.go_on(8)
    assert rig.asked() == 0
    rig.go_on(3)
    assert rig.asked() == 1
    rig.answer()
    rig.go_on(2)
    assert (rig.audits.done, rig.audits.compared, rig.audits.divergence) == (1, 6, 0.0)
    assert rig.bus.of(BookStateChanged) == []
    rig.go_on(7)
    assert rig.asked() == 0
    rig.go_on(3)
    assert rig.asked() == 1


def test_a_difference_is_looked_at_again_at_once_and_the_second_disproves_the_book() -> None:
    rig = Audited()
    rig.go_on(11)
    wrong = [(100.0, 1.0), (99.0, 7.0), (98.0, 3.0)]
    assert rig.asked() == 1
    rig.answer(wrong)
    rig.go_on(8)
    assert rig.asked() == 1
    assert (rig.book.state, rig.audits.differing) == (BookState.VALID, 1)
    assert rig.audits.divergence == pytest.approx(1 / 6)
    rig.answer(wrong)
    rig.go_on(2)
    assert rig.book.state is BookState.SUSPECT
    (told,) = rig.bus.of(BookDiverged)
    assert (told.instrument, told.compared, told.differing, told.against) == (BTC, 6, 1, "snapshot")
    (changed,) = rig.bus.of(BookStateChanged)
    assert (changed.state, changed.reason) == (BookState.SUSPECT, "diverged")
    assert rig.connector.messages == [SnapshotWanted(BTC)]
    assert rig.books.top(BTC) is None
    rig.tell(snapshot(rig.sequence, rig.at, bids=wrong, asks=ASKS))
    rig.go_on(0.5)
    assert (rig.book.state, rig.audits.disproven) == (BookState.VALID, 1)


def test_a_single_difference_is_forgiven() -> None:
    rig = Audited(audits_per_minute_max=60)
    for answer in (ASKS[:1] + ASKS[2:], ASKS, ASKS[:1] + ASKS[2:], ASKS):
        rig.go_on(11)
        assert rig.asked() >= 1
        rig.answer(asks=answer)
        rig.go_on(2)
    assert rig.book.state is BookState.VALID
    assert (rig.audits.differing, rig.audits.disproven) == (2, 0)


def test_levels_that_changes_touch_meanwhile_are_not_compared() -> None:
    rig = Audited()
    rig.go_on(11)
    rig.go_on(0.5, bids=[(99.0, 5.0)])  # after asking, before the answer
    rig.answer([(100.0, 1.0), (99.0, 4.0), (98.0, 3.0)], [(101.0, 1.0), (102.0, 9.0), (103.0, 3.0)])
    rig.go_on(0.5, asks=[(102.0, 8.0)])  # was on its way
    rig.go_on(2)
    assert (rig.audits.done, rig.audits.compared, rig.audits.differing) == (1, 4, 0)


def test_an_answer_older_than_the_book_was_at_asking_says_nothing() -> None:
    rig = Audited()
    rig.go_on(11)
    rig.answer([], [], last=rig.sequence - 5)
    assert (rig.audits.done, rig.audits.void) == (0, {"old": 1})
    rig.go_on(10)
    rig.answer([(1.0, 1.0)], [(2.0, 1.0)], order=0, last=0, venue_time=ms(1))  # no sequence: by its time
    assert rig.audits.void == {"old": 2}


def test_a_book_that_does_not_reach_the_answer_is_not_compared_with_it() -> None:
    rig = Audited()
    rig.go_on(11)
    rig.answer([], [], last=rig.sequence + 1_000)
    rig.go_on(4)
    assert rig.audits == AuditView()
    rig.go_on(4)
    assert (rig.audits.done, rig.audits.void) == (0, {"behind": 1})


def test_a_book_that_was_begun_anew_is_not_compared_with_an_answer_for_the_one_before() -> None:
    rig = Audited()
    rig.go_on(11)
    rig.tell(delta(rig.sequence + 50, rig.sequence + 50, rig.at))
    rig.answer([], [])
    rig.go_on(2)
    assert (rig.audits.done, rig.audits.void) == (0, {"another book": 1})


def test_without_an_answer_the_audit_is_given_up_and_another_is_asked_for() -> None:
    rig = Audited()
    rig.go_on(11)
    assert rig.asked() == 1
    rig.go_on(35)
    assert (rig.audits.failed, rig.asked()) == (1, 1)
    rig.tell(AuditFailed(BTC, "status 503", offered=True))
    rig.go_on(11)
    assert (rig.audits.failed, rig.asked()) == (2, 1)


def test_a_venue_that_offers_no_book_by_rest_is_not_asked_again() -> None:
    rig = Audited()
    rig.go_on(11)
    rig.tell(AuditFailed(BTC, "not offered", offered=False))
    rig.asked()
    rig.go_on(60)
    assert (rig.asked(), rig.book.state) == (0, BookState.VALID)


def test_answers_that_nobody_waits_for_are_ignored() -> None:
    rig = Audited()
    rig.answer([], [])
    rig.go_on(11)
    rig.answer([], [], sent_at=ms(0))  # a life before this one had asked
    rig.tell(AuditSnapshot(snapshot(1, instrument=InstrumentId("toy:spot:ETH")), ms(0)))
    rig.tell(AuditFailed(InstrumentId("toy:spot:ETH"), "late", offered=True))
    rig.go_on(3)
    assert (rig.audits.done, rig.audits.void, rig.book.state) == (0, {}, BookState.VALID)


def test_a_book_that_is_not_believed_is_not_audited() -> None:
    rig = Audited()
    rig.tell(link(LinkState.LIVE), link(LinkState.DOWN))
    rig.run(ms(60_000))
    assert rig.asked() == 0


def test_audits_can_be_switched_off() -> None:
    rig = Audited(audit_every_s=0)
    rig.go_on(120)
    assert rig.asked() == 0


def test_many_books_of_one_venue_take_turns_within_the_budget() -> None:
    instruments = [InstrumentId(f"toy:spot:{number}") for number in range(6)]
    rig = FeedRig(dict.fromkeys(instruments, (DataType.DEPTH,)), FeedSettings(audit_every_s=1, audits_per_minute_max=6))
    rig.tell(*(snapshot(1, instrument=one) for one in instruments))
    asked: list[InstrumentId] = []
    for second in range(1, 62):
        for one in instruments:
            rig.tell(delta(second + 1, second + 1, second * 1_000, instrument=one))
        for message in rig.connector.take():
            if isinstance(message, AuditWanted):
                asked.append(message.instrument)
                rig.tell(AuditFailed(message.instrument, "timeout", offered=True))
    assert asked == instruments


def test_a_lasting_difference_in_the_order_of_levels_is_found_in_the_book_itself() -> None:
    rig = Audited()
    rig.go_on(11)
    book = rig.books._entries[BTC].machine.book  # type: ignore[union-attr]  # no message can do this
    book._bid_keys.reverse()
    rig.answer()
    rig.go_on(2)
    (changed,) = rig.bus.of(BookStateChanged)
    assert (changed.state, changed.reason) == (BookState.SUSPECT, "unsorted")


# -- the comparison itself -------------------------------------------------------------------------


def machine_with(whole: BookSnapshot) -> BookMachine:
    machine = BookMachine(10)
    machine.snapshot(whole)
    return machine


def difference(whole: BookSnapshot, answer: BookSnapshot, *changes: Any) -> Difference:
    machine = machine_with(whole)
    for change in changes:
        machine.delta(change)
    return compare(machine, answer, Audit(machine, ms(0)))


def test_levels_below_the_first_snapshot_are_compared_where_a_change_has_told_of_them() -> None:
    first = snapshot(1, in_stream=True)
    answer = snapshot(9, bids=[(100.0, 1.0), (99.0, 4.0), (98.0, 5.0)], asks=[(101.0, 1.0)])
    assert difference(first, answer) == Difference(2, 0)
    assert difference(first, answer, delta(2, 2, bids=[(99.0, 4.0)])) == Difference(3, 0)
    assert difference(first, answer, delta(2, 2, bids=[(99.0, 7.0)])) == Difference(3, 1)


def test_nothing_is_compared_deeper_than_the_answer_goes() -> None:
    first = snapshot(1, bids=BIDS, asks=ASKS, in_stream=True)
    assert difference(first, snapshot(1, bids=BIDS[:1], asks=ASKS[:2])) == Difference(3, 0)


def test_of_a_window_everything_is_known_down_to_its_last_level() -> None:
    first = snapshot(1, bids=BIDS, asks=ASKS, in_stream=True, window=3)
    deeper = snapshot(1, bids=[*BIDS, (97.0, 1.0)], asks=ASKS)
    assert difference(first, deeper) == Difference(6, 0)
    assert difference(first, snapshot(1, bids=[*BIDS, (98.5, 1.0)], asks=ASKS)) == Difference(7, 1)
    short = snapshot(1, bids=BIDS[:2], asks=ASKS, in_stream=True, window=3)
    assert difference(short, snapshot(1, bids=BIDS, asks=ASKS)) == Difference(6, 1)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ([], [], Difference(0, 0)),
        ([(1.0, 1.0)], [], Difference(1, 1)),
        ([], [(1.0, 1.0)], Difference(1, 1)),
        ([(1.0, 1.0)], [(1.0, 2.0)], Difference(1, 1)),
        ([(1.0, 1.0)], [(1.0, 1.0), (1.5, 0.0)], Difference(1, 0)),
        ([(0.5, 1.0), (1.0, 1.0)], [(1.0, 1.0)], Difference(2, 1)),
    ],
)
def test_a_level_is_the_same_when_price_and_size_are(ours: list[Level], theirs: list[Level], found: Difference) -> None:
    assert compare_side(ours, theirs, set(), 10.0) == found
    assert found.share == (found.differing / found.compared if found.compared else 0.0)


def test_the_metric_is_the_share_of_differing_levels() -> None:
    assert Difference(8, 2).share == 0.25


def test_the_answer_about_a_book_that_nobody_wants_any_more_is_forgotten_with_it() -> None:
    rig = Audited()
    rig.go_on(11)
    assert rig.asked() == 1
    rig.answer()
    rig.tell(StreamsWanted(venue_of(BTC), ()))
    rig.run(ms(rig.at + 5_000))
    assert rig.view.instruments == {}
    assert not any(rig.system.restarts().values())


def test_a_book_that_is_given_up_while_its_audit_is_compared_costs_no_other_book() -> None:
    rig = Audited()
    rig.go_on(11)
    assert rig.asked() == 1
    rig.answer(last=rig.sequence + 5)
    rig.run(ms(rig.at + 1_000))  # it waits for the book to catch up
    rig.tell(StreamsWanted(venue_of(BTC), (Stream(BTC, DataType.QUOTES),)))
    rig.run(ms(rig.at + 9_000))
    assert rig.book.state is BookState.STALE
    assert not any(rig.system.restarts().values())
