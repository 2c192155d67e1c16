"""What the feed can prove is shown under names that stay: streams, quarantine and audits."""

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.audit import AuditSnapshot
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.feed.validation import Reason
from integrated_trading_system.orchestrator.shown.proof import (
    NEWEST_SHOWN,
    OUTCOMES,
    STREAM_NAMES,
    TEXT_SHOWN,
    audit_metrics,
    quarantine,
    streams,
)
from tests.support.feed_rig import DEPTH, VENUE, FeedRig, delta, ms, quote, snapshot, trade


def test_every_kind_of_data_has_a_name() -> None:
    assert set(STREAM_NAMES) == set(DataType)


def test_a_stream_shows_every_fate_and_why() -> None:
    rig = FeedRig()
    rig.tell(quote(1), quote(1), quote(2, bid=-1.0), trade("1"))
    found = streams(rig.view)
    assert found["toy:spot:quote"] == {
        **dict.fromkeys(OUTCOMES, 0),
        "received": 3,
        "delivered": 1,
        "conflated": 1,
        "quarantined": 1,
        "reasons": {"nothing new": 1, "price": 1},
    }
    assert found["toy:spot:trade"]["received"] == 1


def test_every_check_has_its_share_and_the_newest_refusals_are_shown() -> None:
    rig = FeedRig()
    rig.tell(*(quote(number, number, bid=-1.0) for number in range(1, 31)))
    rig.tell(Quarantined(VENUE, "json", "truncated", b"\xff" * 1_000, ms(50)), quote(40, 40))
    found = quarantine(rig.view)
    assert (found["messages"], found["quarantined"]) == (32, 31)
    assert set(found["by_reason"]) == {*Reason, "json"}
    assert found["by_reason"]["price"] == {"count": 30, "share": 30 / 32}
    assert found["by_reason"]["crossed"] == {"count": 0, "share": 0.0}
    assert len(found["newest"]) == NEWEST_SHOWN
    newest = found["newest"][0]
    assert (newest["reason"], newest["detail"], len(newest["text"])) == ("json", "truncated", TEXT_SHOWN)
    assert '"bid":-1.0' in found["newest"][1]["text"]


def test_without_a_message_no_share_is_told() -> None:
    found = quarantine(FeedRig().view)
    assert found["messages"] == 0
    assert {figures["share"] for figures in found["by_reason"].values()} == {0.0}


def test_the_metrics_tell_how_far_a_book_lies_from_the_venues() -> None:
    rig = FeedRig(DEPTH, FeedSettings(audit_every_s=1))
    rig.tell(snapshot(1), *(delta(2 + number, 2 + number, 500 * number) for number in range(7)))
    rig.tell(AuditSnapshot(snapshot(8, 3_000, bids=[(100.0, 9.0)]), ms(3_000)))
    rig.tell(*(delta(9 + number, 9 + number, 3_500 + 500 * number) for number in range(4)))
    divergence, audits = audit_metrics(rig.view)
    assert (divergence.name, audits.name) == ("market_book_divergence", "market_book_audits")
    assert dict(divergence.samples) == {("toy:spot", "BTC"): 0.5}
    assert dict(audits.samples) == {
        ("toy:spot", "BTC", outcome): float(outcome == "differing")
        for outcome in ("differing", "disproven", "equal", "failed", "void")
    }
