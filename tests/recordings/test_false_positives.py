"""What every validation check refused of all that was recorded, which is all true: at most one message in a thousand.

The table in docs/captures.md is held against what is found here.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.feed.validation import Reason
from tests.conftest import ROOT
from tests.support.accounting import REFUSED_MAX
from tests.support.captures import CAPTURES, REWRAPPED, replay, replayed

pytestmark = pytest.mark.xdist_group("captures")

RECORDINGS = [*CAPTURES, *REWRAPPED]


def counts(recordings: Path, name: str) -> tuple[int, Counter[str]]:
    """Messages of market data, and those that were refused, by reason."""
    quarantine = replayed(recordings, name).summary["quarantine"]
    by_reason = {reason: figures["count"] for reason, figures in quarantine["by_reason"].items()}
    return quarantine["messages"], Counter(by_reason)


def table(recordings: Path) -> str:
    """As in docs/captures.md."""
    lines = ["| recording | messages | accepted |", "|---|---:|---:|"]
    refused, total = Counter[str](), 0
    for name in RECORDINGS:
        messages, by_reason = counts(recordings, name)
        share = 1 - by_reason.total() / messages
        lines.append(f"| {name} | {messages:,} | {share:.2%} |")
        refused, total = refused + by_reason, total + messages
    lines += [f"| all | {total:,} | {1 - refused.total() / total:.2%} |", ""]
    lines += ["| check | refused | share |", "|---|---:|---:|"]
    names = [reason.value for reason in Reason]
    names += sorted(set(refused) - set(names))
    lines += [f"| `{name}` | {refused[name]} | {refused[name] / total:.4%} |" for name in names]
    return "\n".join(lines)


@pytest.mark.parametrize("name", RECORDINGS)
def test_of_a_thousand_true_messages_at_most_one_is_refused(recordings: Path, name: str) -> None:
    messages, by_reason = counts(recordings, name)
    assert messages
    assert by_reason.total() <= messages * REFUSED_MAX, table(recordings)


def test_every_check_is_counted_and_the_table_of_the_documentation_is_what_was_found(recordings: Path) -> None:
    text = (ROOT / "docs" / "captures.md").read_text(encoding="utf-8")
    assert table(recordings) in text, f"docs/captures.md should say:\n{table(recordings)}"


# -- the checks are not asleep -------------------------------------------------------------------

Change = Callable[[dict[str, Any]], None]


def times(factor: float, *names: str) -> Change:
    """Prices so much larger, to the tick."""

    def change(row: dict[str, Any]) -> None:
        row.update({name: f"{float(row[name]) * factor:.3f}" for name in names})

    return change


def bid_is(steps: float) -> Change:
    """So far above the ask."""

    def change(row: dict[str, Any]) -> None:
        row["b"] = f"{float(row['a']) + steps:.4f}"

    return change


def set_to(name: str, value: str) -> Change:
    def change(row: dict[str, Any]) -> None:
        row[name] = value

    return change


SHORT = ("BINANCE_FUTURES", "cryptofeed/BINANCE_FUTURES.ws.1.0.gz", b": ")
LONG = ("BTC on three markets", "hft_binance_20240808/spot/btcusdt_20240808.gz", b" ")
"""What is usual is known after half a minute."""
ALTERED: dict[str, tuple[tuple[str, str, bytes], str, Change, str]] = {
    "bid above the ask": (SHORT, "sushiusdt@bookTicker", bid_is(0.002), "crossed"),
    "bid at the ask": (SHORT, "sushiusdt@bookTicker", bid_is(0.0), "locked"),
    "an offer at three times the price": (SHORT, "sushiusdt@bookTicker", times(3, "a"), "spread"),
    "both at one and a half": (SHORT, "sushiusdt@bookTicker", times(1.5, "a", "b"), "jump"),
    "between two ticks": (SHORT, "sushiusdt@bookTicker", set_to("b", "7.61234567"), "tick"),
    "nothing offered": (SHORT, "sushiusdt@bookTicker", set_to("A", "0"), "size"),
    "a negative price": (SHORT, "sushiusdt@bookTicker", set_to("b", "-1"), "price"),
    "a trade far away": (SHORT, "sushiusdt@aggTrade", times(1.5, "p"), "jump"),
    "a trade of part of a lot": (SHORT, "sushiusdt@aggTrade", set_to("q", "1.5"), "lot"),
    "more than anybody ever bid": (LONG, "btcusdt@bookTicker", set_to("B", "90000000000000"), "volume"),
    "a trade of too much": (LONG, "btcusdt@trade", set_to("q", "90000000000000"), "volume"),
    "a tenth away": (LONG, "btcusdt@bookTicker", times(1.1, "a", "b"), "outlier"),
    "a trade a tenth away": (LONG, "btcusdt@trade", times(0.9, "p"), "outlier"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_the_same_recording_with_one_false_message_has_exactly_that_one_refused(
    recordings: Path, tmp_path: Path, name: str
) -> None:
    (capture, frames, parting), stream, change, reason = ALTERED[name]
    venue = next(venue for venue, path in CAPTURES[capture] if path == frames)
    others = [f"{one}={recordings / path}" for one, path in CAPTURES[capture] if one == venue and path != frames]
    path = tmp_path / "altered"
    path.write_bytes(altered(gzip.decompress((recordings / frames).read_bytes()), parting, stream, change))
    summary = replay([*others, f"{venue}={path}"], tmp_path).summary
    found = {one: figures["count"] for one, figures in summary["quarantine"]["by_reason"].items() if figures["count"]}
    assert found == {reason: 1}


def altered(text: bytes, parting: bytes, stream: str, change: Change) -> bytes:
    """With another message of this stream, the fifth from the end; `parting` is between a line's time and message."""
    lines = text.splitlines(keepends=True)
    place = [at for at, line in enumerate(lines) if b'"stream":"%b' % stream.encode() in line[:80]][-5]
    at, _, message = lines[place].partition(parting)
    decoded = json.loads(message)
    change(decoded["data"])
    lines[place] = at + parting + json.dumps(decoded).encode() + b"\n"
    return b"".join(lines)
