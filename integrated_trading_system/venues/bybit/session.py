"""How Bybit is connected: topics in batches of subscribe frames, and the account's stream after a logon."""

from collections.abc import Sequence
from typing import Final

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.bybit.symbols import topic
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan, MalformedReply, Stream

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

    def market_links(
        self, streams: Sequence[Stream], instruments: dict[InstrumentId, Instrument]
    ) -> tuple[LinkPlan, ...]:
        """One link per `TOPICS_PER_LINK` topics; an instrument's topics stay together where they fit."""
        wanted: dict[InstrumentId, list[Stream]] = {}
        for stream in dict.fromkeys(streams):
            wanted.setdefault(stream.instrument, []).append(stream)
        links: list[list[Stream]] = []
        for group in wanted.values():
            if not links or len(links[-1]) + len(group) > TOPICS_PER_LINK:
                links.append([])
            links[-1].extend(group)
        return tuple(self._market_link(index, group, instruments) for index, group in enumerate(links))

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

    def _market_link(
        self, index: int, streams: Sequence[Stream], instruments: dict[InstrumentId, Instrument]
    ) -> LinkPlan:
        topics = [topic(item.data_type, instruments[item.instrument].symbol) for item in streams]
        batches = (topics[start : start + TOPICS_PER_FRAME] for start in range(0, len(topics), TOPICS_PER_FRAME))
        return LinkPlan(
            name=f"market-{index}",
            url=self._endpoints.ws_url,
            instruments=tuple(dict.fromkeys(item.instrument for item in streams)),
            subscribe=tuple(_subscribe(str(number), batch) for number, batch in enumerate(batches, 1)),
            ping=_PING,
            ping_every=_PING_EVERY,
        )


def _subscribe(request: str, topics: Sequence[str]) -> ControlFrame:
    return ControlFrame(_frame(request, "subscribe", topics), request=request)


def _frame(request: str, op: str, args: Sequence[str]) -> bytes:
    return msgspec.json.encode({"req_id": request, "op": op, "args": args})
