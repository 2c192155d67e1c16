"""Protocols that venues spoke when captures were made, told in the words of today."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.simulation.capture import Line
from integrated_trading_system.simulation.formats.bybit_v2 import BybitV2
from integrated_trading_system.simulation.formats.kraken_v1 import KrakenV1

TRANSLATORS: Final[dict[str, Callable[[], Callable[[Line], Line]]]] = {
    "bybit": BybitV2,
    "kraken": KrakenV1,
}
"""By the venue's name: makes what turns one line after the other of a capture into one that the venue's codec reads."""


def in_todays_words(venue: VenueId, lines: Iterable[Line]) -> Iterator[Line]:
    """The same lines; those of an older protocol of the venue as it would write them now."""
    translator = TRANSLATORS.get(venue.partition(":")[0])
    return iter(lines) if translator is None else map(translator(), lines)
