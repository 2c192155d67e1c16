"""How OKX is connected: channels in batches of subscribe frames, and the account's stream after a logon."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.okx import symbols
from integrated_trading_system.venues.okx.endpoints import Rules
from integrated_trading_system.venues.okx.symbols import CHANNELS
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

ARGUMENTS_PER_FRAME: Final = 50
""" "480 subscribe, unsubscribe and login requests per hour and connection": few frames with many arguments."""

STREAMS_PER_LINK: Final = 240
""" "The total length of all channels of a connection is at most 64 KB"."""

LOGON: Final = "login"
"""Names the logon in its acknowledgement, which carries no request id of its own."""

_PING: Final = b"ping"
_PING_EVERY: Final = Nanos(20 * SECOND)
""" "Send ping after less than 30 seconds of silence": a connection that says nothing for that long is cut."""

Arguments: TypeAlias = list[dict[str, str]]


class OkxSession:
    """The connections of one flavour."""

    def __init__(self, endpoints: Endpoints, rules: Rules) -> None:
        """Addresses come from `endpoints` alone."""
        self._endpoints = endpoints
        self._product = rules.product

    @property
    def streams_per_link(self) -> int:
        return STREAMS_PER_LINK

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return symbols.door(stream.data_type, instrument)

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return LinkPlan(
            name=name,
            url=f"{self._endpoints.ws_url}{door}",
            streams=tuple(streams),
            subscribe=tuple(_frames("subscribe", "s", _arguments(streams, instruments))),
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
        leave = _frames("unsubscribe", f"leave{number}x", _arguments(dropped, instruments))
        return (*leave, *_frames("subscribe", f"join{number}x", _arguments(added, instruments)))

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """The orders begin with no snapshot: what holds is asked by REST after subscribing."""
        if not self._endpoints.ws_user_url:
            return None
        arguments = [{"channel": "orders", "instType": self._product}, {"channel": "account"}]
        return LinkPlan(
            name="user",
            url=self._endpoints.ws_user_url,
            account=account,
            logon=(ControlFrame(_frame("", LOGON, []), signed=True, request=LOGON),),
            subscribe=tuple(_frames("subscribe", "user", arguments)),
            ping=_PING,
            ping_every=_PING_EVERY,
        )

    def resolve_token(self, reply: HttpReply) -> str:
        raise MalformedReply("OKX has no listen keys: no reply yields one")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """None: a book is proven by REST, whose `seqId` the changes continue.

        The stream still begins with a snapshot, but the venue has announced that it will end that; and of
        subscriptions there are 480 an hour, of books by REST twenty a second.
        """
        return ()


def _arguments(streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]) -> Arguments:
    wanted = dict.fromkeys((CHANNELS[each.data_type], instruments[each.instrument].symbol) for each in streams)
    return [{"channel": channel, "instId": symbol} for channel, symbol in wanted]


def _frames(op: str, prefix: str, arguments: Arguments) -> Iterator[ControlFrame]:
    """Each is acknowledged once for every argument; the first acknowledgement counts, a refusal at any time."""
    for number, start in enumerate(range(0, len(arguments), ARGUMENTS_PER_FRAME), 1):
        request = f"{prefix}{number}"
        yield ControlFrame(_frame(request, op, arguments[start : start + ARGUMENTS_PER_FRAME]), request=request)


def _frame(request: str, op: str, arguments: Arguments) -> bytes:
    """An `id` has letters and digits only, at most 32 of them."""
    frame: dict[str, Any] = {"op": op, "args": arguments}
    return msgspec.json.encode({"id": request, **frame} if request else frame)
