"""The account's channels: executions, whose messages tell only what changed, and balances.

An order's first message says what it is; later ones name it by the venue's id alone. What was said is therefore
kept until the order is over.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    Fill,
    Liquidity,
    OrderAccepted,
    OrderDone,
)
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    TradeId,
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.kraken import wire
from integrated_trading_system.venues.kraken.codec import BROKEN, control
from integrated_trading_system.venues.kraken.session import Answers
from integrated_trading_system.venues.kraken.symbols import modern
from integrated_trading_system.venues.kraken.wire import ITEMS_MAX, nanos, number
from integrated_trading_system.venues.venue import Ignored, VenueEvent

ORDERS_MAX: Final = 10_000
"""Orders that are remembered; the oldest is forgotten first."""

ENDS: Final = {
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
}
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


class Fee(Struct):
    """Part of what a fill cost."""

    asset: str
    qty: Decimal


class Report(Struct):
    """``executions``: one event of one order. Apart from ids, kind and time there is only what changed."""

    order_id: str
    exec_type: str
    timestamp: datetime
    cl_ord_id: str = ""
    symbol: str = ""
    side: Literal["buy", "sell", ""] = ""
    order_qty: Decimal | None = None
    limit_price: Decimal | None = None
    cum_qty: Decimal | None = None
    exec_id: str = ""
    last_qty: Decimal | None = None
    last_price: Decimal | None = None
    liquidity_ind: Literal["t", "m", ""] = ""
    fees: Annotated[list[Fee], Meta(max_length=10)] = []
    reason: str = ""
    cancel_reason: str = ""
    """The older name of `reason`."""


class Wallet(Struct):
    """Part of a balance: what can be traded with is in the ``spot`` one."""

    balance: Decimal
    type: str = ""


class Holding(Struct):
    """``balances``: a total, what orders bind included. Updates are entries of the ledger and name their wallet."""

    asset: str
    balance: Decimal
    wallets: list[Wallet] = []
    wallet_type: str = ""
    timestamp: datetime | None = None


_ENVELOPE: Final = Decoder(wire.Envelope)
_ROWS: Final = Decoder(Annotated[list[Raw], Meta(max_length=ITEMS_MAX)])
_REPORT: Final = Decoder(Report)
_HOLDINGS: Final = Decoder(Annotated[list[Holding], Meta(max_length=ITEMS_MAX)])


class Remembered(Struct):
    """What an order's messages have said so far."""

    client: str = ""
    symbol: str = ""
    side: str = ""
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    filled: Decimal = ZERO

    @property
    def bound(self) -> tuple[str, Decimal]:
        """The asset that it binds, and how much of it."""
        base, _, quote = self.symbol.partition("/")
        left = max(ZERO, self.quantity - self.filled)
        return (base, left) if self.side == "sell" else (quote, left * self.price)


class UserCodec:
    """One account's events."""

    def __init__(self, venue: VenueId, account: AccountId) -> None:
        """Remembers no order."""
        self._venue = venue
        self._account = account
        self._answers = Answers()
        self._orders: dict[str, Remembered] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        """Messages name their symbol, and fees their asset: nothing has to be known of instruments."""

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        try:
            envelope = _ENVELOPE.decode(frame)
            if envelope.method:
                return (self._answers.read(envelope),)
            match envelope.channel:
                case "executions":
                    rows = _ROWS.decode(envelope.data)
                case "balances":
                    return (self._balances(_HOLDINGS.decode(envelope.data), received_at),)
                case _:
                    return (control(envelope),)
        except BROKEN as error:
            return (self._quarantined(error, frame, received_at),)
        events: list[VenueEvent] = []
        for row in rows:
            try:
                events.append(self._event(_REPORT.decode(row), received_at))
            except BROKEN as error:
                events.append(self._quarantined(error, frame, received_at))
        return events

    # -- executions ------------------------------------------------------------------------------

    def _event(self, report: Report, received_at: Nanos) -> VenueEvent:
        at = nanos(report.timestamp)
        order = self._remember(report)
        if report.exec_type == "trade":
            return self._fill(report, order, at, received_at)
        client = ClientOrderId(order.client)
        if report.exec_type in ENDS:
            self._orders.pop(report.order_id, None)
        if not client:
            return Ignored("foreign order")
        if report.exec_type in ENDS:
            return OrderDone(
                client_order_id=client,
                venue_order_id=VenueOrderId(report.order_id),
                status=ENDS[report.exec_type],
                venue_filled=order.filled,
                reason=(report.reason or report.cancel_reason)[:200],
                venue_time=at,
                received_at=received_at,
            )
        if report.exec_type == "new":
            return OrderAccepted(
                client_order_id=client,
                venue_order_id=VenueOrderId(report.order_id),
                venue_time=at,
                received_at=received_at,
            )
        return Ignored("execution")  # validated and not live yet; amended, triggered, an iceberg's next part

    def _remember(self, report: Report) -> Remembered:
        """What is known of the order, this message included."""
        order = self._orders.get(report.order_id)
        if order is None:
            order = self._orders[report.order_id] = Remembered()
            if len(self._orders) > ORDERS_MAX:
                del self._orders[next(iter(self._orders))]
        order.client = report.cl_ord_id or order.client
        order.symbol = report.symbol or order.symbol
        order.side = report.side or order.side
        if report.order_qty is not None:
            order.quantity = number(report.order_qty)
        if report.limit_price is not None:
            order.price = number(report.limit_price)
        if report.cum_qty is not None:
            order.filled = number(report.cum_qty)
        return order

    def _fill(self, report: Report, order: Remembered, at: Nanos, received_at: Nanos) -> VenueEvent:
        """Says nothing of the order's end, even where it completes it: `filled` follows by itself."""
        price, quantity = report.last_price, report.last_qty
        if price is None or quantity is None or number(price) <= 0 or number(quantity) <= 0:
            raise ValueError("a fill needs a price and a quantity")
        if not report.exec_id or not order.symbol or not order.side:
            raise ValueError("a fill needs an id, a symbol and a side")
        if report.cum_qty is None:
            order.filled += quantity
        asset = report.fees[0].asset if report.fees else order.symbol.partition("/")[2]
        if any(fee.asset != asset for fee in report.fees):
            raise ValueError("a fee in two assets")
        fee = sum((number(fee.qty) for fee in report.fees), ZERO)
        return Fill(
            client_order_id=ClientOrderId(order.client),
            venue_order_id=VenueOrderId(report.order_id),
            trade_id=TradeId(report.exec_id),
            instrument=instrument_id(self._venue, order.symbol),
            account=self._account,
            side=_SIDES[order.side],
            price=price,
            quantity=quantity,
            fee=Money(fee, Asset(asset)),
            liquidity=Liquidity.MAKER if report.liquidity_ind == "m" else Liquidity.TAKER,
            venue_time=at,
            received_at=received_at,
        )

    # -- balances --------------------------------------------------------------------------------

    def _balances(self, holdings: Sequence[Holding], received_at: Nanos) -> VenueEvent:
        """Totals, "holds are not included": what open orders bind is taken from what was told of them.

        Never complete: REST says exactly what is held back.
        """
        found: dict[str, Decimal] = {}
        at = Nanos(0)
        for holding in holdings:
            spot = [number(wallet.balance) for wallet in holding.wallets if wallet.type == "spot"]
            if holding.timestamp is not None:
                at = max(at, nanos(holding.timestamp))
            if holding.wallet_type in ("", "spot"):
                found[modern(holding.asset)] = sum(spot, ZERO) if spot else number(holding.balance)
        if not found:
            return Ignored("other wallets")
        bound: dict[str, Decimal] = {}
        for order in self._orders.values():
            asset, amount = order.bound
            bound[asset] = bound.get(asset, ZERO) + amount
        return BalancesReported(
            venue=self._venue,
            account=self._account,
            balances=tuple(_balance(asset, total, bound.get(asset, ZERO)) for asset, total in found.items()),
            positions=(),
            complete=False,
            venue_time=at,
            received_at=received_at,
        )

    def _quarantined(self, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
        return Quarantined(self._venue, wire.broken(error), str(error)[:200], frame, received_at)


def _balance(asset: str, total: Decimal, bound: Decimal) -> Balance:
    locked = min(max(total, ZERO), bound)
    return Balance(Asset(asset), total - locked, locked)
