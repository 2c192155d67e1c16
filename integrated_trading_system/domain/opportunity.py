"""A price difference worth acting on, or the named reason why not."""

from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.ids import Asset, InstrumentId, PlanId, StrategyId, VenueId
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.time import Nanos


class Opportunity(Struct, frozen=True, kw_only=True, tag=True):
    """Buy here, sell there: what it is expected to bring, in parts. Amounts in the Comparison's currency."""

    plan_id: PlanId
    strategy: StrategyId
    comparison: str
    buy: InstrumentId
    sell: InstrumentId
    quantity: Decimal
    """In base units of the Comparison."""
    buy_price: Decimal
    """Average over the depth walked, in the instrument's own quote currency."""
    sell_price: Decimal
    gross_edge: Decimal
    """The difference at the best prices, before any cost."""
    fees: Decimal
    slippage: Decimal
    """What walking the books costs against their best prices."""
    edge: Decimal
    """gross_edge - fees - slippage - decay - funding - conversion, exactly: what is left."""
    edge_bps: float
    bound: Nanos
    """How far apart the two books can have been in time."""
    at: Nanos
    decay: Decimal = ZERO
    """Expected to be lost while the orders are on their way."""
    funding: Decimal = ZERO
    """Expected to be paid for perpetuals until the position is closed; negative is received."""
    conversion: Decimal = ZERO
    """Of bringing other quote currencies back into the Comparison's."""


class OpportunityMissed(Struct, frozen=True, kw_only=True, tag=True):
    """A positive raw difference that was not traded, with the reason and the edge before that reason."""

    strategy: StrategyId
    comparison: str
    buy: InstrumentId
    sell: InstrumentId
    reason: str
    edge_bps: float
    edge: Decimal
    """In the Comparison's currency; 0 where the size was not worked out."""
    at: Nanos


class EdgeRealised(Struct, frozen=True, kw_only=True, tag=True):
    """What a trade of several legs brought, beside what it was expected to bring. In the reporting currency."""

    plan_id: PlanId
    strategy: StrategyId
    expected: Decimal
    """Of the whole plan, in the Comparison's currency; 0 where nothing was announced."""
    realised: Decimal
    """Flows of all legs less fees, and what is left unhedged at the mid price."""
    fees: Decimal
    residuals: tuple[Money, ...]
    """Base units left unhedged, by asset."""
    currency: Asset
    unpriced: tuple[Asset, ...]
    """Assets without a rate; they are not in the sums."""
    at: Nanos


class RebalanceAdvised(Struct, frozen=True, kw_only=True, tag=True):
    """Capital lies where it earns nothing: move it, says the strategy. Nobody does so but a person."""

    strategy: StrategyId
    comparison: str
    asset: Asset
    source: VenueId
    target: VenueId
    """The venue that runs dry first, or already has."""
    quantity: Decimal
    """Of the asset, before the transfer's cost."""
    dry_in: Nanos | None
    """When the target has nothing left if the average flow goes on; None: nothing is flowing, but edge was missed."""
    cost: Decimal
    """Of the transfer, in the Comparison's currency."""
    missed: Decimal
    """Edge missed there for want of this asset since the last advice, in the Comparison's currency."""
    pays: bool
    """Whether what was missed is more than the cost."""
    at: Nanos
