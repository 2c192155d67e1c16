"""How far the legs of a plan have come, and how far some are ahead of those that depend on them.

A leg's progress is what it traded, repairs included, over its quantity. A leg should be no further than
those that follow it, and no further than those that follow the same (or, as it does, none). `excess` is
what a leg has beyond that, `lack` what it needs to come up; when no leg has an excess, the plan is flat.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import Tracked

Instruments: TypeAlias = Mapping[InstrumentId, Instrument]


def net(orders: Sequence[Tracked], leg: int) -> Decimal:
    """What the leg traded in its own direction, its repairs included: unwinding subtracts."""
    return sum(
        (
            -tracked.order.filled if tracked.purpose is Purpose.UNWIND else tracked.order.filled
            for tracked in orders
            if tracked.order.request.leg == leg
        ),
        ZERO,
    )


def traded(plan: Plan, orders: Sequence[Tracked]) -> tuple[Decimal, ...]:
    """The same for every leg."""
    return tuple(net(orders, leg) for leg in range(len(plan.legs)))


def excess(plan: Plan, nets: Sequence[Decimal], leg: int) -> Decimal:
    """What the leg has traded beyond the one that is furthest behind of those that depend on it."""
    others = (
        _share(plan, nets, index, leg)
        for index, other in enumerate(plan.legs)
        if index != leg and other.follows in (leg, plan.legs[leg].follows)
    )
    return max(ZERO, nets[leg] - min(others, default=nets[leg]))


def lack(plan: Plan, nets: Sequence[Decimal], leg: int) -> Decimal:
    """What the leg has to trade yet to come up to its leader, or to the foremost of those that follow none."""
    follows = plan.legs[leg].follows
    leaders = (
        [index for index, other in enumerate(plan.legs) if other.follows is None] if follows is None else [follows]
    )
    return max(_share(plan, nets, index, leg) for index in leaders) - nets[leg]


def fresh(plan: Plan, orders: Sequence[Tracked], nets: Sequence[Decimal], leg: int) -> Decimal:
    """What a follower has not been ordered for yet of what its leader traded; 0 for a leg that follows none."""
    if (follows := plan.legs[leg].follows) is None:
        return ZERO
    ordered = (
        tracked.order.request.quantity
        for tracked in orders
        if tracked.order.request.leg == leg and tracked.purpose is Purpose.HEDGE
    )
    return _share(plan, nets, follows, leg) - sum(ordered, ZERO)


def _share(plan: Plan, nets: Sequence[Decimal], of: int, leg: int) -> Decimal:
    """As much of `leg` as the leg `of` traded of itself."""
    return plan.legs[leg].quantity * nets[of] / plan.legs[of].quantity
