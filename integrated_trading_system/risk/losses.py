"""Realised profit and loss, at average cost and after fees: how much was lost today, and since the best moment.

Risk keeps its own sum so that its limits do not wait for the accounting; the ledger of the PMS
audits it. Only what is realised counts: open positions are limited by size.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import AccountId, Asset, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ONE, ZERO
from integrated_trading_system.domain.time import DAY, Nanos

RateOf: TypeAlias = Callable[[Asset], Decimal | None]


class _Lot:
    """A position at average cost. For INVERSE the average is that of 1/price, in which its profit is linear."""

    __slots__ = ("cost", "quantity")

    def __init__(self) -> None:
        self.quantity = ZERO
        self.cost = ZERO
        """Average price, or average 1/price."""

    def trade(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Add a signed quantity; profit per unit of `price` that closing brought."""
        before = self.quantity
        self.quantity = after = before + quantity
        if not before or (before > 0) is (quantity > 0):
            self.cost = (self.cost * before + price * quantity) / after
            return ZERO
        closed = min(abs(quantity), abs(before)) * (1 if before > 0 else -1)
        profit = closed * (price - self.cost)
        if not after or (after > 0) is not (before > 0):
            self.cost = price
        return profit


class Losses:
    """One sum over all accounts, in the reporting currency."""

    def __init__(self, rate_of: RateOf) -> None:
        """`rate_of`: value of one unit of an asset, None where none is stated."""
        self._rate_of = rate_of
        self._lots: dict[tuple[InstrumentId, AccountId], _Lot] = {}
        self._day = 0
        self._day_net = ZERO
        self.net = ZERO
        """Realised less fees, since the journal began."""
        self._peak = ZERO
        self.unpriced: dict[Asset, int] = {}
        """Fills whose profit or fee could not be valued, by asset."""

    @property
    def drawdown(self) -> Decimal:
        """Below the best that `net` ever was, which began at 0."""
        return self._peak - self.net

    def today(self, now: Nanos) -> Decimal:
        """Lost since midnight UTC; negative is a gain."""
        return -self._day_net if now // DAY == self._day else ZERO

    def fill(self, fill: Fill, instrument: Instrument) -> None:
        """Realise what this fill closes, and its fee, on the day on which we heard of it."""
        change = self._valued(self._profit(fill, instrument)) - self._fee(fill, instrument)
        day = fill.received_at // DAY
        if day > self._day:
            self._day = day
            self._day_net = ZERO
        self._day_net += change
        self.net += change
        self._peak = max(self._peak, self.net)

    def _profit(self, fill: Fill, instrument: Instrument) -> tuple[Decimal, Asset]:
        lot = self._lots.setdefault((fill.instrument, fill.account), _Lot())
        signed = fill.quantity * fill.side.sign
        if instrument.kind is not Kind.INVERSE:
            return lot.trade(signed, fill.price) * instrument.multiplier, instrument.quote
        # A contract is worth `multiplier` quote units: long gains multiplier x (1/entry - 1/exit) in base.
        base = -lot.trade(signed, ONE / fill.price) * instrument.multiplier
        return base * fill.price, instrument.quote

    def _fee(self, fill: Fill, instrument: Instrument) -> Decimal:
        fee = fill.fee
        if fee.asset == instrument.base and self._rate_of(fee.asset) is None:
            return self._valued((fee.amount * fill.price, instrument.quote))
        return self._valued((fee.amount, fee.asset))

    def _valued(self, money: tuple[Decimal, Asset]) -> Decimal:
        amount, asset = money
        if not amount:
            return ZERO
        rate = self._rate_of(asset)
        if rate is None:
            self.unpriced[asset] = self.unpriced.get(asset, 0) + 1
            return ZERO
        return amount * rate
