"""OKX's private stream: logon, and an account's orders and balances.

Each change of an order is one message of ``orders``, a fill with the order as it was just after; the
balances of one instant follow. Orders begin with no snapshot, the account with one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.okx.account import Accounts
from integrated_trading_system.simulation.exchange.dialects.okx.channels import Frame, Replies
from integrated_trading_system.simulation.exchange.dialects.okx.guard import Guard, is_signed
from integrated_trading_system.simulation.exchange.dialects.okx.http import Failure
from integrated_trading_system.simulation.exchange.dialects.okx.rows import OrderRows
from integrated_trading_system.simulation.exchange.events import AccountChanged, OrderChanged

LOGON_SECONDS_MAX: Final = 30
"""How far the time of a logon may be from the venue's clock."""


class PrivateLink:
    """One client."""

    __slots__ = ("account", "arguments")

    def __init__(self) -> None:
        self.account = ""
        """Empty before the logon."""
        self.arguments: dict[str, dict[str, Any]] = {}
        """By channel."""


class PrivateLinks:
    """All clients of the private stream."""

    def __init__(
        self, rows: OrderRows, accounts: Accounts, guard: Guard, replies: Replies, send: Callable[[LinkId, bytes], None]
    ) -> None:
        self._rows = rows
        self._accounts = accounts
        self._guard = guard
        self._replies = replies
        self._send = send
        self._links: dict[LinkId, PrivateLink] = {}
        self._coins: dict[str, dict[str, None]] = {}

    def __contains__(self, link: LinkId) -> bool:
        """Whether the link is one of ours."""
        return link in self._links

    # -- links ----------------------------------------------------------------------------------

    def open(self, link: LinkId, now: Nanos) -> None:
        """A client connects."""
        self._links[link] = PrivateLink()
        self._replies.watch(link, now)

    def close(self, link: LinkId) -> None:
        """The client is gone."""
        self._replies.forget(link)
        self._links.pop(link, None)

    def receive(self, link: LinkId, data: bytes, now: Nanos) -> None:
        """A control frame. Orders are not taken here: they go by REST."""
        self._replies.heard(link, now)
        if data == b"ping":
            self._replies.pong(link)
            return
        frame, state = Frame(data), self._links[link]
        match frame.op:
            case "login" if frame.args:
                self._log_on(link, state, frame, now)
            case "subscribe" | "unsubscribe" if frame.args:
                for argument in frame.args:
                    self._change(link, state, frame, argument)
            case _:
                self._replies.error(link, frame, "60012", f"Invalid request: {frame.text}")

    def _log_on(self, link: LinkId, state: PrivateLink, frame: Frame, now: Nanos) -> None:
        try:
            state.account = self._identify(frame.args[0], now).name
        except Failure as failure:
            self._replies.error(link, frame, failure.code, failure.text)
        else:
            self._replies.event(link, frame, "login", code="0", msg="")

    def _identify(self, argument: dict[str, Any], now: Nanos) -> Account:
        """The signature is that of ``GET/users/self/verify`` after the time in seconds."""
        key, passphrase, timestamp, sign = (
            str(argument.get(name, "")) for name in ("apiKey", "passphrase", "timestamp", "sign")
        )
        try:
            account = self._guard.identify(key, passphrase)
        except Failure as failure:
            code = "60005" if failure.code == "50111" else "60024"
            raise Failure(code, "Invalid apiKey" if code == "60005" else "Wrong passphrase") from None
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            raise Failure("60004", "Invalid timestamp")
        if abs(int(timestamp) - self._rows.millis(now) // 1000) > LOGON_SECONDS_MAX:
            raise Failure("60006", "Timestamp request expired")
        if not is_signed(account.secret, f"{timestamp}GET/users/self/verify".encode(), sign):
            raise Failure("60007", "Invalid sign")
        return account

    def _change(self, link: LinkId, state: PrivateLink, frame: Frame, argument: dict[str, Any]) -> None:
        channel = str(argument.get("channel", ""))
        if not state.account:
            self._replies.error(link, frame, "60011", "Please log in")
        elif not self._is_offered(channel, argument):
            text = f"Wrong URL or channel:{channel} doesn't exist. Please use the correct URL, channel"
            self._replies.error(link, frame, "60018", text)
        elif frame.op == "unsubscribe":
            state.arguments.pop(channel, None)
            self._replies.event(link, frame, "unsubscribe", arg=argument)
        else:
            state.arguments[channel] = argument
            self._replies.event(link, frame, "subscribe", arg=argument)
            if channel == "account":
                account = self._rows.exchange.bank.accounts[state.account]
                self._tell(link, argument, self._accounts.row(account, list(account.wallets)))

    def _is_offered(self, channel: str, argument: dict[str, Any]) -> bool:
        ours = argument.get("instType") in ("ANY", self._rows.product.name)
        return channel == "account" or (channel == "orders" and ours)

    # -- news -----------------------------------------------------------------------------------

    def on_order(self, event: OrderChanged) -> None:
        """An order changed."""
        row = self._rows.order(event.order, event.execution)
        self._publish(event.order.account, "orders", lambda: row)
        if not self._rows.product.spot:
            settle = self._rows.state(event.order.symbol).listing.settle
            self._coins.setdefault(event.order.account, {})[settle] = None

    def on_account(self, event: AccountChanged) -> None:
        """Balances or positions changed."""
        coins = self._coins.setdefault(event.account, {})
        coins.update(dict.fromkeys(view.asset for view in event.balances))

    def tell(self) -> None:
        """Tell the balances that changed since the last call."""
        every, self._coins = self._coins, {}
        for name, coins in every.items():
            account = self._rows.exchange.bank.accounts[name]
            if coins:
                self._publish(name, "account", partial(self._accounts.row, account, list(coins)))

    def _publish(self, account: str, channel: str, write: Callable[[], Any]) -> None:
        for link, state in self._links.items():
            if state.account == account and channel in state.arguments:
                self._tell(link, state.arguments[channel], write())

    def _tell(self, link: LinkId, argument: dict[str, Any], row: Any) -> None:
        self._send(link, msgspec.json.encode({"arg": {**argument, "uid": "1"}, "data": [row]}))
