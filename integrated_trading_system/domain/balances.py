"""What can be spent: free balances as last reported, moved by our own fills since, less what plans hold.

Between two reports of a venue an account may trade many times. Until a plan is finished its hold
stays although its fills already moved the balance, so what is `free` here is never more than
what is free at the venue.
"""

from decimal import Decimal
from typing import TypeAlias

from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.ids import AccountId, Asset, PlanId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos

Purse: TypeAlias = tuple[VenueId, AccountId, Asset]


class Balances:
    """Free amounts of every asset on every account, as far as venues have told."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._free: dict[Purse, Decimal] = {}
        self._as_of: dict[tuple[VenueId, AccountId], Nanos] = {}
        self._complete: dict[tuple[VenueId, AccountId], None] = {}
        self._held: dict[Purse, Decimal] = {}
        self._holds: dict[PlanId, list[tuple[Purse, Decimal]]] = {}

    def report(self, report: BalancesReported) -> None:
        """Believe the venue, unless it has said something newer: a stream may lag behind what was asked.

        A complete report also says that everything it does not name is zero.
        """
        owner = (report.venue, report.account)
        as_of = self._as_of.get(owner, Nanos(0))
        if 0 < report.venue_time < as_of:
            return
        if report.complete:
            for purse in [purse for purse in self._free if purse[:2] == owner]:
                del self._free[purse]
            self._complete[owner] = None
        for balance in report.balances:
            self._free[(*owner, balance.asset)] = balance.free
        self._as_of[owner] = max(report.venue_time, as_of)

    def fill(self, fill: Fill, instrument: Instrument, margin: Decimal = ZERO) -> None:
        """Move what a fill moved, unless the last report was made after it.

        `margin` is what a derivative's fill binds of the settle asset; negative is what it frees.
        """
        owner = (instrument.venue, fill.account)
        if fill.venue_time and fill.venue_time <= self._as_of.get(owner, Nanos(0)):
            return
        if instrument.kind is Kind.SPOT:
            base, quote = fill.quantity * instrument.multiplier, instrument.notional(fill.price, fill.quantity)
            sign = fill.side.sign
            self._move((*owner, instrument.base), base * sign)
            self._move((*owner, instrument.quote), quote * -sign)
        elif margin:
            self._move((*owner, instrument.settle), -margin)
        self._move((*owner, fill.fee.asset), -fill.fee.amount)

    def hold(self, plan_id: PlanId, purse: Purse, amount: Decimal) -> None:
        """Set this amount aside until the plan is released."""
        self._holds.setdefault(plan_id, []).append((purse, amount))
        self._held[purse] = self._held.get(purse, ZERO) + amount

    def release(self, plan_id: PlanId) -> None:
        """The plan is over. Unknown plans are ignored."""
        for purse, amount in self._holds.pop(plan_id, ()):
            self._held[purse] -= amount

    def free(self, purse: Purse) -> Decimal | None:
        """What may still be spent, never below zero; None where the venue has not told."""
        known = self._free.get(purse)
        if known is None:
            return ZERO if purse[:2] in self._complete else None
        return max(known - self._held.get(purse, ZERO), ZERO)

    def _move(self, purse: Purse, change: Decimal) -> None:
        """Only what is known can be moved; what a complete report did not name was zero."""
        if purse in self._free or purse[:2] in self._complete:
            self._free[purse] = self._free.get(purse, ZERO) + change


def spending(
    instrument: Instrument, account: AccountId, side: Side, price: Decimal, quantity: Decimal
) -> tuple[Purse, Decimal] | None:
    """What a spot order takes from which purse, before fees; None for derivatives: their margin is the venue's."""
    if instrument.kind is not Kind.SPOT:
        return None
    if side is Side.SELL:
        return (instrument.venue, account, instrument.base), quantity * instrument.multiplier
    return (instrument.venue, account, instrument.quote), instrument.notional(price, quantity)
