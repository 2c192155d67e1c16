"""Frames that no venue sends: what an unreliable proxy, a broken load balancer or a hostile network could.

Every kind is unreadable as what it replaces, whatever the venue: nothing of it may be believed. Values that
are readable and wrong are another matter, and depend on the venue.
"""

from collections.abc import Callable
from random import Random
from typing import Final

Garble = Callable[[bytes], bytes]

GARBLES: Final[dict[str, Garble]] = {
    "binary": lambda frame: bytes(byte ^ 0xA5 for byte in frame[:200]),
    "invalid UTF-8": lambda frame: b"\xff\xfe" + frame,
    "cut": lambda frame: frame[: len(frame) // 2],
    "joined": lambda frame: frame + frame,
    "empty list": lambda _: b"[]",
    "number": lambda _: b"-1e999",
    "null": lambda _: b"null",
    "text": lambda _: b'"Internal Server Error"',
    "page": lambda _: b"<html><body>502 Bad Gateway</body></html>",
    "depth": lambda _: b"[" * 5_000,
    "long number": lambda _: b'{"data":' + b"9" * 5_000 + b"}",
}
"""By name."""


def garble(frame: bytes, random: Random) -> bytes:
    """One of the kinds, at random."""
    return GARBLES[random.choice(list(GARBLES))](frame)
