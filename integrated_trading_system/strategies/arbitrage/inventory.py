"""What can be bought and sold where: spot by free balances, derivatives by a position limit.

What plans in flight may use is not counted twice: it is set aside until they end.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from integrated_trading_system.domain.balances import Balances, spending
from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.ids import AccountId, Asset, InstrumentId, PlanId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ONE, ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.strategies.arbitrage.conversion import Unit

UNLIMITED: Final = Decimal("Infinity")


class Inventory:
    """Room to trade on our accounts, in base units of the Comparison."""

    def __init__(self, accounts: Mapping[VenueId, AccountId], position_max: Decimal | None, required: bool) -> None:
        """`required`: a balance that was never reported counts as nothing, otherwise as enough."""
        self._accounts = accounts
        self._position_max = position_max
        self._unknown = ZERO if required else UNLIMITED
        self._balances = Balances()
        self._positions: dict[InstrumentId, Decimal] = {}
        self._reserved: dict[tuple[InstrumentId, Side], Decimal] = {}
        self._plans: dict[PlanId, Plan] = {}

    def report(self, report: BalancesReported) -> None:
        """Believe the venue about our account there."""
        if self._accounts.get(report.venue) != report.account:
            return
        self._balances.report(report)
        if report.complete:
            self._positions = {one: held for one, held in self._positions.items() if venue_of(one) != report.venue}
        self._positions.update((position.instrument, position.quantity) for position in report.positions)

    def fill(self, fill: Fill, instrument: Instrument) -> None:
        """Any order of ours on the account traded."""
        if self._accounts.get(instrument.venue) != fill.account:
            return
        self._balances.fill(fill, instrument)
        held = self._positions.get(fill.instrument, ZERO)
        self._positions[fill.instrument] = held + fill.quantity * fill.side.sign

    def reserve(self, plan: Plan, instruments: Mapping[InstrumentId, Instrument]) -> None:
        """Set aside what the plan's legs need."""
        self._plans[plan.plan_id] = plan
        for leg in plan.legs:
            self._reserve(leg.instrument, leg.side, leg.quantity)
            spent = spending(instruments[leg.instrument], leg.account, leg.side, leg.price, leg.quantity)
            if spent is not None:
                self._balances.hold(plan.plan_id, *spent)

    def release(self, plan_id: PlanId) -> None:
        """The plan is over, or was denied."""
        for leg in self._plans.pop(plan_id).legs:
            self._reserve(leg.instrument, leg.side, -leg.quantity)
        self._balances.release(plan_id)

    def room(self, unit: Unit, side: Side, price: Decimal, fee: Decimal) -> Decimal:
        """The most that can be bought (at this price and fee) or sold."""
        instrument = unit.instrument
        spent = spending(instrument, self._accounts[instrument.venue], side, price, ONE)
        if spent is None:
            return self._position_room(instrument.instrument, side) * unit.base
        purse, needed = spent
        free = self._balances.free(purse)
        if free is None:
            return self._unknown
        if side is Side.BUY:
            needed *= ONE + fee  # which is charged on top
        return free / needed * unit.base

    def free(self, venue: VenueId, asset: Asset) -> Decimal:
        """What is free of the asset on our account there; what was never reported counts as it is set to."""
        free = self._balances.free((venue, self._accounts[venue], asset)) if venue in self._accounts else ZERO
        return self._unknown if free is None else free

    def _position_room(self, instrument: InstrumentId, side: Side) -> Decimal:
        if self._position_max is None:
            return UNLIMITED
        held = self._positions.get(instrument, ZERO) * side.sign
        return max(self._position_max - held - self._reserved.get((instrument, side), ZERO), ZERO)

    def _reserve(self, instrument: InstrumentId, side: Side, quantity: Decimal) -> None:
        key = (instrument, side)
        self._reserved[key] = self._reserved.get(key, ZERO) + quantity
