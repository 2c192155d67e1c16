"""Binance USD-M futures, server side: REST ``/fapi``, streams ``/public /market /private`` and the old root.

A stream asked for on the wrong path is accepted and stays silent, as on the venue since 2026-04-23;
the old root (``/ws``, ``/stream``) carries everything here, for clients that still use it.
"""

from collections.abc import Callable
from typing import Final

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.binance.guard import Guard, Router
from integrated_trading_system.simulation.exchange.dialects.binance.http import Route, Security
from integrated_trading_system.simulation.exchange.dialects.binance.listen_keys import ListenKeys
from integrated_trading_system.simulation.exchange.dialects.binance.restrictions import Restrictions
from integrated_trading_system.simulation.exchange.dialects.binance.streams import Streams
from integrated_trading_system.simulation.exchange.dialects.binance.usdm_account import UsdmAccounts
from integrated_trading_system.simulation.exchange.dialects.binance.usdm_feed import UsdmFeed, UsdmQueries
from integrated_trading_system.simulation.exchange.dialects.binance.usdm_rows import UsdmRows
from integrated_trading_system.simulation.exchange.dialects.binance.usdm_trading import UsdmTrading
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

WEIGHT_MAX: Final = 2400
"""Per minute and address."""
ORDERS_MAX: Final = ((300, Nanos(10 * SECOND)), (1200, MINUTE))
"""Per account."""
MESSAGES_PER_SECOND: Final = 10


class BinanceUsdm(VenueService):
    """Speaks Binance USD-M futures for an exchange. `clock_offset`: its clock minus true time."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset)
        self._guard = Guard(exchange, WEIGHT_MAX, tuple(FixedWindow(limit, length) for limit, length in ORDERS_MAX))
        self._streams = Streams(self.send, self._start, MESSAGES_PER_SECOND)
        self._feed = UsdmFeed(exchange, self._streams, self)
        self._queries = UsdmQueries(exchange, self._feed, self._guard)
        self._rows = UsdmRows(exchange, self._feed.millis)
        self._keys = ListenKeys(exchange.seed, self.call_at, self._key_expired)
        trading = UsdmTrading(exchange, self._queries, self._rows, self.call_at)
        accounts = UsdmAccounts(exchange, self._rows, self._feed.millis)
        routes = _market_routes(self._queries) | _trading_routes(trading)
        routes |= Restrictions(exchange, self._feed.millis).routes(user=True)
        self._router = Router(self._guard, routes | _account_routes(accounts, trading, self._keys))

    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return self._router.answer(request, now, self.venue_time(now))

    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        category, _, rest = path.lstrip("/").partition("/")
        if category in ("public", "market", "private"):
            accepted = self._streams.open(link, rest, query, lambda name: _category(name) == category)
        else:
            accepted = self._streams.open(link, path, query)
        if accepted:
            self.call_at(Nanos(now + DAY), lambda due: self._cut(link, due))
        return accepted

    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        if link in self._streams and not self._streams.receive(link, frame, now):
            self.close(link, now)

    def forget(self, link: LinkId, now: Nanos) -> None:
        self._streams.close(link)

    def on_event(self, event: ExchangeEvent) -> None:
        match event:
            case TradeHappened():
                self._feed.on_trade(event)
            case BookChanged():
                self._feed.on_book(event)
            case OrderChanged():
                self._tell_order(event)
            case AccountChanged():
                key = self._keys.key_of(event.account)
                update = self._rows.account_update(event)
                if key is not None:
                    self._streams.publish(key, update)

    def _tell_order(self, event: OrderChanged) -> None:
        order = event.order
        if event.change is Change.FILLED and len(order.executions) == 1:
            self._guard.forgive_order(self.exchange.bank.accounts[order.account], event.time)
        key = self._keys.key_of(order.account)
        if key is None:
            return
        if event.execution is not None:
            self._streams.publish(key, self._rows.trade_lite(event, event.execution))
        self._streams.publish(key, self._rows.order_update(event))

    def _key_expired(self, key: str, now: Nanos) -> None:
        event = {"e": "listenKeyExpired", "E": self._feed.millis(now), "listenKey": key}
        self._streams.publish(key, event)

    def _start(self, name: str) -> None:
        self._feed.start(name)

    def _cut(self, link: LinkId, now: Nanos) -> None:
        """The venue's rule: "a single connection is only valid for 24 hours"."""
        if link in self._streams:
            self.close(link, now)


def _category(name: str) -> str:
    """Which path carries a stream."""
    kind = name.partition("@")[2]
    if name == "!bookTicker" or kind.startswith(("bookTicker", "depth", "rpiDepth")):
        return "public"
    return "market" if "@" in name or name.startswith("!") else "private"


_Routes = dict[tuple[str, str], Route]


def _market_routes(market: UsdmQueries) -> _Routes:
    def many(one: int, every: int) -> Callable[[dict[str, str]], int]:
        return lambda params: one if params.get("symbol") else every

    price, premium = Route(market.price, many(1, 2)), Route(market.premium_index, many(1, 10))
    rows = {
        "/fapi/v1/ping": Route(market.ping),
        "/fapi/v1/time": Route(market.time),
        "/fapi/v1/exchangeInfo": Route(market.exchange_info),
        "/fapi/v1/depth": Route(market.depth, depth_weight),
        "/fapi/v1/trades": Route(market.trades, 5),
        "/fapi/v1/aggTrades": Route(market.aggregate_trades, 20),
        "/fapi/v1/klines": Route(market.klines, klines_weight),
        "/fapi/v1/markPriceKlines": Route(market.mark_klines, klines_weight),
        "/fapi/v1/premiumIndex": premium,
        "/fapi/v1/fundingInfo": Route(market.funding_info, 0),
        "/fapi/v1/fundingRate": Route(market.funding_rates, 0),
        "/fapi/v1/openInterest": Route(market.open_interest),
        "/fapi/v1/ticker/24hr": Route(market.day, many(1, 40)),
        "/fapi/v1/ticker/price": price,
        "/fapi/v2/ticker/price": price,
        "/fapi/v1/ticker/bookTicker": Route(market.quote, many(2, 5)),
    }
    return {("GET", path): route for path, route in rows.items()}


def _trading_routes(trading: UsdmTrading) -> _Routes:
    signed = Security.SIGNED
    return {
        ("POST", "/fapi/v1/order"): Route(trading.place, 0, signed, is_order=True),
        ("POST", "/fapi/v1/order/test"): Route(trading.test, 0, signed),
        ("GET", "/fapi/v1/order"): Route(trading.query, 1, signed),
        ("DELETE", "/fapi/v1/order"): Route(trading.cancel, 1, signed),
        ("DELETE", "/fapi/v1/batchOrders"): Route(trading.cancel_many, 1, signed),
        ("DELETE", "/fapi/v1/allOpenOrders"): Route(trading.cancel_all, 1, signed),
        ("POST", "/fapi/v1/countdownCancelAll"): Route(trading.countdown, 10, signed),
        ("GET", "/fapi/v1/openOrder"): Route(trading.query_open, 1, signed),
        ("GET", "/fapi/v1/openOrders"): Route(trading.open_orders, 1, signed),
        ("GET", "/fapi/v1/allOrders"): Route(trading.all_orders, 5, signed),
        ("GET", "/fapi/v1/userTrades"): Route(trading.my_trades, 5, signed),
        ("GET", "/fapi/v1/commissionRate"): Route(trading.commission, 20, signed),
    }


def _account_routes(accounts: UsdmAccounts, trading: UsdmTrading, keys: ListenKeys) -> _Routes:
    signed, keyed = Security.SIGNED, Security.KEY
    balance = Route(accounts.balance, 5, signed)
    return {
        ("GET", "/fapi/v2/balance"): balance,
        ("GET", "/fapi/v3/balance"): balance,
        ("GET", "/fapi/v2/account"): Route(accounts.account_old, 5, signed),
        ("GET", "/fapi/v3/account"): Route(accounts.account, 5, signed),
        ("GET", "/fapi/v2/positionRisk"): Route(accounts.positions_old, 5, signed),
        ("GET", "/fapi/v3/positionRisk"): Route(accounts.positions, 5, signed),
        ("POST", "/fapi/v1/leverage"): Route(trading.leverage, 1, signed),
        ("GET", "/fapi/v1/leverageBracket"): Route(trading.brackets, 1, signed),
        ("GET", "/fapi/v1/multiAssetsMargin"): Route(trading.assets_mode, 30, signed),
        ("POST", "/fapi/v1/marginType"): Route(trading.margin_type, 1, signed),
        ("GET", "/fapi/v1/positionSide/dual"): Route(trading.position_mode, 30, signed),
        ("POST", "/fapi/v1/positionSide/dual"): Route(trading.set_position_mode, 1, signed),
        ("POST", "/fapi/v1/listenKey"): Route(keys.create, 1, keyed),
        ("PUT", "/fapi/v1/listenKey"): Route(keys.keep_alive, 1, keyed),
        ("DELETE", "/fapi/v1/listenKey"): Route(keys.delete, 1, keyed),
    }


def klines_weight(params: dict[str, str]) -> int:
    """1 below 100 candles, 2 below 500, 5 up to 1000, 10 beyond."""
    text = params.get("limit", "500")
    limit = int(text) if text.isdigit() else 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def depth_weight(params: dict[str, str]) -> int:
    """2 up to 50 levels, 5 up to 100, 10 up to 500, 20 beyond."""
    text = params.get("limit", "500")
    limit = int(text) if text.isdigit() else 500
    return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20
