"""What a venue tells us about our orders and our account."""

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import CancelOrder, OrderStatus, Side
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.domain.time import Nanos


class Liquidity(StrEnum):
    """Whose order rested."""

    MAKER = "maker"
    TAKER = "taker"


class OrderAccepted(Struct, frozen=True, kw_only=True, tag=True):
    """The venue has the order."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId
    venue_time: Nanos
    received_at: Nanos


class OrderRejected(Struct, frozen=True, kw_only=True, tag=True):
    """The venue refused the order. Final only when no copy of the request can still be in flight."""

    client_order_id: ClientOrderId
    reason: str
    received_at: Nanos


class OrderDone(Struct, frozen=True, kw_only=True, tag=True):
    """The venue says the order is over, with `venue_filled` executed.

    `status` is FILLED, CANCELLED, EXPIRED or REJECTED. A hint: the order is terminal once we own fills that
    add up to `venue_filled`.
    """

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId | None
    status: OrderStatus
    venue_filled: Decimal
    reason: str
    venue_time: Nanos
    received_at: Nanos


class OrderReport(Struct, frozen=True, kw_only=True, tag=True):
    """Answer to QueryOrder: the order's state at the venue when asked."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId
    status: OrderStatus
    venue_filled: Decimal
    asked_at: Nanos
    received_at: Nanos
    side: Side | None = None
    """What was ordered, for whoever does not know it yet. None where the venue did not say."""
    price: Decimal = ZERO
    """Its limit; 0 for a market order, and where the venue did not say."""
    quantity: Decimal = ZERO
    """All that was ordered, what is executed included; 0 where the venue did not say."""


class OrderNotFound(Struct, frozen=True, kw_only=True, tag=True):
    """Answer to QueryOrder: the venue does not know it. Proof only if asked late enough."""

    client_order_id: ClientOrderId
    asked_at: Nanos
    received_at: Nanos


class SubmitUncertain(Struct, frozen=True, kw_only=True, tag=True):
    """The answer to SubmitOrder is missing, late or ambiguous: the order may be at the venue."""

    client_order_id: ClientOrderId
    reason: str
    received_at: Nanos


class SubmitRefused(Struct, frozen=True, kw_only=True, tag=True):
    """Not one byte of the order left (gate closed, too late, rate limit, no connection): certainly not at the venue."""

    client_order_id: ClientOrderId
    reason: str
    received_at: Nanos


class CancelFailed(Struct, frozen=True, kw_only=True, tag=True):
    """A cancel was refused or got no answer; query to learn the order's state."""

    client_order_id: ClientOrderId
    reason: str
    received_at: Nanos
    maybe_sent: bool = True
    """False: not one byte of it left, so it says nothing of the order."""


class Fill(Struct, frozen=True, kw_only=True, tag=True):
    """Part of one of our orders traded. (instrument, trade_id) is unique: duplicates are dropped by it."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId
    trade_id: TradeId
    instrument: InstrumentId
    account: AccountId
    side: Side
    price: Decimal
    quantity: Decimal
    """In the instrument's own units (contracts where it has a multiplier)."""
    fee: Money
    """Positive is paid, negative is a rebate."""
    liquidity: Liquidity
    venue_time: Nanos
    received_at: Nanos
    sequence: int = 0
    """The venue's count of what traded in the instrument, where `trade_id` is no number of that kind; 0: none."""


class FillsListed(Struct, frozen=True, kw_only=True, tag=True):
    """Answer to QueryFills, all pages together: every fill in the instrument since `since`."""

    instrument: InstrumentId
    account: AccountId
    since: Nanos
    fills: tuple[Fill, ...]
    asked_at: Nanos
    received_at: Nanos


class OpenOrdersListed(Struct, frozen=True, kw_only=True, tag=True):
    """Answer to QueryOpenOrders."""

    venue: VenueId
    account: AccountId
    orders: tuple[OrderReport, ...]
    instruments: tuple[InstrumentId, ...]
    """Of each order, in the same order."""
    asked_at: Nanos
    received_at: Nanos


class ExternalOrder(Struct, frozen=True, kw_only=True):
    """An open order on one of our accounts that somebody else placed."""

    instrument: InstrumentId
    account: AccountId
    client_order_id: ClientOrderId
    """Empty where whoever placed it gave it none."""
    venue_order_id: VenueOrderId
    side: Side | None
    """None: the venue did not say; it may be either."""
    price: Decimal
    quantity: Decimal
    remaining: Decimal
    """What of it may still trade."""

    @property
    def cancel(self) -> CancelOrder:
        """What cancels it."""
        return CancelOrder(self.client_order_id, self.instrument, self.account, self.venue_order_id)


class ExternalOrders(Struct, frozen=True, tag=True):
    """All orders of others that are open on an account, whenever these change. They count in its exposure."""

    venue: VenueId
    account: AccountId
    orders: tuple[ExternalOrder, ...]


class Balance(Struct, frozen=True):
    """What the venue says we hold of one asset."""

    asset: Asset
    free: Decimal
    locked: Decimal


class VenuePosition(Struct, frozen=True):
    """What the venue says our position in a derivative is: signed quantity and average entry price."""

    instrument: InstrumentId
    quantity: Decimal
    entry_price: Decimal


class BalancesReported(Struct, frozen=True, kw_only=True, tag=True):
    """What an account holds. `complete` is False for a stream's partial update."""

    venue: VenueId
    account: AccountId
    balances: tuple[Balance, ...]
    positions: tuple[VenuePosition, ...]
    complete: bool
    venue_time: Nanos
    received_at: Nanos


class RequestFailed(Struct, frozen=True, kw_only=True, tag=True):
    """A query (not a submit) got no usable answer; ask again later. `subject` names what was asked."""

    venue: VenueId
    account: AccountId
    subject: str
    reason: str
    received_at: Nanos
    no_room: bool = False
    """It was not sent: for now the venue's limits have no room for it."""


class UserStreamChanged(Struct, frozen=True, kw_only=True, tag=True):
    """The account's event stream came up or went down; after `up` reconcile, for events may have been lost."""

    venue: VenueId
    account: AccountId
    up: bool
    received_at: Nanos


VenueExecution: TypeAlias = (
    OrderAccepted
    | OrderRejected
    | OrderDone
    | OrderReport
    | OrderNotFound
    | SubmitUncertain
    | SubmitRefused
    | CancelFailed
    | Fill
    | FillsListed
    | OpenOrdersListed
    | BalancesReported
    | FundingPaid
    | RequestFailed
    | UserStreamChanged
)
"""Everything that a connector (or the paper account) tells the OMS."""
