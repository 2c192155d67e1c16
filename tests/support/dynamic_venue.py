"""The toy venue with streams that come and go: few fit on one connection, and every frame says what it is about."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan, Venue
from tests.support.toy_venue import ToySession, toy_instrument, toy_venue


class DynamicSession(ToySession):
    """``sub BTC``, ``join 1 ETH``, ``leave 2 BTC``; other kinds than quotes show as ``BTC.trades``."""

    def __init__(self, per_link: int) -> None:
        super().__init__()
        self.per_link = per_link

    @property
    def streams_per_link(self) -> int:
        return self.per_link

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return None if stream.data_type is DataType.CANDLES else ""

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        assert len(streams) <= self.per_link
        frame = ControlFrame(f"sub {words(streams, instruments)}".encode(), request="sub")
        return replace(self.plan, name=name, streams=tuple(streams), subscribe=(frame,))

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        return tuple(
            ControlFrame(f"{verb} {number} {words(streams, instruments)}".encode(), request=f"c{number}")
            for verb, streams in (("leave", dropped), ("join", added))
            if streams
        )


def words(streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]) -> str:
    names = [instruments[stream.instrument].symbol for stream in streams]
    kinds = ["" if stream.data_type is DataType.QUOTES else f".{stream.data_type.value}" for stream in streams]
    return " ".join(f"{name}{kind}" for name, kind in zip(names, kinds, strict=True))


def dynamic_venue(per_link: int = 3, change: Callable[[ToySession], None] = lambda _: None) -> Venue:
    session = DynamicSession(per_link)
    change(session)
    session.plan = replace(session.plan, frame_gap=Nanos(SECOND // 4))
    return replace(toy_venue(), session=session)


def stream(word: str) -> Stream:
    symbol, _, kind = word.partition(".")
    return Stream(toy_instrument(symbol).instrument, DataType(kind) if kind else DataType.QUOTES)


def streams(text: str) -> tuple[Stream, ...]:
    """``BTC ETH.trades`` as streams of the toy venue."""
    return tuple(stream(word) for word in text.split())
