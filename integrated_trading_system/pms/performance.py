"""How well it went: closed plans won and lost, what was turned over, what fees took, and the equity curve's figures."""

from collections import deque
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.money import BPS, ZERO
from integrated_trading_system.domain.opportunity import EdgeRealised
from integrated_trading_system.domain.position import Equity
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.curve import Drawdown, Ratios


class PlanFigures(Struct, frozen=True, kw_only=True):
    """Of plans of several legs that traded in this run, after fees, in the reporting currency."""

    traded: int
    won: int
    lost: int
    """The rest brought exactly nothing."""
    hit_rate: float | None
    """Won by traded; None before the first."""
    profit_factor: Decimal | None
    """What the won brought by what the lost cost; None while nothing was lost."""
    win_average: Decimal | None
    loss_average: Decimal | None
    """Negative."""
    unpriced: int
    """Plans with an asset without a rate: in no other figure."""


class Profit(Struct, frozen=True, kw_only=True):
    """Everything since the first fill, cut in four ways; each way adds up to `total`, exactly."""

    total: Decimal
    by_plan: dict[str, Decimal]
    by_strategy: dict[str, Decimal]
    by_venue: dict[str, Decimal]
    by_instrument: dict[str, Decimal]


class Figures(Struct, frozen=True, kw_only=True):
    """What the position management shows of it at every look."""

    drawdown: Drawdown
    ratios: Ratios
    plans: PlanFigures
    turnover: Decimal
    by_strategy: dict[str, Decimal]
    """Parts of the profit, as in `Profit`."""
    by_venue: dict[str, Decimal]


class Performance(Struct, frozen=True, kw_only=True):
    """Everything about how well it went."""

    currency: Asset
    equity: Equity
    capital: Decimal | None
    """What the accounts held before the first fill and were given since, at the rates when that was told."""
    capital_unpriced: dict[Asset, Decimal]
    """Of that, what has no rate yet."""
    curve: tuple[tuple[Nanos, Decimal], ...]
    """Time and total, of this run, thinned."""
    drawdown: Drawdown
    ratios: Ratios
    plans: PlanFigures
    turnover: Decimal
    """Notional of all fills, bought and sold alike."""
    turnover_unpriced: int
    """Fills whose quote asset had no rate when they traded."""
    fees_by_turnover_bps: Decimal | None
    fees_by_gross_profit: Decimal | None
    """Fees by profit before them; None where there was none."""
    fees_apart: dict[Asset, Decimal]
    """Fees of which nobody knows what they were worth when they were paid."""
    profit: Profit
    closed: tuple[EdgeRealised, ...]
    """The newest plans of several legs that traded in this run."""


class PlanTally:
    """Counts what closed plans brought."""

    def __init__(self, kept_max: int) -> None:
        """None yet; the newest `kept_max` are kept."""
        self.closed: deque[EdgeRealised] = deque(maxlen=kept_max)
        self.traded = 0
        self.realised = ZERO
        self._won = self._lost = self._unpriced = 0
        self._gains = self._losses = ZERO

    def add(self, edge: EdgeRealised) -> None:
        """One more."""
        self.closed.append(edge)
        self.traded += 1
        self.realised += edge.realised
        if edge.unpriced:
            self._unpriced += 1
        elif edge.realised > 0:
            self._won += 1
            self._gains += edge.realised
        elif edge.realised < 0:
            self._lost += 1
            self._losses += edge.realised

    def figures(self) -> PlanFigures:
        """Of all of them."""
        priced = self.traded - self._unpriced
        return PlanFigures(
            traded=self.traded,
            won=self._won,
            lost=self._lost,
            hit_rate=self._won / priced if priced else None,
            profit_factor=self._gains / -self._losses if self._losses else None,
            win_average=self._gains / self._won if self._won else None,
            loss_average=self._losses / self._lost if self._lost else None,
            unpriced=self._unpriced,
        )


class Turnover:
    """Notional of fills in the reporting currency, as they traded."""

    def __init__(self) -> None:
        """Nothing traded."""
        self.total = ZERO
        self.unpriced = 0

    def add(self, notional: Decimal, rate: Decimal | None) -> None:
        """One fill's notional, and what a unit of its quote asset was worth then."""
        if rate is None:
            self.unpriced += 1
        else:
            self.total += notional * rate

    def fees_bps(self, fees: Decimal) -> Decimal | None:
        """These fees by all of it; None while nothing traded."""
        return fees / self.total * BPS if self.total else None


def fees_by_gross(equity: Equity) -> Decimal | None:
    """Which share of the profit before fees went into fees; None where there was no profit."""
    gross = equity.realised + equity.unrealised + equity.funding
    return equity.fees / gross if gross > 0 else None
