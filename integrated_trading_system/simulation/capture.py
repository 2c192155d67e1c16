"""What a foreign capture says, line by line, whoever wrote it.

Two formats are understood. One line a message: ``<receive time in ns> <raw JSON>``, where a line
without a stream name is the answer to a REST snapshot. And connection transcripts: ``t: frame``
(received), ``wss://url <- t: frame`` (sent), ``wss://url <-> t`` (connected), ``https://url -> t:
body`` (a REST answer), ``t`` in seconds.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.time import Nanos

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
PROBLEMS_KEPT: Final = 20

_STAMPED = re.compile(rb"(\d{16,20}) (.+)", re.DOTALL)
_RECEIVED = re.compile(rb"(\d{9,11}(?:\.\d+)?): (.+)", re.DOTALL)
_REST = re.compile(rb"(https?://\S+) -> (\d{9,11}(?:\.\d+)?): (.+)", re.DOTALL)
_SENT = re.compile(rb"(wss?://\S+) <- (\d{9,11}(?:\.\d+)?): (.+)", re.DOTALL)
_CONNECTED = re.compile(rb"(wss?://\S+) <-> (\d{9,11}(?:\.\d+)?)")


class Kind(StrEnum):
    """What a line of a capture stands for."""

    FRAME = "frame"
    ANSWER = "answer"
    """Of a REST call; `url` is empty where the capture did not keep it."""
    CONNECTED = "connected"
    SENT = "sent"


class Line(Struct, frozen=True, gc=False):
    """One event of a capture."""

    at: Nanos
    kind: Kind
    url: str
    payload: bytes


class Problems:
    """Lines that could not be read: all counted, the first of them kept."""

    def __init__(self, name: str) -> None:
        """`name` of the file."""
        self.name = name
        self.count = 0
        self.kept: list[str] = []
        self.understood = 0

    def add(self, number: int, what: str) -> None:
        """One more."""
        self.count += 1
        if len(self.kept) < PROBLEMS_KEPT:
            self.kept.append(f"{self.name}:{number}: {what}")


def read_lines(lines: Iterable[bytes], problems: Problems) -> Iterator[Line]:
    """The events in the order of the file. What cannot be read is counted with its line number and left out."""
    for number, raw in enumerate(lines, 1):
        text = raw.rstrip(b"\r\n")
        if not text or text.startswith(b"configuration: "):
            continue
        if len(text) > LINE_BYTES_MAX:
            problems.add(number, "longer than any message")
            continue
        line = _parse(text)
        if line is None:
            problems.add(number, f"not a line of a capture: {text[:60]!r}")
            continue
        if line.kind is not Kind.CONNECTED and not _whole(line.payload):
            problems.add(number, "truncated or garbled message")
            continue
        problems.understood += 1
        yield line


def _parse(text: bytes) -> Line | None:
    if found := _STAMPED.fullmatch(text):
        payload = found[2]
        kind = Kind.ANSWER if payload.startswith(b'{"lastUpdateId"') else Kind.FRAME
        return Line(Nanos(int(found[1])), kind, "", payload)
    if found := _RECEIVED.fullmatch(text):
        return Line(_seconds(found[1]), Kind.FRAME, "", _unquoted(found[2]))
    if found := _REST.fullmatch(text):
        return Line(_seconds(found[2]), Kind.ANSWER, found[1].decode(), found[3])
    if found := _SENT.fullmatch(text):
        return Line(_seconds(found[2]), Kind.SENT, found[1].decode(), found[3])
    if found := _CONNECTED.fullmatch(text):
        return Line(_seconds(found[2]), Kind.CONNECTED, found[1].decode(), b"")
    return None


def _whole(payload: bytes) -> bool:
    """JSON begins and ends as it should. Cheap on purpose: the codec judges the rest."""
    return payload[:1] in b"{[" and payload[-1:] in b"}]" and len(payload) > 1


def _unquoted(payload: bytes) -> bytes:
    """Some transcripts hold Python's spelling of bytes: ``b'...'``."""
    if payload.startswith((b"b'", b'b"')):
        try:
            value = ast.literal_eval(payload.decode("ascii"))
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return payload
        return value if isinstance(value, bytes) else payload
    return payload


def _seconds(text: bytes) -> Nanos:
    """Decimal seconds as nanoseconds, without a float in between."""
    whole, _, fraction = text.partition(b".")
    return Nanos(int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, b"0")))
