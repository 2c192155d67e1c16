"""The instruments that venues have listed, for readers outside the core."""

from collections.abc import Iterator

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed


class Listing:
    """A ref: keeps the newest description of every instrument, in order of first mention."""

    def __init__(self) -> None:
        """None yet."""
        self._known: dict[InstrumentId, Instrument] = {}

    def tell(self, message: InstrumentsListed, /) -> None:
        """A venue has listed, or changed its rules."""
        self._known.update((one.instrument, one) for one in message.instruments)

    def get(self, instrument: InstrumentId) -> Instrument | None:
        """None for what no venue has listed (yet)."""
        return self._known.get(instrument)

    def __iter__(self) -> Iterator[Instrument]:
        """All of them."""
        return iter(tuple(self._known.values()))
