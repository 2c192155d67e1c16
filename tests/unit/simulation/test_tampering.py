"""What arrives of frames and books that somebody has tampered with."""

import json
from random import Random

import pytest

from integrated_trading_system.domain.http import HttpCall, HttpRequest
from integrated_trading_system.domain.ids import CallId, LinkId, VenueId
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply
from integrated_trading_system.simulation.faults import Fault, Faults
from integrated_trading_system.simulation.garbage import GARBLES, garble
from integrated_trading_system.simulation.tampering import Tampering

LINK, OTHER = LinkId("toy:spot#market-0.1"), LinkId("toy:spot#market-1.1")
END = Nanos(60 * SECOND)
FRAMES = [b"%d" % number for number in range(6)]


def passed(fault: Fault | None, *, rate: float = 1.0, at: int = 0) -> list[bytes]:
    faults = Faults(1, {fault: rate} if fault else {}, until=END)
    tampering = Tampering(1)
    return [one for frame in FRAMES for one in tampering.frames(faults, LINK, frame, Nanos(at))]


def test_by_default_everything_arrives_as_it_was_sent() -> None:
    assert passed(None) == FRAMES
    assert passed(Fault.DATA_GARBLED, at=END) == FRAMES


def test_a_copy_follows_the_next_frame() -> None:
    assert passed(Fault.DATA_TWICE)[:5] == [b"0", b"1", b"0", b"2", b"1"]


def test_a_frame_is_swapped_with_the_next() -> None:
    faults, tampering = Faults(1, {Fault.DATA_SWAPPED: 1.0}, until=Nanos(1)), Tampering(1)
    assert tampering.frames(faults, LINK, b"a", Nanos(0)) == ()
    assert tampering.frames(faults, OTHER, b"x", END) == (b"x",)
    assert tampering.frames(faults, LINK, b"b", END) == (b"b", b"a")


def test_swapping_loses_nothing_but_the_last() -> None:
    assert set(FRAMES) - set(passed(Fault.DATA_SWAPPED, rate=0.5)) <= {FRAMES[-1]}


def test_what_was_held_back_on_links_that_are_gone_never_arrives() -> None:
    faults, tampering = Faults(1, {Fault.DATA_SWAPPED: 1.0}, until=Nanos(1)), Tampering(1)
    tampering.frames(faults, LINK, b"a", Nanos(0))
    tampering.forget()
    assert tampering.frames(faults, LINK, b"b", END) == (b"b",)


@pytest.mark.parametrize("name", GARBLES)
def test_garbage_is_no_frame_of_any_venue(name: str) -> None:
    frame = b'{"channel":"book","data":[{"price":65000.1,"qty":1.5}]}'
    garbled = GARBLES[name](frame)
    assert garbled != frame
    try:
        read = json.loads(garbled)
    except (ValueError, RecursionError):
        return
    assert not isinstance(read, dict) or set(read) == {"data"}


def test_garbage_is_of_every_kind() -> None:
    random = Random(1)
    assert {garble(b'{"a":1}', random) for _ in range(200)} == {make(b'{"a":1}') for make in GARBLES.values()}


def call(purpose: str, query: str = "symbol=A") -> HttpCall:
    request = HttpRequest(method="GET", url="https://toy/depth", query=query)
    return HttpCall(
        call=CallId("c"),
        venue=VenueId("toy:spot"),
        purpose=purpose,
        request=request,
        tag=Tag.DATA,
        deadline=Nanos(20 * SECOND),
    )


def test_a_book_may_be_that_of_an_earlier_answer_to_the_same_question() -> None:
    faults, tampering = Faults(1, {Fault.BOOK_STALE: 1.0}, until=END), Tampering(1)
    old, new, other = (ServerReply(status=200, body=body) for body in (b"old", b"new", b"other"))
    assert tampering.reply(faults, call("snapshot"), old, Nanos(0)) is old
    assert tampering.reply(faults, call("snapshot"), new, Nanos(0)) is old
    assert tampering.reply(faults, call("snapshot", "symbol=B"), other, Nanos(0)) is other
    assert tampering.reply(faults, call("place"), new, Nanos(0)) is new
    assert tampering.reply(faults, call("snapshot"), new, END) is new
    assert faults.counts[Fault.BOOK_STALE] == 1
