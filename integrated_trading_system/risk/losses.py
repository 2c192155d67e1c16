"""Profit and loss, at average cost and after fees: how much was lost today, and since the best moment.

Risk keeps its own sum so that its limits do not wait for the accounting; the ledger of the PMS
audits it. What is open counts at its mark: the middle of the book while that is VALID, else the last
such middle, or the price of our own last fill where that is newer. After a restart a position has
the price of its last fill until its book is VALID again; what that changes counts as today's.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import AccountId, Asset, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ONE, ZERO
from integrated_trading_system.domain.time import DAY, Nanos

RateOf: TypeAlias = Callable[[Asset], Decimal | None]
MarkOf: TypeAlias = Callable[[InstrumentId], Decimal | None]


class _Lot:
    """A position at average cost. For INVERSE the average is that of 1/price, in which its profit is linear."""

    __slots__ = ("cost", "quantity", "unrealised")

    def __init__(self) -> None:
        self.quantity = ZERO
        self.cost = ZERO
        """Average price, or average 1/price."""
        self.unrealised = ZERO
        """In the reporting currency, at the mark of the last look."""

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

    def worth(self, mark: Decimal, *, inverse: bool) -> Decimal:
        """What closing all of it at this price would bring, in quote units for a multiplier of 1."""
        if not self.quantity:
            return ZERO
        if inverse:
            return self.quantity * (self.cost - ONE / mark) * mark
        return self.quantity * (mark - self.cost)


class Losses:
    """One sum over all accounts, in the reporting currency."""

    def __init__(self, rate_of: RateOf) -> None:
        """`rate_of`: value of one unit of an asset, None where none is stated."""
        self._rate_of = rate_of
        self._lots: dict[tuple[InstrumentId, AccountId], _Lot] = {}
        self._day = 0
        self._opening = ZERO
        """Net and unrealised when the day began."""
        self.net = ZERO
        """Realised less fees, since the journal began."""
        self.unrealised = ZERO
        """What closing every position at its mark would add, before fees."""
        self._peak = ZERO
        self.unpriced: dict[Asset, int] = {}
        """Fills whose profit or fee could not be valued, by asset."""

    @property
    def drawdown(self) -> Decimal:
        """Below the best that net and unrealised together ever were, which began at 0."""
        return self._peak - self.net - self.unrealised

    def today(self, now: Nanos) -> Decimal:
        """Lost since midnight UTC; negative is a gain."""
        return self._opening - self.net - self.unrealised if now // DAY == self._day else ZERO

    def fill(self, fill: Fill, instrument: Instrument, mark: Decimal) -> None:
        """Realise what this fill closes, and its fee, on the day on which we heard of it; what is left is at `mark`."""
        self._turn(fill.received_at)
        self.net += self._valued(self._profit(fill, instrument)) - self._fee(fill, instrument)
        self._revalue(self._lots[fill.instrument, fill.account], instrument, mark)
        self._peak = max(self._peak, self.net + self.unrealised)

    def look(self, now: Nanos, instruments: Mapping[InstrumentId, Instrument], mark: MarkOf) -> None:
        """Value what is open. A position without a mark or a rate keeps the value that it had."""
        self._turn(now)
        for (name, _), lot in self._lots.items():
            price = mark(name) if lot.quantity else None
            if price is not None:
                self._revalue(lot, instruments[name], price)
        self._peak = max(self._peak, self.net + self.unrealised)

    def _turn(self, now: Nanos) -> None:
        """A new day begins with what the last one ended with."""
        day = now // DAY
        if day > self._day:
            self._day = day
            self._opening = self.net + self.unrealised

    def _revalue(self, lot: _Lot, instrument: Instrument, mark: Decimal) -> None:
        """At this price."""
        rate = self._rate_of(instrument.quote)
        if rate is None:
            return
        worth = lot.worth(mark, inverse=instrument.kind is Kind.INVERSE) * instrument.multiplier * rate
        self.unrealised += worth - lot.unrealised
        lot.unrealised = worth

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
