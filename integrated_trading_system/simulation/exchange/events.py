"""What happens on the exchange. A dialect takes these out and writes them in its venue's words.

`Exchange.take()` returns, for one instant: trades and order events in the order they happened, then
one `BookChanged` per symbol touched, then one `AccountChanged` per account touched.
"""

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.orders import Execution, Order

PriceLevel: TypeAlias = tuple[Decimal, Decimal]
"""Price and total quantity; quantity 0 says that the level is gone."""


class TradeHappened(Struct, frozen=True, kw_only=True, gc=False):
    """A public print."""

    symbol: str
    trade_id: int
    """Per symbol, contiguous."""
    price: Decimal
    quantity: Decimal
    side: Side
    """The aggressor's."""
    buyer_order_id: int
    seller_order_id: int
    sequence: int
    """Exchange-wide; grows with every trade and every book change."""
    time: Nanos


class Top(Struct, frozen=True, gc=False):
    """Best bid and ask with their quantities; price 0 where a side is empty."""

    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


class BookChanged(Struct, frozen=True, kw_only=True, gc=False):
    """Levels that changed since the last event of this symbol, with their new totals."""

    symbol: str
    first_update: int
    """The last event's `last_update` + 1: update ids are contiguous per symbol, one per level changed."""
    last_update: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    top: Top
    top_changed: bool
    """Whether best bid or ask (price or quantity) differ from the last event's."""
    sequence: int
    time: Nanos


class Change(StrEnum):
    """What happened to an order."""

    ACCEPTED = "accepted"
    FILLED = "filled"
    """Wholly or in part: see the order's state."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class OrderChanged(Struct, frozen=True, kw_only=True):
    """An account's order changed. `order` is a copy, as it was just after."""

    order: Order
    change: Change
    execution: Execution | None
    """The fill, when `change` is FILLED."""
    request_id: str
    """What the cancel called itself, on venues where cancels have ids."""
    time: Nanos


class BalanceView(Struct, frozen=True, gc=False):
    """What an account holds of one asset."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free and locked."""
        return self.free + self.locked


class PositionView(Struct, frozen=True, kw_only=True, gc=False):
    """A derivative position."""

    symbol: str
    quantity: Decimal
    """Signed contracts."""
    entry_price: Decimal
    """Average; 0 when flat."""
    mark_price: Decimal
    unrealised: Decimal
    """At the mark price, in the settle asset."""
    realised: Decimal
    """Booked so far, before fees, in the settle asset."""
    leverage: Decimal
    updated_at: Nanos


class Why(StrEnum):
    """What changed an account."""

    ORDER = "order"
    FUNDING = "funding"
    TRANSFER = "transfer"


class AccountChanged(Struct, frozen=True, kw_only=True):
    """Balances and positions that may have changed, with their new absolute values."""

    account: str
    why: Why
    balances: tuple[BalanceView, ...]
    positions: tuple[PositionView, ...]
    time: Nanos


ExchangeEvent: TypeAlias = TradeHappened | BookChanged | OrderChanged | AccountChanged
