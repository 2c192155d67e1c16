"""Every round trip that a venue's instruments allow: from one currency through others and back.

All are listed once, when the instruments are known; in both directions, for a market goes round either way.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import Asset, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.order import Side


class Hop(Struct, frozen=True):
    """Trade one asset for another."""

    instrument: Instrument
    side: Side

    @property
    def gives(self) -> Asset:
        """What is paid with."""
        return self.instrument.quote if self.side is Side.BUY else self.instrument.base

    @property
    def takes(self) -> Asset:
        """What comes of it."""
        return self.instrument.base if self.side is Side.BUY else self.instrument.quote


Cycle = tuple[Hop, ...]


def cycles(instruments: Iterable[Instrument], start: Asset, legs_max: int, cycles_max: int) -> tuple[Cycle, ...]:
    """All that begin and end with `start` and use no asset and no instrument twice; each stays on one venue.

    Raises ConfigurationError where there are more than `cycles_max`: every one is looked at with every quote.
    """
    hops: dict[tuple[str, Asset], list[Hop]] = {}
    for instrument in instruments:
        if instrument.kind is Kind.SPOT:
            for side in Side:
                hop = Hop(instrument, side)
                hops.setdefault((instrument.venue, hop.gives), []).append(hop)
    venues = dict.fromkeys(venue for venue, _ in hops)
    found = tuple(
        islice((cycle for venue in venues for cycle in _from((), venue, start, start, hops, legs_max)), cycles_max + 1)
    )
    if len(found) > cycles_max:
        raise ConfigurationError(
            f"more than {cycles_max} round trips from {start}: "
            "name fewer instruments, lower legs_max or raise cycles_max"
        )
    return found


def _from(
    path: Cycle, venue: str, here: Asset, start: Asset, hops: dict[tuple[str, Asset], list[Hop]], left: int
) -> Iterator[Cycle]:
    """Every way on from here."""
    seen = {hop.gives for hop in path}
    used: set[InstrumentId] = {hop.instrument.instrument for hop in path}
    for hop in hops.get((venue, here), ()) if left else ():
        if hop.instrument.instrument in used or hop.takes in seen - {start}:
            continue
        if hop.takes == start:
            if len(path) >= 2:
                yield (*path, hop)
        else:
            yield from _from((*path, hop), venue, hop.takes, start, hops, left - 1)
