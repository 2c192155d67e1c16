"""What the screen shows, as plain values, and the same in one line for where there is no screen."""

from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum

from msgspec import Struct

from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.money import ZERO


class VenueState(StrEnum):
    """How a venue is, in one word."""

    STARTING = "starting"
    LIVE = "live"
    PARTLY = "partly"
    """Some of its links are not live."""
    SILENT = "silent"
    """Connected, and nothing comes."""
    DOWN = "down"
    BLOCKED = "blocked"
    """It refuses us for good."""
    STANDBY = "standby"
    """It stands in for another one, and is not needed."""
    DRY = "dry run"


class VenueRow(Struct, frozen=True, kw_only=True):
    """One venue."""

    venue: str
    state: VenueState
    links_live: int
    links: int
    clock_offset_ms: float | None
    """Venue time minus ours; None while nothing is known of it."""
    clock_uncertainty_ms: float
    latency_p50_ms: float | None
    """On the way, corrected by the clock's offset; None before the first message."""
    latency_p99_ms: float | None
    per_second: float
    """Messages, over the last second or more."""
    messages: int
    gaps: int
    quarantined: int
    reconnects: int
    audits: int
    """Comparisons of its books with fresh ones of its own."""
    audits_differing: int
    alarms: tuple[str, ...] = ()


class GroupRow(Struct, frozen=True, kw_only=True):
    """One failover group."""

    name: str
    followed: str | None
    sources: tuple[str, ...]
    """The preferred one first."""
    healthy: tuple[str, ...]
    switches: int


class Severity(IntEnum):
    """The worst first."""

    WRONG = 0
    DOUBTFUL = 1


class Trouble(Struct, frozen=True, kw_only=True):
    """Something that somebody should know."""

    severity: Severity
    who: str
    what: str


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
    circuit_open: bool = False
    """Nothing is decided on it."""
    polled: bool = False
    """The price was fetched by REST because the stream is down."""

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
    troubles: tuple[Trouble, ...] = ()
    venues: tuple[VenueRow, ...] = ()
    groups: tuple[GroupRow, ...] = ()
    streams: int = 0
    """Wanted of all venues."""
    candles: int = 0
    """Made of trades and closed."""
    decides: bool = True
    """There are strategies. Without any, only market data is shown."""
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
    if screen.decides:
        parts.append(f"snapshots {screen.snapshots}")
        parts.append(f"opportunities {screen.detected}/{screen.approved}/{screen.executed}")
        parts.append(f"pnl {screen.pnl.get('total', ZERO):+.2f} {screen.currency}")
    else:
        parts.append(f"streams {screen.streams}  candles {screen.candles}")
    parts.append(screen.trading.value if not screen.reason else f"{screen.trading.value} ({screen.reason})")
    if screen.troubles:
        worst = min(screen.troubles, key=lambda trouble: trouble.severity)
        parts.append(f"attention {len(screen.troubles)}: {worst.who} {worst.what}")
    return "  ".join(parts)
