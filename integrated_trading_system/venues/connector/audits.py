"""Books by REST that the feed compares with its own. One that cannot be had is no failure: it is told, not retried."""

from typing import TypeAlias

from integrated_trading_system.domain.audit import AuditFailed, AuditSnapshot
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.runtime.actor import Ref
from integrated_trading_system.venues.connector.calls import Calls
from integrated_trading_system.venues.venue import Venue

Audited: TypeAlias = AuditSnapshot | AuditFailed


class Audits:
    """The audits of one venue's books."""

    def __init__(self, venue: Venue, calls: Calls, feed: Ref[Audited]) -> None:
        """None is on its way. `feed` is told what was answered."""
        self._market = venue.market
        self._calls = calls
        self._feed = feed

    def want(self, instrument: Instrument) -> None:
        """Ask once."""
        request = self._market.snapshot(instrument)
        name = instrument.instrument
        if request is None:
            self._feed.tell(AuditFailed(name, "not offered", offered=False))
            return

        def decode(reply: HttpReply) -> BookSnapshot:
            return self._market.decode_snapshot(instrument, reply)

        def answered(snapshot: BookSnapshot, reply: HttpReply) -> None:
            self._feed.tell(AuditSnapshot(snapshot, reply.sent_at))

        def failed(reason: str) -> None:
            self._feed.tell(AuditFailed(name, reason, offered=True))

        self._calls.fetch("audit", request, decode, answered, failed)
