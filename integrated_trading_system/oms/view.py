"""What the order management shows of itself."""

from msgspec import Struct

from integrated_trading_system.domain.execution import ExternalOrder
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.order import Order


class OrderManagementView(Struct, frozen=True, kw_only=True):
    """Orders since the journal began, and what is under way now."""

    submitted: int
    filled: int
    cancelled: int
    rejected: int
    expired: int
    unknown: int
    """Open orders whose fate is not known."""
    external: int
    """Fills of orders that are not ours."""
    external_open: int
    """Open orders at the venues that are not ours."""
    open: int
    """Orders that are not terminal; stopping is complete when there are none, and no plans."""
    plans: int
    """Plans that are not finished."""
    fills: int
    duplicates: int
    strangers: int
    requests_failed: int
    unanswered: int
    """Questions to venues that wait for an answer."""
    trading: TradingState
    reconciled: bool
    orders: tuple[Order, ...]
    """The open ones."""
    external_orders: tuple[ExternalOrder, ...]
    """The open ones of others."""
