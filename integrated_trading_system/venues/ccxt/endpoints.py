"""The exchanges of the library: every id that it may have, since only the driver can ask it which it has."""

import re
from collections.abc import Iterator
from typing import Final

from integrated_trading_system.domain.time import MINUTE
from integrated_trading_system.venues.endpoints import LIBRARY, Endpoints
from integrated_trading_system.venues.rest import RateLimit

REQUESTS: Final = "REQUESTS"
RATE_LIMITS: Final = (RateLimit(REQUESTS, 600, MINUTE, 0),)
"""Ours alone: the library spaces the requests of each exchange as that exchange wants them."""

_ID: Final = re.compile(r"[a-z0-9]{2,40}", re.ASCII)


class AnyExchange(dict[str, Endpoints]):
    """Has every id that an exchange of the library could have, and lists none.

    An id that the library does not know is refused by the driver, with the ones that are like it.
    """

    def __contains__(self, flavour: object) -> bool:
        return isinstance(flavour, str) and _ID.fullmatch(flavour) is not None

    def __missing__(self, flavour: str) -> Endpoints:
        if flavour not in self:
            raise KeyError(flavour)
        return Endpoints(rest_url=f"{LIBRARY}{flavour}", ws_url=f"{LIBRARY}{flavour}")

    def __iter__(self) -> Iterator[str]:
        return iter(())


FLAVOURS: Final = AnyExchange()
