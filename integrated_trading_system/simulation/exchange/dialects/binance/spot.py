"""Binance spot, server side: REST ``/api/v3``, market streams ``/ws`` and ``/stream``, WebSocket API ``/ws-api/v3``.

Written from the venue's documentation. Left out on purpose, and refused as the venue refuses what a
symbol does not offer: conditional and iceberg orders, order lists, cancel-replace, amendments, SOR.
"""

from typing import Any, Final

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import DAY, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.binance.guard import Guard, Router
from integrated_trading_system.simulation.exchange.dialects.binance.http import Route, Security
from integrated_trading_system.simulation.exchange.dialects.binance.restrictions import Restrictions
from integrated_trading_system.simulation.exchange.dialects.binance.spot_api import PATH, SpotApi
from integrated_trading_system.simulation.exchange.dialects.binance.spot_feed import SpotFeed, SpotQueries
from integrated_trading_system.simulation.exchange.dialects.binance.spot_rows import SpotRows
from integrated_trading_system.simulation.exchange.dialects.binance.spot_trading import SpotTrading
from integrated_trading_system.simulation.exchange.dialects.binance.streams import Streams
from integrated_trading_system.simulation.exchange.events import (
    AccountChanged,
    BookChanged,
    Change,
    ExchangeEvent,
    OrderChanged,
    TradeHappened,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.limits import FixedWindow
from integrated_trading_system.simulation.exchange.service import VenueService

ORDERS_MAX: Final = ((100, Nanos(10 * SECOND)), (200_000, DAY))
"""Per account."""
MESSAGES_PER_SECOND: Final = 5
"""From a client of the market streams; more cut it off."""


class BinanceSpot(VenueService):
    """Speaks Binance spot for an exchange. `clock_offset`: its clock minus true time."""

    weight_max = 6000
    """Per minute and address."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset)
        self._guard = Guard(
            exchange, self.weight_max, tuple(FixedWindow(limit, length) for limit, length in ORDERS_MAX)
        )
        self._streams = Streams(self.send, self._start, MESSAGES_PER_SECOND)
        self._feed = SpotFeed(exchange, self._streams, self)
        self._queries = SpotQueries(exchange, self._feed, self._guard)
        self._trading = SpotTrading(exchange, self._queries, self._guard, self._feed.millis)
        self._rows = SpotRows(self._feed.millis)
        routes, methods = self.routes(self._queries, self._trading)
        about = Restrictions(exchange, self._feed.millis).routes(user=False)
        self._router = Router(self._guard, routes | about)
        self._api = SpotApi(self._guard, methods, self.send, self.venue_time)

    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return self._router.answer(request, now, self.venue_time(now))

    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        if path.rstrip("/") == PATH:
            accepted = self._api.open(link, query, now)
        else:
            accepted = self._streams.open(link, path, query)
        if accepted:
            self.call_at(Nanos(now + DAY), lambda due: self._cut(link, due))
        return accepted

    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        if link in self._api:
            self._api.receive(link, frame, now)
        elif link in self._streams and not self._streams.receive(link, frame, now):
            self.close(link, now)

    def forget(self, link: LinkId, now: Nanos) -> None:
        self._streams.close(link)
        self._api.close(link)

    def on_event(self, event: ExchangeEvent) -> None:
        match event:
            case TradeHappened():
                self._feed.on_trade(event)
            case BookChanged():
                self._feed.on_book(event)
            case OrderChanged():
                account = self.exchange.bank.accounts[event.order.account]
                if event.change is Change.FILLED and len(event.order.executions) == 1:
                    self._guard.forgive_order(account, event.time)
                self.tell(account.name, self._rows.execution_report(event))
            case AccountChanged():
                self.tell(event.account, self._rows.position_event(event))

    def routes(
        self, market: SpotQueries, trading: SpotTrading
    ) -> tuple[dict[tuple[str, str], Route], dict[str, Route]]:
        """REST by method and path, and the WebSocket API by method name: the same requests."""
        return _routes(market, trading)

    def tell(self, account: str, event: dict[str, Any]) -> None:
        """An event of the account's stream."""
        self._api.tell(account, event)

    def _start(self, name: str) -> None:
        self._feed.start(name)

    def _cut(self, link: LinkId, now: Nanos) -> None:
        """The venue's rule: "a single connection is only valid for 24 hours"."""
        if link in self._streams or link in self._api:
            self.close(link, now)


def _routes(market: SpotQueries, trading: SpotTrading) -> tuple[dict[tuple[str, str], Route], dict[str, Route]]:
    signed = Security.SIGNED
    order = Route(trading.place, 1, signed, free_when_done=True, is_order=True)
    test = Route(trading.test, 1, signed)
    query = Route(trading.query, 4, signed)
    cancel = Route(trading.cancel, 1, signed, free_when_done=True)
    cancel_all = Route(trading.cancel_all, 1, signed, free_when_done=True)
    open_orders = Route(trading.open_orders, lambda params: 6 if params.get("symbol") else 80, signed)
    orders = Route(trading.all_orders, 20, signed)
    fills = Route(trading.my_trades, lambda params: 5 if params.get("orderId") else 20, signed)
    account = Route(trading.account, 20, signed)
    commission = Route(trading.commission, 20, signed)
    counts = Route(trading.order_counts, 40, signed)
    day = Route(market.day, lambda params: 2 if params.get("symbol") else 80)
    price = Route(market.price, _one_or_many)
    quote = Route(market.quote, _one_or_many)
    depth = Route(market.depth, _depth_weight)
    rows = [
        ("GET", "/api/v3/ping", "ping", Route(market.ping)),
        ("GET", "/api/v3/time", "time", Route(market.time)),
        ("GET", "/api/v3/exchangeInfo", "exchangeInfo", Route(market.exchange_info, 20)),
        ("GET", "/api/v3/depth", "depth", depth),
        ("GET", "/api/v3/trades", "trades.recent", Route(market.trades, 25)),
        ("GET", "/api/v3/historicalTrades", "trades.historical", Route(market.trades, 25)),
        ("GET", "/api/v3/aggTrades", "trades.aggregate", Route(market.aggregate_trades, 4)),
        ("GET", "/api/v3/klines", "klines", Route(market.klines, 2)),
        ("GET", "/api/v3/uiKlines", "uiKlines", Route(market.klines, 2)),
        ("GET", "/api/v3/avgPrice", "avgPrice", Route(market.average, 2)),
        ("GET", "/api/v3/ticker/24hr", "ticker.24hr", day),
        ("GET", "/api/v3/ticker/price", "ticker.price", price),
        ("GET", "/api/v3/ticker/bookTicker", "ticker.book", quote),
        ("POST", "/api/v3/order", "order.place", order),
        ("POST", "/api/v3/order/test", "order.test", test),
        ("GET", "/api/v3/order", "order.status", query),
        ("DELETE", "/api/v3/order", "order.cancel", cancel),
        ("GET", "/api/v3/openOrders", "openOrders.status", open_orders),
        ("DELETE", "/api/v3/openOrders", "openOrders.cancelAll", cancel_all),
        ("GET", "/api/v3/allOrders", "allOrders", orders),
        ("GET", "/api/v3/myTrades", "myTrades", fills),
        ("GET", "/api/v3/account", "account.status", account),
        ("GET", "/api/v3/account/commission", "account.commission", commission),
        ("GET", "/api/v3/rateLimit/order", "account.rateLimits.orders", counts),
    ]
    rest = {(method, path): route for method, path, _, route in rows}
    return rest, {name: route for _, _, name, route in rows}


def _one_or_many(params: dict[str, str]) -> int:
    return 2 if params.get("symbol") else 4


def _depth_weight(params: dict[str, str]) -> int:
    """5 up to 100 levels, 25 up to 500, 50 up to 1000, 250 beyond."""
    text = params.get("limit", "100")
    limit = int(text) if text.isdigit() else 100
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250
