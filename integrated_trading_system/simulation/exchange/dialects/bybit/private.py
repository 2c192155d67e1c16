"""Bybit's private stream: logon, and an account's orders, executions, positions and wallet.

What happens in one instant is told in this order: orders that are new, their executions, how orders
stand then, positions, the wallet. There is no snapshot: clients ask by REST what was before.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.bybit.account import Accounts
from integrated_trading_system.simulation.exchange.dialects.bybit.books import CallAt
from integrated_trading_system.simulation.exchange.dialects.bybit.guard import Guard, is_signed
from integrated_trading_system.simulation.exchange.dialects.bybit.http import Failure
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import OrderRows
from integrated_trading_system.simulation.exchange.dialects.bybit.topics import Frame, connection_id
from integrated_trading_system.simulation.exchange.events import AccountChanged, Change, OrderChanged

CATEGORISED: Final = ("order", "execution", "execution.fast", "position")
TOPICS: Final = (*CATEGORISED, "wallet", "greeks", "dcp")
IDLE_MAX: Final = Nanos(10 * MINUTE)
"""Without a frame from the client for this long, the connection is cut; ``max_active_time`` changes it."""


class PrivateLink:
    """One client."""

    __slots__ = ("account", "heard_at", "idle_max", "topics")

    def __init__(self, now: Nanos, idle_max: Nanos) -> None:
        self.account = ""
        """Empty before the logon."""
        self.topics: dict[str, None] = {}
        self.heard_at = now
        self.idle_max = idle_max


class News:
    """What happened to one account in one instant."""

    def __init__(self) -> None:
        self.accepted: list[OrderChanged] = []
        self.fills: list[OrderChanged] = []
        self.latest: dict[int, OrderChanged] = {}
        self.symbols: dict[str, None] = {}
        self.coins: dict[str, None] = {}


class PrivateLinks:
    """All clients of the private stream."""

    def __init__(
        self,
        rows: OrderRows,
        accounts: Accounts,
        guard: Guard,
        send: Callable[[LinkId, bytes], None],
        call_at: CallAt,
        cut: Callable[[LinkId, Nanos], None],
    ) -> None:
        self._rows = rows
        self._accounts = accounts
        self._guard = guard
        self._send = send
        self._call_at = call_at
        self._cut = cut
        self._links: dict[LinkId, PrivateLink] = {}
        self._news: dict[str, News] = {}
        self._told = 0

    def __contains__(self, link: LinkId) -> bool:
        """Whether the link is one of ours."""
        return link in self._links

    # -- links ----------------------------------------------------------------------------------

    def open(self, link: LinkId, now: Nanos, idle_max: Nanos = IDLE_MAX) -> None:
        """A client connects."""
        self._links[link] = PrivateLink(now, idle_max)
        self._call_at(Nanos(now + idle_max), lambda due: self._watch(link, due))

    def close(self, link: LinkId) -> None:
        """The client is gone."""
        self._links.pop(link, None)

    def receive(self, link: LinkId, data: bytes, now: Nanos) -> None:
        """A control frame."""
        frame, state = Frame(data), self._links[link]
        state.heard_at = now
        match frame.op:
            case "ping":
                args = [str(self._rows.millis(now))]
                body = {"req_id": frame.request, "op": "pong", "args": args, "conn_id": connection_id(link)}
                self._send(link, msgspec.json.encode(body))
            case "auth":
                self._log_on(link, state, frame, now)
            case "subscribe" | "unsubscribe":
                self._change(link, state, frame)
            case _:
                self._reply(link, frame, "error:invalid op")

    def _log_on(self, link: LinkId, state: PrivateLink, frame: Frame, now: Nanos) -> None:
        """`args`: key, when the logon expires (ms), and the signature of ``GET/realtime<expires>``."""
        try:
            state.account = self._identify(frame.args, now).name
        except Failure as failure:
            self._reply(link, frame, failure.text)
        else:
            self._reply(link, frame, "", ok=True)

    def _identify(self, args: list[Any], now: Nanos) -> Account:
        if len(args) != 3 or not isinstance(args[0], str) or not isinstance(args[2], str):
            raise Failure(10001, "Params Error")
        key, expires, sign = args
        if not str(expires).isascii() or not str(expires).isdigit():
            raise Failure(10001, "Params Error")
        account = self._guard.identify(key)
        if int(expires) <= self._rows.millis(now):
            raise Failure(10004, "Params Expired")
        if not is_signed(account.secret, f"GET/realtime{expires}".encode(), sign):
            raise Failure(10004, "Params Sign Error")
        return account

    def _change(self, link: LinkId, state: PrivateLink, frame: Frame) -> None:
        names = frame.topics
        if not state.account:
            self._reply(link, frame, "Request not authorized")
        elif names is None or not all(self._is_topic(name) for name in names):
            self._reply(link, frame, f"error:handler not found,topic:{next(iter(frame.args), '')}")
        else:
            for name in names:
                if frame.op == "subscribe":
                    state.topics[name] = None
                else:
                    state.topics.pop(name, None)
            self._reply(link, frame, "", ok=True)

    def _is_topic(self, name: str) -> bool:
        head, _, category = name.rpartition(".")
        return name in TOPICS or (head in CATEGORISED and category in ("spot", "linear", "inverse", "option"))

    def _reply(self, link: LinkId, frame: Frame, text: str, *, ok: bool = False) -> None:
        op = frame.op if isinstance(frame.op, str) else ""
        body = {"success": ok, "ret_msg": text, "op": op, "conn_id": connection_id(link)}
        if frame.request:
            body["req_id"] = frame.request
        self._send(link, msgspec.json.encode(body))

    def _watch(self, link: LinkId, due: Nanos) -> None:
        state = self._links.get(link)
        if state is None:
            return
        if due - state.heard_at >= state.idle_max:
            self._cut(link, due)
        else:
            self._call_at(Nanos(state.heard_at + state.idle_max), lambda at: self._watch(link, at))

    # -- news -----------------------------------------------------------------------------------

    def on_order(self, event: OrderChanged) -> None:
        """Linear tells the position and the margin with every change of an order."""
        news = self._news_of(event.order.account)
        if event.change is Change.ACCEPTED:
            news.accepted.append(event)
        else:
            news.latest[event.order.order_id] = event
        if event.execution is not None:
            news.fills.append(event)
        if not self._rows.product.spot:
            symbol = event.order.symbol
            news.symbols[symbol] = None
            news.coins.update(dict.fromkeys(self._accounts.settle_coins([symbol])))

    def on_account(self, event: AccountChanged) -> None:
        """Balances or positions changed."""
        news = self._news_of(event.account)
        news.coins.update(dict.fromkeys(view.asset for view in event.balances))
        news.symbols.update(dict.fromkeys(view.symbol for view in event.positions))

    def tell(self) -> None:
        """Tell what happened since the last call."""
        if not self._news:
            return
        every, self._news = self._news, {}
        exchange = self._rows.exchange
        for name, news in every.items():
            if not any(link.account == name for link in self._links.values()):
                continue
            account = exchange.bank.accounts[name]
            fills = [event.execution for event in news.fills if event.execution is not None]
            self._publish(name, "order", [self._rows.order(event.order) for event in news.accepted])
            self._publish(name, "execution", [self._rows.execution(account, fill) for fill in fills])
            self._publish(name, "execution.fast", [self._fast(event) for event in news.fills])
            self._publish(name, "order", [self._rows.order(event.order) for event in news.latest.values()])
            views = [exchange.position(account, symbol) for symbol in news.symbols]
            self._publish(name, "position", [self._accounts.position_row(view) for view in views])
            if news.coins:
                self._publish(name, "wallet", [self._accounts.wallet_row(account, news.coins)])

    def _publish(self, account: str, topic: str, rows: list[Any]) -> None:
        if not rows:
            return
        self._told += 1
        at = self._rows.millis(self._rows.exchange.now)
        for link, state in self._links.items():
            if state.account != account:
                continue
            for name in (topic, f"{topic}.{self._rows.product.category}"):
                if name in state.topics:
                    body = {"topic": name, "id": f"{account}-{self._told}", "creationTime": at, "data": rows}
                    self._send(link, msgspec.json.encode(body))

    def _fast(self, event: OrderChanged) -> dict[str, Any]:
        """The same fill, shorter; "orderLinkId is empty for maker fills"."""
        assert event.execution is not None
        row = self._rows.execution(self._rows.exchange.bank.accounts[event.order.account], event.execution)
        names = ("category", "symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "side", "execTime")
        link_id = "" if event.execution.maker else row["orderLinkId"]
        return {**{name: row[name] for name in names}, "orderLinkId": link_id, "seq": row["seq"]}

    def _news_of(self, account: str) -> News:
        news = self._news.get(account)
        if news is None:
            news = self._news[account] = News()
        return news


def idle_time(text: str) -> Nanos | None:
    """``max_active_time``: "30s" to "600s"; None for anything else."""
    seconds = text.removesuffix("s").removesuffix("m")
    if not seconds.isascii() or not seconds.isdigit():
        return None
    length = int(seconds) * (MINUTE if text.endswith("m") else SECOND)
    return Nanos(length) if 30 * SECOND <= length <= IDLE_MAX else None
