"""OKX v5, server side: REST, the two public doors and the private stream of one product (spot, or swaps)."""

from typing import Final

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.countdown import Countdown
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.okx.account import Accounts
from integrated_trading_system.simulation.exchange.dialects.okx.books import Numbers
from integrated_trading_system.simulation.exchange.dialects.okx.channels import Replies
from integrated_trading_system.simulation.exchange.dialects.okx.feed import Feed
from integrated_trading_system.simulation.exchange.dialects.okx.guard import Guard, Router
from integrated_trading_system.simulation.exchange.dialects.okx.http import Limit, Route
from integrated_trading_system.simulation.exchange.dialects.okx.private import PrivateLinks
from integrated_trading_system.simulation.exchange.dialects.okx.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.okx.rows import OrderRows, Product
from integrated_trading_system.simulation.exchange.dialects.okx.trading import Trading
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

_REFUSALS: Final = {
    Refusal.UNKNOWN_SYMBOL: ("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist."),
    Refusal.NOT_TRADING: ("51022", "Contract suspended."),
    Refusal.PRICE_TICK: ("51000", "Parameter px error"),
    Refusal.PRICE_BAND: ("51006", "Order price is not within the price limit"),
    Refusal.QUANTITY_LOT: ("51121", "Order quantity must be a multiple of the lot size."),
    Refusal.QUANTITY_MIN: ("51020", "Your order should meet or exceed the minimum order amount."),
    Refusal.QUANTITY_MAX: ("51101", "Entered amount exceeds the max pending order amount per transaction."),
    Refusal.NOTIONAL_MIN: ("51020", "Your order should meet or exceed the minimum order amount."),
    Refusal.DUPLICATE_CLIENT_ID: ("51016", "Client order ID already exists."),
    Refusal.INSUFFICIENT_BALANCE: ("51008", "Order failed. Insufficient balance in account."),
    Refusal.INSUFFICIENT_MARGIN: ("51008", "Order failed. Insufficient margin in account."),
    Refusal.REDUCE_ONLY: ("51169", "Order failed because you don't have any positions in this direction to reduce."),
    Refusal.TOO_MANY_ORDERS: ("51103", "Entered amount exceeds the max pending order count."),
}
SPOT: Final = Product(name="SPOT", trade_mode="cash", refusals=_REFUSALS)
SWAP: Final = Product(name="SWAP", trade_mode="cross", refusals=_REFUSALS)

_DOORS: Final = {"/ws/v5/public": False, "/ws/v5/business": True}
_PRIVATE: Final = "/ws/v5/private"


class Okx(VenueService):
    """Speaks OKX v5 for an exchange. `clock_offset`: its clock minus true time."""

    def __init__(self, product: Product, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset)
        rows = OrderRows(exchange, product)
        numbers = {symbol: Numbers() for symbol in exchange.symbols}
        queries = Queries(rows, numbers)
        accounts = Accounts(rows, queries)
        guard = Guard(exchange)
        replies = Replies(self.send, self.call_at, self.close)
        self._replies = replies
        self.feed = Feed(rows, queries, numbers, replies, self.call_at, self.send)
        self._private = PrivateLinks(rows, accounts, guard, replies, self.send)
        trading = Trading(rows, queries, Countdown(exchange, self.call_at))
        self._router = Router(guard, _public_routes(queries) | _signed_routes(trading, accounts))

    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return self._router.answer(request, now, self.venue_time(now))

    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        if path in _DOORS:
            self.feed.links.open(link, now, business=_DOORS[path])
            return True
        if path == _PRIVATE:
            self._private.open(link, now)
            return True
        return False

    def send(self, link: LinkId, frame: bytes) -> None:
        """What is told keeps a link alive, too."""
        super().send(link, frame)
        self._replies.heard(link, self.now)

    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        if link in self.feed.links:
            self.feed.links.receive(link, frame, now)
        elif link in self._private:
            self._private.receive(link, frame, now)

    def forget(self, link: LinkId, now: Nanos) -> None:
        self.feed.links.close(link)
        self._private.close(link)

    def on_event(self, event: ExchangeEvent) -> None:
        match event:
            case TradeHappened():
                self.feed.on_trade(event)
            case BookChanged():
                self.feed.on_book(event)
            case OrderChanged():
                self._private.on_order(event)
            case AccountChanged():
                self._private.on_account(event)

    def flush(self) -> None:
        """The balances of one instant are told together, after its orders."""
        super().flush()
        self._private.tell()

    def restart_books(self, symbol: str, now: Nanos) -> None:
        """A fault: maintenance, after which the numbers of the symbol's books begin anew."""
        self.feed.restart_books(symbol, now)

    def announce_closing(self) -> None:
        """A fault: every connection is told that it will be closed for an upgrade of the service."""
        self._replies.announce_closing()


class OkxSpot(Okx):
    """Spot pairs."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(SPOT, exchange, clock_offset)


class OkxSwap(Okx):
    """Perpetuals that settle in their quote currency."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(SWAP, exchange, clock_offset)


_Routes = dict[tuple[str, str], Route]


def _public_routes(queries: Queries) -> _Routes:
    rows = {
        "public/time": (queries.time, 10),
        "public/instruments": (queries.instruments, 20),
        "public/mark-price": (queries.marks, 10),
        "public/funding-rate": (queries.rates, 10),
        "public/funding-rate-history": (queries.paid_rates, 10),
        "market/books": (queries.book, 40),
        "market/trades": (queries.trades, 100),
        "market/ticker": (queries.one_ticker, 20),
        "market/tickers": (queries.tickers, 20),
        "market/candles": (queries.candles, 40),
        "market/history-candles": (queries.candles, 20),
        "market/mark-price-candles": (queries.mark_candles, 20),
        "market/history-mark-price-candles": (queries.mark_candles, 20),
    }
    return {
        ("GET", f"/api/v5/{path}"): Route(handle, Limit(path, most), signed=False)
        for path, (handle, most) in rows.items()
    }


def _signed_routes(trading: Trading, accounts: Accounts) -> _Routes:
    posts = {
        "trade/order": (trading.place, 60),
        "trade/batch-orders": (trading.place_many, 300),
        "trade/cancel-order": (trading.cancel, 60),
        "trade/cancel-batch-orders": (trading.cancel_many, 300),
        "trade/cancel-all-after": (trading.cancel_all_after, 2),
        "account/set-leverage": (accounts.leverage, 20),
    }
    gets = {
        "trade/order": (trading.order, 60),
        "trade/orders-pending": (trading.pending, 60),
        "trade/orders-history": (trading.history, 40),
        "trade/orders-history-archive": (trading.history, 20),
        "trade/fills": (trading.fills, 60),
        "trade/fills-history": (trading.fills, 10),
        "account/balance": (accounts.balance, 10),
        "account/positions": (accounts.positions, 10),
        "account/config": (accounts.config, 5),
        "account/trade-fee": (accounts.fee_rates, 5),
    }
    return {
        **{
            ("POST", f"/api/v5/{path}"): Route(handle, Limit(f"+{path}", most))
            for path, (handle, most) in posts.items()
        },
        **{("GET", f"/api/v5/{path}"): Route(handle, Limit(path, most)) for path, (handle, most) in gets.items()},
    }
