"""Audits in turn: each venue is asked for the book that has waited longest, within a budget of requests.

An answer that is older than the book was at asking says nothing, nor does one that the book does not catch up
with, or that meets another book than it was asked for: the audit is void. One difference may be the venue's;
two audits in a row that find some disprove the book.
"""

from typing import Any, Final

from msgspec import Struct

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.audit import AuditFailed, AuditSnapshot
from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import MINUTE, SECOND, from_millis
from integrated_trading_system.feed.audit import EVERY_LEVEL, Audit, AuditRecord, Difference, compare, life_of
from integrated_trading_system.feed.judge import Judge
from integrated_trading_system.feed.lane import Lane
from integrated_trading_system.feed.lanes import Lanes
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.feed.outlet import Outlet
from integrated_trading_system.feed.validation import book_reason
from integrated_trading_system.runtime.actor import Actor

DISPROVEN_BY: Final = 2
"""So many audits in a row that find differences."""
ANSWER_AGE_MAX: Final = 30 * SECOND
"""An audit without an answer for so long is given up."""
CATCH_UP_MAX: Final = 5 * SECOND
"""A book that has not reached the answer's sequence by then is not compared with it."""
CATCH_UP_EVERY: Final = SECOND // 4
NEVER: Final = 1 << 62


class AuditDue(Struct, frozen=True):
    """To the feeder itself: an audit's answer can be compared now."""

    instrument: InstrumentId


class Auditor:
    """Asks for audits in turn, and acts on what they find."""

    def __init__(self, owner: Actor[Any], settings: FeedSettings, lanes: Lanes, outlet: Outlet, judge: Judge) -> None:
        """Tells through `outlet`; a book that is disproven is discarded by `judge`."""
        self._owner = owner
        self._lanes = lanes
        self._outlet = outlet
        self._judge = judge
        self._every = int(settings.audit_every_s * SECOND)
        self._pause = MINUTE // settings.audits_per_minute_max
        self._grace = from_millis(settings.audit_grace_ms)
        self._next: dict[VenueId, int] = {}
        """When the venue may be asked again."""

    def tick(self) -> None:
        """Ask each venue for the book that has waited longest, if any is due."""
        if not self._every:
            return
        now = self._owner.context.now
        longest: dict[VenueId, tuple[Lane, AuditRecord]] = {}
        for lane in self._lanes.open.values():
            record = lane.audits
            if record is None:
                record = lane.audits = AuditRecord(now + self._every)
            if lane.audit is not None:
                if lane.audit.answer is None and now - lane.audit.asked_at >= ANSWER_AGE_MAX:
                    lane.audit = None
                    record.failed += 1
            elif record.due <= now and auditable(lane) and self._next.get(lane.venue, 0) <= now:
                before = longest.get(lane.venue)
                if before is None or record.due < before[1].due:
                    longest[lane.venue] = (lane, record)
        for venue, (lane, record) in longest.items():
            self._next[venue] = now + self._pause
            record.due = now + self._every
            machine = lane.entry.machine
            assert machine is not None, "only books that are proven are audited"
            lane.audit = Audit(machine, now)
            self._outlet.audit(lane)

    def answered(self, message: AuditSnapshot) -> None:
        """The venue's book has come; it is compared once what was on its way has arrived, too."""
        lane = self._lanes.open.get(message.snapshot.instrument)
        if lane is None or lane.audit is None or lane.audits is None or message.sent_at < lane.audit.asked_at:
            return  # an answer to somebody who is no more
        if lane.audit.is_older(message.snapshot):
            self._void(lane, lane.audits, "old")
        elif lane.audit.answer is None:
            lane.audit.answer = message.snapshot
            lane.audit.answered_at = self._owner.context.now
            self._owner.context.after(self._grace, AuditDue(lane.instrument))

    def failed(self, message: AuditFailed) -> None:
        """There will be no answer."""
        lane = self._lanes.open.get(message.instrument)
        if lane is not None and lane.audits is not None and lane.audit is not None:
            lane.audit = None
            lane.audits.failed += 1
            if not message.offered:
                lane.audits.due = NEVER

    def due(self, message: AuditDue) -> None:
        """What was on its way when the answer came has arrived."""
        lane = self._lanes.open.get(message.instrument)
        if lane is None:
            return  # nobody wants it any more
        record, audit, now = lane.audits, lane.audit, self._owner.context.now
        if record is None or audit is None or audit.answer is None or now < audit.answered_at + self._grace:
            return  # of an audit before this one
        self._look_at(lane, record, audit, audit.answer)

    def _look_at(self, lane: Lane, record: AuditRecord, audit: Audit, answer: BookSnapshot) -> None:
        machine = lane.entry.machine
        if machine is None or not machine.proven or life_of(machine) != audit.book:
            self._void(lane, record, "another book")
        elif answer.order <= machine.order:
            self._judge_book(lane, record, compare(machine, answer, audit), machine)
        elif self._owner.context.now < audit.answered_at + self._grace + CATCH_UP_MAX:
            self._owner.context.after(CATCH_UP_EVERY, AuditDue(lane.instrument))
        else:
            self._void(lane, record, "behind")

    def _void(self, lane: Lane, record: AuditRecord, why: str) -> None:
        lane.audit = None
        record.void[why] = record.void.get(why, 0) + 1

    def _judge_book(self, lane: Lane, record: AuditRecord, found: Difference, machine: BookMachine) -> None:
        if not found.compared:
            self._void(lane, record, "nothing to compare")
            return
        lane.audit = None
        record.done += 1
        record.last = found
        wrong = book_reason(machine.book.bids(EVERY_LEVEL), machine.book.asks(EVERY_LEVEL), lane.ticks_per_unit)
        if not found.differing and wrong is None:
            record.in_row = 0
            return
        record.differing += 1
        record.in_row += 1
        record.due = self._owner.context.now  # once more, at once
        if wrong is None and record.in_row < DISPROVEN_BY:
            return
        record.in_row = 0
        record.disproven += 1
        self._outlet.diverged(lane, found, "snapshot")
        self._judge.disprove(lane, machine, "diverged" if wrong is None else wrong)


def auditable(lane: Lane) -> bool:
    """Whether it has a book that is believed."""
    machine = lane.entry.machine
    return lane.entry.state is BookState.VALID and machine is not None and machine.proven
