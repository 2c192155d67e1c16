"""Backpack, server side: REST ``/api`` and ``/wapi``, and the one WebSocket for market data and accounts."""

from typing import Final

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.backpack.feed import Feed
from integrated_trading_system.simulation.exchange.dialects.backpack.guard import Guard, Router
from integrated_trading_system.simulation.exchange.dialects.backpack.http import Route
from integrated_trading_system.simulation.exchange.dialects.backpack.perp import PerpQueries
from integrated_trading_system.simulation.exchange.dialects.backpack.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.backpack.rows import OrderRows
from integrated_trading_system.simulation.exchange.dialects.backpack.trading import Trading
from integrated_trading_system.simulation.exchange.events import (
    AccountChanged,
    BookChanged,
    ExchangeEvent,
    OrderChanged,
    TradeHappened,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.service import VenueService

PATHS: Final = ("", "/")
"""Where the WebSocket is."""


class Backpack(VenueService):
    """Speaks Backpack for an exchange. `clock_offset`: its clock minus true time."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None, *, spot: bool) -> None:
        """`spot`: or perpetuals."""
        super().__init__(exchange, clock_offset)
        rows = OrderRows(exchange, spot=spot)
        queries = Queries(rows) if spot else PerpQueries(rows)
        guard = Guard(exchange)
        self._feed = Feed(rows, queries, guard, self, self.send)
        routes = _market_routes(queries) | _signed_routes(Trading(rows, queries), queries)
        if isinstance(queries, PerpQueries):
            routes |= _perpetual_routes(queries)
        self._router = Router(guard, routes)

    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return self._router.answer(request, now, self.venue_time(now))

    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        if path not in PATHS:
            return False
        self._feed.streams.open(link)
        return True

    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        if link in self._feed.streams:
            self._feed.streams.receive(link, frame, now)

    def forget(self, link: LinkId, now: Nanos) -> None:
        self._feed.streams.close(link)

    def on_event(self, event: ExchangeEvent) -> None:
        match event:
            case TradeHappened():
                self._feed.on_trade(event)
            case BookChanged():
                self._feed.on_book(event)
            case OrderChanged():
                self._feed.on_order(event)
            case AccountChanged():
                pass  # "there is no balance stream"


class BackpackSpot(Backpack):
    """Spot markets."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset, spot=True)


class BackpackPerp(Backpack):
    """Perpetuals that settle in USDC."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset, spot=False)


_Routes = dict[tuple[str, str], Route]


def _market_routes(queries: Queries) -> _Routes:
    rows = {
        "status": Route(queries.status),
        "ping": Route(queries.ping),
        "time": Route(queries.time),
        "markets": Route(queries.markets),
        "market": Route(queries.market),
        "assets": Route(queries.assets),
        "ticker": Route(queries.ticker),
        "tickers": Route(queries.tickers),
        "depth": Route(queries.depth),
        "klines": Route(queries.klines, historical=True),
        "trades": Route(queries.trades),
        "trades/history": Route(queries.trades_history, historical=True),
        "markPrices": Route(queries.nothing),
        "openInterest": Route(queries.nothing),
        "fundingRates": Route(queries.nothing, historical=True),
    }
    return {("GET", f"/api/v1/{path}"): route for path, route in rows.items()}


def _perpetual_routes(queries: PerpQueries) -> _Routes:
    return {
        ("GET", "/api/v1/markPrices"): Route(queries.mark_prices),
        ("GET", "/api/v1/openInterest"): Route(queries.open_interest),
        ("GET", "/api/v1/fundingRates"): Route(queries.funding_rates, historical=True),
        ("GET", "/api/v1/position"): Route(queries.positions, "positionQuery"),
    }


def _signed_routes(trading: Trading, queries: Queries) -> _Routes:
    return {
        ("POST", "/api/v1/order"): Route(trading.place, "orderExecute"),
        ("POST", "/api/v1/orders"): Route(trading.place_batch, "orderExecute"),
        ("DELETE", "/api/v1/order"): Route(trading.cancel, "orderCancel"),
        ("DELETE", "/api/v1/orders"): Route(trading.cancel_all, "orderCancelAll"),
        ("GET", "/api/v1/order"): Route(trading.query, "orderQuery"),
        ("GET", "/api/v1/orders"): Route(trading.open_orders, "orderQueryAll"),
        ("GET", "/wapi/v1/history/orders"): Route(trading.history, "orderHistoryQueryAll"),
        ("GET", "/wapi/v1/history/fills"): Route(trading.fills, "fillHistoryQueryAll"),
        ("GET", "/api/v1/capital"): Route(trading.capital, "balanceQuery"),
        ("GET", "/api/v1/account"): Route(trading.account, "accountQuery"),
        ("GET", "/api/v1/position"): Route(queries.nothing, "positionQuery"),
    }
