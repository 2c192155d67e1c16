"""Accounts: keys, wallets, derivative positions, and the records an account may ask for.

Money only ever moves from one wallet to another (`Bank.move`), so the sum over all accounts of every
asset never changes. The house account receives fees and is the counterparty of booked derivative
profit, of funding, and of deposits.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final
from zlib import crc32

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.events import BalanceView
from integrated_trading_system.simulation.exchange.listing import Rules
from integrated_trading_system.simulation.exchange.orders import Execution, Order

HOUSE: Final = "house"
CENT: Final = Decimal("0.00000001")
"""Fees and booked profits have eight decimals, as on the venues."""

HISTORY_MAX: Final = 100_000
"""Closed orders and executions kept per account; the oldest are forgotten first."""


class Wallet:
    """What an account holds of one asset."""

    __slots__ = ("free", "locked")

    def __init__(self, free: Decimal = ZERO) -> None:
        self.free = free
        self.locked = ZERO


class Position:
    """A derivative position, by what it cost: exact, where an average price would be rounded."""

    __slots__ = ("cost", "leverage", "quantity", "realised", "updated_at")

    def __init__(self, leverage: Decimal) -> None:
        self.quantity = ZERO
        """Signed contracts."""
        self.cost = ZERO
        """Value at entry of what is held, in the settle asset; never negative."""
        self.realised = ZERO
        self.leverage = leverage
        self.updated_at = Nanos(0)

    def trade(self, quantity: Decimal, value: Decimal, *, inverse: bool) -> Decimal:
        """Add a signed fill worth `value`; returns the profit that it booked.

        A fill through zero closes first and opens with the rest.
        """
        held = self.quantity
        if held == 0 or (held > 0) == (quantity > 0):
            self.quantity += quantity
            self.cost += value
            return ZERO
        closed = min(abs(quantity), abs(held))
        exit_value = value if closed == abs(quantity) else (value * closed / abs(quantity)).quantize(CENT)
        entry_value = self.cost if closed == abs(held) else (self.cost * closed / abs(held)).quantize(CENT)
        self.quantity += quantity
        self.cost += (value - exit_value) - entry_value
        gain = exit_value - entry_value if (held > 0) is not inverse else entry_value - exit_value
        self.realised += gain
        return gain


class Account:
    """One customer. `api_key` is how requests name it; what `secret` is, is the dialect's business."""

    def __init__(
        self,
        name: str,
        balances: Mapping[str, Decimal],
        *,
        api_key: str = "",
        secret: str = "",
        passphrase: str = "",
        unlimited: bool = False,
        maker_bps: Decimal | None = None,
        taker_bps: Decimal | None = None,
    ) -> None:
        """`unlimited` is for the market's own participants: they may owe, and nothing is recorded for them.

        `maker_bps`, `taker_bps`: its fee level; None: the venue's.
        """
        self.name = name
        self.api_key = api_key
        self.secret = secret
        self.passphrase = passphrase
        """Of the key, on venues that have it."""
        self.unlimited = unlimited
        self._maker_bps, self._taker_bps = maker_bps, taker_bps
        self.may_withdraw = False
        """Whether the key could take money away; the simulated venues only say so."""
        self.revoked = False
        """Set it, and the key is no longer accepted."""
        self.wallets = {asset: Wallet(amount) for asset, amount in balances.items()}
        self.positions: dict[str, Position] = {}
        self.open: dict[int, Order] = {}
        self.open_clients: dict[tuple[str, str], Order] = {}
        """By symbol and client order id."""
        self.closed: dict[int, Order] = {}
        self.closed_clients: dict[tuple[str, str], Order] = {}
        """The latest closed order of each symbol and client order id."""
        self.executions: dict[tuple[str, int, int], Execution] = {}
        """In order; by symbol, trade and order."""

    @property
    def number(self) -> int:
        """The venue's own name for the account; it does not change."""
        return 100_000_000 + crc32(self.name.encode()) % 900_000_000

    def fee_bps(self, rules: Rules, *, maker: bool) -> Decimal:
        """What it pays, in basis points of the traded value."""
        own = self._maker_bps if maker else self._taker_bps
        return (rules.maker_bps if maker else rules.taker_bps) if own is None else own

    def wallet(self, asset: str) -> Wallet:
        """Of this asset; an empty one is opened when there is none."""
        wallet = self.wallets.get(asset)
        if wallet is None:
            wallet = self.wallets[asset] = Wallet()
        return wallet

    def balances(self, assets: Iterable[str] | None = None) -> tuple[BalanceView, ...]:
        """Views of these assets, or of all."""
        names = self.wallets if assets is None else assets
        return tuple(BalanceView(name, self.wallet(name).free, self.wallet(name).locked) for name in names)

    def opened(self, order: Order) -> None:
        """The order is on the exchange."""
        self.open[order.order_id] = order
        if not self.unlimited:
            self.open_clients[order.symbol, order.client_id] = order

    def ended(self, order: Order) -> None:
        """The order is over; it can still be asked for."""
        del self.open[order.order_id]
        if self.unlimited:
            return
        key = (order.symbol, order.client_id)
        if self.open_clients.get(key) is order:
            del self.open_clients[key]
        self.closed[order.order_id] = order
        self.closed_clients[key] = order
        if len(self.closed) > HISTORY_MAX:
            oldest = self.closed.pop(next(iter(self.closed)))
            if self.closed_clients.get((oldest.symbol, oldest.client_id)) is oldest:
                del self.closed_clients[oldest.symbol, oldest.client_id]

    def traded(self, execution: Execution) -> None:
        """Record a fill."""
        if self.unlimited:
            return
        self.executions[execution.symbol, execution.trade_id, execution.order_id] = execution
        if len(self.executions) > HISTORY_MAX:
            del self.executions[next(iter(self.executions))]


class Bank:
    """All accounts, and every movement of money between them."""

    def __init__(self) -> None:
        """Only the house has an account."""
        self.house = Account(HOUSE, {}, unlimited=True)
        self.accounts = {HOUSE: self.house}
        self._touched: dict[str, dict[str, None]] = {}

    def move(self, asset: str, amount: Decimal, giver: Account, taker: Account) -> None:
        """From free to free."""
        giver.wallet(asset).free -= amount
        taker.wallet(asset).free += amount
        self.touch(giver, asset)
        self.touch(taker, asset)

    def lock(self, account: Account, asset: str, amount: Decimal) -> bool:
        """Set aside for an order; False when there is too little."""
        wallet = account.wallet(asset)
        if wallet.free < amount:
            return False
        wallet.free -= amount
        wallet.locked += amount
        self.touch(account, asset)
        return True

    def unlock(self, account: Account, asset: str, amount: Decimal) -> None:
        """Give back what was set aside."""
        wallet = account.wallet(asset)
        assert wallet.locked >= amount
        wallet.locked -= amount
        wallet.free += amount
        self.touch(account, asset)

    def touch(self, account: Account, asset: str) -> None:
        """Remember that the balance may have changed, for those who are told."""
        if not account.unlimited:
            self._touched.setdefault(account.name, {})[asset] = None

    def take_touched(self) -> dict[str, dict[str, None]]:
        """Accounts and assets since the last call."""
        touched, self._touched = self._touched, {}
        return touched

    def total(self, asset: str) -> Decimal:
        """Held by everybody together: constant."""
        held = [account.wallets[asset] for account in self.accounts.values() if asset in account.wallets]
        return sum((wallet.free + wallet.locked for wallet in held), ZERO)
