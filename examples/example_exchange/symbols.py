"""What the venue lists, and what it calls each kind of data."""

from decimal import Decimal
from typing import Final

from examples.example_exchange.wire import Listing
from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType

CHANNELS: Final = {DataType.DEPTH: "book", DataType.TRADES: "trade", DataType.CANDLES: "bar"}
"""There are no quotes apart from the book, and a spot venue has no mark prices and no funding."""


def instrument(venue: VenueId, listed: Listing) -> Instrument:
    """A market; raises ValueError for steps that are none."""
    base, _, quote = listed.name.partition("-")
    tick, lot = Decimal(listed.tick), Decimal(listed.step)
    if not tick or not lot:
        raise ValueError(f"{listed.name} without steps")
    return Instrument(
        instrument=instrument_id(venue, listed.name),
        venue=venue,
        symbol=listed.name,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=Kind.SPOT,
        tick=tick,
        lot=lot,
        tradable=listed.open,
    )
