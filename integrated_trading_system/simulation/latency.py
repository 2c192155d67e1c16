"""How long bytes are on their way."""

from random import Random

from msgspec import Struct

from integrated_trading_system.domain.time import MILLISECOND, Nanos


class Latency(Struct, frozen=True):
    """One-way delays: a fixed part and an exponential tail."""

    base: Nanos = Nanos(8 * MILLISECOND)
    jitter: Nanos = Nanos(2 * MILLISECOND)

    def draw(self, random: Random) -> Nanos:
        """One delay."""
        return Nanos(self.base + int(random.expovariate(1.0) * self.jitter))
