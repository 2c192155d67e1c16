"""Why nothing is traded here."""

from typing import Final

from integrated_trading_system.venues.venue import Trading

TRADING: Final[Trading | None] = None
NO_TRADING: Final = "Example Exchange shows its markets and takes no orders: it is an example"
