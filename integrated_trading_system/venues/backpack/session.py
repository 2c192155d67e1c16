"""How Backpack is connected: streams in batches of SUBSCRIBE frames, without acknowledgements.

The venue answers nothing to a subscription; data simply begins. It pings every 60 s: a quiet link is
only known to be alive that often.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.backpack.symbols import OF_PERPETUALS, STREAMS
from integrated_trading_system.venues.backpack.symbols import stream as stream_name
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

STREAMS_PER_FRAME: Final = 50
STREAMS_PER_LINK: Final = 200
"""No limits are documented: these are ours."""

_USER_STREAM: Final = "account.orderUpdate"
_SILENCE_MAX: Final = Nanos(70 * SECOND)
"""The venue's ping, and ten seconds of patience."""


class BackpackSession:
    """The connections of one flavour."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Addresses come from `endpoints` alone."""
        self._endpoints = endpoints

    @property
    def streams_per_link(self) -> int:
        return STREAMS_PER_LINK

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        """Mark prices and funding are there for perpetuals alone."""
        if instrument.kind is Kind.SPOT and stream.data_type in OF_PERPETUALS:
            return None
        return "" if stream.data_type in STREAMS else None

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return LinkPlan(
            name=name,
            url=self._endpoints.ws_url,
            streams=tuple(streams),
            subscribe=tuple(_frames("SUBSCRIBE", _names(streams, instruments))),
            silence_max=_SILENCE_MAX,
        )

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        stays = _names(kept, instruments)
        leave = _frames("UNSUBSCRIBE", _names(dropped, instruments, stays))
        return (*leave, *_frames("SUBSCRIBE", _names(added, instruments, stays)))

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """Orders and fills; of balances there is no stream."""
        return LinkPlan(
            name="user",
            url=self._endpoints.ws_user_url or self._endpoints.ws_url,
            account=account,
            subscribe=(ControlFrame(_frame("SUBSCRIBE", (_USER_STREAM,)), signed=True),),
            silence_max=_SILENCE_MAX,
        )

    def resolve_token(self, reply: HttpReply) -> str:
        raise MalformedReply("Backpack has no listen keys: no reply yields one")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """Nothing: a REST snapshot brings the book back."""
        return ()


def _names(
    wanted: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument], but: Sequence[str] = ()
) -> list[str]:
    """The venue's streams behind ours, each once and in order."""
    names = [stream_name(item.data_type, instruments[item.instrument].symbol) for item in wanted]
    return [name for name in dict.fromkeys(names) if name not in but]


def _frames(method: str, names: Sequence[str]) -> Iterator[ControlFrame]:
    for start in range(0, len(names), STREAMS_PER_FRAME):
        yield ControlFrame(_frame(method, names[start : start + STREAMS_PER_FRAME]))


def _frame(method: str, names: Sequence[str]) -> bytes:
    return msgspec.json.encode({"method": method, "params": names})
