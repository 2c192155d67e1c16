"""Signed requests of Kraken: orders, fills, balances. No margin, no conditional orders, no amending."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import MICROSECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.countdown import Countdown
from integrated_trading_system.simulation.exchange.dialects.kraken.guard import TOKEN_LIFE, Guard
from integrated_trading_system.simulation.exchange.dialects.kraken.http import (
    Call,
    Failure,
    fixed,
    invalid,
    seconds,
    stamp,
)
from integrated_trading_system.simulation.exchange.dialects.kraken.rows import (
    Rows,
    describe,
    name_of,
    number_of,
    old_asset,
    pair_key,
    time_in_force,
)
from integrated_trading_system.simulation.exchange.orders import Execution, NewOrder, Order, Refusal

ORDERS_PER_PAGE: Final = 50
TRADES_PER_PAGE: Final = 50
TIMEOUT_MAX: Final = 86_400
"""Seconds of a countdown."""
DEADLINE: Final = (2 * SECOND, 60 * SECOND)
""" "min now() + 2 seconds, max now() + 60 seconds"."""
CLOCKS_DIFFER: Final = 5 * SECOND
"""A request is some time on its way, and its clock is not ours."""
CLIENT_ID: Final = re.compile(
    r"[!-~]{1,18}|[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII
)
"""Free text of 18 characters at most, or a UUID with or without its dashes."""

REFUSALS: Final = {
    Refusal.UNKNOWN_SYMBOL: "EQuery:Unknown asset pair",
    Refusal.NOT_TRADING: "EService:Market in cancel_only mode",
    Refusal.PRICE_TICK: "EOrder:Invalid price",
    Refusal.PRICE_BAND: "EOrder:Invalid price",
    Refusal.QUANTITY_LOT: "EGeneral:Invalid arguments:volume",
    Refusal.QUANTITY_MIN: "EGeneral:Invalid arguments:volume minimum not met",
    Refusal.QUANTITY_MAX: "EGeneral:Invalid arguments:volume",
    Refusal.NOTIONAL_MIN: "EOrder:Cost minimum not met",
    Refusal.DUPLICATE_CLIENT_ID: "EOrder:Duplicate cl_ord_id",
    Refusal.INSUFFICIENT_BALANCE: "EOrder:Insufficient funds",
    Refusal.TOO_MANY_ORDERS: "EOrder:Orders limit exceeded",
    Refusal.UNKNOWN_ORDER: "EOrder:Unknown order",
}


class Trading:
    """Handlers of signed requests."""

    def __init__(self, rows: Rows, guard: Guard, countdown: Countdown) -> None:
        self._countdown = countdown
        self._rows = rows
        self._exchange = rows.exchange
        self._guard = guard

    def routes(self) -> dict[str, tuple[Callable[[Call], Any], int]]:
        """By endpoint, with what it costs of the key's counter: orders and cancels nothing, history twice."""
        return {
            "AddOrder": (self.place, 0),
            "CancelOrder": (self.cancel, 0),
            "CancelAll": (self.cancel_all, 1),
            "CancelAllOrdersAfter": (self.cancel_all_after, 1),
            "OpenOrders": (self.open_orders, 1),
            "ClosedOrders": (self.closed_orders, 1),
            "QueryOrders": (self.query, 1),
            "TradesHistory": (self.trades, 2),
            "Balance": (self.balance, 1),
            "BalanceEx": (self.extended_balance, 1),
            "GetWebSocketsToken": (self.token, 1),
            "GetApiKeyInfo": (self.key, 1),
        }

    def key(self, call: Call) -> Any:
        """``GetApiKeyInfo``: what the key may do, and the account by its IIBAN, in groups of four."""
        account = call.customer
        iban = f"AA00{account.number:012d}"
        may = ["query-funds", "query-open-trades", "query-closed-trades", "modify-trades", "close-trades"]
        return {
            "apiKeyName": account.name,
            "apiKey": account.api_key,
            "nonceWindow": 0,
            "permissions": [*may, "withdraw-funds"] if account.may_withdraw else may,
            "iban": " ".join(iban[start : start + 4] for start in range(0, len(iban), 4)),
            "validUntil": "0",
            "ipAllowlist": [],
        }

    # -- orders ---------------------------------------------------------------------------------

    def place(self, call: Call) -> Any:
        """``AddOrder``: taken, or merely looked at with ``validate``."""
        self._check_deadline(call)
        request = self._parse(call)
        listing = self._exchange.symbols[request.symbol].listing
        if call.optional("validate") == "true":
            return {"descr": {"order": f"{request.side.value} {plain(request.quantity)} {listing.symbol}"}}
        order = self._exchange.place(call.customer, request, call.now)
        if isinstance(order, Refusal):
            raise Failure(REFUSALS[order])
        return {"descr": {"order": describe(order, listing)}, "txid": [name_of("O", order.order_id)]}

    def cancel(self, call: Call) -> Any:
        """``CancelOrder``: by ``txid`` or ``cl_ord_id``, of an open order."""
        txid, client = call.optional("txid"), call.optional("cl_ord_id")
        if bool(txid) == bool(client):
            raise invalid("txid" if not txid else "cl_ord_id")
        orders = self._exchange.open_orders(call.customer)
        wanted = [order for order in orders if self._is(order, txid, client)]
        if not wanted:
            raise Failure(REFUSALS[Refusal.UNKNOWN_ORDER])
        for order in wanted:
            self._exchange.cancel(call.customer, order.order_id, call.now)
        return {"count": len(wanted)}

    def cancel_all(self, call: Call) -> Any:
        return {"count": len(self._exchange.cancel_all(call.customer, call.now))}

    def cancel_all_after(self, call: Call) -> Any:
        """``CancelAllOrdersAfter``: "cancel all client orders when the timer expires"; 0 disables it."""
        call.text("timeout")
        wait = call.integer("timeout", 0)
        if wait > TIMEOUT_MAX:
            raise invalid("timeout")
        self._countdown.begin(call.customer, Nanos(wait * SECOND), call.now)
        trigger = _moment(Nanos(call.venue_now + wait * SECOND)) if wait else "0"
        return {"currentTime": _moment(call.venue_now), "triggerTime": trigger}

    def open_orders(self, call: Call) -> Any:
        """All of them, or those of a ``cl_ord_id``; newest first."""
        orders = self._exchange.open_orders(call.customer)
        return {"open": self._page(self._of_client(call, orders), 0, len(orders))}

    def closed_orders(self, call: Call) -> Any:
        """A page of those of a ``cl_ord_id``, or of all; newest first."""
        orders = self._of_client(call, list(call.customer.closed.values()))
        return {"closed": self._page(orders, call.integer("ofs", 0), ORDERS_PER_PAGE), "count": len(orders)}

    def query(self, call: Call) -> Any:
        """``QueryOrders``: by ``txid``, up to 50."""
        names = call.text("txid").split(",")
        found = [self._exchange.order(call.customer, number_of(name)) for name in names[:ORDERS_PER_PAGE]]
        if None in found:
            raise Failure(REFUSALS[Refusal.UNKNOWN_ORDER])
        return {name: self._rows.order(order) for name, order in zip(names, found, strict=False) if order is not None}

    # -- fills and balances ---------------------------------------------------------------------

    def trades(self, call: Call) -> Any:
        """``TradesHistory``: newest first; ``start`` is exclusive, ``end`` inclusive, each a time or a trade's name."""
        account = call.customer
        fills = list(account.executions.values())
        names = [self._rows.exec_id(fill) for fill in fills]
        first = _place(call.optional("start"), names, [self._rows.venue_time(fill.time) for fill in fills], after=True)
        last = _place(call.optional("end"), names, [self._rows.venue_time(fill.time) for fill in fills], after=False)
        chosen = [(name, fill) for name, fill in zip(names, fills, strict=True)][first:last]
        chosen.reverse()
        skipped = call.integer("ofs", 0)
        page = chosen[skipped : skipped + TRADES_PER_PAGE]
        return {"trades": {name: self._fill(account, fill) for name, fill in page}, "count": len(chosen)}

    def balance(self, call: Call) -> Any:
        """Totals."""
        return {old_asset(name): fixed(one.free + one.locked, 10) for name, one in call.customer.wallets.items()}

    def extended_balance(self, call: Call) -> Any:
        """Totals, and what orders hold of them."""
        return {
            old_asset(name): {"balance": fixed(one.free + one.locked, 10), "hold_trade": fixed(one.locked, 10)}
            for name, one in call.customer.wallets.items()
        }

    def token(self, call: Call) -> Any:
        """For the private channels."""
        return {"token": self._guard.issue(call.customer, call.now), "expires": TOKEN_LIFE // SECOND}

    # -- inside ---------------------------------------------------------------------------------

    def _parse(self, call: Call) -> NewOrder:
        state = self._rows.state(call.text("pair"))
        if state is None:
            raise Failure(REFUSALS[Refusal.UNKNOWN_SYMBOL])
        side, kind, client = call.text("type"), call.text("ordertype"), call.optional("cl_ord_id")
        if side not in ("buy", "sell"):
            raise invalid("type")
        if kind not in ("limit", "market"):
            raise invalid("ordertype")
        if client and (CLIENT_ID.fullmatch(client) is None or call.optional("userref")):
            raise invalid("cl_ord_id")
        flags = [flag for flag in call.optional("oflags").split(",") if flag]
        if set(flags) - {"post", "fciq", "fcib", "nompp"}:
            raise invalid("oflags")
        market = kind == "market"
        in_force = TimeInForce.GTC if market else time_in_force(call.optional("timeinforce", "GTC"))
        if in_force is None or ("post" in flags and (market or in_force is not TimeInForce.GTC)):
            raise invalid("timeinforce")
        return NewOrder(
            symbol=state.listing.symbol,
            side=Side(side),
            order_type=OrderType(kind),
            quantity=call.decimal("volume"),
            price=ZERO if market else call.decimal("price"),
            time_in_force=in_force,
            client_id=client,
            post_only="post" in flags,
        )

    def _check_deadline(self, call: Call) -> None:
        """The time "after which the matching engine should reject the request"."""
        text = call.optional("deadline")
        if not text:
            return
        try:
            at = Nanos(round(datetime.fromisoformat(text).timestamp() * 1_000_000) * MICROSECOND)
        except (ValueError, OverflowError):
            raise invalid("deadline") from None
        if at > call.venue_now + DEADLINE[1] + CLOCKS_DIFFER:
            raise invalid("deadline")
        if at < call.venue_now:
            raise Failure("EService:Deadline elapsed")

    def _is(self, order: Order, txid: str, client: str) -> bool:
        return name_of("O", order.order_id) == txid if txid else self._rows.client_id(order) == client

    def _of_client(self, call: Call, orders: list[Order]) -> list[Order]:
        client = call.optional("cl_ord_id")
        return [order for order in orders if not client or self._rows.client_id(order) == client]

    def _page(self, orders: list[Order], skipped: int, most: int) -> dict[str, Any]:
        newest = sorted(orders, key=lambda order: -order.order_id)[skipped : skipped + most]
        return {name_of("O", order.order_id): self._rows.order(order) for order in newest}

    def _fill(self, account: Account, fill: Execution) -> dict[str, Any]:
        listing = self._exchange.symbols[fill.symbol].listing
        order = self._exchange.order(account, fill.order_id)
        kind = "limit" if order is None else order.order_type.value
        return {
            "ordertxid": name_of("O", fill.order_id),
            "postxid": "",
            "pair": pair_key(listing),
            "aclass": "forex",
            "time": seconds(self._rows.venue_time(fill.time)),
            "type": fill.side.value,
            "ordertype": kind,
            "price": fixed(fill.price, listing.price_decimals),
            "cost": plain(fill.price * fill.quantity),
            "fee": plain(fill.fee),
            "vol": fixed(fill.quantity, listing.quantity_decimals),
            "margin": "0.00000",
            "leverage": "0",
            "misc": "",
            "trade_id": fill.trade_id,
            "maker": fill.maker,
        }


def _moment(time: Nanos) -> str:
    """RFC 3339, in whole seconds."""
    return f"{stamp(time)[:19]}Z"


def _place(text: str, names: list[str], times: list[Nanos], *, after: bool) -> int | None:
    """Where a boundary falls among fills, oldest first: behind `start`, which is exclusive, and behind `end`."""
    if not text:
        return None
    if text in names:
        return names.index(text) + 1
    whole, _, fraction = text.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction or "x").isdigit() or len(text) > 30:
        raise invalid("start" if after else "end")
    at = int(whole or "0") * SECOND + int(fraction[:9].ljust(9, "0"))
    return sum(time <= at for time in times)
