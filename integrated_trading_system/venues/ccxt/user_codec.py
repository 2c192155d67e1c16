"""No account's stream is read by way of the library: without orders there is nothing to be told of."""

from typing import Final

from integrated_trading_system.venues.venue import Codec

USER_CODEC: Final[Codec | None] = None
