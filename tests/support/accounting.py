"""What must hold of the streams in any run's summary: nothing is lost without a name, what is true is believed."""

from typing import Any

OUTCOMES = ("delivered", "conflated", "dropped", "quarantined", "waiting")
KINDS = {"quote", "trade", "depth", "statistics", "candle", "mark_price", "funding"}
REFUSED_MAX = 0.001
"""Of the messages of a recording, which are all true: 99.9 % have to be accepted."""


def unaccounted(summary: dict[str, Any]) -> list[str]:
    """Where a message went that has no name, or a trade or an event of ours that may not be dropped."""
    found = []
    for name, counts in summary["streams"].items():
        if name.rpartition(":")[2] not in KINDS:
            found.append(f"{name}: no kind of stream")
        if counts["received"] != sum(counts[outcome] for outcome in OUTCOMES):
            found.append(f"{name}: {counts}")
        named = sum(counts["reasons"].values())
        if named != counts["conflated"] + counts["dropped"] + counts["quarantined"]:
            found.append(f"{name}: {counts['reasons']} are not all reasons")
        if name.endswith(":trade") and counts["dropped"]:
            found.append(f"{name}: {counts['dropped']} trades dropped")
    actors = [actor for actor in ("oms", "risk", "pms") if summary["mailboxes"][actor]["dropped"]]
    found += [f"{actor}: an event of ours was dropped" for actor in actors]
    received = sum(counts["received"] for counts in summary["streams"].values())
    undecoded = summary["quarantine"]["messages"] - received
    if not 0 <= undecoded <= summary["quarantine"]["quarantined"]:
        found.append(f"{summary['quarantine']['messages']} messages, {received} of them in streams")
    return found


def refused(summary: dict[str, Any]) -> dict[str, float]:
    """The share of messages that each check refused, where it refused any."""
    by_reason = summary["quarantine"]["by_reason"]
    return {reason: figures["share"] for reason, figures in by_reason.items() if figures["count"]}
