"""The worlds that are not real: simulated venues (dev mode) and the paper account."""

from decimal import Decimal

from pydantic import Field

from integrated_trading_system.config.base import Settings


class SimulationSettings(Settings):
    """Dev mode: exchanges in this process, spoken to in their own wire formats."""

    latency_ms: float = Field(8.0, ge=0, le=10_000, description="One way between us and every simulated venue.")
    jitter_ms: float = Field(2.0, ge=0, le=10_000, description="Mean of the exponential tail on top of the latency.")
    balances: dict[str, Decimal] = Field(
        {
            "USDT": Decimal(100_000),
            "USDC": Decimal(100_000),
            "BTC": Decimal(2),
            "ETH": Decimal(30),
            "SOL": Decimal(500),
        },
        description="What our account holds on every simulated venue at the start of its first run.",
    )
    dislocation_every_s: float = Field(
        4.0, gt=0, description="Mean time between two moments at which one venue's price leaves the common one."
    )
    dislocation_bps: float = Field(30.0, gt=0, le=1_000, description="How far it then leaves, at most.")
    list_all: bool = Field(False, description="Venues list and trade all their coins, not only the configured symbols.")
    updates_per_second: float = Field(
        20.0, gt=0, le=1_000, description="Book changes of each instrument and venue per second, on average."
    )


class PaperSettings(Settings):
    """The simulated account that trades against observed books."""

    latency_ms: float = Field(50.0, ge=0, le=60_000, description="One way; an order trades against the book then.")
    balances: dict[str, Decimal] = Field(
        {
            "USDT": Decimal(100_000),
            "USDC": Decimal(100_000),
            "USD": Decimal(100_000),
            "BTC": Decimal(2),
            "ETH": Decimal(30),
        },
        description="What the account holds on every venue at the start of its first run.",
    )
