"""What the feed can prove of itself: where every message went, what was not believed and why, and what audits found."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from integrated_trading_system.domain.ids import symbol_of, venue_of
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.drivers.api.status import Family
from integrated_trading_system.feed.report import AuditView, FeedView
from integrated_trading_system.feed.validation import Reason

STREAM_NAMES: Final = {
    DataType.QUOTES: "quote",
    DataType.TRADES: "trade",
    DataType.DEPTH: "depth",
    DataType.STATISTICS: "statistics",
    DataType.CANDLES: "candle",
    DataType.MARK_PRICE: "mark_price",
    DataType.FUNDING: "funding",
}
OUTCOMES: Final = ("received", "delivered", "conflated", "dropped", "quarantined", "waiting")
NEWEST_SHOWN: Final = 10
TEXT_SHOWN: Final = 300


def streams(feed: FeedView) -> dict[str, Any]:
    """By ``venue:flavour:kind``: received = delivered + conflated + dropped + quarantined + waiting, and why."""
    found: dict[str, Any] = {}
    parts = [(venue_of(instrument), view.streams) for instrument, view in feed.instruments.items()]
    for venue, counted in (*parts, *((venue, view.closed) for venue, view in feed.venues.items())):
        for kind, counts in counted.items():
            name = f"{venue}:{STREAM_NAMES[kind]}"
            total = found.setdefault(name, {**dict.fromkeys(OUTCOMES, 0), "reasons": {}})
            for outcome in OUTCOMES:
                total[outcome] += getattr(counts, outcome)
            for why, count in counts.reasons.items():
                total["reasons"][why] = total["reasons"].get(why, 0) + count
    return found


def quarantine(feed: FeedView) -> dict[str, Any]:
    """How many messages each check refused, of how many, and the newest of them."""
    messages = sum(venue.messages for venue in feed.venues.values())
    reasons: dict[str, int] = {reason.value: 0 for reason in Reason}
    for venue in feed.venues.values():
        for reason, count in venue.quarantined_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    newest = sorted(feed.quarantine, key=lambda one: one.at, reverse=True)[:NEWEST_SHOWN]
    return {
        "messages": messages,
        "quarantined": sum(reasons.values()),
        "by_reason": {
            reason: {"count": count, "share": count / messages if messages else 0.0}
            for reason, count in reasons.items()
        },
        "newest": [
            {
                "venue": one.venue,
                "reason": one.reason,
                "detail": one.detail,
                "at": one.at,
                "text": one.frame[:TEXT_SHOWN].decode(errors="replace"),
            }
            for one in newest
        ],
    }


def audit_metrics(feed: FeedView) -> Iterator[Family]:
    """How far books lie from the venue's own, and how often that was asked."""
    books = {instrument: book.audits for instrument, book in feed.books.items()}
    labels = ("provider", "symbol")
    yield Family(
        name="market_book_divergence",
        kind="gauge",
        help="Part of the compared price levels that differed in the newest audit of the book",
        labels=labels,
        samples=tuple(
            ((venue_of(one), symbol_of(one)), audits.divergence) for one, audits in books.items() if audits.done
        ),
    )
    outcomes: dict[str, Callable[[AuditView], int]] = {
        "differing": lambda audits: audits.differing,
        "disproven": lambda audits: audits.disproven,
        "equal": lambda audits: audits.done - audits.differing,
        "failed": lambda audits: audits.failed,
        "void": lambda audits: sum(audits.void.values()),
    }
    yield Family(
        name="market_book_audits",
        kind="counter",
        help="Comparisons of a believed book with a fresh one of the venue's",
        labels=(*labels, "outcome"),
        samples=tuple(
            ((venue_of(one), symbol_of(one), outcome), float(count(audits)))
            for one, audits in books.items()
            for outcome, count in outcomes.items()
        ),
    )
