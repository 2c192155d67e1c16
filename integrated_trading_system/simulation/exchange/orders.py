"""Orders as the exchange keeps them: what is asked, what became of it, and why not."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import Nanos


class Refusal(StrEnum):
    """Why a request was refused; each dialect has its own code and words for it."""

    UNKNOWN_SYMBOL = "unknown-symbol"
    NOT_TRADING = "not-trading"
    PRICE_TICK = "price-tick"
    PRICE_BAND = "price-band"
    QUANTITY_LOT = "quantity-lot"
    QUANTITY_MIN = "quantity-min"
    QUANTITY_MAX = "quantity-max"
    NOTIONAL_MIN = "notional-min"
    DUPLICATE_CLIENT_ID = "duplicate-client-id"
    INSUFFICIENT_BALANCE = "insufficient-balance"
    INSUFFICIENT_MARGIN = "insufficient-margin"
    REDUCE_ONLY = "reduce-only"
    WOULD_TAKE = "would-take"
    CANNOT_FILL = "cannot-fill"
    TOO_MANY_ORDERS = "too-many-orders"
    UNKNOWN_ORDER = "unknown-order"


class OrderState(StrEnum):
    """Where an order is. A refused order never came to be: it has no state."""

    NEW = "new"
    PARTIALLY_FILLED = "partially-filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class EndReason(StrEnum):
    """Why an order ended without being filled."""

    NONE = ""
    BY_USER = "by-user"
    UNFILLED_IOC = "unfilled-ioc"
    UNFILLED_FOK = "unfilled-fok"
    NO_LIQUIDITY = "no-liquidity"
    """A market order found too little in the book."""
    SELF_TRADE = "self-trade"
    """It would have traded with an order of its own account."""
    WOULD_TAKE = "would-take"
    """Post-only, on a venue that accepts first."""
    REDUCE_ONLY = "reduce-only"
    """The position that it would reduce is gone."""


class NewOrder(Struct, frozen=True, kw_only=True):
    """What an account asks for."""

    symbol: str
    side: Side
    order_type: OrderType = OrderType.LIMIT
    quantity: Decimal
    """Base units or contracts. A market order by value gives `quote_quantity` and 0 here."""
    price: Decimal = ZERO
    """The limit; ignored for market orders."""
    time_in_force: TimeInForce = TimeInForce.GTC
    """Of limit orders; a market order never rests."""
    client_id: str = ""
    """Empty: the exchange makes one."""
    post_only: bool = False
    reduce_only: bool = False
    quote_quantity: Decimal = ZERO
    """Market orders: trade for (at most) this much quote asset."""


class Execution(Struct, frozen=True, kw_only=True):
    """One side of a trade, as its account sees it."""

    trade_id: int
    """Per symbol, contiguous."""
    symbol: str
    order_id: int
    client_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    """Positive is paid, negative is a rebate."""
    fee_asset: str
    maker: bool
    realised: Decimal
    """Profit booked by a derivative fill that reduced a position, before fees, in the settle asset."""
    time: Nanos


class Order(Struct, kw_only=True, gc=False):
    """An order and its fate. The engine changes it in place; events carry copies."""

    order_id: int
    client_id: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    price: Decimal
    """0 for market orders."""
    quantity: Decimal
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    quote_quantity: Decimal
    created_at: Nanos
    updated_at: Nanos
    state: OrderState = OrderState.NEW
    end_reason: EndReason = EndReason.NONE
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    """Worth of its executions in the settle asset (quote, for spot)."""
    locked: Decimal = ZERO
    """Spot: what is still set aside for it (quote for buys, base for sells)."""
    executions: tuple[Execution, ...] = ()
    """Empty for the market's own participants."""

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.state is OrderState.NEW or self.state is OrderState.PARTIALLY_FILLED

    @property
    def average_price(self) -> Decimal:
        """Of its executions, by quantity; 0 when there are none. Holds for spot, and linear with multiplier 1."""
        return self.filled_value / self.filled if self.filled else ZERO
