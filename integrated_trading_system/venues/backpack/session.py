"""How Backpack is connected: streams in batches of SUBSCRIBE frames, without acknowledgements.

The venue answers nothing to a subscription; data simply begins. It pings every 60 s: a quiet link is
only known to be alive that often.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.backpack.symbols import stream
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan, MalformedReply, Stream

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

    def market_links(
        self, streams: Sequence[Stream], instruments: dict[InstrumentId, Instrument]
    ) -> tuple[LinkPlan, ...]:
        """One link per `STREAMS_PER_LINK` streams; an instrument's streams stay together where they fit."""
        wanted: dict[InstrumentId, list[Stream]] = {}
        for item in dict.fromkeys(streams):
            wanted.setdefault(item.instrument, []).append(item)
        links: list[list[Stream]] = []
        for group in wanted.values():
            if not links or len(links[-1]) + len(group) > STREAMS_PER_LINK:
                links.append([])
            links[-1].extend(group)
        return tuple(self._market_link(index, group, instruments) for index, group in enumerate(links))

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """Orders and fills; of balances there is no stream."""
        return LinkPlan(
            name="user",
            url=self._endpoints.ws_user_url or self._endpoints.ws_url,
            account=account,
            subscribe=(ControlFrame(_subscribe((_USER_STREAM,)), signed=True),),
            silence_max=_SILENCE_MAX,
        )

    def resolve_token(self, reply: HttpReply) -> str:
        raise MalformedReply("Backpack has no listen keys: no reply yields one")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """Nothing: a REST snapshot brings the book back."""
        return ()

    def _market_link(
        self, index: int, streams: Sequence[Stream], instruments: dict[InstrumentId, Instrument]
    ) -> LinkPlan:
        names = [stream(item.data_type, instruments[item.instrument].symbol) for item in streams]
        batches = (names[start : start + STREAMS_PER_FRAME] for start in range(0, len(names), STREAMS_PER_FRAME))
        return LinkPlan(
            name=f"market-{index}",
            url=self._endpoints.ws_url,
            instruments=tuple(dict.fromkeys(item.instrument for item in streams)),
            subscribe=tuple(ControlFrame(_subscribe(batch)) for batch in batches),
            silence_max=_SILENCE_MAX,
        )


def _subscribe(names: Sequence[str]) -> bytes:
    return msgspec.json.encode({"method": "SUBSCRIBE", "params": names})
