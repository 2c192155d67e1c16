"""What is wanted of the venues' public streams, and by whom."""

from msgspec import Struct

from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import Nanos


class Stream(Struct, frozen=True):
    """One kind of data of one instrument."""

    instrument: InstrumentId
    data_type: DataType


class Subscribe(Struct, frozen=True, tag=True):
    """Input: this consumer wants these streams, too. Asking again for what it has changes nothing."""

    consumer: str
    streams: tuple[Stream, ...]


class Unsubscribe(Struct, frozen=True, tag=True):
    """Input: this consumer no longer wants these streams; a stream that nobody wants is stopped."""

    consumer: str
    streams: tuple[Stream, ...]


class StreamsWanted(Struct, frozen=True, tag=True):
    """To a connector and to the feed: the whole set wanted of this venue, instead of what was wanted before."""

    venue: VenueId
    streams: tuple[Stream, ...]


class StreamsRefused(Struct, frozen=True, tag=True):
    """These streams cannot be had; whatever else is wanted goes on."""

    venue: VenueId
    streams: tuple[Stream, ...]
    reason: str
    at: Nanos
