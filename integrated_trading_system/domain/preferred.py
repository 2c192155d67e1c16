"""One price from several sources: which source is followed, and what it says."""

from typing import final

from msgspec import Struct

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.time import Nanos


class SourceChanged(Struct, frozen=True, tag=True):
    """From now on another source of this group is followed; None: none of them can be believed."""

    name: str
    source: InstrumentId | None
    previous: InstrumentId | None
    reason: str
    at: Nanos


@final
class PreferredQuote(Struct, frozen=True, tag=True):
    """Best prices of the source that is followed."""

    name: str
    quote: Quote


@final
class PreferredTrade(Struct, frozen=True, tag=True):
    """A public print of the source that is followed."""

    name: str
    trade: Trade
