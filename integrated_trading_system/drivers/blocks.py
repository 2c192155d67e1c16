"""The blocks of a journal's file: what was committed is there after any crash, and nothing else.

One commit is one block. Each carries the digest of the one before, so a block that is missing,
altered or moved is noticed. What a crash leaves of an unfinished block at the end was never
answered: it is cut off. A block that cannot be believed and has good blocks after it is damage, and
nobody guesses what it held.
"""

import struct
from hashlib import sha256
from typing import Final, TypeAlias

from msgspec import MsgspecError, Struct, msgpack

from integrated_trading_system.domain.errors import JournalDamaged, JournalUnavailable
from integrated_trading_system.domain.time import Nanos

SCHEMA: Final = 1
"""Of what is inside the blocks. The frame around them never changes, so that any version can tell who wrote."""

MARK: Final = b"\x9fITSJ\r\n\x1a"
"""Begins every block. Not text, and broken by every conversion of line ends."""

REMEDY: Final = "restore it from a copy, or start from the venues: recover --put-journal-aside (docs/recovery.md)"

NOTHING_BEFORE: Final = bytes(16)
"""Stands for the digest of the block before the first."""

_FRAME: Final = struct.Struct(">8s16s16sI")
"""Mark, digest of the block before, digest of this block, length of what follows."""


class Opened(Struct, frozen=True, tag=True):
    """A run began to write. Every run leaves one, so the last tells which version the end of the file needs."""

    schema: int
    code_version: str
    config_hash: str
    at: Nanos
    records: int = 1
    """Version of the records that it wrote."""


class Committed(Struct, frozen=True, tag=True):
    """One group commit: all of it is there, or nothing."""

    records: tuple[bytes, ...]


Block: TypeAlias = Opened | Committed

_DECODER: Final[msgpack.Decoder[Block]] = msgpack.Decoder(Block)


class Contents(Struct, frozen=True):
    """What a journal's file holds."""

    runs: tuple[Opened, ...]
    records: tuple[bytes, ...]
    size: int
    """Bytes that are whole blocks."""
    torn: int
    """Bytes after them: an unfinished commit."""
    digest: bytes
    """Of the last block."""


def pack(block: Block, before: bytes) -> tuple[bytes, bytes]:
    """The block as bytes, and its digest; `before` is the digest of the block in front of it."""
    body = msgpack.encode(block)
    digest = _digest(before, body)
    return _FRAME.pack(MARK, before, digest, len(body)) + body, digest


def parse(name: str, raw: bytes) -> Contents:
    """What the file holds; raises JournalDamaged with the place, or JournalUnavailable. `name` is for the message."""
    # A crash right after the file was made may leave it empty, cut short, or full of zeros.
    if raw[: len(MARK)] != MARK[: len(raw)] and raw.strip(b"\0"):
        raise JournalDamaged(f"journal {name}: not a journal of ours; {REMEDY}")
    position, digest = 0, NOTHING_BEFORE
    runs: list[Opened] = []
    records: list[bytes] = []
    while (found := _block_at(raw, position)) is not None and found[0] == digest:
        _, digest, body, end = found
        block = _decode(name, body, position)
        if isinstance(block, Committed):
            records += block.records
        elif block.schema > SCHEMA:
            raise JournalUnavailable(
                f"journal {name}: version {block.code_version} wrote it in form {block.schema}, and this program reads"
                f" up to form {SCHEMA}: run version {block.code_version} or a newer one"
            )
        else:
            runs.append(block)
        position = end
    if _whole_block_from(raw, position):
        raise JournalDamaged(f"journal {name}: damaged at byte {position}; {REMEDY}")
    return Contents(tuple(runs), tuple(records), position, len(raw) - position, digest)


def _digest(before: bytes, body: bytes) -> bytes:
    return sha256(before + struct.pack(">I", len(body)) + body).digest()[:16]


def _block_at(raw: bytes, position: int) -> tuple[bytes, bytes, bytes, int] | None:
    """Digest before, own digest, body and end of a block that is whole in itself; None where there is none."""
    start = position + _FRAME.size
    if start > len(raw):
        return None
    mark, before, digest, length = _FRAME.unpack_from(raw, position)
    body = raw[start : start + length]
    if mark != MARK or len(body) != length or _digest(before, body) != digest:
        return None
    return before, digest, body, start + length


def _whole_block_from(raw: bytes, position: int) -> bool:
    """Whether a whole block begins here or later: then what is here is not the rest of an unfinished write."""
    while (position := raw.find(MARK, position)) >= 0:
        if _block_at(raw, position) is not None:
            return True
        position += 1
    return False


def _decode(name: str, body: bytes, position: int) -> Block:
    try:
        return _DECODER.decode(body)
    except MsgspecError:
        raise JournalDamaged(f"journal {name}: the block at byte {position} is of an unknown form; {REMEDY}") from None
