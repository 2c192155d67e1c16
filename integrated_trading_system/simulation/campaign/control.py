"""Control: nothing leaves after a halt, a halt outlives the process, reducing only reduces, restarts are bounded.

Each function is one invariant: it says what does not hold, or nothing. K1, K3, K4, K5, and I6.
"""

from typing import Any, Final

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.oms.state import State
from integrated_trading_system.oms.view import OrderManagementView
from integrated_trading_system.runtime.supervisor import RestartPolicy
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.campaign.scene import Scene

CLOSED: Final = frozenset({TradingState.STARTING, TradingState.HALTED})


def nothing_leaves(scene: Scene, passed_before: int, passed_after: int) -> str:
    """K1: while trading is not open, not one order passes the gate."""
    if scene.trading in CLOSED and passed_after != passed_before:
        return f"an order left while trading was {scene.trading}"
    return ""


def halt_outlives(scene: Scene, state: TradingState) -> str:
    """K3: what was halted stays halted, and what may only reduce goes on so, over every restart, until it is lifted."""
    if scene.halted and state is not TradingState.HALTED:
        return f"{state}, although it was halted ({scene.halted}) and nobody lifted that"
    if scene.reducing and state is TradingState.ACTIVE:
        return f"{state}, although it may only reduce ({scene.reducing}) and nobody lifted that"
    return ""


def only_reduces(scene: Scene, plan: Plan) -> str:
    """K4: a plan that begins while trading is REDUCING brings every position of its legs nearer to nothing."""
    for leg in plan.legs:
        position = scene.positions.get(leg.instrument)
        if not position or (position > 0) == (leg.side.sign > 0) or leg.quantity > abs(position):
            return f"{plan.plan_id} may {leg.side} {leg.quantity} of {leg.instrument}, of which {position or 0} is held"
    return ""


def restarts_bounded(system: System, lived: Nanos) -> str:
    """K5: no actor was restarted more often than its policy allows in the time that it lived."""
    policy = RestartPolicy()
    most = policy.intensity * (1 + lived // MINUTE)
    often = {name: count for name, count in system.restarts().items() if count > most}
    return f"restarted too often: {often}" if often else ""


def replayed(scene: Scene, view: OrderManagementView) -> str:
    """I6: the records alone give the orders, the plans and the counts that the living OMS shows."""
    state = scene.disk.state
    orders = tuple(tracked.order for tracked in state.open.values())
    if orders != view.orders:
        differing = [order.request.client_order_id for order in (*orders, *view.orders)]
        return f"the open orders differ from those of the journal: {differing}"
    counts = state.counts
    theirs = (counts.submitted, counts.filled, counts.cancelled, counts.rejected, counts.expired, counts.fills)
    ours = (view.submitted, view.filled, view.cancelled, view.rejected, view.expired, view.fills)
    if theirs != ours or len(state.plans) != view.plans:
        return f"the journal counts {theirs} and {len(state.plans)} plans, the OMS {ours} and {view.plans}"
    return ""


def replayed_again(scene: Scene) -> str:
    """I6: read once more from the beginning, the journal gives the same state."""
    return "" if picture(scene.disk.again()) == picture(scene.disk.state) else "the journal read again differs"


def picture(state: State) -> Any:
    """All of a state, comparable."""
    return (
        [(name, repr(tracked)) for name, tracked in state.orders.items()],
        list(state.open),
        [(name, of.plan, [each.client_order_id for each in of.orders]) for name, of in state.plans.items()],
        list(state.trades),
        state.covered,
        repr(state.counts),
        (state.fence, state.epoch),
    )
