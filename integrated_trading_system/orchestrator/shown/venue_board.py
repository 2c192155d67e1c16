"""The venues, failover groups and troubles of a platform, as rows for the screen."""

from collections.abc import Iterator
from typing import Final

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.domain.ids import LinkId, VenueId, symbol_of, venue_of
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.screen import GroupRow, Severity, Trouble, VenueRow, VenueState
from integrated_trading_system.feed.report import BookView, VenueView
from integrated_trading_system.orchestrator.platform import FEED, Platform, connector_name
from integrated_trading_system.orchestrator.shown.condition import alarms, circuits_open, groups
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.connector.heartbeats import is_dry
from integrated_trading_system.venues.connector.view import ConnectorView

RATE_OVER: Final = SECOND
SYMBOLS_NAMED: Final = 3
REFUSALS_NAMED: Final = 3


class VenueBoard:
    """Remembers what was counted a moment ago, for the rates."""

    def __init__(self, platform: Platform, started_at: Nanos) -> None:
        """Of a platform that is running since `started_at`."""
        self._platform = platform
        self._at = started_at
        self._counts: dict[VenueId, int] = {}
        self._rates: dict[VenueId, float] = {}
        self._links: dict[VenueId, dict[str, None]] = {}
        """Names of the links that a venue has had: they outlive their connections."""

    def look(self, now: Nanos) -> tuple[VenueRow, ...]:
        """Every venue of the run."""
        platform = self._platform
        feed = platform.system.view(FEED)
        connectors = {venue: platform.system.view(connector_name(venue)) for venue in platform.venues}
        self._measure({venue: view.messages for venue, view in connectors.items()}, now)
        audits: dict[VenueId, list[BookView]] = {}
        for instrument, book in feed.books.items():
            audits.setdefault(venue_of(instrument), []).append(book)
        return tuple(
            self._row(venue, connector, feed.venues.get(venue), audits.get(venue, []))
            for venue, connector in connectors.items()
        )

    def _measure(self, counts: dict[VenueId, int], now: Nanos) -> None:
        elapsed = now - self._at
        if elapsed >= RATE_OVER:
            self._rates = {
                venue: max(0, count - self._counts.get(venue, 0)) * SECOND / elapsed for venue, count in counts.items()
            }
            self._counts, self._at = counts, now

    def _row(self, venue: VenueId, connector: ConnectorView, view: VenueView | None, books: list[BookView]) -> VenueRow:
        live = _live(connector)
        names = self._links.setdefault(venue, {})
        names.update(dict.fromkeys(link_name(link) for link in connector.links))
        raised = tuple(kind.value for where, kind in self._platform.notes.alarms if where == venue)
        known = self._platform.clocks.of(venue).known
        timed = view is not None and view.latency_us.max > 0.0
        return VenueRow(
            venue=venue,
            state=self._state(venue, connector, len(live) == len(names)),
            links_live=len(live),
            links=len(names),
            clock_offset_ms=view.clock_offset_ms if view is not None and known else None,
            clock_uncertainty_ms=view.clock_uncertainty_ms if view is not None else 0.0,
            latency_p50_ms=view.latency_us.p50 / 1_000 if view is not None and timed else None,
            latency_p99_ms=view.latency_us.p99 / 1_000 if view is not None and timed else None,
            per_second=self._rates.get(venue, 0.0),
            messages=connector.messages,
            gaps=0 if view is None else view.gaps,
            quarantined=0 if view is None else view.quarantined,
            reconnects=connector.reconnects,
            audits=sum(book.audits.done for book in books),
            audits_differing=sum(book.audits.differing for book in books),
            alarms=raised,
        )

    def _state(self, venue: VenueId, connector: ConnectorView, whole: bool) -> VenueState:
        platform, notes = self._platform, self._platform.notes
        settings = {catalog.resolve(name): of for name, of in platform.settings.venues.items()}
        if venue in notes.blocked:
            return VenueState.BLOCKED
        if not connector.links:
            return _without_links(platform, venue, connector, settings)
        if not _live(connector):
            return VenueState.STARTING if not connector.messages else VenueState.DOWN
        if venue in notes.beats and notes.beats[venue].silent:
            return VenueState.SILENT
        return VenueState.LIVE if whole else VenueState.PARTLY


def troubles(platform: Platform) -> Iterator[Trouble]:
    """What somebody should know of the feed now."""
    notes = platform.notes
    for venue, reason in notes.blocked.items():
        yield Trouble(severity=Severity.WRONG, who=venue, what=f"refuses us for good: {reason}")
    for venue in platform.venues:
        connector = platform.system.view(connector_name(venue))
        if connector.messages and not _live(connector) and venue not in notes.blocked:
            yield Trouble(severity=Severity.WRONG, who=venue, what="no link is live")
    for name, group in groups(platform).items():
        if group.followed is None:
            yield Trouble(severity=Severity.WRONG, who=name, what="has no source that can be believed")
    together: dict[tuple[VenueId, str], list[str]] = {}
    for instrument, reason in circuits_open(platform).items():
        together.setdefault((venue_of(instrument), reason), []).append(symbol_of(instrument))
    for (venue, reason), symbols in together.items():
        named = ", ".join(symbols[:SYMBOLS_NAMED])
        more = f" and {len(symbols) - SYMBOLS_NAMED} more" if len(symbols) > SYMBOLS_NAMED else ""
        yield Trouble(severity=Severity.WRONG, who=venue, what=f"{named}{more}: circuit open, {reason}")
    for one in alarms(platform):
        what = f"{one.kind} was {one.figure:,.0f} ms, the limit is {one.limit:,.0f} ms"
        yield Trouble(severity=Severity.DOUBTFUL, who=one.venue, what=what)
    for stream, reason in list(notes.refusals.items())[-REFUSALS_NAMED:]:
        yield Trouble(severity=Severity.DOUBTFUL, who=stream, what=f"cannot be had: {reason}")
    for callback in platform.callbacks.statistics():
        if callback.suspended:
            what = f"is called no more: it failed {callback.failures} times"
            yield Trouble(severity=Severity.DOUBTFUL, who=callback.name, what=what)


def group_rows(platform: Platform) -> Iterator[GroupRow]:
    """Failover groups."""
    for name, group in groups(platform).items():
        yield GroupRow(
            name=name,
            followed=group.followed,
            sources=tuple(group.healthy),
            healthy=tuple(source for source, healthy in group.healthy.items() if healthy),
            switches=group.switches,
        )


def link_name(link: LinkId) -> str:
    """The part of its id that outlives its connections."""
    return link.partition("#")[2].rpartition(".")[0]


def _live(connector: ConnectorView) -> set[str]:
    """By name: two of one name are one that takes over from another."""
    return {link_name(link) for link, state in connector.links.items() if state is LinkState.LIVE}


def _without_links(
    platform: Platform, venue: VenueId, connector: ConnectorView, settings: dict[VenueId, VenueSettings]
) -> VenueState:
    if is_dry(platform.venues[venue], settings[venue]):
        return VenueState.DRY
    stands_in = any(of.fallback is not None and catalog.resolve(of.fallback) == venue for of in settings.values())
    if stands_in and not connector.listed:
        return VenueState.STANDBY
    return VenueState.DOWN if connector.messages else VenueState.STARTING
