"""What a run came to."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import ActorFailed
from integrated_trading_system.domain.opportunity import EdgeRealised
from integrated_trading_system.domain.time import Nanos

COLUMNS = (
    "venue_time",
    "instrument",
    "account",
    "side",
    "price",
    "quantity",
    "fee",
    "fee_asset",
    "liquidity",
    "client_order_id",
    "trade_id",
)

PLAN_COLUMNS = ("at", "plan_id", "strategy", "expected", "realised", "fees", "residuals", "currency", "unpriced")


class FillLog:
    """A ref that keeps our fills, in order."""

    def __init__(self) -> None:
        """None yet."""
        self.fills: list[Fill] = []

    def tell(self, fill: Fill, /) -> None:
        """One more."""
        self.fills.append(fill)

    def write(self, path: Path) -> None:
        """As CSV, one line a fill; times in nanoseconds since the epoch."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for fill in self.fills:
                writer.writerow(
                    (
                        fill.venue_time,
                        fill.instrument,
                        fill.account,
                        fill.side.value,
                        fill.price,
                        fill.quantity,
                        fill.fee.amount,
                        fill.fee.asset,
                        fill.liquidity.value,
                        fill.client_order_id,
                        fill.trade_id,
                    )
                )


class PlanLog:
    """Closed plans of several legs that traded, in order."""

    def __init__(self, closed: tuple[EdgeRealised, ...]) -> None:
        """These."""
        self.closed = closed

    def write(self, path: Path) -> None:
        """As CSV, one line a plan; times in nanoseconds since the epoch."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(PLAN_COLUMNS)
            for plan in self.closed:
                writer.writerow(
                    (
                        plan.at,
                        plan.plan_id,
                        plan.strategy,
                        plan.expected,
                        plan.realised,
                        plan.fees,
                        " ".join(f"{left.amount} {left.asset}" for left in plan.residuals),
                        plan.currency,
                        " ".join(plan.unpriced),
                    )
                )


@dataclass(frozen=True)
class Outcome:
    """A run that has ended."""

    picture: dict[str, Any]
    """What the core showed of itself while its links still stood (`summary.picture`)."""
    outputs: str
    """Hash of the outputs."""
    inputs: str
    """Hash of the inputs."""
    halted: bool
    """By risk, or because an actor failed for good."""
    mode: str
    seed: int
    started_at: Nanos
    ended_at: Nanos
    fills: FillLog
    failure: ActorFailed | None
    """What an actor failed of, where that ended the run."""
    plans: PlanLog
    """Closed plans of several legs, as many as the position management keeps."""
