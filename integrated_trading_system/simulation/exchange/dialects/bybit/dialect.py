"""Bybit v5, server side: REST, public streams and the private stream of one product (linear, or spot)."""

from typing import Final
from urllib.parse import parse_qsl

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.bybit.account import Accounts
from integrated_trading_system.simulation.exchange.dialects.bybit.feed import Feed
from integrated_trading_system.simulation.exchange.dialects.bybit.guard import Guard, Router
from integrated_trading_system.simulation.exchange.dialects.bybit.http import Limit, Route
from integrated_trading_system.simulation.exchange.dialects.bybit.private import IDLE_MAX, PrivateLinks, idle_time
from integrated_trading_system.simulation.exchange.dialects.bybit.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import OrderRows, Product
from integrated_trading_system.simulation.exchange.dialects.bybit.tickers import Tickers
from integrated_trading_system.simulation.exchange.dialects.bybit.trading import Trading
from integrated_trading_system.simulation.exchange.events import (
    AccountChanged,
    BookChanged,
    ExchangeEvent,
    OrderChanged,
    TradeHappened,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import Refusal
from integrated_trading_system.simulation.exchange.service import VenueService

LINEAR: Final = Product(
    category="linear",
    orders_per_second=10,
    refusals={
        Refusal.UNKNOWN_SYMBOL: (10001, "params error: symbol invalid"),
        Refusal.NOT_TRADING: (110074, "This contract is not live"),
        Refusal.PRICE_TICK: (110003, "Order price exceeds the allowable range."),
        Refusal.PRICE_BAND: (110003, "Order price exceeds the allowable range."),
        Refusal.QUANTITY_LOT: (10001, "Qty invalid"),
        Refusal.QUANTITY_MIN: (10001, "The number of contracts below minimum limit allowed"),
        Refusal.QUANTITY_MAX: (10001, "The number of contracts exceeds maximum limit allowed"),
        Refusal.NOTIONAL_MIN: (110094, "Order does not meet minimum order value 5USDT"),
        Refusal.DUPLICATE_CLIENT_ID: (110072, "OrderLinkedID is duplicate"),
        Refusal.INSUFFICIENT_MARGIN: (110007, "ab not enough for new order"),
        Refusal.REDUCE_ONLY: (110017, "current position is zero, cannot fix reduce-only order qty"),
        Refusal.TOO_MANY_ORDERS: (110020, "Not allowed to have more than 500 active orders"),
        Refusal.UNKNOWN_ORDER: (110001, "order not exists or too late to cancel"),
    },
)
SPOT: Final = Product(
    category="spot",
    orders_per_second=20,
    refusals={
        Refusal.UNKNOWN_SYMBOL: (170121, "Invalid symbol."),
        Refusal.NOT_TRADING: (170151, "This trading pair is not available."),
        Refusal.PRICE_TICK: (170134, "Order price has too many decimals."),
        Refusal.PRICE_BAND: (170133, "Order price is out of range."),
        Refusal.QUANTITY_LOT: (170137, "Order volume has too many decimals."),
        Refusal.QUANTITY_MIN: (170136, "Order quantity exceeded lower limit."),
        Refusal.QUANTITY_MAX: (170124, "Order amount too large."),
        Refusal.NOTIONAL_MIN: (170140, "Order value exceeded lower limit."),
        Refusal.DUPLICATE_CLIENT_ID: (170141, "Duplicate clientOrderId"),
        Refusal.INSUFFICIENT_BALANCE: (170131, "Insufficient balance."),
        Refusal.TOO_MANY_ORDERS: (170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."),
        Refusal.UNKNOWN_ORDER: (170213, "Order does not exist."),
    },
)


class Bybit(VenueService):
    """Speaks Bybit v5 for an exchange. `clock_offset`: its clock minus true time."""

    def __init__(self, product: Product, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset)
        self._product = product
        rows = OrderRows(exchange, product)
        tickers = Tickers(rows)
        queries = Queries(rows, tickers)
        accounts = Accounts(rows, queries)
        guard = Guard(exchange)
        self._feed = Feed(rows, tickers, self.call_at, self.send)
        self._private = PrivateLinks(rows, accounts, guard, self.send, self.call_at, self.close)
        trading = Trading(rows, queries)
        self._router = Router(guard, _market_routes(queries) | _signed_routes(product, trading, accounts))

    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return self._router.answer(request, now, self.venue_time(now))

    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        if path == f"/v5/public/{self._product.category}":
            self._feed.links.open(link)
            return True
        if path == "/v5/private":
            self._private.open(link, now, idle_time(dict(parse_qsl(query)).get("max_active_time", "")) or IDLE_MAX)
            return True
        return False

    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        if link in self._feed.links:
            self._feed.links.receive(link, frame, now)
        elif link in self._private:
            self._private.receive(link, frame, now)

    def forget(self, link: LinkId, now: Nanos) -> None:
        self._feed.links.close(link)
        self._private.close(link)

    def on_event(self, event: ExchangeEvent) -> None:
        match event:
            case TradeHappened():
                self._feed.on_trade(event)
            case BookChanged():
                self._feed.on_book(event)
            case OrderChanged():
                self._private.on_order(event)
            case AccountChanged():
                self._private.on_account(event)

    def flush(self) -> None:
        """An account is told everything of one instant together."""
        super().flush()
        self._private.tell()

    def restart_books(self, symbol: str, now: Nanos) -> None:
        """A fault: the venue's book service begins anew; its topics say so by a snapshot with `u` 1."""
        self._feed.restart_books(symbol, now)


class BybitLinear(Bybit):
    """USDT perpetuals."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(LINEAR, exchange, clock_offset)


class BybitSpot(Bybit):
    """Spot pairs."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(SPOT, exchange, clock_offset)


_Routes = dict[tuple[str, str], Route]


def _market_routes(queries: Queries) -> _Routes:
    rows = {
        "time": queries.time,
        "instruments-info": queries.instruments,
        "orderbook": queries.book,
        "recent-trade": queries.trades,
        "kline": queries.klines,
        "mark-price-kline": queries.mark_klines,
        "tickers": queries.tickers,
        "funding/history": queries.funding,
    }
    return {("GET", f"/v5/market/{path}"): Route(handle) for path, handle in rows.items()}


def _signed_routes(product: Product, trading: Trading, accounts: Accounts) -> _Routes:
    """A new order and a cancel each count on their own; so does every batch."""
    orders = product.orders_per_second
    posts = {
        "order/create": (trading.place, orders),
        "order/cancel": (trading.cancel, orders),
        "order/cancel-all": (trading.cancel_all, orders),
        "order/create-batch": (trading.place_batch, orders),
        "order/cancel-batch": (trading.cancel_batch, orders),
        "position/set-leverage": (accounts.leverage, 10),
    }
    gets = {
        "order/realtime": (trading.realtime, 50),
        "order/history": (trading.history, 50),
        "execution/list": (trading.executions, 50),
        "position/list": (accounts.positions, 50),
        "account/wallet-balance": (accounts.wallet, 50),
        "account/fee-rate": (accounts.fee_rates, 5),
        "account/info": (accounts.info, 50),
        "user/query-api": (accounts.key, 10),
    }
    return {
        **{("POST", f"/v5/{path}"): Route(handle, Limit(path, most)) for path, (handle, most) in posts.items()},
        **{("GET", f"/v5/{path}"): Route(handle, Limit(path, most)) for path, (handle, most) in gets.items()},
    }
