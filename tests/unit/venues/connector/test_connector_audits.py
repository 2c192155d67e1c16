"""Books for comparison are fetched once, told apart from those that prove anything, and cost nobody else his turn."""

from collections.abc import Sequence

from integrated_trading_system.domain.audit import AuditFailed, AuditSnapshot, AuditWanted
from integrated_trading_system.domain.health import BookBroken, SnapshotWanted
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import WeightedRequest
from integrated_trading_system.venues.venue import VenueEvent
from tests.support.connector_rig import START, Rig
from tests.support.toy_venue import BTC, ToyCodec, ToyMarket, toy_venue

WANTED = AuditWanted(BTC.instrument)


class WithoutBooks(ToyMarket):
    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        return None


class Disproving(ToyCodec):
    """Says of every ``B`` that the book is broken."""

    def __init__(self, broken: BookBroken) -> None:
        super().__init__()
        self.broken = broken

    def _event(self, words: Sequence[str], at: Nanos) -> VenueEvent:
        return self.broken if words == ["B"] else super()._event(words, at)


def listed() -> Rig:
    rig = Rig()
    rig.live()
    return rig


def test_a_book_for_comparison_is_told_as_such_with_the_time_of_asking() -> None:
    rig = listed()
    rig.tell(WANTED)
    call = rig.call("audit")
    rig.reply(call, "1 2")
    (audited,) = rig.feed.of(AuditSnapshot)
    assert (audited.snapshot.bids, audited.sent_at) == ([(1.0, 1.0)], rig.now)
    assert rig.feed.of(BookSnapshot) == []


def test_a_book_that_cannot_be_had_is_told_and_not_asked_for_again() -> None:
    rig = listed()
    rig.tell(WANTED)
    rig.fail(rig.call("audit"))
    rig.tell(WANTED)
    rig.reply(rig.call("audit"), "?")
    rig.wait(60)
    assert rig.calls("audit") == []
    assert rig.feed.of(AuditFailed) == [
        AuditFailed(BTC.instrument, reason, offered=True) for reason in ("timeout", "malformed reply")
    ]


def test_an_audit_does_not_stand_in_for_a_snapshot_that_is_wanted() -> None:
    rig = listed()
    rig.tell(WANTED, SnapshotWanted(BTC.instrument))
    assert (len(rig.calls("audit")), len(rig.calls("snapshot"))) == (1, 1)


def test_a_venue_without_books_by_rest_says_so_at_once() -> None:
    rig = Rig(toy_venue(market=WithoutBooks()))
    rig.live()
    rig.tell(WANTED)
    assert rig.calls("audit") == []
    assert rig.feed.of(AuditFailed) == [AuditFailed(BTC.instrument, "not offered", offered=False)]


def test_books_that_nobody_listed_are_not_fetched() -> None:
    rig = listed()
    rig.tell(AuditWanted(InstrumentId("toy:spot:DOGE")))
    assert rig.calls("audit") == []


def test_a_book_that_the_venue_disproves_is_told_to_the_feed() -> None:
    broken = BookBroken(BTC.instrument, "checksum", expected=1, received=2, at=START)
    rig = Rig(toy_venue(codec=Disproving(broken)))
    rig.frame(rig.live(), "B")
    assert rig.feed.of(BookBroken) == [broken]
