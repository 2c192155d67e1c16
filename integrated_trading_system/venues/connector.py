"""The one connector: an actor that keeps one venue connected and speaks for it.

It lists the venue's instruments, keeps its links alive, hands what they say to the feed and to the
OMS, fetches book snapshots and the venue's time, and sends what the OMS asks. What a venue is like
it knows only through its `Venue`. Each frame takes the first branch of `receive`: keep it short.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, TypeAlias, assert_never, get_args

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.execution import UserStreamChanged, VenueExecution
from integrated_trading_system.domain.health import ClockSample, LinkChanged, LinkState, Quarantined, SnapshotWanted
from integrated_trading_system.domain.http import HttpFailed, HttpInput, HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId, LinkId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    LinkInput,
    LinkOpened,
    PongReceived,
)
from integrated_trading_system.domain.market import DataType, MarketEvent
from integrated_trading_system.domain.order import (
    CancelOrder,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TradingRequest,
)
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.runtime.actor import Actor, Ref
from integrated_trading_system.venues.allocation import allocate
from integrated_trading_system.venues.backoff import Backoff
from integrated_trading_system.venues.calls import Calls, QueueDue
from integrated_trading_system.venues.clock import TimeDue, VenueClock
from integrated_trading_system.venues.desk import Desk
from integrated_trading_system.venues.link import Link, LinkDue
from integrated_trading_system.venues.links import Links, RetryDue
from integrated_trading_system.venues.listing import Listing, ListingDue
from integrated_trading_system.venues.snapshots import SnapshotDue, Snapshots
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, ServerClosing, StreamRestarted, Venue
from integrated_trading_system.venues.view import ConnectorView

ToFeed: TypeAlias = MarketEvent | LinkChanged | InstrumentsListed | ClockSample | Quarantined
Due: TypeAlias = LinkDue | RetryDue | QueueDue | ListingDue | TimeDue | SnapshotDue
"""The connector's own timers."""
Inbox: TypeAlias = LinkInput | HttpInput | InstrumentsListed | SnapshotWanted | TradingRequest | Shutdown | Due

MARKET_EVENTS: Final = frozenset(get_args(MarketEvent))
REASONS_MAX: Final = 64
"""Different words counted apart; what comes beyond is counted together."""


class Connector(Actor[Inbox]):
    """One venue. Restarts in place: links and calls of the life before are strangers to the next one."""

    def __init__(
        self,
        venue: Venue,
        settings: VenueSettings,
        *,
        symbols: Sequence[str],
        data_types: Sequence[DataType],
        accounts: Sequence[AccountId],
        feed: Ref[ToFeed],
        executions: Ref[VenueExecution],
        seed: int,
    ) -> None:
        """`symbols` empty: everything the venue lists. `accounts`: whose event streams are opened."""
        self._venue = venue
        self._settings = settings
        self._symbols = tuple(symbols)
        self._data_types = tuple(data_types)
        self._accounts = tuple(accounts)
        self._feed = feed
        self._executions = executions
        self._seed = seed
        self._tell_feed: Callable[[Any], None] = feed.tell
        self._instruments: dict[InstrumentId, Instrument] = {}
        """What is wanted of what the venue lists."""
        self._all_instruments: dict[InstrumentId, Instrument] = {}
        """An order from before a change of configuration can still be cancelled."""
        self._listed = False
        self._stopping = False
        self._unknown_symbols: tuple[str, ...] = ()
        self._messages = 0
        self._events = 0
        self._late_frames = 0
        self._quarantined: dict[str, int] = {}
        self._ignored: dict[str, int] = {}

    def start(self) -> None:
        """Ask for the venue's time and instruments; the links follow when they are known."""
        venue, settings, context = self._venue, self._settings, self.context
        random = Random(f"{self._seed}-{venue.venue}-{context.incarnation}")
        self._calls = Calls(
            context,
            venue,
            Nanos(settings.request_timeout_ms * MILLISECOND),
            Nanos(settings.order_timeout_ms * MILLISECOND),
            self._quarantine,
        )
        self._links = Links(context, venue, settings, self._calls, random, self._announce, self._executions)
        self._by_id = self._links.by_id
        self._desk = Desk(context, venue, self._calls, self._all_instruments, self._executions)

        def backoff(immediate: int) -> Backoff:
            first, longest = settings.backoff_first_s, settings.backoff_max_s
            return Backoff(Nanos(int(first * SECOND)), Nanos(int(longest * SECOND)), random, immediate)

        self._snapshots = Snapshots(context, venue, self._calls, self._links, backoff, self._feed)
        every = Nanos(int(settings.time_every_s * SECOND))
        self._clock = VenueClock(context, venue.venue, venue.market, self._calls, every, self._feed)
        self._listing = Listing(
            context, venue.market, self._calls, backoff(1), self._on_instruments, self._on_listing_failed
        )
        self._on_event = self._event_table()
        if context.incarnation:
            self._disown_user_streams()
        self._clock.ask()
        self._listing.start()

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
            events = link.decode(message.frame, received_at)
            self._messages += 1
            self._events += len(events)
            for event in events:
                if type(event) in MARKET_EVENTS:
                    self._tell_feed(event)
                else:
                    self._on_event[type(event)](link, event)
        elif isinstance(message, LinkDue | RetryDue | QueueDue | ListingDue | TimeDue | SnapshotDue):
            self._on_due(message)
        else:
            self._on_message(message)

    def view(self) -> ConnectorView:
        """Counters and states now."""
        return ConnectorView(
            venue=self._venue.venue,
            listed=self._listed,
            unknown_symbols=self._unknown_symbols,
            messages=self._messages,
            events=self._events,
            late_frames=self._late_frames,
            quarantined=dict(self._quarantined),
            ignored=dict(self._ignored),
            reconnects=self._links.reconnects,
            rollovers=self._links.rollovers,
            resyncs=self._links.resyncs,
            requests=dict(self._calls.sent),
            late_replies=self._calls.late,
            blocked_until=self._calls.blocked_until,
            clock_offset=self._calls.clock_offset,
            links={link_id: link.state for link_id, link in self._by_id.items()},
        )

    # -- messages --------------------------------------------------------------------------------

    def _on_message(
        self,
        message: LinkOpened
        | LinkClosed
        | PongReceived
        | HttpInput
        | InstrumentsListed
        | SnapshotWanted
        | TradingRequest
        | Shutdown,
    ) -> None:
        match message:
            case LinkOpened():
                self._links.opened(message)
            case LinkClosed():
                self._links.closed(message)
            case PongReceived():
                self._on_pong(message)
            case HttpReply():
                self._calls.reply(message)
            case HttpFailed():
                self._calls.failure(message)
            case InstrumentsListed(_, instruments):
                self._on_instruments(instruments)
            case SnapshotWanted(instrument):
                self._on_snapshot_wanted(instrument)
            case Shutdown():
                self._on_shutdown()
            case SubmitOrder() | CancelOrder() | QueryOrder() | QueryFills() | QueryOpenOrders() | QueryBalances():
                self._desk.request(message)
            case _:
                assert_never(message)

    def _on_due(self, message: Due) -> None:
        match message:
            case LinkDue():
                self._links.due(message)
            case RetryDue():
                self._links.retry(message)
            case QueueDue():
                self._calls.due()
            case ListingDue():
                self._listing.start()
            case TimeDue():
                self._clock.ask()
            case SnapshotDue():
                self._snapshots.due(message)
            case _:
                assert_never(message)

    def _on_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Keep what is wanted, tell it, and connect. Once: a second listing changes nothing."""
        if self._listed or self._stopping:
            return
        self._listed = True
        self._listing.stop()
        by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self._all_instruments.update({instrument.instrument: instrument for instrument in instruments})
        symbols = self._symbols or tuple(by_symbol)
        kept = tuple(by_symbol[symbol] for symbol in symbols if symbol in by_symbol)
        self._instruments.update({instrument.instrument: instrument for instrument in kept})
        self._unknown_symbols = tuple(symbol for symbol in symbols if symbol not in by_symbol)
        for symbol in self._unknown_symbols:
            self._publish_listing_failure(f"unknown symbol {symbol}")
        venue = self._venue
        venue.codec.list(kept)
        if venue.user_codec is not None:
            venue.user_codec.list(kept)
        listed = InstrumentsListed(venue.venue, kept)
        self._feed.tell(listed)
        self.context.publish(listed)
        streams = [Stream(instrument, data_type) for instrument in self._instruments for data_type in self._data_types]
        users = [venue.session.user_link(account) for account in self._accounts]
        plans = allocate(venue.session, streams, self._instruments)
        self._links.open([*plans, *(plan for plan in users if plan is not None)])

    def _on_listing_failed(self, reason: str) -> None:
        self._publish_listing_failure(f"instruments: {reason}")

    def _publish_listing_failure(self, reason: str) -> None:
        """Operators see it beside the states of the links, under the name ``instruments``."""
        venue, now = self._venue.venue, self.context.now
        link = LinkId(f"{venue}#instruments")
        self.context.publish(LinkChanged(venue, link, "instruments", LinkState.DOWN, reason, now))

    def _on_snapshot_wanted(self, instrument: InstrumentId) -> None:
        known = self._instruments.get(instrument)
        if known is not None and not self._stopping:
            self._snapshots.want(known)

    def _on_pong(self, message: PongReceived) -> None:
        link = self._by_id.get(message.link)
        if link is not None:
            link.heard_at = message.received_at

    def _on_shutdown(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._listing.stop()
            self._calls.stop()
            self._links.stop()

    # -- events on a link ------------------------------------------------------------------------

    def _event_table(self) -> dict[type, Callable[[Link, Any], None]]:
        """What to do with each type of event that is no market event."""
        table: dict[type, Callable[[Link, Any], None]] = {
            Acknowledged: self._links.acknowledged,
            Pong: lambda _link, _event: None,
            ServerClosing: lambda link, event: self._links.replace(link, f"server closing: {event.detail}"),
            Ignored: lambda _, event: count(self._ignored, event.reason),
            StreamRestarted: self._on_stream_restarted,
            Quarantined: self._on_quarantined,
        }
        return table | dict.fromkeys(get_args(VenueExecution), self._on_execution)

    def _on_late_frame(self, link: LinkId) -> None:
        """A link that we closed, or of the incarnation before us: that one is still to be closed."""
        self._late_frames += 1
        if self.context.incarnation:
            self.context.emit(CloseLink(link, "not ours"))

    def _on_execution(self, _: Link, event: VenueExecution) -> None:
        self._executions.tell(event)

    def _on_stream_restarted(self, link: Link, event: StreamRestarted) -> None:
        """For this one instrument the link went down and came back: the feed proves its book anew."""
        now, venue, name = self.context.now, self._venue.venue, link.plan.name
        for state in (LinkState.DOWN, LinkState.LIVE):
            instruments = (event.instrument,)
            self._feed.tell(LinkChanged(venue, link.link, name, state, "stream restarted", now, instruments))

    def _on_quarantined(self, link: Link, event: Quarantined) -> None:
        self._quarantine(event)
        self._links.quarantined(link)

    def _quarantine(self, event: Quarantined) -> None:
        count(self._quarantined, event.reason)
        self._feed.tell(event)
        self.context.publish(event)

    def _announce(self, changed: LinkChanged) -> None:
        self._feed.tell(changed)
        self.context.publish(changed)

    def _disown_user_streams(self) -> None:
        """The life before may have said that they are up."""
        for account in self._accounts:
            if self._venue.session.user_link(account) is not None:
                venue, now = self._venue.venue, self.context.now
                self._executions.tell(UserStreamChanged(venue=venue, account=account, up=False, received_at=now))


def count(counter: dict[str, int], reason: str) -> None:
    """One more of this reason; reasons beyond the limit are counted together."""
    key = reason if reason in counter or len(counter) < REASONS_MAX else "other"
    counter[key] = counter.get(key, 0) + 1
