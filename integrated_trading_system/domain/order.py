"""Our orders: what they are, the states they pass through, and what is asked of a venue.

An order whose fate is not known is UNKNOWN, with its exposure reserved; it is never "failed".
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueOrderId,
)
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import Nanos


class Side(StrEnum):
    """Of a trade, an order, a leg."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL: what a fill does to the position."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How the order is priced."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long the order stays."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    INTENDED = "intended"
    """Handed to the journal; nothing has been sent."""
    SUBMITTED = "submitted"
    """Durable, and handed to the driver to be sent."""
    WORKING = "working"
    """The venue has it."""
    UNKNOWN = "unknown"
    """It may or may not be at the venue: exposure stays reserved until that is proven."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


TERMINAL: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class OrderRequest(Struct, frozen=True, kw_only=True):
    """What an order is, apart from its fate."""

    client_order_id: ClientOrderId
    instrument: InstrumentId
    account: AccountId
    side: Side
    order_type: OrderType
    price: Decimal
    """The limit; for MARKET the reference price that bounds it."""
    quantity: Decimal
    time_in_force: TimeInForce
    strategy: StrategyId
    plan_id: PlanId
    leg: int
    """Index of the plan's leg; orders that repair a leg carry the same index."""
    post_only: bool = False
    reduce_only: bool = False


class Order(Struct, frozen=True, kw_only=True, tag=True):
    """One of our orders and its fate so far. Published whenever it changes."""

    request: OrderRequest
    status: OrderStatus
    venue_order_id: VenueOrderId | None = None
    filled: Decimal = ZERO
    """Sum of the fills that we own, by trade id."""
    venue_filled: Decimal = ZERO
    """What the venue says was executed; the order is terminal only when `filled` equals it."""
    latest_send: Nanos = Nanos(0)
    """After this instant nothing is sent for it any more."""
    created_at: Nanos = Nanos(0)
    changed_at: Nanos = Nanos(0)
    reason: str = ""

    @property
    def open_quantity(self) -> Decimal:
        """What may still trade: 0 once the order is terminal."""
        return ZERO if self.status in TERMINAL else self.request.quantity - self.filled


class SubmitOrder(Struct, frozen=True, tag=True):
    """To the venue: place this order, unless it is later than `latest_send`."""

    request: OrderRequest
    latest_send: Nanos


class CancelOrder(Struct, frozen=True, tag=True):
    """To the venue: cancel this order."""

    client_order_id: ClientOrderId
    """Empty where whoever placed it gave it none: then the venue's id names it."""
    instrument: InstrumentId
    account: AccountId
    venue_order_id: VenueOrderId | None = None


class CancelOrders(Struct, frozen=True, tag=True):
    """To the venue: cancel these, in as few calls as it offers. Each order's fate is told as for a CancelOrder."""

    account: AccountId
    orders: tuple[CancelOrder, ...]
    all_open: bool = False
    """Nothing else is open on the account, or it may go as well: a call that cancels everything may be used."""


class QueryOrder(Struct, frozen=True, tag=True):
    """To the venue: what became of this order? Answered by OrderReport, OrderNotFound or RequestFailed."""

    client_order_id: ClientOrderId
    instrument: InstrumentId
    account: AccountId
    venue_order_id: VenueOrderId | None = None


class QueryFills(Struct, frozen=True, tag=True):
    """To the venue: our fills in this instrument since an instant. Answered by Fills and then FillsListed."""

    instrument: InstrumentId
    account: AccountId
    since: Nanos


class QueryOpenOrders(Struct, frozen=True, tag=True):
    """To the venue: our open orders. Answered by one OpenOrdersListed."""

    account: AccountId


class QueryBalances(Struct, frozen=True, tag=True):
    """To the venue: what we hold. Answered by one BalancesReported."""

    account: AccountId


TradingRequest = SubmitOrder | CancelOrder | CancelOrders | QueryOrder | QueryFills | QueryOpenOrders | QueryBalances
