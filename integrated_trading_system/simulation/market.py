"""The market that all simulated venues share: one fair price per asset, and who trades around it where.

A `Market` owns the fair prices, seeded random walks on a grid of time. Each venue sees them late and
slightly wrong, and now and then is off by some basis points for a moment: that is what there is to
earn. Everything depends on (seed, time) alone, never on how often or by whom it is asked; what
clients do changes the books, not the fair price.
"""

from collections import deque
from random import Random
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos

STABLE: Final = frozenset({"USD", "USDT", "USDC", "FDUSD", "EUR"})
"""Money: assets that prices are quoted in keep their worth."""

WALK_STEPS_MAX: Final = 36_000
"""Steps of a walk that are remembered: an hour at the default grid."""


class MarketSettings(Struct, frozen=True, kw_only=True):
    """How lively the market is. bps are hundredths of a percent of the price."""

    grid: Nanos = Nanos(100 * MILLISECOND)
    """The fair price moves once per step of this length."""
    volatility_bps: float = 1.0
    """Standard deviation of the fair price's move in one second."""
    events_per_second: float = 30.0
    """Book events per symbol and venue, at exponential distances."""
    trade_share: float = 0.12
    """This share of the events is a market order by somebody; the others move quotes."""
    levels: int = 20
    """Price levels that the market maker keeps on each side."""
    level_bps: float = 0.6
    """Average distance between two levels."""
    spread_bps: float = 0.4
    """Smallest distance between best bid and best ask."""
    level_notional: float = 15_000.0
    """Average worth of a level, in quote units; deeper levels are larger."""
    noise_bps: float = 0.4
    """Standard deviation of a venue's own error about the fair price."""
    lag_max: Nanos = Nanos(150 * MILLISECOND)
    """Each venue is late by its own constant, drawn below this."""
    dislocation_every: Nanos = Nanos(4 * SECOND)
    """Average pause between two dislocations of an asset on a venue; 0 switches them off."""
    dislocation_bps: tuple[float, float] = (10.0, 40.0)
    """Size, either way."""
    dislocation_length: tuple[Nanos, Nanos] = (Nanos(200 * MILLISECOND), Nanos(1500 * MILLISECOND))
    """How long one lasts."""
    history_minutes: int = 1500
    """One-minute candles from before the start."""


DEFAULTS: Final = MarketSettings()


class Walk:
    """A random walk that starts at 1, as a function of time."""

    def __init__(self, random: Random, start: Nanos, grid: Nanos, deviation: float) -> None:
        """`deviation`: relative standard deviation per step."""
        self._random = random
        self._start = start
        self._grid = grid
        self._deviation = deviation
        self._values: deque[float] = deque([1.0], maxlen=WALK_STEPS_MAX)
        self._newest = 0

    def at(self, time: Nanos) -> float:
        """The value then; before the start, 1. Raises LookupError for what is long past."""
        step = (time - self._start) // self._grid
        if step <= 0:
            return 1.0
        values = self._values
        while self._newest < step:
            values.append(values[-1] * (1.0 + self._deviation * self._random.gauss(0.0, 1.0)))
            self._newest += 1
        back = self._newest - step
        if back >= len(values):
            raise LookupError(f"the market forgot what it was {back} steps ago; venues must keep pace with each other")
        return values[-1 - back]


class Dislocations:
    """When an asset on one venue is off, and by how much."""

    def __init__(self, random: Random, start: Nanos, settings: MarketSettings) -> None:
        self._random = random
        self._settings = settings
        self._bps = 0.0
        self._begins = self._ends = start
        if settings.dislocation_every:
            self._draw()

    def bps(self, now: Nanos) -> float:
        """The shift now. Times must not run backwards."""
        if not self._settings.dislocation_every:
            return 0.0
        while now >= self._ends:
            self._draw()
        return self._bps if now >= self._begins else 0.0

    def _draw(self) -> None:
        random, settings = self._random, self._settings
        self._begins = Nanos(self._ends + int(random.expovariate(1.0) * settings.dislocation_every))
        self._ends = Nanos(self._begins + int(random.uniform(*settings.dislocation_length)))
        self._bps = random.uniform(*settings.dislocation_bps) * (1.0 if random.random() < 0.5 else -1.0)


class Market:
    """Fair prices, relative to each listing's reference price."""

    def __init__(self, seed: int, start: Nanos, settings: MarketSettings = DEFAULTS) -> None:
        """Everything is fair at its reference price at `start`."""
        self.seed = seed
        self.start = start
        self.settings = settings
        self._walks: dict[str, Walk] = {}

    def random(self, *names: str) -> Random:
        """A generator of its own for everything that draws, so that nobody disturbs another."""
        return Random(":".join((str(self.seed), *names)))

    def fair(self, base: str, quote: str, now: Nanos) -> float:
        """What the pair's reference price has to be multiplied with."""
        return self._worth(base, now) / self._worth(quote, now)

    def lag(self, venue: VenueId) -> Nanos:
        """How late the venue sees the fair price."""
        return Nanos(int(self.random(venue, "lag").random() * self.settings.lag_max))

    def _worth(self, asset: str, now: Nanos) -> float:
        if asset in STABLE:
            return 1.0
        walk = self._walks.get(asset)
        if walk is None:
            settings = self.settings
            deviation = settings.volatility_bps / 10_000 * (settings.grid / SECOND) ** 0.5
            walk = self._walks[asset] = Walk(self.random("fair", asset), self.start, settings.grid, deviation)
        return walk.at(now)
