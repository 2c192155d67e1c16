"""Whether the feed can be relied on, as the actors' views and the notes say: for the summary and for /health."""

from typing import Any, Final

from msgspec import to_builtins

from integrated_trading_system.domain.ids import ActorName, InstrumentId, VenueId, symbol_of, venue_of
from integrated_trading_system.drivers.api.status import RaisedAlarm, RefusedMessage
from integrated_trading_system.feed.breaker import CircuitView
from integrated_trading_system.feed.failover import FailoverView
from integrated_trading_system.feed.subscriptions import SubscriptionsView
from integrated_trading_system.orchestrator.platform import BREAKER, CANDLES, FEED, SUBSCRIPTIONS, Platform

BYTES_SHOWN: Final = 2_000
"""Of a message that was not believed."""


def circuits(platform: Platform) -> dict[InstrumentId, CircuitView]:
    """Of the instruments that are wanted now."""
    found: dict[InstrumentId, CircuitView] = platform.system.view(BREAKER)
    return {instrument: circuit for instrument, circuit in found.items() if instrument in platform.streams}


def circuits_open(platform: Platform) -> dict[InstrumentId, str]:
    """Why, by instrument."""
    return {instrument: circuit.reason for instrument, circuit in circuits(platform).items() if circuit.open}


def groups(platform: Platform) -> dict[str, FailoverView]:
    """Failover groups by name."""
    return {
        group.name: platform.system.view(ActorName(f"failover.{group.name}")) for group in platform.settings.failover
    }


def alarms(platform: Platform) -> tuple[RaisedAlarm, ...]:
    """Raised now, the oldest first."""
    return tuple(
        RaisedAlarm(venue=one.venue, kind=one.kind.value, figure=one.figure, limit=one.limit)
        for one in platform.notes.alarms.values()
    )


def subscriptions(platform: Platform) -> dict[VenueId, dict[str, int]]:
    """How many streams are wanted, by venue and kind of data."""
    view: SubscriptionsView = platform.system.view(SUBSCRIPTIONS)
    found: dict[VenueId, dict[str, int]] = {}
    for stream in view.wanted:
        counts = found.setdefault(venue_of(stream.instrument), {})
        counts[stream.data_type.value] = counts.get(stream.data_type.value, 0) + 1
    return found


def summary(platform: Platform) -> dict[str, Any]:
    """For the end-of-run summary, by name."""
    system, notes = platform.system, platform.notes
    consumers = system.view(SUBSCRIPTIONS).consumers
    raised: dict[str, dict[str, int]] = {}
    for (venue, kind), count in notes.alarms_raised.items():
        raised.setdefault(venue, {})[kind.value] = count
    return {
        "circuits": to_builtins(circuits(platform)),
        "failover": to_builtins(groups(platform)),
        "alarms": {"now": to_builtins(alarms(platform)), "raised": raised},
        "candles": to_builtins(system.view(CANDLES)) if CANDLES in system.names else {"closed": {}, "late": 0},
        "subscriptions": {
            "wanted": subscriptions(platform),
            "consumers": {name: len(streams) for name, streams in consumers.items()},
            "refused": notes.refusals,
        },
        "heartbeats": {venue: {"real": one.real, "synthetic": one.synthetic} for venue, one in notes.beats.items()},
        "blocked": notes.blocked,
        "polled": notes.polled,
        "checksum_failures": notes.broken,
        "callbacks": to_builtins(platform.callbacks.statistics()),
    }


def refused_messages(platform: Platform, limit: int) -> tuple[RefusedMessage, ...]:
    """The newest that were not believed, the newest first, with the beginning of each."""
    newest = sorted(platform.system.view(FEED).quarantine, key=lambda one: one.at, reverse=True)[:limit]
    return tuple(
        RefusedMessage(
            venue=one.venue,
            instrument=one.detail if one.detail.startswith(f"{one.venue}:") else "",
            reason=one.reason,
            detail=one.detail,
            at=one.at,
            size=len(one.frame),
            text=(text := _text(one.frame)),
            hex=one.frame[:BYTES_SHOWN].hex() if text is None else None,
        )
        for one in newest
    )


def label(instrument: InstrumentId) -> tuple[str, str]:
    """Provider and symbol."""
    return venue_of(instrument), symbol_of(instrument)


def _text(frame: bytes) -> str | None:
    """None where it is no text."""
    try:
        return frame.decode()[:BYTES_SHOWN]
    except UnicodeDecodeError:
        return None
