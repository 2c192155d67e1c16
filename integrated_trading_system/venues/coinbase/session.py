"""How Coinbase is connected: channels with their products, a heartbeat on every connection, the account's stream.

Both flavours disconnect whoever has not subscribed within 5 seconds, and acknowledge with the list of all that
is subscribed: there are no request ids, so acknowledgements are taken in order.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.venues.coinbase.endpoints import FRAME_BYTES_MAX, LIFETIME, SILENCE_MAX, Rules
from integrated_trading_system.venues.coinbase.symbols import (
    ADVANCED_CHANNELS,
    EXCHANGE_CHANNELS,
    HEARTBEAT,
    HEARTBEATS,
)
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

STREAMS_PER_LINK: Final = 200
"""The venue names no limit; whoever reads too slowly is disconnected."""

USER: Final = "user"


class CoinbaseSession:
    """The connections of one flavour."""

    def __init__(self, endpoints: Endpoints, rules: Rules) -> None:
        """Addresses come from `endpoints` alone."""
        self._endpoints = endpoints
        self._advanced = rules.advanced
        self._channels = ADVANCED_CHANNELS if rules.advanced else EXCHANGE_CHANNELS

    @property
    def streams_per_link(self) -> int:
        return STREAMS_PER_LINK

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return "" if stream.data_type in self._channels else None

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        """One silent channel closes after 60 to 90 seconds (Advanced Trade); heartbeats keep all of them open."""
        products = self._products(streams, instruments)
        if not self._advanced:
            products[HEARTBEAT] = _all(products)
        beats = (_frame({"type": "subscribe", "channel": HEARTBEATS}),) if self._advanced else ()
        frames = (*beats, *self._frames("subscribe", products))
        return LinkPlan(
            name=name,
            url=self._endpoints.ws_url,
            streams=tuple(streams),
            subscribe=tuple(ControlFrame(frame, request=f"subscribe-{n}") for n, frame in enumerate(frames, 1)),
            silence_max=SILENCE_MAX,
            lifetime=LIFETIME,
            frame_bytes_max=FRAME_BYTES_MAX,
        )

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        """Exchange's heartbeat comes and goes with the first and the last stream of a product."""
        stay, join = self._products(kept, instruments), self._products(added, instruments)
        leave = _without(self._products(dropped, instruments), stay)
        if not self._advanced:
            staying, joining = _all(stay), _all(join)
            leave[HEARTBEAT] = [symbol for symbol in _all(leave) if symbol not in staying and symbol not in joining]
            join[HEARTBEAT] = [symbol for symbol in joining if symbol not in staying]
        frames = (*self._frames("unsubscribe", leave), *self._frames("subscribe", _without(join, stay)))
        return tuple(ControlFrame(frame) for frame in frames)

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """Of Advanced Trade. Every frame carries a token of its own."""
        if not self._endpoints.ws_user_url:
            return None
        return LinkPlan(
            name=USER,
            url=self._endpoints.ws_user_url,
            account=account,
            subscribe=tuple(
                ControlFrame(_frame({"type": "subscribe", "channel": channel}), signed=True, request=channel)
                for channel in (HEARTBEATS, USER)
            ),
            silence_max=SILENCE_MAX,
            lifetime=LIFETIME,
        )

    def resolve_token(self, reply: HttpReply) -> str:
        raise MalformedReply("Coinbase has no listen keys: no reply yields one")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """The first message after subscribing is a snapshot."""
        books = {self._channels[DataType.DEPTH]: [instrument.symbol]}
        return tuple(
            ControlFrame(frame) for kind in ("unsubscribe", "subscribe") for frame in self._frames(kind, books)
        )

    def _products(
        self, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> dict[str, list[str]]:
        """The products of each channel, each once."""
        found: dict[str, dict[str, None]] = {}
        for stream in streams:
            products = found.setdefault(self._channels[stream.data_type], {})
            products[instruments[stream.instrument].symbol] = None
        return {channel: list(products) for channel, products in found.items()}

    def _frames(self, kind: str, products: dict[str, list[str]]) -> tuple[bytes, ...]:
        """Exchange takes all channels in one frame, Advanced Trade one channel a frame."""
        named = [(channel, symbols) for channel, symbols in products.items() if symbols]
        if self._advanced:
            return tuple(_frame({"type": kind, "product_ids": symbols, "channel": name}) for name, symbols in named)
        channels = [{"name": channel, "product_ids": symbols} for channel, symbols in named]
        return (_frame({"type": kind, "channels": channels}),) if channels else ()


def _all(products: dict[str, list[str]]) -> list[str]:
    """Every product, once."""
    return list(dict.fromkeys(symbol for symbols in products.values() for symbol in symbols))


def _without(products: dict[str, list[str]], others: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is not among the others."""
    return {
        channel: [symbol for symbol in symbols if symbol not in others.get(channel, ())]
        for channel, symbols in products.items()
    }


def _frame(content: dict[str, object]) -> bytes:
    return msgspec.json.encode(content)
