"""How Bybit is connected: topics in batches of subscribe frames, and the account's stream after a logon."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.bybit.symbols import OF_CONTRACTS, TOPICS, topic
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

TOPICS_PER_FRAME: Final = 10
""" "At most 10 args per subscribe request on spot"; the other products take more."""

TOPICS_PER_LINK: Final = 200
""" "The args of one connection have at most 21,000 characters together"."""

LOGON: Final = "auth"
"""Names the logon in its acknowledgement, which carries no request id of its own."""

_USER_TOPICS: Final = ("order", "execution", "wallet")
_PING: Final = msgspec.json.encode({"req_id": "ping", "op": "ping"})
_PING_EVERY: Final = Nanos(20 * SECOND)


class BybitSession:
    """The connections of one flavour."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Addresses come from `endpoints` alone."""
        self._endpoints = endpoints

    @property
    def streams_per_link(self) -> int:
        return TOPICS_PER_LINK

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        """Mark prices and funding are parts of the tickers of contracts alone."""
        if instrument.kind is Kind.SPOT and stream.data_type in OF_CONTRACTS:
            return None
        return "" if stream.data_type in TOPICS else None

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return LinkPlan(
            name=name,
            url=self._endpoints.ws_url,
            streams=tuple(streams),
            subscribe=tuple(_frames("subscribe", "", _topics(streams, instruments))),
            ping=_PING,
            ping_every=_PING_EVERY,
        )

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        stays = _topics(kept, instruments)
        leave = _frames("unsubscribe", f"leave-{number}-", _topics(dropped, instruments, stays))
        return (*leave, *_frames("subscribe", f"join-{number}-", _topics(added, instruments, stays)))

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """None of the account's topics begins with a snapshot: what holds is asked by REST after subscribing."""
        if not self._endpoints.ws_user_url:
            return None
        return LinkPlan(
            name="user",
            url=self._endpoints.ws_user_url,
            account=account,
            logon=(ControlFrame(_frame(LOGON, "auth", ()), signed=True, request=LOGON),),
            subscribe=(_subscribe("user", _USER_TOPICS),),
            ping=_PING,
            ping_every=_PING_EVERY,
        )

    def resolve_token(self, reply: HttpReply) -> str:
        raise MalformedReply("Bybit has no listen keys: no reply yields one")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """The first message after subscribing is a snapshot."""
        topics = (topic(DataType.DEPTH, instrument.symbol),)
        leave = f"leave-{instrument.symbol}"
        return (
            ControlFrame(_frame(leave, "unsubscribe", topics), request=leave),
            _subscribe(f"again-{instrument.symbol}", topics),
        )


def _topics(
    streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument], but: Sequence[str] = ()
) -> list[str]:
    """The venue's topics behind our streams, each once and in order."""
    topics = [topic(stream.data_type, instruments[stream.instrument].symbol) for stream in streams]
    return [name for name in dict.fromkeys(topics) if name not in but]


def _frames(op: str, prefix: str, topics: Sequence[str]) -> Iterator[ControlFrame]:
    for number, start in enumerate(range(0, len(topics), TOPICS_PER_FRAME), 1):
        request = f"{prefix}{number}"
        yield ControlFrame(_frame(request, op, topics[start : start + TOPICS_PER_FRAME]), request=request)


def _subscribe(request: str, topics: Sequence[str]) -> ControlFrame:
    return ControlFrame(_frame(request, "subscribe", topics), request=request)


def _frame(request: str, op: str, args: Sequence[str]) -> bytes:
    return msgspec.json.encode({"req_id": request, "op": op, "args": args})
