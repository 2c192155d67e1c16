"""There is no stream of an account: nothing is traded."""

from typing import Final

from integrated_trading_system.venues.venue import Codec

USER_CODEC: Final[Codec | None] = None
