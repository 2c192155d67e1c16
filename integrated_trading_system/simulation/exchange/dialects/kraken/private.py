"""Kraken's private channels: an account's executions, whose updates tell only what changed, and its balances."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import plain
from integrated_trading_system.domain.order import OrderType
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.kraken.guard import Guard
from integrated_trading_system.simulation.exchange.dialects.kraken.http import raw, stamp
from integrated_trading_system.simulation.exchange.dialects.kraken.links import Key, Links
from integrated_trading_system.simulation.exchange.dialects.kraken.rows import REASONS, Rows, name_of
from integrated_trading_system.simulation.exchange.events import AccountChanged, Change, OrderChanged
from integrated_trading_system.simulation.exchange.orders import EndReason, Execution, Order, OrderState

CHANNELS: Final = ("executions", "balances")
ENDS: Final = {Change.CANCELLED: "canceled", Change.EXPIRED: "canceled"}
"""Only an order until a date expires; an unfilled immediate one is cancelled."""


class Private:
    """The channels of all accounts. A key's symbol is the account's name."""

    def __init__(self, rows: Rows, guard: Guard, links: Links) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._guard = guard
        self._links = links
        self._sequences: dict[Key, int] = {}
        self._totals: dict[tuple[str, str], Decimal] = {}
        self._ledger = 0

    def key_of(self, channel: str, params: dict[str, Any], now: Nanos) -> Key | str:
        """Whose channel it is, by its token."""
        owner = self._guard.owner(params.get("token"), now)
        return "EAPI:Invalid token" if owner is None else (channel, owner, 0)

    def open(self, key: Key, now: Nanos, *, snapshot: bool) -> list[Any]:
        """Open orders; all balances."""
        channel, owner, _ = key
        account = self._exchange.bank.accounts[owner]
        if channel == "executions":
            rows = [self._whole(order, self._state(order), order.updated_at) for order in account.open.values()]
            return [self._message(key, "snapshot", rows)]
        return [self._message(key, "snapshot", [self._holding(account, asset) for asset in account.wallets])]

    # -- news -----------------------------------------------------------------------------------

    def on_order(self, event: OrderChanged) -> None:
        """One message for each step."""
        key = ("executions", event.order.account, 0)
        if key in self._links.listeners:
            for row in self._steps(event):
                self._links.publish(key, self._message(key, "update", [row]), event.time)

    def on_account(self, event: AccountChanged) -> None:
        """The ledger's entries: what is merely set aside for an order is none."""
        key = ("balances", event.account, 0)
        if key not in self._links.listeners:
            return
        rows = []
        for view in event.balances:
            before = self._totals.get((event.account, view.asset))
            if before != view.total:
                rows.append(self._entry(event, view.asset, view.total, before or Decimal(0)))
                self._totals[event.account, view.asset] = view.total
        if rows:
            self._links.publish(key, self._message(key, "update", rows), event.time)

    # -- inside ---------------------------------------------------------------------------------

    def _steps(self, event: OrderChanged) -> Iterator[dict[str, Any]]:
        order = event.order
        if event.change is Change.ACCEPTED:
            yield self._whole(order, "pending_new", event.time)
            yield self._head(order, "new", "new", event.time)
        elif event.change is Change.FILLED:
            assert event.execution is not None
            yield self._trade(order, event.execution)
            if order.state is OrderState.FILLED:
                yield self._head(order, "filled", "filled", event.time) | self._sums(order)
        else:
            end = ENDS[event.change]
            row = self._head(order, end, end, event.time) | self._sums(order)
            reason = {} if order.end_reason is EndReason.NONE else {"reason": REASONS[order.end_reason]}
            yield row | reason

    def _head(self, order: Order, kind: str, status: str, at: Nanos) -> dict[str, Any]:
        client = self._rows.client_id(order)
        return {
            "timestamp": stamp(self._rows.venue_time(at)),
            "order_status": status,
            "exec_type": kind,
            "order_id": name_of("O", order.order_id),
            **({"cl_ord_id": client} if client else {"order_userref": 0}),
        }

    def _whole(self, order: Order, status: str, at: Nanos) -> dict[str, Any]:
        """The first message of an order, or its line in a snapshot."""
        listing = self._exchange.symbols[order.symbol].listing
        market = order.order_type is OrderType.MARKET
        price = (
            {} if market else {"limit_price": raw(order.price, listing.price_decimals), "limit_price_type": "static"}
        )
        return (
            self._head(order, "pending_new" if status == "pending_new" else "new", status, at)
            | {
                "symbol": order.symbol,
                "side": order.side.value,
                "order_type": order.order_type.value,
                "order_qty": raw(order.quantity, listing.quantity_decimals),
                "time_in_force": order.time_in_force.upper(),
                "post_only": order.post_only,
                "reduce_only": False,
                "fee_ccy_pref": "fciq",
                **price,
            }
            | self._sums(order)
        )

    def _sums(self, order: Order) -> dict[str, Any]:
        listing = self._exchange.symbols[order.symbol].listing
        return {
            "cum_qty": raw(order.filled, listing.quantity_decimals),
            "cum_cost": raw(order.filled_value, 10),
            "avg_price": raw(order.average_price, listing.price_decimals),
        }

    def _trade(self, order: Order, fill: Execution) -> dict[str, Any]:
        """Always partially_filled, even where it completes the order: as the venue does."""
        listing = self._exchange.symbols[order.symbol].listing
        return (
            self._head(order, "trade", "partially_filled", fill.time)
            | {
                "exec_id": self._rows.exec_id(fill),
                "trade_id": fill.trade_id,
                "symbol": order.symbol,
                "side": order.side.value,
                "order_type": order.order_type.value,
                "last_qty": raw(fill.quantity, listing.quantity_decimals),
                "last_price": raw(fill.price, listing.price_decimals),
                "cost": raw(fill.price * fill.quantity, 10),
                "liquidity_ind": "m" if fill.maker else "t",
                "fees": [{"asset": fill.fee_asset, "qty": raw(fill.fee, 8)}],
            }
            | self._sums(order)
        )

    def _state(self, order: Order) -> str:
        return "partially_filled" if order.filled else "new"

    def _holding(self, account: Account, asset: str) -> dict[str, Any]:
        wallet = account.wallet(asset)
        total = wallet.free + wallet.locked
        self._totals[account.name, asset] = total
        balance = raw(total, 8)
        wallets = [{"type": "spot", "id": "main", "balance": balance}]
        return {"asset": asset, "asset_class": "currency", "balance": balance, "wallets": wallets}

    def _entry(self, event: AccountChanged, asset: str, total: Decimal, before: Decimal) -> dict[str, Any]:
        self._ledger += 1
        kind = "trade" if event.why.value == "order" else "deposit"
        return {
            "ledger_id": name_of("L", self._ledger),
            "ref_id": name_of("T", self._ledger),
            "timestamp": stamp(self._rows.venue_time(event.time)),
            "type": kind,
            "asset": asset,
            "asset_class": "currency",
            "category": kind,
            "wallet_type": "spot",
            "wallet_id": "main",
            "amount": raw(total - before, 8),
            "fee": plain(Decimal(0)),
            "balance": raw(total, 8),
        }

    def _message(self, key: Key, kind: str, rows: list[Any]) -> dict[str, Any]:
        """Numbered within its channel."""
        number = self._sequences[key] = self._sequences.get(key, 0) + 1
        return {"channel": key[0], "type": kind, "data": rows, "sequence": number}
