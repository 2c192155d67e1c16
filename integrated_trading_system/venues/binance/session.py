"""How Binance is connected: combined streams in batches of SUBSCRIBE frames, and the account's stream.

Market data comes over ``/stream``, where every event is wrapped with the name of its stream. The
account's stream is opened by a signed frame on spot (listen keys were retired there on 2026-02-20)
and by a listen key on futures and on Binance.US.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos, to_millis
from integrated_trading_system.venues.binance.endpoints import PING_ID, RECEIVE_WINDOW, Rules
from integrated_trading_system.venues.binance.market import read
from integrated_trading_system.venues.binance.symbols import stream_name
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan, Stream

STREAMS_PER_FRAME: Final = 100
"""Of one SUBSCRIBE: keeps the frame below 4 KiB."""

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

    def market_links(
        self, streams: Sequence[Stream], instruments: dict[InstrumentId, Instrument]
    ) -> tuple[LinkPlan, ...]:
        """One link per door and per `streams_per_link` streams."""
        behind: dict[str, list[Stream]] = {}
        for stream in dict.fromkeys(streams):
            behind.setdefault(self._rules.doors[stream.data_type], []).append(stream)
        size = self._rules.streams_per_link
        return tuple(
            self._market_link(door, start // size, group[start : start + size], instruments)
            for door, group in behind.items()
            for start in range(0, len(group), size)
        )

    def user_link(self, account: AccountId) -> LinkPlan | None:
        if not self._rules.trading:
            return None
        return self._by_listen_key(account) if self._rules.listen_key else self._by_signed_frame(account)

    def resolve_token(self, reply: HttpReply) -> str:
        return read(reply, _LISTEN_KEY).listen_key

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """Nothing: a REST snapshot brings the book back."""
        return ()

    def _market_link(
        self, door: str, index: int, streams: Sequence[Stream], instruments: dict[InstrumentId, Instrument]
    ) -> LinkPlan:
        names = [stream_name(self._rules, instruments[item.instrument].symbol, item.data_type) for item in streams]
        batches = (names[start : start + STREAMS_PER_FRAME] for start in range(0, len(names), STREAMS_PER_FRAME))
        return LinkPlan(
            name=f"{door.strip('/') or 'market'}-{index}",
            url=f"{self._endpoints.ws_url}{door}/stream",
            instruments=tuple(dict.fromkeys(item.instrument for item in streams)),
            subscribe=tuple(_subscribe(number, batch) for number, batch in enumerate(batches, PING_ID + 1)),
            frame_gap=self._rules.frame_gap,
            ping=_PING_STREAMS,
        )

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


def _subscribe(number: int, names: Sequence[str]) -> ControlFrame:
    """Acknowledged by its number. Unsigned integers are the one kind of id that every flavour takes."""
    frame = {"method": "SUBSCRIBE", "params": names, "id": number}
    return ControlFrame(msgspec.json.encode(frame), request=str(number))
