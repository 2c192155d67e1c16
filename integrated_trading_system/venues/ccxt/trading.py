"""Why no order leaves by way of the library.

An order without an answer is looked for by our own id until the venue's answer proves what became of it. Of
the library's exchanges only some can do that, each with parameters of its own that the library does not unify.
"""

from typing import Final

from integrated_trading_system.venues.venue import Trading

TRADING: Final[Trading | None] = None
NO_TRADING: Final = (
    "orders by way of ccxt are not offered: an order without an answer could not be looked for by our own id on every "
    "exchange, so nothing would prove what became of it"
)
