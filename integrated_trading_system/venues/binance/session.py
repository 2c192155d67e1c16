"""How Binance is connected: combined streams in batches of SUBSCRIBE frames, and the account's stream.

Market data comes over ``/stream``, where every event is wrapped with the name of its stream. The
account's stream is opened by a signed frame on spot (listen keys were retired there on 2026-02-20)
and by a listen key on futures and on Binance.US.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos, to_millis
from integrated_trading_system.venues.binance.endpoints import PING_ID, RECEIVE_WINDOW, Rules
from integrated_trading_system.venues.binance.market import read
from integrated_trading_system.venues.binance.symbols import stream_name
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

STREAMS_PER_FRAME: Final = 100
"""Of one SUBSCRIBE: keeps the frame below 4 KiB."""

IDS_PER_CHANGE: Final = 1_000
"""So many request ids belong to one change of subscriptions."""

# Signs of life in the venue's own frames: its answers carry the id and become Pongs. (It also pings by
# itself, but futures only every 3 minutes.)
_PING_STREAMS: Final = msgspec.json.encode({"method": "LIST_SUBSCRIPTIONS", "id": PING_ID})
_PING_API: Final = msgspec.json.encode({"id": PING_ID, "method": "ping"})
_SERVER_PING: Final = Nanos(3 * MINUTE)
"""How often a link that is opened by a listen key is pinged: a quiet one is known to be alive that often."""


class ListenKey(Struct, rename="camel"):
    """The answer that opens an account's stream. The key becomes part of an address."""

    listen_key: Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\A[A-Za-z0-9_-]+\Z")]


_LISTEN_KEY: Final = Decoder(ListenKey)


class BinanceSession:
    """The connections of one flavour."""

    def __init__(self, endpoints: Endpoints, rules: Rules) -> None:
        """Addresses come from `endpoints` alone."""
        self._endpoints = endpoints
        self._rules = rules

    @property
    def streams_per_link(self) -> int:
        return self._rules.streams_per_link

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return self._rules.doors[stream.data_type] if stream.data_type in self._rules.streams else None

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return LinkPlan(
            name=name,
            url=f"{self._endpoints.ws_url}{door}/stream",
            streams=tuple(streams),
            subscribe=tuple(_frames("SUBSCRIBE", self._names(streams, instruments), PING_ID + 1)),
            frame_gap=self._rules.frame_gap,
            ping=_PING_STREAMS,
        )

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        first = PING_ID + IDS_PER_CHANGE * number
        stays = self._names(kept, instruments)
        leave = [*_frames("UNSUBSCRIBE", self._names(dropped, instruments, stays), first)]
        return (*leave, *_frames("SUBSCRIBE", self._names(added, instruments, stays), first + len(leave)))

    def user_link(self, account: AccountId) -> LinkPlan | None:
        if not self._rules.trading:
            return None
        return self._by_listen_key(account) if self._rules.listen_key else self._by_signed_frame(account)

    def resolve_token(self, reply: HttpReply) -> str:
        return read(reply, _LISTEN_KEY).listen_key

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """Nothing: a REST snapshot brings the book back."""
        return ()

    def _names(
        self, wanted: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument], but: Sequence[str] = ()
    ) -> list[str]:
        """The venue's streams behind ours, each once and in order."""
        names = [stream_name(self._rules, instruments[item.instrument].symbol, item.data_type) for item in wanted]
        return [name for name in dict.fromkeys(names) if name not in but]

    def _by_signed_frame(self, account: AccountId) -> LinkPlan:
        """``userDataStream.subscribe.signature`` on the WebSocket API; it lives as long as its connection."""
        frame = {
            "id": 1,
            "method": "userDataStream.subscribe.signature",
            "params": {"recvWindow": to_millis(RECEIVE_WINDOW)},
        }
        return LinkPlan(
            name="user",
            url=self._endpoints.ws_user_url,
            account=account,
            logon=(ControlFrame(msgspec.json.encode(frame), signed=True, request="1"),),
            ping=_PING_API,
        )

    def _by_listen_key(self, account: AccountId) -> LinkPlan:
        """The key is valid for 60 minutes after its last keep-alive."""
        url = self._endpoints.rest_url + self._rules.listen_key
        return LinkPlan(
            name="user",
            url=(self._endpoints.ws_user_url or self._endpoints.ws_url) + self._rules.user_path,
            resolve=HttpRequest(method="POST", url=url),
            account=account,
            keep_alive=HttpRequest(method="PUT", url=url, query=self._rules.keep_alive_query),
            silence_max=Nanos(_SERVER_PING + 10 * SECOND),
        )


def _frames(method: str, names: Sequence[str], first: int) -> Iterator[ControlFrame]:
    """Acknowledged by their numbers. Unsigned integers are the one kind of id that every flavour takes."""
    for number, start in enumerate(range(0, len(names), STREAMS_PER_FRAME), first):
        frame = {"method": method, "params": names[start : start + STREAMS_PER_FRAME], "id": number}
        yield ControlFrame(msgspec.json.encode(frame), request=str(number))
