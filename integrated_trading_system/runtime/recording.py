"""A run as a sequence of entries: who was told what, and when the system was given time.

Entries are gathered into blocks. A block carries the hash of the one before it, so that a byte that
was altered is found; and the fingerprints of the run's inputs and outputs up to its end, so that
entries that were exchanged, and a replay that decides otherwise, are found near the place.

Layout of a block: 4 bytes length of the compressed payload, 32 bytes sha256 of (previous block's
hash + payload), the payload: zlib-compressed msgpack of `Block`.
"""

import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import TypeAlias

import msgspec
from msgspec import Struct, msgpack

from integrated_trading_system.domain.errors import ReplayDiffers
from integrated_trading_system.domain.health import Latched
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.time import Nanos

SCHEMA = 1
MAGIC = b"ITSREC01"
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024


class Header(Struct, frozen=True, tag=True):
    """What the run was made of."""

    schema: int
    code: str
    """Version of the program."""
    config: str
    """The whole configuration as JSON, secrets left out."""
    seed: int
    run: int
    """Run number of the state directory: part of client order ids."""
    started_at: Nanos
    recovered: tuple[bytes, ...]
    """Journal records that the run started from."""
    halted: str | None
    """A halt that the run started with."""
    latched: tuple[Latched, ...] = ()
    """Strategies that were latched when it started."""
    reducing: str | None = None
    """A restriction to reducing that it started with."""


class Told(Struct, frozen=True, gc=False, tag=True):
    """An actor was told an input."""

    actor: ActorName
    message: Input


class Ran(Struct, frozen=True, gc=False, tag=True):
    """The system was given time."""

    now: Nanos
    budget: int


class Stopped(Struct, frozen=True, tag=True):
    """The run ended in order; nothing follows."""

    outputs: str
    """Fingerprint of all outputs."""
    complete: bool
    """False when the recorder fell behind and gave up before the run ended."""


Entry: TypeAlias = Told | Ran | Stopped


class Block(Struct, frozen=True):
    """Some entries, and where inputs and outputs stand after the last of them."""

    header: Header | None
    entries: list[Entry]
    inputs: str
    """Fingerprint of all inputs up to here."""
    outputs: str
    """Fingerprint of all outputs up to here."""


_encode = msgpack.Encoder(decimal_format="string").encode
_decode = msgpack.Decoder(Block).decode


def pack(block: Block, previous: bytes) -> tuple[bytes, bytes]:
    """The block's bytes, and its hash for the next one."""
    payload = zlib.compress(_encode(block), 1)
    digest = sha256(previous + payload).digest()
    return len(payload).to_bytes(4, "big") + digest + payload, digest


def unpack(chunks: "Reader") -> Iterator[Block]:
    """Every whole block; a torn last block ends the sequence. Raises ReplayDiffers where a byte was altered."""
    if chunks.read(len(MAGIC)) != MAGIC:
        message = f"{chunks.name}: not a recording of this program"
        raise ReplayDiffers(message)
    previous = b""
    number = 0
    while len(head := chunks.read(36)) == 36:
        length = int.from_bytes(head[:4], "big")
        payload = chunks.read(length) if length <= PAYLOAD_BYTES_MAX else b""
        if length <= PAYLOAD_BYTES_MAX and len(payload) < length:
            return
        if sha256(previous + payload).digest() != head[4:]:
            message = f"{chunks.name}: block {number} was altered after it was recorded"
            raise ReplayDiffers(message)
        previous = head[4:]
        try:
            yield _decode(zlib.decompress(payload))
        except (zlib.error, msgspec.MsgspecError) as error:
            message = f"{chunks.name}: block {number} is of another version of this program ({error})"
            raise ReplayDiffers(message) from None
        number += 1


class Reader:
    """Anything with a name that yields bytes: a file, or a list of chunks in a test."""

    def __init__(self, name: str, chunks: Iterable[bytes]) -> None:
        """`name` appears in error messages."""
        self.name = name
        self._chunks = iter(chunks)
        self._buffer = b""

    def read(self, size: int) -> bytes:
        """`size` bytes, or fewer at the end."""
        parts = [self._buffer]
        have = len(self._buffer)
        while have < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        self._buffer = whole[size:]
        return whole[:size]
