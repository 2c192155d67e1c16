"""What all REST of a venue has in common: what a request costs, what a limit allows, and the one way to fail."""

from msgspec import Struct

from integrated_trading_system.domain.errors import PlatformError
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.time import Nanos


class MalformedReply(PlatformError):
    """A REST reply did not have the promised shape. Carries a short reason; the connector keeps the body."""


class WeightedRequest(Struct, frozen=True):
    """A request and what it costs against each of the venue's rate limits, by the limit's name."""

    request: HttpRequest
    weights: tuple[tuple[str, int], ...]


def cost(*requests: WeightedRequest) -> tuple[tuple[str, int], ...]:
    """What all of them cost together."""
    total: dict[str, int] = {}
    for request in requests:
        for name, weight in request.weights:
            total[name] = total.get(name, 0) + weight
    return tuple(total.items())


class RateLimit(Struct, frozen=True):
    """So much weight per window. The connector keeps `reserve` of it for cancels and queries."""

    name: str
    capacity: int
    window: Nanos
    reserve: int
    used_header: str = ""
    """Lower-case name of the reply header that tells the weight used in this window; the higher count holds."""
