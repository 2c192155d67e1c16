"""What the screen shows, as plain values, and the same in one line for where there is no screen."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.money import ZERO


class PriceRow(Struct, frozen=True, kw_only=True):
    """The top of one book."""

    instrument: str
    state: BookState
    bid: float | None
    bid_size: float | None
    ask: float | None
    ask_size: float | None
    age_ms: float | None
    """Since the newest quote reached us."""
    latency_ms: float
    messages: int
    errors: int

    @property
    def spread_bps(self) -> float | None:
        """Ask less bid, in basis points of the middle."""
        if self.bid is None or self.ask is None:
            return None
        return (self.ask - self.bid) / (self.ask + self.bid) * 2e4


class SpreadRow(Struct, frozen=True, kw_only=True):
    """Buy here, sell there, at the best prices now."""

    comparison: str
    buy: str
    sell: str
    gross_bps: float | None
    """None while one of the books is not to be believed, or a rate is not known."""
    net_bps: float | None
    """After both taker fees."""


class MissedRow(Struct, frozen=True, kw_only=True):
    """One reason for which differences were not traded."""

    reason: str
    episodes: int
    best_bps: float | None
    """The largest edge that was missed for it; None where none was told."""
    edge: Decimal
    """Sum of the edges whose size was worked out."""


class PositionRow(Struct, frozen=True, kw_only=True):
    """What is held of one instrument on one account."""

    account: str
    instrument: str
    quantity: Decimal
    average_price: Decimal
    realised: Decimal


class OrderRow(Struct, frozen=True, kw_only=True):
    """One open order."""

    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    filled: Decimal
    status: str


class ActorRow(Struct, frozen=True, kw_only=True):
    """One actor's mailbox and health."""

    name: str
    waiting: int
    high_water: int
    delivered: int
    dropped: int
    restarts: int


class Screen(Struct, frozen=True, kw_only=True):
    """Everything at one moment."""

    mode: str
    elapsed_s: float
    trading: TradingState
    reason: str = ""
    """Of the trading state."""
    messages: Mapping[str, int] = {}
    """By venue."""
    prices: tuple[PriceRow, ...] = ()
    spreads: tuple[SpreadRow, ...] = ()
    snapshots: int = 0
    detected: int = 0
    approved: int = 0
    executed: int = 0
    expected_edge: Decimal = ZERO
    realised_edge: Decimal = ZERO
    missed: tuple[MissedRow, ...] = ()
    """The most frequent first."""
    currency: str = ""
    pnl: Mapping[str, Decimal] = {}
    """``realised``, ``unrealised``, ``fees``, ``total``; in `currency`."""
    positions: tuple[PositionRow, ...] = ()
    orders: Mapping[str, int] = {}
    """How many, by what became of them."""
    open_orders: tuple[OrderRow, ...] = ()
    actors: tuple[ActorRow, ...] = ()


def progress_line(screen: Screen) -> str:
    """Everything that fits into one line."""
    parts = [f"{screen.elapsed_s:7.1f} s"]
    parts += [f"{venue} {count} msgs" for venue, count in screen.messages.items()]
    parts.append(f"snapshots {screen.snapshots}")
    parts.append(f"opportunities {screen.detected}/{screen.approved}/{screen.executed}")
    parts.append(f"pnl {screen.pnl.get('total', ZERO):+.2f} {screen.currency}")
    parts.append(screen.trading.value if not screen.reason else f"{screen.trading.value} ({screen.reason})")
    return "  ".join(parts)
