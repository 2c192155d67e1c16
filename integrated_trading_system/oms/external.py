"""Orders on our accounts that are not ours: seen in a venue's list of open orders, and followed until they are over.

They are nobody's business here but the account's: what of them may still trade is told to whoever counts
exposure, an operator sees them, and they are cancelled only on demand.
"""

from collections.abc import Callable

from msgspec.structs import replace

from integrated_trading_system.domain.execution import (
    ExternalOrder,
    ExternalOrders,
    Fill,
    OpenOrdersListed,
    OrderDone,
    OrderReport,
)
from integrated_trading_system.domain.ids import AccountId, InstrumentId, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import CancelOrder


class External:
    """By account, as of its last list; fills and ends that were told since are in it."""

    def __init__(self, publish: Callable[[ExternalOrders], None]) -> None:
        """No account was asked for yet."""
        self._publish = publish
        self._open: dict[AccountId, ExternalOrders] = {}

    @property
    def orders(self) -> tuple[ExternalOrder, ...]:
        """All that are known to be open."""
        return tuple(order for of in self._open.values() for order in of.orders)

    def listed(self, news: OpenOrdersListed, strangers: list[tuple[OrderReport, InstrumentId]]) -> None:
        """The venue lists what is open; these are not ours."""
        account = news.account
        self._set(news.venue, account, tuple(_order(report, name, account) for report, name in strangers))

    def traded(self, fill: Fill) -> None:
        """A fill that is not ours: so much less of its order is left."""
        of = self._open.get(fill.account)
        if of is not None and any(_is(order, fill.venue_order_id, fill.client_order_id) for order in of.orders):
            left = (
                replace(order, remaining=max(ZERO, order.remaining - fill.quantity))
                if _is(order, fill.venue_order_id, fill.client_order_id)
                else order
                for order in of.orders
            )
            self._set(of.venue, of.account, tuple(order for order in left if order.remaining > ZERO))

    def ended(self, news: OrderDone) -> None:
        """An order that is not ours is over."""
        for of in list(self._open.values()):
            left = tuple(order for order in of.orders if not _is(order, news.venue_order_id, news.client_order_id))
            if left != of.orders:
                self._set(of.venue, of.account, left)

    def knows(self, cancel: CancelOrder) -> bool:
        """Whether that order is one of these."""
        of = self._open.get(cancel.account)
        orders = () if of is None else of.orders
        return any(_is(order, cancel.venue_order_id, cancel.client_order_id) for order in orders)

    def none_of(self, account: AccountId) -> bool:
        """Whether the account's last list held no such order; False where there was no list yet."""
        return account in self._open and not self._open[account].orders

    def cancels(self, account: AccountId) -> list[CancelOrder]:
        """Of all of an account."""
        of = self._open.get(account)
        return [] if of is None else [order.cancel for order in of.orders]

    def _set(self, venue: VenueId, account: AccountId, orders: tuple[ExternalOrder, ...]) -> None:
        before = self._open.get(account)
        news = self._open[account] = ExternalOrders(venue, account, orders)
        if news != before and (orders or before is not None):
            self._publish(news)


def _order(report: OrderReport, instrument: InstrumentId, account: AccountId) -> ExternalOrder:
    return ExternalOrder(
        instrument=instrument,
        account=account,
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        side=report.side,
        price=report.price,
        quantity=report.quantity,
        remaining=max(ZERO, report.quantity - report.venue_filled),
    )


def _is(order: ExternalOrder, venue_order_id: str | None, client_order_id: str) -> bool:
    if venue_order_id:
        return order.venue_order_id == venue_order_id
    return bool(client_order_id) and order.client_order_id == client_order_id
