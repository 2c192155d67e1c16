"""How Kraken is connected: channels for many symbols at once, each answered by itself; and the account's channels.

"There is a separate acknowledgement for each symbol in the subscription list", all with the request's number:
the number therefore tells how many there will be, and only the last of them is the answer to the frame.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import HOUR, SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.kraken import wire
from integrated_trading_system.venues.kraken.endpoints import DEPTH
from integrated_trading_system.venues.kraken.wire import read
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Acknowledged, ControlFrame, Ignored, LinkPlan, Pong, VenueEvent

SYMBOLS_PER_FRAME: Final = 100
STREAMS_PER_LINK: Final = 200
"""Our own limit: the venue names none."""

ANSWERS_MAX: Final = 1_000
"""Frames whose answers are incomplete; more are none of ours."""

CHANNELS: Final[dict[DataType, str]] = {
    DataType.QUOTES: "ticker",
    DataType.STATISTICS: "ticker",
    DataType.DEPTH: "book",
    DataType.TRADES: "trade",
    DataType.CANDLES: "ohlc",
}
"""Spot has no mark price and no funding."""

_PARAMS: Final[dict[str, dict[str, Any]]] = {
    # The other trigger, trades, would tell of the best prices only when something is traded.
    "ticker": {"event_trigger": "bbo", "snapshot": True},
    "book": {"depth": DEPTH, "snapshot": True},
    "trade": {"snapshot": False},
    "ohlc": {"interval": 1, "snapshot": True},
}
_LEAVE: Final = {"book": ("depth",), "ohlc": ("interval",), "ticker": ("event_trigger",)}
"""What names a subscription beside channel and symbol."""

_USER: Final = {
    "executions": {"snap_orders": True, "snap_trades": False, "order_status": True},
    "balances": {"snapshot": True},
}
_TOKEN: Final = "{token}"  # noqa: S105 - where the token goes
_PING: Final = msgspec.json.encode({"method": "ping", "req_id": 1})
_PING_EVERY: Final = Nanos(20 * SECOND)
""" "Connections without activity are closed after about a minute"; heartbeats come every second in silence."""
_SILENCE_MAX: Final = Nanos(10 * SECOND)
_FRAME_GAP: Final = Nanos(SECOND // 10)

Wanted: TypeAlias = dict[str, list[str]]
"""Symbols by channel."""


class Token(Struct):
    """``GetWebSocketsToken``: to be used within 15 minutes, then valid as long as its subscription lives."""

    token: str


_TOKEN_REPLY: Final = Decoder(Token)


class KrakenSession:
    """The connections of one flavour."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Addresses come from `endpoints` alone."""
        self._endpoints = endpoints

    @property
    def streams_per_link(self) -> int:
        return STREAMS_PER_LINK

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return "" if stream.data_type in CHANNELS else None

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return LinkPlan(
            name=name,
            url=self._endpoints.ws_url,
            streams=tuple(streams),
            subscribe=tuple(_frames("subscribe", name, _wanted(streams, instruments))),
            frame_gap=_FRAME_GAP,
            ping=_PING,
            ping_every=_PING_EVERY,
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
        """Quotes and statistics are one channel: it is neither asked for twice nor left while one of them stays."""
        stays = _wanted(kept, instruments)
        leave = _frames("unsubscribe", f"leave-{number}", _without(_wanted(dropped, instruments), stays))
        return (*leave, *_frames("subscribe", f"join-{number}", _without(_wanted(added, instruments), stays)))

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """The token goes into the frames; a fresh one for each connection."""
        if not self._endpoints.ws_user_url:
            return None
        return LinkPlan(
            name="user",
            url=self._endpoints.ws_user_url,
            resolve=HttpRequest(
                method="POST",
                url=f"{self._endpoints.rest_url}/0/private/GetWebSocketsToken",
                headers=(("Content-Type", "application/x-www-form-urlencoded"),),
            ),
            account=account,
            subscribe=tuple(
                _frame("subscribe", _request(f"user-{channel}", 0, 1), {"channel": channel, **params, "token": _TOKEN})
                for channel, params in _USER.items()
            ),
            frame_gap=_FRAME_GAP,
            ping=_PING,
            ping_every=_PING_EVERY,
            lifetime=Nanos(23 * HOUR),
        )

    def resolve_token(self, reply: HttpReply) -> str:
        token = read(reply, _TOKEN_REPLY).token
        if not token or not token.isascii() or not token.isprintable() or {'"', "\\"} & set(token):
            raise MalformedReply("a token that fits into no frame")
        return token

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """Subscribing again brings a whole book."""
        wanted = {"book": [instrument.symbol]}
        return (
            *_frames("unsubscribe", f"again-leave-{instrument.symbol}", wanted),
            *_frames("subscribe", f"again-{instrument.symbol}", wanted),
        )


class Answers:
    """Acknowledgements of one codec's links, put together: a frame is answered when all its symbols are."""

    def __init__(self) -> None:
        """None is incomplete."""
        self._answered: dict[int, set[str]] = {}

    def read(self, envelope: wire.Envelope) -> VenueEvent:
        """What an answer means. That nothing was there to be left, or all was there already, is no refusal."""
        if envelope.method == "pong":
            return Pong()
        if envelope.success is None:
            raise ValueError(f"neither data nor an answer: {envelope.error}")
        number, known = envelope.req_id, envelope.error.startswith("Already subscribed")
        if not envelope.success and envelope.method == "unsubscribe":
            known = True
        if not envelope.success and not known:
            self._answered.pop(number, None)
            named = not envelope.symbol or envelope.symbol in envelope.error
            detail = envelope.error if named else f"{envelope.error}: {envelope.symbol}"
            return Acknowledged(str(number) if number else "", ok=False, detail=detail[:200])
        count = number % 1_000
        if count > 1:
            symbol = envelope.result.symbol if envelope.result is not None else envelope.symbol
            answered = self._answered.setdefault(number, set())
            answered.add(symbol)
            if len(answered) < count:
                if len(self._answered) > ANSWERS_MAX:
                    del self._answered[next(iter(self._answered))]
                return Ignored("part of an answer")
            del self._answered[number]
        return Acknowledged(str(number) if number else "", ok=True)


def _wanted(streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]) -> Wanted:
    """Each symbol once in a channel, in order."""
    found: dict[str, dict[str, None]] = {}
    for stream in streams:
        found.setdefault(CHANNELS[stream.data_type], {})[instruments[stream.instrument].symbol] = None
    return {channel: list(symbols) for channel, symbols in found.items()}


def _without(wanted: Wanted, stays: Wanted) -> Wanted:
    return {
        channel: [symbol for symbol in symbols if symbol not in stays.get(channel, ())]
        for channel, symbols in wanted.items()
    }


def _frames(method: str, name: str, wanted: Wanted) -> Iterator[ControlFrame]:
    serial = 0
    for channel, symbols in wanted.items():
        params = _PARAMS[channel]
        if method == "unsubscribe":
            params = {key: params[key] for key in _LEAVE.get(channel, ())}
        for start in range(0, len(symbols), SYMBOLS_PER_FRAME):
            chosen = symbols[start : start + SYMBOLS_PER_FRAME]
            request = _request(name, serial, len(chosen))
            serial += 1
            yield _frame(method, request, {"channel": channel, "symbol": chosen, **params})


def _frame(method: str, request: int, params: dict[str, Any]) -> ControlFrame:
    data = msgspec.json.encode({"method": method, "params": params, "req_id": request})
    return ControlFrame(data, request=str(request))


def _request(name: str, serial: int, symbols: int) -> int:
    """Different for every name and frame; its last three digits are how many symbols it is about."""
    return (crc32(name.encode()) % 1_000_000 * 1_000 + serial + 1) * 1_000 + symbols
