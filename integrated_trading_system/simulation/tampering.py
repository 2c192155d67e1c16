"""What becomes of the contents of messages on their way: doubled, swapped, garbled, or older than they pretend."""

from random import Random

from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply
from integrated_trading_system.simulation.faults import Fault, Faults
from integrated_trading_system.simulation.garbage import garble

BOOKS = "snapshot"
"""The purpose of calls that are answered with a whole book."""


class Tampering:
    """Remembers what is held back on each link, and the books that were answered."""

    def __init__(self, seed: int) -> None:
        """Nothing was sent yet."""
        self._random = Random(f"tampering-{seed}")
        self._held: dict[LinkId, bytes] = {}
        self._books: dict[str, ServerReply] = {}

    def frames(self, faults: Faults, link: LinkId, frame: bytes, now: Nanos) -> tuple[bytes, ...]:
        """What arrives for a frame of market data: not always it, and sometimes one of before it, too."""
        fault = faults.tampers(now)
        held = self._held.pop(link, None)
        after = () if held is None else (held,)
        match fault:
            case Fault.DATA_TWICE:
                self._held[link] = frame
            case Fault.DATA_SWAPPED:
                self._held[link] = frame
                return after
            case Fault.DATA_GARBLED:
                frame = garble(frame, self._random)
            case _:
                pass
        return (frame, *after)

    def reply(self, faults: Faults, call: HttpCall, reply: ServerReply, now: Nanos) -> ServerReply:
        """The answer that arrives: for a book it may be the one of an earlier call."""
        if call.purpose != BOOKS:
            return reply
        key = f"{call.request.url}?{call.request.query}"
        earlier = self._books.get(key)
        if earlier is not None and faults.stale_book(now):
            return earlier
        self._books[key] = reply
        return reply

    def forget(self) -> None:
        """All links are gone."""
        self._held.clear()
