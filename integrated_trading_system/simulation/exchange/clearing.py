"""What orders and trades do to wallets and positions: reserving, paying, fees, margin, funding.

Simplified on purpose: cross margin only, one position per symbol, no liquidation. A losing account
may therefore go below zero, where a real venue would have closed it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import BPS, ONE, ZERO
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import CENT, Account, Bank, Position
from integrated_trading_system.simulation.exchange.events import PositionView, TradeHappened
from integrated_trading_system.simulation.exchange.listing import Listing, Rules
from integrated_trading_system.simulation.exchange.matching import OrderBook
from integrated_trading_system.simulation.exchange.orders import Execution, Order, Refusal


class Marked(Protocol):
    """A symbol whose positions can be valued."""

    @property
    def listing(self) -> Listing:
        """What it is."""

    @property
    def mark_price(self) -> Decimal:
        """What it is worth now."""


class Margin(Struct, frozen=True):
    """Of one account in one settle asset."""

    wallet: Decimal
    unrealised: Decimal
    positions: Decimal
    """Initial margin that positions need."""
    orders: Decimal
    """What open orders need beyond that."""

    @property
    def equity(self) -> Decimal:
        """Wallet and unrealised profit."""
        return self.wallet + self.unrealised

    @property
    def available(self) -> Decimal:
        """What new orders may use; never negative."""
        return max(ZERO, self.equity - self.positions - self.orders)


class Clearing:
    """Moves the money of every trade."""

    def __init__(self, bank: Bank, rules: Rules, symbols: Mapping[str, Marked]) -> None:
        self._bank = bank
        self._rules = rules
        self._symbols = symbols
        self._touched: dict[str, dict[str, None]] = {}

    # -- before and after matching --------------------------------------------------------------

    def reserve(self, account: Account, order: Order, book: OrderBook) -> Refusal | None:
        """Set aside what the order may cost, or say why not."""
        if account.unlimited:
            return None
        listing = self._symbols[order.symbol].listing
        if listing.kind is not Kind.SPOT:
            return self._check_margin(account, listing, order)
        if order.side is Side.SELL:
            asset, amount = listing.base, order.quantity
        elif order.order_type is OrderType.LIMIT:
            asset, amount = listing.quote, order.price * order.quantity * self._reserve_factor(account)
        else:
            value = book.value_of(Side.BUY, order.quantity)
            asset, amount = listing.quote, value * self._reserve_factor(account)
        if not self._bank.lock(account, asset, amount):
            return Refusal.INSUFFICIENT_BALANCE
        order.locked = amount
        return None

    def _reserve_factor(self, account: Account) -> Decimal:
        """Where a buy pays its fee in quote, the fee is set aside with the price."""
        if self._rules.fee_in_received_asset:
            return ONE
        return ONE + max(account.fee_bps(self._rules, maker=maker) for maker in (True, False)) / BPS

    def release(self, account: Account, order: Order) -> None:
        """The order is over: give back what it still holds."""
        if order.locked:
            listing = self._symbols[order.symbol].listing
            self._bank.unlock(account, listing.base if order.side is Side.SELL else listing.quote, order.locked)
            order.locked = ZERO

    # -- a trade --------------------------------------------------------------------------------

    def settle(self, account: Account, order: Order, trade: TradeHappened, *, maker: bool) -> None:
        """Book one side of a trade: the money, the order's totals, and its execution."""
        listing = self._symbols[order.symbol].listing
        price, quantity = trade.price, trade.quantity
        rate = account.fee_bps(self._rules, maker=maker) / BPS
        realised = ZERO
        value = self._value(listing, price, quantity)
        if listing.kind is Kind.SPOT:
            fee, fee_asset = self._settle_spot(account, listing, order, value, quantity, rate)
        else:
            fee, fee_asset = (value * rate).quantize(CENT), listing.settle
            realised = self._settle_position(account, listing, order.side.sign * quantity, value, trade.time)
        if fee:
            self._bank.move(fee_asset, fee, account, self._bank.house)
        order.filled += quantity
        order.filled_value += value
        if account.unlimited:
            return
        execution = Execution(
            trade_id=trade.trade_id,
            symbol=order.symbol,
            order_id=order.order_id,
            client_id=order.client_id,
            side=order.side,
            price=price,
            quantity=quantity,
            fee=fee,
            fee_asset=fee_asset,
            maker=maker,
            realised=realised,
            time=trade.time,
        )
        order.executions = (*order.executions, execution)
        account.traded(execution)

    def _settle_spot(
        self, account: Account, listing: Listing, order: Order, value: Decimal, quantity: Decimal, rate: Decimal
    ) -> tuple[Decimal, str]:
        """Give what is sold to the house and take what is bought from it; the other side does the reverse."""
        bank = self._bank
        buy = order.side is Side.BUY
        asset, amount = (listing.quote, value) if buy else (listing.base, quantity)
        if order.locked:
            held = quantity
            if buy:
                held = (order.price * quantity if order.price else value) * self._reserve_factor(account)
            bank.unlock(account, asset, held)
            order.locked -= held
        bank.move(asset, amount, account, bank.house)
        asset, amount = (listing.base, quantity) if buy else (listing.quote, value)
        bank.move(asset, amount, bank.house, account)
        if buy and not self._rules.fee_in_received_asset:
            asset, amount = listing.quote, value
        return (amount * rate).quantize(CENT), asset

    def _settle_position(
        self, account: Account, listing: Listing, signed: Decimal, value: Decimal, now: Nanos
    ) -> Decimal:
        position = self.position(account, listing.symbol)
        gain = position.trade(signed, value, inverse=listing.kind is Kind.INVERSE)
        position.updated_at = now
        if gain:
            self._bank.move(listing.settle, gain, self._bank.house, account)
        self._touch(account, listing)
        return gain

    def _value(self, listing: Listing, price: Decimal, quantity: Decimal) -> Decimal:
        """In the settle asset (quote, for spot)."""
        if listing.kind is Kind.INVERSE:
            return (quantity * listing.multiplier / price).quantize(CENT)
        return price * quantity * listing.multiplier

    # -- derivatives ----------------------------------------------------------------------------

    def position(self, account: Account, symbol: str) -> Position:
        """The account's position, opened flat when there is none."""
        position = account.positions.get(symbol)
        if position is None:
            position = account.positions[symbol] = Position(self._rules.leverage)
        return position

    def reducible(self, account: Account, symbol: str, side: Side) -> Decimal:
        """How much of the position an order of this side would close."""
        position = account.positions.get(symbol)
        return max(ZERO, -position.quantity * side.sign) if position else ZERO

    def view(self, account: Account, symbol: str) -> PositionView:
        """The position at the mark price."""
        listing = self._symbols[symbol].listing
        position = self.position(account, symbol)
        mark = self._symbols[symbol].mark_price
        contracts = abs(position.quantity) * listing.multiplier
        entry = ZERO
        if contracts:
            inverse = listing.kind is Kind.INVERSE
            entry = contracts / position.cost if inverse else position.cost / contracts
        return PositionView(
            symbol=symbol,
            quantity=position.quantity,
            entry_price=entry.quantize(CENT),
            mark_price=mark,
            unrealised=self._unrealised(listing, position, mark),
            realised=position.realised,
            leverage=position.leverage,
            updated_at=position.updated_at,
        )

    def margin(self, account: Account, settle: str) -> Margin:
        """What the account has and needs in this asset."""
        buys: dict[str, Decimal] = {}
        sells: dict[str, Decimal] = {}
        for order in account.open.values():
            open_side = buys if order.side is Side.BUY else sells
            open_side[order.symbol] = open_side.get(order.symbol, ZERO) + order.remaining
        unrealised = held = ordered = ZERO
        for symbol in dict.fromkeys((*account.positions, *buys, *sells)):
            listing = self._symbols[symbol].listing
            if listing.settle != settle or listing.kind is Kind.SPOT:
                continue
            position = self.position(account, symbol)
            mark = self._symbols[symbol].mark_price
            unit = self._value(listing, mark, ONE) / position.leverage
            worst = _worst(position.quantity, buys.get(symbol, ZERO), sells.get(symbol, ZERO))
            unrealised += self._unrealised(listing, position, mark)
            held += unit * abs(position.quantity)
            ordered += unit * (worst - abs(position.quantity))
        return Margin(account.wallet(settle).free, unrealised, held, ordered)

    def _check_margin(self, account: Account, listing: Listing, order: Order) -> Refusal | None:
        """An order that makes the worst case larger needs margin for the difference, and the fee."""
        position = self.position(account, listing.symbol)
        same = [other for other in account.open.values() if other.symbol == listing.symbol]
        buys = sum((other.remaining for other in same if other.side is Side.BUY), ZERO)
        sells = sum((other.remaining for other in same if other.side is Side.SELL), ZERO)
        before = _worst(position.quantity, buys, sells)
        buy = order.side is Side.BUY
        after = _worst(
            position.quantity, buys + order.quantity if buy else buys, sells if buy else sells + order.quantity
        )
        if order.reduce_only or after <= before:
            return None
        price = self._symbols[listing.symbol].mark_price
        fee = max(ZERO, account.fee_bps(self._rules, maker=False)) / BPS
        needed = self._value(listing, price, after - before) * (ONE / position.leverage + fee)
        return None if needed <= self.margin(account, listing.settle).available else Refusal.INSUFFICIENT_MARGIN

    def fund(self, symbol: str, rate: Decimal) -> None:
        """Longs pay shorts `rate` of their value at the mark price (the reverse when negative)."""
        listing = self._symbols[symbol].listing
        mark = self._symbols[symbol].mark_price
        for account in self._bank.accounts.values():
            position = account.positions.get(symbol)
            if position is not None and position.quantity:
                value = self._value(listing, mark, abs(position.quantity))
                payment = (value * rate).quantize(CENT) * (1 if position.quantity > 0 else -1)
                self._bank.move(listing.settle, payment, account, self._bank.house)

    def take_touched(self) -> dict[str, dict[str, None]]:
        """Accounts and symbols whose positions changed since the last call."""
        touched, self._touched = self._touched, {}
        return touched

    def _touch(self, account: Account, listing: Listing) -> None:
        if not account.unlimited:
            self._touched.setdefault(account.name, {})[listing.symbol] = None

    def _unrealised(self, listing: Listing, position: Position, mark: Decimal) -> Decimal:
        if not position.quantity:
            return ZERO
        value = self._value(listing, mark, abs(position.quantity))
        gain = value - position.cost
        return gain if (position.quantity > 0) is not (listing.kind is Kind.INVERSE) else -gain


def _worst(held: Decimal, buys: Decimal, sells: Decimal) -> Decimal:
    """The largest position that could come about."""
    return max(abs(held), abs(held + buys), abs(held - sells))
