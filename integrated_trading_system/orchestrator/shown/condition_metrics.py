"""The same condition of the feed for /metrics: one figure a question that somebody may want to be woken for."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from integrated_trading_system.domain.health import AlarmKind
from integrated_trading_system.drivers.api.status import Family
from integrated_trading_system.feed.report import FeedView
from integrated_trading_system.orchestrator.platform import CANDLES, Platform, connector_name
from integrated_trading_system.orchestrator.shown.condition import circuits, groups, label, subscriptions

PROVIDER: Final = ("provider",)
INSTRUMENT: Final = ("provider", "symbol")
Samples = Iterable[tuple[tuple[str, ...], float]]


def condition_metrics(platform: Platform, feed: FeedView) -> Iterator[Family]:
    """All of it. `feed`: the feeder's view, which is made anew at every look."""
    yield from _circuits(platform)
    yield from _sources(platform)
    yield from _alarms(platform)
    yield from _venues(platform, feed)
    yield from _streams(platform)
    yield from _candles(platform)
    yield from _callbacks(platform)


def _circuits(platform: Platform) -> Iterator[Family]:
    found = circuits(platform)
    yield _family(
        "market_circuit_open",
        "gauge",
        "1 while nothing is decided on the instrument",
        INSTRUMENT,
        ((label(name), one.open) for name, one in found.items()),
    )
    yield _family(
        "market_circuit_openings",
        "counter",
        "How often its circuit opened",
        INSTRUMENT,
        ((label(name), one.openings) for name, one in found.items()),
    )
    yield _family(
        "market_checksum_failures",
        "counter",
        "Books that were not what the venue's checksum says",
        INSTRUMENT,
        ((label(name), count) for name, count in platform.notes.broken.items()),
    )


def _sources(platform: Platform) -> Iterator[Family]:
    followed = groups(platform)
    yield _family(
        "market_failovers",
        "counter",
        "How often the group left a source",
        ("group",),
        (((name,), view.switches) for name, view in followed.items()),
    )
    yield _family(
        "market_source_followed",
        "gauge",
        "1 for the source that the group follows",
        ("group", "source"),
        (((name, source), source == view.followed) for name, view in followed.items() for source in view.healthy),
    )


def _alarms(platform: Platform) -> Iterator[Family]:
    notes = platform.notes
    yield _family(
        "market_alarms",
        "gauge",
        "1 while a figure of the venue is beyond its limit",
        ("provider", "kind"),
        (((venue, kind), (venue, kind) in notes.alarms) for venue in platform.venues for kind in AlarmKind),
    )
    yield _family(
        "market_alarms_raised",
        "counter",
        "How often it went beyond",
        ("provider", "kind"),
        (((venue, kind), count) for (venue, kind), count in notes.alarms_raised.items()),
    )


def _venues(platform: Platform, feed: FeedView) -> Iterator[Family]:
    notes = platform.notes
    yield _family(
        "market_venue_blocked",
        "gauge",
        "1 once the venue refuses us for good",
        PROVIDER,
        (((venue,), venue in notes.blocked) for venue in platform.venues),
    )
    yield _family(
        "market_clock_uncertainty_ms",
        "gauge",
        "By which the venue's clock offset may be wrong, either way",
        PROVIDER,
        (((venue,), view.clock_uncertainty_ms) for venue, view in feed.venues.items()),
    )
    quantiles = ("p50", "p99")
    yield _family(
        "market_latency_ms",
        "gauge",
        "On the way, over the newest messages of the venue",
        ("provider", "quantile"),
        (
            ((venue, name), getattr(view.latency_us, name) / 1_000)
            for venue, view in feed.venues.items()
            for name in quantiles
        ),
    )
    yield _family(
        "market_heartbeats",
        "counter",
        "Signs of life; a synthetic one speaks for a silent venue",
        ("provider", "synthetic"),
        (
            ((venue, word), count)
            for venue, beats in notes.beats.items()
            for word, count in (("false", beats.real), ("true", beats.synthetic))
        ),
    )
    connectors = {venue: platform.system.view(connector_name(venue)) for venue in platform.venues}
    yield _family(
        "market_reconnects",
        "counter",
        "Links that were opened again",
        PROVIDER,
        (((venue,), view.reconnects) for venue, view in connectors.items()),
    )


def _streams(platform: Platform) -> Iterator[Family]:
    notes = platform.notes
    yield _family(
        "market_subscriptions",
        "gauge",
        "Streams that are wanted",
        ("provider", "type"),
        (((venue, kind), count) for venue, counts in subscriptions(platform).items() for kind, count in counts.items()),
    )
    yield _family(
        "market_streams_refused",
        "counter",
        "Streams that cannot be had",
        PROVIDER,
        (((venue,), count) for venue, count in notes.refused.items()),
    )
    yield _family(
        "market_polled_quotes",
        "counter",
        "Prices fetched by REST because the stream was down",
        INSTRUMENT,
        ((label(name), count) for name, count in notes.polled.items()),
    )


def _candles(platform: Platform) -> Iterator[Family]:
    if CANDLES not in platform.system.names:
        return
    view = platform.system.view(CANDLES)
    closed = (((interval,), count) for interval, count in view.closed.items())
    yield _family("market_candles_closed", "counter", "Candles made of trades", ("interval",), closed)
    yield _family("market_late_trades", "counter", "Trades after their candle was closed", (), [((), view.late)])


def _callbacks(platform: Platform) -> Iterator[Family]:
    """Functions of users; those of one name together."""
    found: dict[str, list[Any]] = {}
    for one in platform.callbacks.statistics():
        found.setdefault(one.name, []).append(one)
    fields = {
        "delivered": ("callback_calls", "Calls made", "counter"),
        "conflated": ("callback_conflated", "Messages replaced by a newer one", "counter"),
        "dropped": ("callback_dropped", "Messages dropped for want of room", "counter"),
        "failures": ("callback_failures", "Calls that raised", "counter"),
        "suspended": ("callback_suspended", "Called no more: it failed too often in a row", "gauge"),
    }
    for field, (name, text, kind) in fields.items():
        samples = (((function,), sum(getattr(one, field) for one in ones)) for function, ones in found.items())
        yield _family(name, "counter" if kind == "counter" else "gauge", text, ("callback",), samples)


def _family(name: str, kind: Literal["counter", "gauge"], text: str, labels: tuple[str, ...], of: Samples) -> Family:
    samples = tuple((tuple(str(word) for word in words), float(figure)) for words, figure in of)
    return Family(name=name, kind=kind, help=text, labels=labels, samples=samples)
