"""How Alpaca is connected: one connection for all market data, after a logon; and the account's own stream.

"1 connection per endpoint per account": a second one would be refused (406), so nothing is ever spread
over several, and none is replaced before it has ended.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import DAY, SECOND, Nanos
from integrated_trading_system.venues.alpaca.endpoints import USER_PATH, Rules
from integrated_trading_system.venues.alpaca.wire import encode
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

ALL_ON_ONE: Final = 1_000_000
"""Streams of one connection. The free plan takes 30 symbols of trades and quotes, and says so with error 405."""

UNTIL_IT_ENDS: Final = Nanos(3_650 * DAY)
"""The venue names no longest life of a connection."""

SILENCE_MAX: Final = Nanos(60 * SECOND)
"""Stocks rest at night: what lives then are the pings and pongs below the frames."""

LOGON: Final = "logon"
SUBSCRIPTION: Final = "subscription"


class AlpacaSession:
    """The connections of one flavour."""

    def __init__(self, endpoints: Endpoints, rules: Rules, account: AccountId) -> None:
        """`account` logs on everywhere: no stream is public here."""
        self._endpoints = endpoints
        self._rules = rules
        self._account = account

    @property
    def streams_per_link(self) -> int:
        return ALL_ON_ONE

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return "" if stream.data_type in self._rules.channels else None

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        frame = self._frame("subscribe", streams, instruments)
        return LinkPlan(
            name=name,
            url=self._endpoints.ws_url,
            signs_with=self._account,
            streams=tuple(streams),
            logon=(ControlFrame(encode({"action": "auth"}), signed=True, request=LOGON),),
            subscribe=(ControlFrame(frame, request=SUBSCRIPTION),),
            silence_max=SILENCE_MAX,
            lifetime=UNTIL_IT_ENDS,
        )

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        """Answered in order, without an id: each by the whole of what is subscribed to by then."""
        changes = (("unsubscribe", dropped), ("subscribe", added))
        return tuple(
            ControlFrame(self._frame(action, streams, instruments), request=f"{action}-{number}")
            for action, streams in changes
            if streams
        )

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """Begins with no snapshot: what holds is asked by REST after subscribing."""
        listen = {"action": "listen", "data": {"streams": ["trade_updates"]}}
        return LinkPlan(
            name="user",
            url=_as_socket(self._endpoints.ws_user_url or self._endpoints.rest_url + USER_PATH),
            account=account,
            logon=(ControlFrame(encode({"action": "authenticate"}), signed=True, request=LOGON),),
            subscribe=(ControlFrame(encode(listen), request="listen"),),
            silence_max=SILENCE_MAX,
            lifetime=UNTIL_IT_ENDS,
        )

    def resolve_token(self, reply: HttpReply) -> str:
        raise MalformedReply("Alpaca has no listen keys: no reply yields one")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """The first message after subscribing is a whole book."""
        stream = (Stream(instrument.instrument, DataType.DEPTH),)
        instruments = {instrument.instrument: instrument}
        return tuple(
            ControlFrame(self._frame(action, stream, instruments), request=f"{action}-{instrument.symbol}")
            for action in ("unsubscribe", "subscribe")
        )

    def _frame(self, action: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]) -> bytes:
        channels: dict[str, list[str]] = {}
        for stream in dict.fromkeys(streams):
            channel = self._rules.channels[stream.data_type]
            channels.setdefault(channel, []).append(instruments[stream.instrument].symbol)
        return encode({"action": action, **channels})


def _as_socket(url: str) -> str:
    """The same place, for a WebSocket."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.replace('http', 'ws')}://{rest}"
