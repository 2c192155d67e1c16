"""The other end of `peers.py`: a process that holds one contestant and runs a kind of message when it is told to.

Needs nothing but the standard library, for it runs in each contestant's own environment. One line comes in,
the kind; one JSON line goes out: CPU microseconds per message, and what the contestant itself saw, as proof of work.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Message(NamedTuple):
    """One line of a messages file."""

    at: int
    """Nanoseconds, when it was received."""
    venue: str
    payload: bytes


class Load(NamedTuple):
    """What a contestant has made ready: `work` is timed."""

    work: Callable[[], object]
    seen: Callable[[], int]
    """How many messages came out at the end."""


def read(folder: Path, name: str, venue: str = "") -> list[Message]:
    """A messages file: lines of ``<receive ns> <venue> <raw message>``."""
    messages = []
    for line in (folder / f"{name}.txt").read_bytes().splitlines():
        at, of, payload = line.split(b" ", 2)
        if not venue or of.decode() == venue:
            messages.append(Message(int(at), of.decode(), payload))
    return messages


def serve(kinds: dict[str, Callable[[Path], tuple[Load, int]]]) -> None:
    """Answer until standard input ends. Each request builds the contestant anew, outside the time."""
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        load, count = kinds[line.strip()](folder)
        gc.collect()
        gc.freeze()
        began = time.process_time()
        load.work()
        spent = time.process_time() - began
        gc.unfreeze()
        print(json.dumps({"us": spent / count * 1e6, "messages": count, "seen": load.seen()}), flush=True)
