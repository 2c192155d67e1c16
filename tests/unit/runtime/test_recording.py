"""A recording finds every altered byte, and a torn end is only an end."""

from collections.abc import Iterator

import pytest

from integrated_trading_system.domain.errors import ReplayDiffers
from integrated_trading_system.domain.ids import ActorName, LinkId
from integrated_trading_system.domain.link import FrameReceived
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.recording import MAGIC, Block, Ran, Reader, Stopped, Told, pack, unpack


def blocks() -> list[Block]:
    told = Told(ActorName("connector.binance:spot"), FrameReceived(LinkId("l"), b'{"u":1}', Nanos(5)))
    return [
        Block(None, [told, Ran(Nanos(5), 64)], "11", "aa"),
        Block(None, [Stopped("bb", complete=True)], "22", "bb"),
    ]


def recorded() -> bytes:
    raw, previous = MAGIC, b""
    for block in blocks():
        packed, previous = pack(block, previous)
        raw += packed
    return raw


def read(raw: bytes) -> Iterator[Block]:
    return unpack(Reader("file", [raw[index : index + 7] for index in range(0, len(raw), 7)]))


def test_what_was_written_is_read() -> None:
    assert list(read(recorded())) == blocks()


def test_every_altered_byte_is_found() -> None:
    raw = recorded()
    for index in range(len(raw)):
        altered = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        try:
            found = list(read(altered))
        except ReplayDiffers:
            continue
        assert found != blocks()
        assert len(found) < 2, "a length that now reaches beyond the end looks like a torn block"


def test_a_torn_end_leaves_the_whole_blocks() -> None:
    raw = recorded()
    first = len(MAGIC) + len(pack(blocks()[0], b"")[0])
    for size in range(first, len(raw)):
        assert list(read(raw[:size])) == blocks()[:1]


def test_blocks_cannot_change_places() -> None:
    one, previous = pack(blocks()[0], b"")
    two, _ = pack(blocks()[1], previous)
    with pytest.raises(ReplayDiffers, match="block 0 was altered"):
        list(read(MAGIC + two + one))


def test_a_foreign_file_is_refused() -> None:
    with pytest.raises(ReplayDiffers, match="not a recording"):
        list(read(b"something else"))
