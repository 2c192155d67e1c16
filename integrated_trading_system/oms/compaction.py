"""One snapshot for all records so far, and the proof that a start from it is the same start.

What is dropped is how orders and plans came to be as they are. What is kept: the orders that are remembered,
the plans in flight, and everything of `Memory`, so the ledger is recovered from the same fills in the same order.
"""

from collections.abc import Sequence

from msgspec.structs import asdict

from integrated_trading_system.oms.memory import Memory, remember
from integrated_trading_system.oms.records import OrderKept, PlanKept, Snapshot, decode, encode
from integrated_trading_system.oms.state import State, replay


def compacted(lines: Sequence[bytes], orders_kept_max: int, trades_kept_max: int) -> bytes | None:
    """The one line that may stand for all of these; None where a start from it would not be the same."""
    records = tuple(map(decode, lines))
    state, memory = replay(records, orders_kept_max, trades_kept_max), remember(records)
    line = encode(_snapshot(state, memory))
    again = (decode(line),)
    same = replay(again, orders_kept_max, trades_kept_max).same(state) and remember(again) == memory
    return line if same else None


def _snapshot(state: State, memory: Memory) -> Snapshot:
    return Snapshot(
        fence=state.fence,
        epoch=state.epoch,
        counts=asdict(state.counts),
        orders=tuple(
            OrderKept(
                order=tracked.order,
                purpose=tracked.purpose,
                done=tracked.done,
                value=tracked.value,
                fees=tracked.fees,
            )
            for tracked in state.orders.values()
        ),
        finished=state.finished,
        plans=tuple(
            PlanKept(
                plan=of.plan,
                orders=tuple(tracked.client_order_id for tracked in of.orders),
                traded=tuple(memory.traded[plan_id]),
            )
            for plan_id, of in state.plans.items()
        ),
        trades=len(state.trades),
        covered={instrument: until for (instrument, of), until in state.covered.items() if of is None},
        covered_accounts=tuple((name, of, until) for (name, of), until in state.covered.items() if of is not None),
        fills=tuple(memory.fills),
        funding=tuple(memory.funding),
        openings=tuple((*purse, amount) for purse, amount in memory.openings.items()),
        owners=tuple((order, *owner) for order, owner in memory.owners.items()),
    )
