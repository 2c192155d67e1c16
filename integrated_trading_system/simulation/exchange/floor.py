"""Where orders meet: acceptance, matching with price-time priority, and the events of both.

The rule for an account that would trade with itself: the incoming order expires there, or the resting one.
"""

from copy import copy
from decimal import Decimal

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account, Bank
from integrated_trading_system.simulation.exchange.clearing import Clearing
from integrated_trading_system.simulation.exchange.events import (
    AccountChanged,
    BookChanged,
    Change,
    ExchangeEvent,
    OrderChanged,
    TradeHappened,
    Why,
)
from integrated_trading_system.simulation.exchange.filters import refusal
from integrated_trading_system.simulation.exchange.listing import Listing, Rules
from integrated_trading_system.simulation.exchange.matching import OrderBook
from integrated_trading_system.simulation.exchange.orders import EndReason, NewOrder, Order, OrderState, Refusal
from integrated_trading_system.simulation.exchange.tape import Tape


class SymbolState:
    """One listed symbol, alive."""

    __slots__ = ("book", "changed_at", "index_price", "last_trade_id", "listing", "marks", "tape", "trading")

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.book = OrderBook()
        inverse = listing.kind is Kind.INVERSE
        self.tape = Tape(listing.reference_price, listing.multiplier, inverse=inverse)
        self.marks = Tape(listing.reference_price, listing.multiplier) if listing.kind is not Kind.SPOT else None
        """What the mark price was; spot has none."""
        self.trading = True
        """False refuses new orders; cancels are always possible."""
        self.last_trade_id = 0
        self.index_price = listing.reference_price
        """What the market's participants hold for fair; the flow keeps it up to date."""
        self.changed_at = Nanos(0)
        """When the book was last reported as changed."""

    @property
    def mark_price(self) -> Decimal:
        """Middle of the book; where a side is empty the last trade's price."""
        bid, ask = self.book.bids.best, self.book.asks.best
        return self.tape.last_price if bid is None or ask is None else (bid.price + ask.price) / 2


class Floor:
    """All order books of one exchange."""

    def __init__(self, symbols: dict[str, SymbolState], rules: Rules, bank: Bank, start: Nanos) -> None:
        """Nothing is on offer yet."""
        self.now = start
        self.sequence = 0
        self.why = Why.ORDER
        """What the next report of account changes is put down to."""
        self.clearing = Clearing(bank, rules, symbols)
        self._symbols = symbols
        self._rules = rules
        self._bank = bank
        self._last_order_id = 0
        self._events: list[ExchangeEvent] = []
        self._changed: dict[str, SymbolState] = {}

    def place(self, account: Account, request: NewOrder) -> Order | Refusal:
        """Accept, match and rest the order, or say why it is refused."""
        state = self._symbols.get(request.symbol)
        if state is None:
            return Refusal.UNKNOWN_SYMBOL
        refused = self._refusal(account, state, request)
        if refused is not None:
            return refused
        quantity = request.quantity
        if request.quote_quantity:
            quantity = state.book.quantity_for(request.side, request.quote_quantity, state.listing.lot)
        order = Order(
            order_id=self._last_order_id + 1,
            client_id=request.client_id or f"auto-{self._last_order_id + 1}",
            account=account.name,
            symbol=request.symbol,
            side=request.side,
            order_type=request.order_type,
            price=request.price if request.order_type is OrderType.LIMIT else ZERO,
            quantity=quantity,
            time_in_force=request.time_in_force,
            post_only=request.post_only,
            reduce_only=request.reduce_only,
            quote_quantity=request.quote_quantity,
            created_at=self.now,
            updated_at=self.now,
        )
        refused = self.clearing.reserve(account, order, state.book)
        if refused is not None:
            return refused
        self._last_order_id += 1
        account.opened(order)
        self._tell(account, order, Change.ACCEPTED)
        self._execute(account, order, state)
        return order

    def cancel(self, account: Account, order_id: int, request_id: str) -> Order | Refusal:
        """Take an open order out of its book."""
        order = account.open.get(order_id)
        if order is None:
            return Refusal.UNKNOWN_ORDER
        self._withdraw(order)
        self._end(account, order, Change.CANCELLED, EndReason.BY_USER, request_id)
        return order

    def take(self) -> list[ExchangeEvent]:
        """What happened since the last call, all at `now`."""
        if self._changed:
            for symbol, state in self._changed.items():
                self._report_book(symbol, state)
            self._changed.clear()
        assets, symbols = self._bank.take_touched(), self.clearing.take_touched()
        for name in dict.fromkeys((*assets, *symbols)):
            account = self._bank.accounts[name]
            changed = AccountChanged(
                account=name,
                why=self.why,
                balances=account.balances(assets.get(name, ())),
                positions=tuple(self.clearing.view(account, symbol) for symbol in symbols.get(name, ())),
                time=self.now,
            )
            self._events.append(changed)
        self.why = Why.ORDER
        events, self._events = self._events, []
        return events

    # -- acceptance -----------------------------------------------------------------------------

    def _refusal(self, account: Account, state: SymbolState, request: NewOrder) -> Refusal | None:
        """Everything that can be refused before money is looked at."""
        if not state.trading:
            return Refusal.NOT_TRADING
        if account.unlimited:
            return None
        refused = refusal(state.listing, request, state.mark_price)
        if refused is not None:
            return refused
        key = (request.symbol, request.client_id)
        if self._rules.client_id_unique and key in account.open_clients:
            return Refusal.DUPLICATE_CLIENT_ID
        if self._rules.client_id_once and key in account.closed_clients:
            return Refusal.DUPLICATE_CLIENT_ID
        if sum(order.symbol == request.symbol for order in account.open.values()) >= self._rules.open_orders_max:
            return Refusal.TOO_MANY_ORDERS
        if request.reduce_only and not self.clearing.reducible(account, request.symbol, request.side):
            return Refusal.REDUCE_ONLY
        if request.post_only and self._rules.post_only_refused and state.book.crosses(request.side, request.price):
            return Refusal.WOULD_TAKE
        if (
            request.time_in_force is TimeInForce.FOK
            and self._rules.fill_or_kill_refused
            and state.book.available(request.side, request.price, request.quantity) < request.quantity
        ):
            return Refusal.CANNOT_FILL
        return None

    # -- matching -------------------------------------------------------------------------------

    def _execute(self, account: Account, order: Order, state: SymbolState) -> None:
        book = state.book
        limit = order.order_type is OrderType.LIMIT
        if order.post_only and book.crosses(order.side, order.price):
            self._end(account, order, Change.CANCELLED, EndReason.WOULD_TAKE)
            return
        if (
            limit
            and order.time_in_force is TimeInForce.FOK
            and book.available(order.side, order.price, order.quantity) < order.quantity
        ):
            self._end(account, order, Change.EXPIRED, EndReason.UNFILLED_FOK)
            return
        reason = self._match(account, order, state)
        if not order.is_open:
            return
        if reason is EndReason.NONE and limit and order.time_in_force is TimeInForce.GTC:
            book.side(order.side).add(order)
            self._changed[order.symbol] = state
            return
        if reason is EndReason.NONE:
            reason = EndReason.UNFILLED_IOC if limit else EndReason.NO_LIQUIDITY
        self._end(account, order, Change.EXPIRED, reason)

    def _match(self, account: Account, order: Order, state: SymbolState) -> EndReason:
        """Trade until the order is filled, nothing crosses any more, or a rule stops it."""
        opposite = state.book.side(order.side.opposite)
        limit = order.price if order.order_type is OrderType.LIMIT else None
        while order.quantity > order.filled:
            level = next(opposite.within(limit), None)
            if level is None:
                return EndReason.NONE
            maker = next(iter(level.orders.values()))
            if maker.account == order.account:
                if not self._rules.self_trade_ends_maker or order.time_in_force is TimeInForce.FOK:
                    return EndReason.SELF_TRADE
                self._withdraw(maker)
                self._end(account, maker, Change.EXPIRED, EndReason.SELF_TRADE)
                continue
            quantity = min(order.quantity - order.filled, self._reducible(maker))
            if not quantity:
                self._withdraw(maker)
                self._end(self._bank.accounts[maker.account], maker, Change.EXPIRED, EndReason.REDUCE_ONLY)
                continue
            quantity = min(quantity, self._reducible(order))
            if not quantity:
                return EndReason.REDUCE_ONLY
            self._trade(account, order, maker, quantity, state)
        return EndReason.NONE

    def _reducible(self, order: Order) -> Decimal:
        """What the order may trade: all that is left of it, unless it may only reduce a position."""
        remaining = order.quantity - order.filled
        if not order.reduce_only:
            return remaining
        account = self._bank.accounts[order.account]
        return min(remaining, self.clearing.reducible(account, order.symbol, order.side))

    def _trade(self, account: Account, taker: Order, maker: Order, quantity: Decimal, state: SymbolState) -> None:
        price = maker.price
        state.book.side(maker.side).take_from(maker, quantity)
        self._changed[taker.symbol] = state
        state.last_trade_id += 1
        self.sequence += 1
        buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
        trade = TradeHappened(
            symbol=taker.symbol,
            trade_id=state.last_trade_id,
            price=price,
            quantity=quantity,
            side=taker.side,
            buyer_order_id=buyer.order_id,
            seller_order_id=seller.order_id,
            sequence=self.sequence,
            time=self.now,
        )
        state.tape.add(trade)
        self._events.append(trade)
        for order, owner in ((maker, self._bank.accounts[maker.account]), (taker, account)):
            self.clearing.settle(owner, order, trade, maker=order is maker)
            self._filled(owner, order)

    def _filled(self, account: Account, order: Order) -> None:
        order.updated_at = self.now
        if order.filled < order.quantity:
            order.state = OrderState.PARTIALLY_FILLED
        else:
            order.state = OrderState.FILLED
            self.clearing.release(account, order)
            account.ended(order)
        self._tell(account, order, Change.FILLED)

    # -- the end of an order, and the news --------------------------------------------------------

    def _withdraw(self, order: Order) -> None:
        state = self._symbols[order.symbol]
        state.book.side(order.side).take_from(order, order.quantity - order.filled)
        self._changed[order.symbol] = state

    def _end(self, account: Account, order: Order, change: Change, reason: EndReason, request_id: str = "") -> None:
        order.state = OrderState.CANCELLED if change is Change.CANCELLED else OrderState.EXPIRED
        order.end_reason = reason
        order.updated_at = self.now
        self.clearing.release(account, order)
        account.ended(order)
        self._tell(account, order, change, request_id)

    def _tell(self, account: Account, order: Order, change: Change, request_id: str = "") -> None:
        if account.unlimited:
            return
        event = OrderChanged(
            order=copy(order),
            change=change,
            execution=order.executions[-1] if change is Change.FILLED else None,
            request_id=request_id,
            time=self.now,
        )
        self._events.append(event)

    def _report_book(self, symbol: str, state: SymbolState) -> None:
        book = state.book
        bids, asks, top = book.bids.take_touched(), book.asks.take_touched(), book.top
        first = book.last_update + 1
        book.last_update += len(bids) + len(asks)
        self.sequence += 1
        state.changed_at = self.now
        if state.marks is not None:
            state.marks.sample(state.mark_price, self.now)
        event = BookChanged(
            symbol=symbol,
            first_update=first,
            last_update=book.last_update,
            bids=bids,
            asks=asks,
            top=top,
            top_changed=top != book.last_top,
            sequence=self.sequence,
            time=self.now,
        )
        self._events.append(event)
        book.last_top = top
