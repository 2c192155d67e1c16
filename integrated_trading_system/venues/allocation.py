"""Which stream goes over which connection: by door, as many as fit, an instrument's streams together."""

from collections.abc import Iterable, Mapping, Sequence

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.venues.venue import LinkPlan, Session


def allocate(
    session: Session, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
) -> tuple[LinkPlan, ...]:
    """Plans for all streams that the venue offers; the others are left out."""
    behind: dict[str, dict[InstrumentId, list[Stream]]] = {}
    for stream in dict.fromkeys(streams):
        door = session.door(stream, instruments[stream.instrument])
        if door is not None:
            behind.setdefault(door, {}).setdefault(stream.instrument, []).append(stream)
    return tuple(
        session.market_link(link_name(door, index), door, group, instruments)
        for door, wanted in behind.items()
        for index, group in enumerate(packed(wanted.values(), session.streams_per_link))
    )


def packed(groups: Iterable[Sequence[Stream]], size: int) -> list[list[Stream]]:
    """The groups over lists of at most `size`. A group is only divided when it is longer than a whole list."""
    lists: list[list[Stream]] = []
    for group in groups:
        rest = list(group)
        while rest:
            if not lists or len(lists[-1]) + min(len(rest), size) > size:
                lists.append([])
            lists[-1] += rest[:size]
            rest = rest[size:]
    return lists


def link_name(door: str, index: int) -> str:
    """Stable over reconnects: ``market-0``, ``public-1``."""
    return f"{door.strip('/').replace('/', '-') or 'market'}-{index}"
