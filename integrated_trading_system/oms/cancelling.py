"""Cancelling: one order, those that somebody names, or whatever may be at the venues, again until none of it is.

A batch names our orders. A venue's own "cancel all" reaches everybody's, so it is used only where nothing of
anybody else is open on the account, as far as the account's last list of open orders tells, or where the
settings want other people's orders cancelled too.
"""

from collections.abc import Collection

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.order import CancelOrder, CancelOrders, OrderStatus
from integrated_trading_system.oms.desk import Desk, cancel_of
from integrated_trading_system.oms.external import External
from integrated_trading_system.oms.reconciliation import About
from integrated_trading_system.oms.state import State, Tracked


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
        """Cancel whatever of ours may be at a venue, ask what is open there, and do so again until nothing is."""
        ours: dict[AccountId, list[CancelOrder]] = {account: [] for account in self._accounts}
        for tracked in self._state.open.values():
            if self._may_be_there(tracked):
                ours[tracked.order.request.account].append(cancel_of(tracked.order))
        if self._settings.cancel_external:
            for account in self._accounts:
                ours[account] += self._external.cancels(account)
        for account, cancels in ours.items():
            if cancels:
                self._hand_out(account, cancels, everything=True)
                self._desk.ask((About.OPEN_ORDERS, account))
        if self._state.open or any(ours.values()):
            self._desk.cancel_later()

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
