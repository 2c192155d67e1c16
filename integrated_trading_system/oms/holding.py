"""What the orders of a plan really left on its accounts, fees taken off: no more than that can be sold again.

A spot venue may take its fee in the asset that was bought, and an account need not hold any other. So what a
leg traded says how far it has come, and what is here says how much of that can be traded back, or sold by a leg
that another one supplies.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, Asset
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.oms.progress import Instruments, excess, traded
from integrated_trading_system.oms.state import Tracked


class Holding(Struct, frozen=True):
    """By account and asset, in units of the asset; spot only, for derivatives do not deliver."""

    plan: Plan
    instruments: Instruments
    brought: dict[tuple[AccountId, Asset], Decimal]
    """By fills, fees paid and open sales taken off."""
    fees: tuple[Decimal, ...]
    """Per leg, what of its base asset was paid away."""

    def surplus(self, nets: Sequence[Decimal], index: int) -> Decimal:
        """What the leg is ahead by that is really there; what was paid away in fees is neither sold nor missed."""
        ahead, leg = excess(self.plan, nets, index), self.plan.legs[index]
        instrument = self.instruments.get(leg.instrument)
        if not ahead or leg.side is Side.SELL or instrument is None or instrument.kind is not Kind.SPOT:
            return ahead
        unpaid = ahead - self.fees[index] / instrument.multiplier
        return max(ZERO, min(unpaid, self._there(leg.account, instrument)))

    def supply(self, index: int) -> Decimal | None:
        """What a leg that sells may sell yet of what other legs bought for the same account; None: it has its own."""
        leg = self.plan.legs[index]
        instrument = self.instruments[leg.instrument]
        if leg.side is Side.BUY or instrument.kind is not Kind.SPOT:
            return None
        for other in self.plan.legs:
            one = self.instruments.get(other.instrument)
            if one is None or one.kind is not Kind.SPOT or other.side is Side.SELL:
                continue
            if (other.account, one.base) == (leg.account, instrument.base):
                return max(ZERO, self._there(leg.account, instrument))
        return None

    def _there(self, account: AccountId, instrument: Instrument) -> Decimal:
        return self.brought.get((account, instrument.base), ZERO) / instrument.multiplier


def holding(plan: Plan, orders: Sequence[Tracked], instruments: Instruments) -> Holding:
    """What is there after these orders. `instruments` knows those in which the plan traded."""
    brought: dict[tuple[AccountId, Asset], Decimal] = {}
    fees = [ZERO] * len(plan.legs)

    def add(account: AccountId, asset: Asset, amount: Decimal) -> None:
        brought[account, asset] = brought.get((account, asset), ZERO) + amount

    for tracked in orders:
        order, request = tracked.order, tracked.order.request
        instrument = instruments.get(request.instrument)
        if instrument is None or instrument.kind is not Kind.SPOT:
            continue
        sold = request.side is Side.SELL and tracked.open
        moved = -request.quantity if sold else request.side.sign * order.filled
        add(request.account, instrument.base, moved * instrument.multiplier)
        add(request.account, instrument.quote, -request.side.sign * tracked.value * instrument.multiplier)
        for asset, amount in tracked.fees.items():
            add(request.account, asset, -amount)
            if asset == instrument.base:
                fees[request.leg] += amount
    return Holding(plan, instruments, brought, tuple(fees))


def residuals(plan: Plan, orders: Sequence[Tracked], instruments: Instruments) -> tuple[Money, ...]:
    """Base units unhedged, by asset: positive is long, and less the fees that were paid in the asset."""
    nets, here = traded(plan, orders), holding(plan, orders, instruments)
    amounts: dict[Asset, Decimal] = {}
    for index, leg in enumerate(plan.legs):
        if nets[index] and (ahead := here.surplus(nets, index)):
            asset = instruments[leg.instrument].base
            amounts[asset] = amounts.get(asset, ZERO) + leg.side.sign * ahead * leg.multiplier
    return tuple(Money(amount, asset) for asset, amount in amounts.items() if amount)
