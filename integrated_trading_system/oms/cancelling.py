"""Cancelling: one order, those that somebody names, or whatever may be at the venues, again until none of it is.

What a venue has taken need not be said every second: where it answers few requests a minute, that would leave
nothing for the questions that tell what became of the orders. The pause doubles from round to round, and is short
again as soon as a cancel could not be sent, or the venue shows that an order is open.

A batch names our orders. A venue's own "cancel all" reaches everybody's, so it is used only where nothing of
anybody else is open on the account, as far as the account's last list of open orders tells, or where the
settings want other people's orders cancelled too.
"""

from collections.abc import Collection

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import CancelFailed, OpenOrdersListed, OrderAccepted, OrderReport
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.order import TERMINAL, CancelOrder, CancelOrders, OrderStatus
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.oms.answers import OrderNews
from integrated_trading_system.oms.desk import Desk, cancel_of
from integrated_trading_system.oms.external import External
from integrated_trading_system.oms.reconciliation import About
from integrated_trading_system.oms.state import State, Tracked
from integrated_trading_system.runtime.actor import Timer


class Cancelling:
    """Hands out cancels; what became of them, the venues tell."""

    def __init__(
        self,
        desk: Desk,
        state: State,
        external: External,
        settings: OmsSettings,
        accounts: Collection[AccountId],
    ) -> None:
        self._desk = desk
        self._state = state
        self._external = external
        self._settings = settings
        self._accounts = accounts
        self._pause_first = settings.cancel_retry_ms * MILLISECOND
        self._pause_max = max(settings.retry_max_ms * MILLISECOND, self._pause_first)
        self._pauses = dict.fromkeys(accounts, self._pause_first)
        self._timers: dict[AccountId, Timer] = {}
        """The next round of each account where one is to come."""

    def named(self, request: CancelOrder | CancelOrders) -> None:
        """Somebody wants these cancelled: orders of ours that may be at a venue, and known ones of others."""
        wanted = (request,) if isinstance(request, CancelOrder) else request.orders
        ours: dict[AccountId, list[CancelOrder]] = {}
        for cancel in wanted:
            tracked = self._state.open.get(cancel.client_order_id)
            if tracked is not None and self._may_be_there(tracked):
                ours.setdefault(tracked.order.request.account, []).append(cancel_of(tracked.order))
            elif tracked is None and self._external.knows(cancel):
                ours.setdefault(cancel.account, []).append(cancel)
        for account, cancels in ours.items():
            self._hand_out(account, cancels, everything=False)
            if any(self._external.knows(cancel) for cancel in cancels):
                self._desk.ask((About.OPEN_ORDERS, account))  # nothing else tells what became of them

    def everything(self) -> None:
        """Cancel whatever of ours may be at a venue, ask what is open there, and do so again until nothing is.

        It may be wanted anew while it is under way: then what was to be the next round is this one.
        """
        for account in self._accounts:
            self._pauses[account] = self._pause_first
            self._round(account)

    def again(self, account: AccountId) -> None:
        """The account's next round is due."""
        self._pauses[account] = min(2 * self._pauses[account], self._pause_max)
        self._round(account)

    def heard(self, news: OrderNews | OpenOrdersListed) -> None:
        """What shows that an order is open, or that its cancel was not sent, makes the next round come soon."""
        match news:
            case OpenOrdersListed(orders=reports):
                names = [report.client_order_id for report in reports]
            case OrderAccepted() | CancelFailed(maybe_sent=False):
                names = [news.client_order_id]
            case OrderReport(status=status) if status not in TERMINAL:
                names = [news.client_order_id]
            case _:
                return
        found = (self._state.open[name].order.request.account for name in names if name in self._state.open)
        for account in dict.fromkeys(found):
            if account in self._timers and self._pauses[account] > self._pause_first:
                self._pauses[account] = self._pause_first
                self._next_round(account)

    def _round(self, account: AccountId) -> None:
        ours = [tracked for tracked in self._state.open.values() if tracked.order.request.account == account]
        cancels = [cancel_of(tracked.order) for tracked in ours if self._may_be_there(tracked)]
        if self._settings.cancel_external:
            cancels += self._external.cancels(account)
        if cancels:
            self._hand_out(account, cancels, everything=True)
            self._desk.ask((About.OPEN_ORDERS, account))
        if ours or cancels:
            self._next_round(account)
        elif account in self._timers:
            self._timers.pop(account).cancel()

    def _next_round(self, account: AccountId) -> None:
        if account in self._timers:
            self._timers[account].cancel()
        self._timers[account] = self._desk.cancel_later(account, self._pauses[account])

    def strangers(self, account: AccountId) -> None:
        """The settings want other people's orders cancelled as soon as they are seen."""
        if self._settings.cancel_external and (cancels := self._external.cancels(account)):
            self._hand_out(account, cancels, everything=False)

    def _may_be_there(self, tracked: Tracked) -> bool:
        order = tracked.order
        return order.status is not OrderStatus.INTENDED and order.request.account in self._accounts

    def _hand_out(self, account: AccountId, cancels: list[CancelOrder], *, everything: bool) -> None:
        """One order by itself, several in one request: the connector makes as few calls of it as the venue allows."""
        if len(cancels) == 1:
            self._desk.tell(account, cancels[0])
            return
        alone = everything and (self._settings.cancel_external or self._external.none_of(account))
        self._desk.tell(account, CancelOrders(account, tuple(cancels), all_open=alone))
