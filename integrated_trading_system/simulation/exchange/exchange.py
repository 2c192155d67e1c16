"""The exchange: one venue's engine, as its dialect speaks to it.

Sans-I/O and venue-neutral. Every call brings the time, which never runs backwards. What happened is
taken out with `take()`; a dialect does so after every call and every `advance`, so that each set of
events belongs to one instant.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import use_money_context
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account, Bank
from integrated_trading_system.simulation.exchange.clearing import Margin
from integrated_trading_system.simulation.exchange.events import (
    BalanceView,
    ExchangeEvent,
    PositionView,
    PriceLevel,
    Top,
    Why,
)
from integrated_trading_system.simulation.exchange.floor import Floor, SymbolState
from integrated_trading_system.simulation.exchange.listing import Listing, Rules
from integrated_trading_system.simulation.exchange.orders import Execution, NewOrder, Order, Refusal

FUNDING_INTERVAL: Final = Nanos(8 * HOUR)


class Flow(Protocol):
    """What trades here by itself: the market's own participants."""

    def deadline(self) -> Nanos | None:
        """When it acts next."""

    def step(self) -> None:
        """Act once, at its deadline."""


class DepthView(Struct, frozen=True):
    """A book, as deep as asked for."""

    last_update: int
    bids: tuple[PriceLevel, ...]
    """Best first."""
    asks: tuple[PriceLevel, ...]
    sequence: int
    """The exchange's, when asked."""
    time: Nanos
    """When the book last changed."""


class Exchange:
    """One venue's engine.

    `symbols` (by the venue's spelling) gives each symbol's `listing`, `tape` (public trades, candles,
    24-hour figures), `index_price`, and `trading`, which may be switched off and on.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        rules: Rules,
        accounts: Sequence[Account],
        *,
        start: Nanos,
        seed: int = 0,
    ) -> None:
        """Opens at `start`. `seed` is for ids that a dialect makes up."""
        use_money_context()
        self.started_at = start
        self.clock_offset = Nanos(0)
        """The venue's clock minus true time; what happens here happens at the true time."""
        self.maintenance = False
        """No customer's order is taken; those who make the market go on, and so does its data."""
        self._clock_steps: list[tuple[Nanos, Nanos]] = []
        """Since when it showed how much more than that."""
        self.seed = seed
        self.rules = rules
        self.symbols = {listing.symbol: SymbolState(listing) for listing in listings}
        self.bank = Bank()
        self.next_funding: Nanos | None = None
        """When longs pay shorts next; None on a spot exchange."""
        if any(listing.kind is not Kind.SPOT for listing in listings):
            self.next_funding = Nanos(start - start % FUNDING_INTERVAL + FUNDING_INTERVAL)
        self._keys: dict[str, Account] = {}
        self._floor = Floor(self.symbols, rules, self.bank, start)
        self._flow: Flow | None = None
        for account in accounts:
            self.admit(account)

    def admit(self, account: Account) -> None:
        """A customer joins."""
        self.bank.accounts[account.name] = account
        if account.api_key:
            self._keys[account.api_key] = account

    def rules_of(self, account: Account) -> Rules:
        """The venue's, with the fee level of this account."""
        maker, taker = account.fee_bps(self.rules, maker=True), account.fee_bps(self.rules, maker=False)
        return replace(self.rules, maker_bps=maker, taker_bps=taker)

    # -- time -----------------------------------------------------------------------------------

    @property
    def now(self) -> Nanos:
        """Time of the last thing that happened."""
        return self._floor.now

    def attach(self, flow: Flow) -> None:
        """Let these participants trade from now on."""
        self._flow = flow

    def deadline(self) -> Nanos | None:
        """When something happens by itself next."""
        due = self._flow.deadline() if self._flow is not None else None
        if self.next_funding is not None and (due is None or self.next_funding < due):
            return self.next_funding
        return due

    def step_clock(self, step: Nanos, now: Nanos) -> None:
        """The venue's clock shows so much more than it should from now on; 0: it is right again."""
        self._clock_steps.append((now, step))

    def clock_step(self, at: Nanos) -> Nanos:
        """By how much it was wrong then."""
        return next((step for since, step in reversed(self._clock_steps) if at >= since), Nanos(0))

    def venue_time(self, at: Nanos) -> Nanos:
        """What the venue's own clock showed then: what it once stamped keeps its stamp."""
        wrong = self.clock_step(at) if self._clock_steps else 0
        return Nanos(at + self.clock_offset + wrong)

    def advance(self, now: Nanos) -> bool:
        """Do the one thing that is due first, at its own time; False when nothing is due up to `now`."""
        due = self.deadline()
        if due is None or due > now:
            return False
        self._at(due)
        if due == self.next_funding:
            self._fund()
        elif self._flow is not None:
            self._flow.step()
        return True

    # -- orders ---------------------------------------------------------------------------------

    def place(self, account: Account, request: NewOrder, now: Nanos) -> Order | Refusal:
        """Accept, match and rest the order, or say why it is refused.

        The order returned is the live one: read `state`, `executions`, `end_reason` at once.
        """
        self._at(now)
        if self.maintenance and not account.unlimited:
            return Refusal.NOT_TRADING
        return self._floor.place(account, request)

    def cancel(self, account: Account, order_id: int, now: Nanos, request_id: str = "") -> Order | Refusal:
        """Take an open order out of the book; UNKNOWN_ORDER when it is not open (any more)."""
        self._at(now)
        return self._floor.cancel(account, order_id, request_id)

    def cancel_all(self, account: Account, now: Nanos, symbol: str | None = None, request_id: str = "") -> list[Order]:
        """Cancel what is open (on one symbol, or everywhere), oldest first; returns what was cancelled."""
        self._at(now)
        orders = self.open_orders(account, symbol)
        for order in orders:
            self._floor.cancel(account, order.order_id, request_id)
        return orders

    # -- what an account may ask ----------------------------------------------------------------

    def account_of_key(self, api_key: str) -> Account | None:
        """The customer behind an API key that is known and not revoked."""
        account = self._keys.get(api_key)
        return None if account is None or account.revoked else account

    def order(self, account: Account, order_id: int) -> Order | None:
        """Open or closed."""
        return account.open.get(order_id) or account.closed.get(order_id)

    def order_by_client_id(self, account: Account, symbol: str, client_id: str) -> Order | None:
        """The open order of that name, else the latest closed one."""
        key = (symbol, client_id)
        return account.open_clients.get(key) or account.closed_clients.get(key)

    def open_orders(self, account: Account, symbol: str | None = None) -> list[Order]:
        """Oldest first."""
        return [order for order in account.open.values() if symbol is None or order.symbol == symbol]

    def orders(self, account: Account, symbol: str | None = None) -> list[Order]:
        """Open and closed, by order id."""
        every = [*account.closed.values(), *account.open.values()]
        return sorted((o for o in every if symbol is None or o.symbol == symbol), key=lambda order: order.order_id)

    def executions(self, account: Account, symbol: str | None = None, since: Nanos | None = None) -> list[Execution]:
        """Fills at or after `since`, oldest first."""
        first = since or 0
        every = account.executions.values()
        return [fill for fill in every if fill.time >= first and (symbol is None or fill.symbol == symbol)]

    def balances(self, account: Account) -> tuple[BalanceView, ...]:
        """Every asset the account has ever held."""
        return account.balances()

    def positions(self, account: Account) -> tuple[PositionView, ...]:
        """Every symbol the account ever had a position in, flat ones too."""
        return tuple(self._floor.clearing.view(account, symbol) for symbol in account.positions)

    def margin(self, account: Account, settle: str) -> Margin:
        """What the account has and needs in a settle asset."""
        return self._floor.clearing.margin(account, settle)

    def position(self, account: Account, symbol: str) -> PositionView:
        """The account's position in one symbol, flat when there never was one."""
        return self._floor.clearing.view(account, symbol)

    def set_leverage(self, account: Account, symbol: str, leverage: Decimal) -> None:
        """Of this account's position in one symbol."""
        self._floor.clearing.position(account, symbol).leverage = leverage

    def transfer(self, account: Account, asset: str, amount: Decimal, now: Nanos) -> None:
        """Deposit (or, negative, withdraw)."""
        self._at(now)
        self._floor.why = Why.TRANSFER
        self.bank.move(asset, amount, self.bank.house, account)

    # -- what everybody may ask -----------------------------------------------------------------

    def depth(self, symbol: str, limit: int) -> DepthView:
        """The book as the last BookChanged left it: call after `take`."""
        state = self.symbols[symbol]
        book = state.book
        sequence = self._floor.sequence
        return DepthView(book.last_update, book.bids.depth(limit), book.asks.depth(limit), sequence, state.changed_at)

    def top(self, symbol: str) -> Top:
        """Best bid and ask now."""
        return self.symbols[symbol].book.top

    def mark_price(self, symbol: str) -> Decimal:
        """Middle of the book; where a side is empty the last trade's price."""
        return self.symbols[symbol].mark_price

    def take(self) -> list[ExchangeEvent]:
        """Everything that happened since the last call."""
        return self._floor.take()

    # -- inside ---------------------------------------------------------------------------------

    def _at(self, now: Nanos) -> None:
        assert now >= self._floor.now, "the time of an exchange never runs backwards"
        self._floor.now = now

    def _fund(self) -> None:
        assert self.next_funding is not None
        self.next_funding = Nanos(self.next_funding + FUNDING_INTERVAL)
        self._floor.why = Why.FUNDING
        for symbol, state in self.symbols.items():
            if state.listing.kind is not Kind.SPOT:
                self._floor.clearing.fund(symbol, self.rules.funding_rate)
