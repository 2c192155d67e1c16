"""How an exchange of the library is connected: one link, over which the driver is told what to stream.

How many sockets that takes, how they are kept alive and what is polled instead, the library knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import DAY, MILLISECOND, MINUTE, Nanos
from integrated_trading_system.venues.ccxt.codec import OFFERED
from integrated_trading_system.venues.ccxt.wire import Command, encode
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

STREAMS_PER_FRAME: Final = 100
ALL_ON_ONE: Final = 1_000_000
SILENCE_MAX: Final = Nanos(5 * MINUTE)
"""Whole exchanges can be so quiet: the library's own keep-alive cannot be heard from here."""


class CcxtSession:
    """The one link of one exchange."""

    def __init__(self, endpoints: Endpoints) -> None:
        """The address names the exchange."""
        self._url = endpoints.ws_url

    @property
    def streams_per_link(self) -> int:
        return ALL_ON_ONE

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return "" if stream.data_type in OFFERED else None

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return LinkPlan(
            name=name,
            url=self._url,
            streams=tuple(streams),
            subscribe=tuple(_frames("subscribe", "", streams, instruments)),
            frame_gap=Nanos(10 * MILLISECOND),
            silence_max=SILENCE_MAX,
            lifetime=Nanos(3_650 * DAY),  # the library renews its sockets by itself
        )

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        leave = _frames("unsubscribe", f"leave-{number}-", dropped, instruments)
        return (*leave, *_frames("subscribe", f"join-{number}-", added, instruments))

    def user_link(self, account: AccountId) -> LinkPlan | None:
        return None

    def resolve_token(self, reply: HttpReply) -> str:
        raise MalformedReply("the library asks for its tokens itself")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """None: the library would tell the book that it has kept. One by request is whole, and the exchange's own."""
        return ()


def _frames(
    op: Literal["subscribe", "unsubscribe"],
    prefix: str,
    streams: Sequence[Stream],
    instruments: Mapping[InstrumentId, Instrument],
) -> Iterator[ControlFrame]:
    wanted = [(stream.data_type, instruments[stream.instrument].symbol) for stream in dict.fromkeys(streams)]
    for number, start in enumerate(range(0, len(wanted), STREAMS_PER_FRAME), 1):
        request = f"{prefix}{number}"
        command = Command(id=request, op=op, streams=wanted[start : start + STREAMS_PER_FRAME])
        yield ControlFrame(encode(command), request=request)
