"""The shadow of an account: takes a venue's trading requests in place of its connector, and sends none of them.

What it answers is true: not one byte of an order left, so there is none, open or filled. Balances are the real
account's where there is a key to ask for them, else they are what was declared.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias, assert_never

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    FillsListed,
    OpenOrdersListed,
    OrderNotFound,
    SubmitRefused,
    UserStreamChanged,
    VenueExecution,
)
from integrated_trading_system.domain.ids import AccountId, Asset, ClientOrderId, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import (
    CancelOrder,
    CancelOrders,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TradingRequest,
)
from integrated_trading_system.runtime.actor import Actor, Ref

NOT_SENT: Final = "shadow: not sent"
"""Why no order of such a run was placed."""

Inbox: TypeAlias = TradingRequest


class Shadow(Actor[Inbox]):
    """One account on one venue, to which nothing is sent."""

    def __init__(
        self,
        venue: VenueId,
        account: AccountId,
        balances: Mapping[Asset, Decimal],
        executions: Ref[VenueExecution],
        real: Ref[QueryBalances] | None,
    ) -> None:
        """`real` answers for the balances where there is a key; without it they are `balances`."""
        self._venue = venue
        self._account = account
        self._balances = tuple(Balance(asset, amount, ZERO) for asset, amount in sorted(balances.items()))
        self._executions = executions
        self._real = real

    def start(self) -> None:
        """Nothing can happen that would not be known."""
        up = UserStreamChanged(venue=self._venue, account=self._account, up=True, received_at=self.context.now)
        self._executions.tell(up)

    def receive(self, message: Inbox) -> None:
        """Every request is answered at once."""
        now, tell = self.context.now, self._executions.tell
        match message:
            case SubmitOrder(request):
                tell(SubmitRefused(client_order_id=request.client_order_id, reason=NOT_SENT, received_at=now))
            case CancelOrder(client_order_id) | QueryOrder(client_order_id):
                self._unknown(client_order_id)
            case CancelOrders(orders=orders):
                for order in orders:
                    self._unknown(order.client_order_id)
            case QueryFills():
                self._no_fills(message)
            case QueryOpenOrders():
                self._no_orders()
            case QueryBalances():
                self._tell_balances(message)
            case _:
                assert_never(message)

    def _unknown(self, client_order_id: ClientOrderId) -> None:
        now = self.context.now
        self._executions.tell(OrderNotFound(client_order_id=client_order_id, asked_at=now, received_at=now))

    def _no_fills(self, query: QueryFills) -> None:
        now = self.context.now
        self._executions.tell(
            FillsListed(
                instrument=query.instrument,
                account=self._account,
                since=query.since,
                fills=(),
                asked_at=now,
                received_at=now,
            )
        )

    def _no_orders(self) -> None:
        now = self.context.now
        self._executions.tell(
            OpenOrdersListed(
                venue=self._venue, account=self._account, orders=(), instruments=(), asked_at=now, received_at=now
            )
        )

    def _tell_balances(self, query: QueryBalances) -> None:
        if self._real is not None:
            self._real.tell(query)
            return
        now = self.context.now
        self._executions.tell(
            BalancesReported(
                venue=self._venue,
                account=self._account,
                balances=self._balances,
                positions=(),
                complete=True,
                venue_time=now,
                received_at=now,
            )
        )
