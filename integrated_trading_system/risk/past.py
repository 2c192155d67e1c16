"""What earlier runs left behind, as risk begins with it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import Latched
from integrated_trading_system.domain.ids import ClientOrderId, PlanId, StrategyId
from integrated_trading_system.domain.plan import Plan


class Past(Struct, frozen=True, kw_only=True):
    """From the journal, and from what stands beside it. Empty at the very first start."""

    halted: str | None = None
    """The reason of a halt that nobody lifted."""
    reducing: str | None = None
    """Why an operator allowed only what reduces risk, where nobody lifted that."""
    latched: Sequence[Latched] = ()
    """Strategies that wait for an operator."""
    fills: Sequence[Fill] = ()
    """Every one, in order."""
    owners: Mapping[ClientOrderId, StrategyId] = {}
    """Whose the orders of these fills were."""
    in_flight: Sequence[Plan] = ()
    """Plans that were not finished."""
    traded: Mapping[PlanId, Sequence[Decimal]] = {}
    """What each of their legs did, in its own direction."""
