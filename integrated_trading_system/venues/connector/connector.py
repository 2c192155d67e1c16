"""The one connector: an actor that keeps one venue connected and speaks for it.

It lists the venue's instruments, keeps its links alive, hands what they say to the feed and to the
OMS, fetches book snapshots and the venue's time, and sends what the OMS asks. What a venue is like
it knows only through its `Venue`. Each frame takes the first branch of `receive`: keep it short.
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, Final, TypeAlias, assert_never, get_args

from msgspec.structs import replace

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.audit import AuditWanted
from integrated_trading_system.domain.evidence import Evidence
from integrated_trading_system.domain.execution import UserStreamChanged, VenueExecution
from integrated_trading_system.domain.health import (
    BookBroken,
    ClockSample,
    LinkChanged,
    LinkState,
    Quarantined,
    SnapshotWanted,
    VenueBlocked,
)
from integrated_trading_system.domain.history import LoadHistory
from integrated_trading_system.domain.http import HttpFailed, HttpInput, HttpReply
from integrated_trading_system.domain.ids import AccountId, LinkId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.link import CloseLink, FrameReceived, LinkClosed, LinkOpened, PongReceived
from integrated_trading_system.domain.market import MarketEvent, PolledQuote
from integrated_trading_system.domain.order import (
    CancelOrder,
    CancelOrders,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TradingRequest,
)
from integrated_trading_system.domain.streams import StreamsWanted
from integrated_trading_system.runtime.actor import Actor, Ref
from integrated_trading_system.venues.connector.audits import Audited
from integrated_trading_system.venues.connector.heartbeats import is_dry
from integrated_trading_system.venues.connector.links.link import Link
from integrated_trading_system.venues.connector.parts import Due, Parts
from integrated_trading_system.venues.connector.view import ConnectorView
from integrated_trading_system.venues.connector.voice import count
from integrated_trading_system.venues.venue import (
    Acknowledged,
    Ignored,
    LinkPlan,
    Pong,
    ServerClosing,
    Session,
    StreamRestarted,
    Venue,
)

ToFeed: TypeAlias = (
    MarketEvent
    | PolledQuote
    | LinkChanged
    | InstrumentsListed
    | StreamsWanted
    | ClockSample
    | Quarantined
    | BookBroken
    | Audited
)
Told: TypeAlias = (
    LinkOpened
    | LinkClosed
    | PongReceived
    | HttpInput
    | InstrumentsListed
    | SnapshotWanted
    | AuditWanted
    | LoadHistory
    | StreamsWanted
    | VenueBlocked
    | TradingRequest
    | Shutdown
)
Inbox: TypeAlias = FrameReceived | Told | Due

MARKET_EVENTS: Final = frozenset(get_args(MarketEvent))


class Connector(Actor[Inbox]):
    """One venue. Restarts in place: links and calls of the life before are strangers to the next one."""

    def __init__(
        self,
        venue: Venue,
        settings: VenueSettings,
        *,
        accounts: Sequence[AccountId],
        feed: Ref[ToFeed],
        executions: Ref[VenueExecution],
        seed: int,
        dormant: bool = False,
        evidence: Evidence | None = None,
    ) -> None:
        """`accounts`: whose event streams are opened.

        `dormant`: nothing is asked or opened before another venue's VenueBlocked.
        """
        self._venue = venue
        self._settings = settings
        self._accounts = tuple(accounts)
        self._feed = feed
        self._executions = executions
        self._seed = seed
        self._tell_feed: Callable[[Any], None] = feed.tell
        self._dormant = dormant
        self._evidence = evidence or Evidence()
        self._messages = 0
        self._late_frames = 0
        self._ignored: dict[str, int] = {}

    def start(self) -> None:
        """Ask for the venue's time and instruments; the links follow when they are known."""
        venue, settings, context = self._venue, self._settings, self.context
        random = Random(f"{self._seed}-{venue.venue}-{context.incarnation}")
        parts = self._parts = Parts(
            context, venue, settings, self._feed, self._executions, random, lambda: self._messages, self._on_instruments
        )
        self._calls, self._links, self._offer = parts.calls, parts.links, parts.offer
        self._by_id = parts.links.by_id
        self._on_event = self._event_table()
        if context.incarnation:
            self._disown_user_streams()
        parts.heartbeats.start()
        if is_dry(venue, settings):
            parts.voice.listing_failed("dry run")
        elif not self._dormant:
            parts.ask()

    def receive(self, message: Inbox) -> None:
        """One message, one turn."""
        if type(message) is FrameReceived:
            try:
                link = self._by_id[message.link]
            except KeyError:
                self._on_late_frame(message.link)
                return
            received_at = message.received_at
            link.heard_at = received_at
            self._evidence.frame = message
            events = link.decode(message.frame, received_at)
            self._messages += 1
            link.events += len(events)
            for event in events:
                if type(event) in MARKET_EVENTS:
                    self._tell_feed(event)
                else:
                    self._on_event[type(event)](link, event)
        elif isinstance(message, Due):
            self._parts.due(message)
        else:
            self._on_message(message)

    def view(self) -> ConnectorView:
        """Counters and states now."""
        return ConnectorView(
            venue=self._venue.venue,
            listed=self._offer.listed,
            unknown_symbols=self._offer.unknown_symbols,
            messages=self._messages,
            events=self._links.events_before + sum(link.events for link in self._by_id.values()),
            late_frames=self._late_frames,
            quarantined=dict(self._parts.voice.quarantined),
            ignored=dict(self._ignored),
            reconnects=self._links.reconnects,
            rollovers=self._links.rollovers,
            resyncs=self._links.resyncs,
            requests=dict(self._calls.sent),
            late_replies=self._calls.late,
            blocked_until=self._calls.blocked_until,
            clock_offset=self._calls.clock_offset,
            links={link_id: link.state for link_id, link in self._by_id.items()},
            checksums={name: replace(counts) for name, counts in self._venue.checksums.items()},
        )

    # -- messages --------------------------------------------------------------------------------

    def _on_message(self, message: Told) -> None:
        parts = self._parts
        match message:
            case LinkOpened() | LinkClosed() | PongReceived():
                self._links.told(message)
            case HttpReply() | HttpFailed():
                self._calls.told(message)
            case InstrumentsListed(_, instruments):
                self._on_instruments(instruments)
            case SnapshotWanted() | AuditWanted():
                self._on_book_wanted(message)
            case LoadHistory():
                parts.archive.load(message)
            case StreamsWanted(_, streams):
                if not parts.stopping:
                    self._offer.want(streams)
            case VenueBlocked():
                self._wake()
            case Shutdown():
                parts.heartbeats.stop()
                parts.end("shutdown")
            case (
                SubmitOrder()
                | CancelOrder()
                | CancelOrders()
                | QueryOrder()
                | QueryFills()
                | QueryOpenOrders()
                | QueryBalances()
            ):
                parts.dead_man.request(message)
                parts.desk.request(message)
            case _:
                assert_never(message)

    def _on_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Keep what is wanted, tell it, and connect. Once: a second listing changes nothing."""
        if self._offer.listed or self._parts.stopping:
            return
        self._dormant = False
        self._parts.listing.stop()
        self._offer.list(instruments)
        self._links.carry(user_links(self._venue.session, self._accounts), at_once=True)

    def _on_book_wanted(self, message: SnapshotWanted | AuditWanted) -> None:
        parts, known = self._parts, self._offer.wanted.get(message.instrument)
        if known is not None and not parts.stopping:
            (parts.snapshots if type(message) is SnapshotWanted else parts.audits).want(known)

    def _wake(self) -> None:
        """The venue that this one stands in for is gone for good."""
        if self._dormant and not self._parts.stopping:
            self._dormant = False
            self._parts.ask()

    # -- events on a link ------------------------------------------------------------------------

    def _event_table(self) -> dict[type, Callable[[Link, Any], None]]:
        """What to do with each type of event that is no market event."""
        table: dict[type, Callable[[Link, Any], None]] = {
            Acknowledged: self._links.acknowledged,
            Pong: on_pong,
            ServerClosing: lambda link, event: self._links.replace(link, f"server closing: {event.detail}"),
            Ignored: lambda _, event: count(self._ignored, event.reason),
            StreamRestarted: self._on_stream_restarted,
            Quarantined: self._on_quarantined,
            BookBroken: lambda _, event: self._feed.tell(event),
        }
        return table | dict.fromkeys(get_args(VenueExecution), self._on_execution)

    def _on_late_frame(self, link: LinkId) -> None:
        """A link that we closed, or of the incarnation before us: that one is still to be closed."""
        self._late_frames += 1
        if self.context.incarnation:
            self.context.emit(CloseLink(link, "not ours"))

    def _on_execution(self, _: Link, event: VenueExecution) -> None:
        self._parts.dead_man.tell(event)

    def _on_stream_restarted(self, link: Link, event: StreamRestarted) -> None:
        """For this one instrument the link went down and came back: the feed proves its book anew."""
        now, venue, name = self.context.now, self._venue.venue, link.plan.name
        for state in (LinkState.DOWN, LinkState.LIVE):
            instruments = (event.instrument,)
            self._feed.tell(LinkChanged(venue, link.link, name, state, "stream restarted", now, instruments))

    def _on_quarantined(self, link: Link, event: Quarantined) -> None:
        self._parts.voice.quarantine(event)
        self._links.quarantined(link)

    def _disown_user_streams(self) -> None:
        """The life before may have said that they are up."""
        for account in self._accounts:
            if self._venue.session.user_link(account) is not None:
                venue, now = self._venue.venue, self.context.now
                self._executions.tell(UserStreamChanged(venue=venue, account=account, up=False, received_at=now))


def user_links(session: Session, accounts: Iterable[AccountId]) -> list[LinkPlan]:
    """The event streams of these accounts, each on a line of its own: the first account's is called as planned."""
    plans: list[LinkPlan] = []
    for account in accounts:
        if (plan := session.user_link(account)) is not None:
            plans.append(replace(plan, name=f"{plan.name}.{account.partition('/')[2]}") if plans else plan)
    return plans


def on_pong(link: Link, _: Pong) -> None:
    """A sign of life in the frames is not what the link is there for."""
    link.control += 1
