"""Ours beside cryptofeed and NautilusTrader: CPU time from a raw message to what the user's code is called with.

One core, no network, the same recorded Binance messages, the same interpreter. Each contestant is a process
of its own (peers/with_*.py say exactly what is included); every round asks all of them in turn, and a kind's ratio is
that of the medians. Not alike in what they do: cryptofeed decodes and calls back; NautilusTrader decodes, passes its
data engine, cache and message bus; ours also validates, buffers, synchronises two venues and decides on arbitrage.
"""

import gzip
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import _bench
import _environments

DRIVERS = Path(__file__).with_name("peers")
OLDEST, NEWEST = (3, 13), (3, 14)
"""What both peers have packages for."""
CONTESTANTS = {
    "ours": ("with_ours.py", ("--require-hashes", "--requirement", "docker/requirements.lock")),
    "cryptofeed": ("with_cryptofeed.py", ("cryptofeed==3.0.1",)),
    "NautilusTrader": ("with_nautilus.py", ("nautilus_trader==1.231.*",)),
}
KINDS = {"l1": "best bid/ask", "trade": "trade", "depth": "change of a book"}
OURS = {"each": "ours, run after each frame", "burst": "ours, 64 frames a run"}
AIMS = {"l1": (1.0, 4.5), "trade": (1.0, None), "depth": (3.5, 12.0)}
"""How many times cheaper than cryptofeed and NautilusTrader ours wants to be."""
CAPTURES = {"binance:usdm": "usdm/btcusdt_20240808.gz", "binance:coinm": "cm/btcusd_perp_20240808.gz"}
ROUNDS = 5
QUICK = 500


class Contestant:
    """A driver process."""

    def __init__(self, program: str, python: Path, folder: Path) -> None:
        command = [str(python), str(DRIVERS / program), str(folder)]
        environment = {"PATH": "", "PYTHONPATH": str(_bench.ROOT) if program == "with_ours.py" else ""}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._program = program

    def run(self, kind: str) -> float:
        """CPU microseconds per message."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{kind}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._program} ended, exit code {self._process.wait()}")
        answer = json.loads(line)
        if answer["seen"] < answer["messages"] * 0.99:  # the first changes of a book may be older than its snapshot
            raise SystemExit(f"{self._program}: of {answer['messages']} messages only {answer['seen']} came out")
        return float(answer["us"])

    def close(self) -> None:
        self._process.communicate()


def main() -> None:
    options = _bench.arguments(__doc__)
    python = _environments.interpreter(OLDEST, NEWEST)
    if python is None:
        print("peers: not run: cryptofeed 3.0.1 needs Python 3.13 or newer, and none was found")
        _bench.finish(options, {"skipped": "no Python 3.13 or newer"})
        return
    folder = _environments.FOLDER / ("messages-quick" if options.quick else "messages")
    levels = write_messages(folder, QUICK if options.quick else None)
    with ExitStack() as stack:
        contestants = {}
        for name, (program, requirements) in CONTESTANTS.items():
            inside = _environments.environment(name.lower(), python, requirements)
            contestants[name] = Contestant(program, inside, folder)
            stack.callback(contestants[name].close)
        result = {kind: measure(kind, contestants, 1 if options.quick else ROUNDS) for kind in KINDS}
    for kind, figures in result.items():
        report(kind, figures)
    print(f"\n  a change of a book sets {levels:.1f} levels on average")
    _bench.finish(options, {"levels": levels, "cpu_us": result}, _environments.version(python))


def measure(kind: str, contestants: dict[str, Contestant], rounds: int) -> dict[str, list[float]]:
    runs: dict[str, Callable[[], float]] = {
        label: partial(contestants["ours"].run, f"{kind} {size}") for size, label in OURS.items()
    }
    runs |= {name: partial(contestants[name].run, kind) for name in ("cryptofeed", "NautilusTrader")}
    return _bench.interleaved(rounds, runs)


def report(kind: str, figures: dict[str, list[float]]) -> None:
    """Ratios: how many times the CPU time of ours each peer takes."""
    medians = {name: median(found) for name, found in figures.items()}
    rows = []
    for name, found in figures.items():
        ratios = (
            [medians[peer] / medians[name] for peer in ("cryptofeed", "NautilusTrader")]
            if name in OURS.values()
            else ["", ""]
        )
        rows.append((name, medians[name], *ratios, _bench.noise(found)))
    aims = [f"{aim:.1f}" if aim else "" for aim in AIMS[kind]]
    _bench.show(
        f"{KINDS[kind]}, medians of {len(found)} rounds",
        ("", "CPU µs", "cryptofeed ÷ ours", "Nautilus ÷ ours", "noise"),
        [*rows, ("aim", "", *aims, "")],
    )


# -- messages ----------------------------------------------------------------------------------------


def write_messages(folder: Path, limit: int | None) -> float:
    """One file per kind, for all contestants; how many levels a change of the book has on average."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[bytes]] = {"l1": [], "trade": [], "depth": [], "snapshot": []}
    for venue in CAPTURES:
        for at, payload in capture(venue):
            kind, message = sort(payload)
            if kind == "l1" or (kind and venue == "binance:usdm"):
                rows[kind].append(b"%b %b %b" % (at, venue.encode(), message))
    rows["l1"].sort(key=lambda row: int(row.partition(b" ")[0]))
    for kind, found in rows.items():
        (folder / f"{kind}.txt").write_bytes(b"\n".join(found[:limit]) + b"\n")
    changes = [json.loads(row.split(b" ", 2)[2])["data"] for row in rows["depth"][:limit]]
    return sum(len(change["b"]) + len(change["a"]) for change in changes) / len(changes)


def capture(venue: str) -> Iterator[tuple[bytes, bytes]]:
    """Receive time and message of each line."""
    with gzip.open(_bench.recordings() / "hft_binance_20240808" / CAPTURES[venue]) as lines:
        for line in lines:
            at, _, payload = line.strip().partition(b" ")
            yield at, payload


def sort(payload: bytes) -> tuple[str, bytes]:
    """A message's kind, and the message; trades become the aggregate form, the only one that cryptofeed takes."""
    head = payload[:60]
    if b"@bookTicker" in head:
        return "l1", payload
    if b"@depth" in head:
        return "depth", payload
    if b"@trade" in head:
        aggregate = payload.replace(b"@trade", b"@aggTrade").replace(b'"e":"trade"', b'"e":"aggTrade"')
        return "trade", re.sub(rb'"t":(\d+),(.*)"X":"[A-Z]+",', rb'"a":\1,"f":\1,"l":\1,\2', aggregate)
    return ("", payload) if payload.startswith(b'{"stream"') else ("snapshot", payload)


if __name__ == "__main__":
    main()
