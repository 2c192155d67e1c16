"""The legs of a plan: follow what leads, repair what came out unequal, all inside the hedge envelope.

A pure function looks at the plan and all its orders and says what comes next, so a crash between two
repairs needs no special case. Its states are the table in docs/legs.md. The rules:

* only what is known is acted on: a fill that we own counts at once, an order in doubt is waited for;
* a follower is ordered for each share that its leader traded, also while that still rests. A resting
  leader is cancelled when its time is over, a hedge was not filled, a venue is silent, trading is not
  ACTIVE, or the repair orders come to those that its last fills will need;
* when no order is open, PROCEED brings legs that lag up to the foremost, up to their worst price; when
  one of these orders finds nothing, or they come to the reserve, the rest trade back what is ahead;
* REVERSE trades what is ahead back, down to its unwind price, and CANCEL leaves it;
* the deadline, a halt, or less than the venue's minimum leave a residual, which is reported.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order, OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy, Plan, flat_by, rests_until
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.envelope import followers, reserve
from integrated_trading_system.oms.holding import Holding, holding
from integrated_trading_system.oms.progress import fresh, lack, traded
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import InFlight, Tracked
from integrated_trading_system.oms.steps import Around, Cancel, Finish, Permission, Repair, Step, Wait


class _Situation(Struct):
    """A plan, what became of its orders so far, and the world around it."""

    plan: Plan
    orders: Sequence[Tracked]
    around: Around
    nets: tuple[Decimal, ...]
    here: Holding
    repairs: list[Tracked]
    open: list[Tracked]

    @property
    def left(self) -> int:
        """Repair orders that may still be made."""
        return self.plan.hedge_orders_max - len(self.repairs)

    @property
    def rested(self) -> Nanos:
        """When the pause after the last repair is over."""
        return Nanos(self.repairs[-1].order.changed_at + self.around.pause) if self.repairs else Nanos(0)

    @property
    def turned(self) -> bool:
        """Whether it goes back from now on: once a repair found nothing, or traded back, it does not turn again."""
        return any(
            tracked.purpose is Purpose.UNWIND or not (tracked.open or tracked.order.filled) for tracked in self.repairs
        )

    def ahead(self) -> bool:
        """Whether anything stands unhedged."""
        return any(self.here.surplus(self.nets, leg) for leg in range(len(self.plan.legs)))


def next_step(in_flight: InFlight, around: Around) -> Step:
    """What to do about this plan now."""
    plan = in_flight.plan
    waiting = [tracked for tracked in in_flight.orders if tracked.open]
    if not waiting:
        return _over(_situation(in_flight, around))
    if len(plan.legs) == 1:
        return Wait()  # one order alone may rest for ever
    if around.now >= flat_by(plan):
        working = tuple(each.client_order_id for each in waiting if each.order.status is OrderStatus.WORKING)
        return Cancel(working) if working else Wait()
    return _under_way(_situation(in_flight, around)) if followers(plan) else Wait(flat_by(plan))


def may_lead(in_flight: InFlight, around: Around) -> bool:
    """Whether a leg that others follow may rest: its next fill can be hedged."""
    now = _situation(in_flight, around)
    return not (now.turned or _no_longer(now))


def _situation(in_flight: InFlight, around: Around) -> _Situation:
    plan, orders = in_flight.plan, in_flight.orders
    repairs = [tracked for tracked in orders if tracked.purpose is not Purpose.FIRST]
    here = holding(plan, orders, around.instruments)
    waiting = [each for each in orders if each.open]
    return _Situation(plan, orders, around, traded(plan, orders), here, repairs, waiting)


# -- while an order is open --------------------------------------------------------------------


def _under_way(now: _Situation) -> Step:
    """Followers are ordered for what is known; whatever else there is to repair waits for the last order."""
    resting = _resting(now)
    times = [flat_by(now.plan)]
    if resting:
        times += [rests_until(now.plan), *(each.order.latest_send for each in now.repairs if each.open)]
    for leg in reversed(range(len(now.plan.legs))):
        if now.plan.legs[leg].follows is None or (repair := _forward(now, leg, _kept_for_last_fills(now))) is None:
            continue
        if (ready := _ready(now, leg)) <= now.around.now:
            return repair
        times.append(ready)
    if resting and _no_longer(now):
        return Cancel(tuple(tracked.client_order_id for tracked in resting))
    return Wait(min(time for time in times if time > now.around.now))


def _resting(now: _Situation) -> list[Tracked]:
    """What is in the book: where legs follow, that is a leader, or its equal."""
    return [each for each in now.open if _stays(each) and each.order.status is OrderStatus.WORKING]


def _stays(tracked: Tracked) -> bool:
    return tracked.order.request.time_in_force is TimeInForce.GTC


def _kept_for_last_fills(now: _Situation) -> int:
    """Repair orders not touched while a leader may still fill: one for each follower, and the reserve."""
    return followers(now.plan) + reserve(now.plan)


def _no_longer(now: _Situation) -> bool:
    """Whether a fill of a resting leader might not be hedged."""
    around, plan = now.around, now.plan
    if around.permission is not Permission.ALL or around.now >= rests_until(plan):
        return True
    if now.left <= _kept_for_last_fills(now) or any(leg.account in around.silent for leg in plan.legs):
        return True
    return any(_failed(tracked.order, around.now) for tracked in now.repairs)


def _failed(hedge: Order, now: Nanos) -> bool:
    """Whether it did not get all it was for, or its fate should be known by now."""
    if hedge.open_quantity == ZERO or hedge.status is OrderStatus.UNKNOWN:
        return hedge.status is not OrderStatus.FILLED
    return now >= hedge.latest_send


def _ready(now: _Situation, leg: int) -> Nanos:
    """When a follower may be ordered: once its own order is over, its leader's fills had time to come together."""
    known = [Nanos(0)]
    for tracked in now.open:
        request = tracked.order.request
        if request.leg == leg:
            return flat_by(now.plan)
        if request.leg == now.plan.legs[leg].follows and not _stays(tracked):
            known.append(Nanos(tracked.order.changed_at + now.around.pause))
    if _unordered(now, leg) <= ZERO:
        known.append(now.rested)
    return max(known)


def _unordered(now: _Situation, leg: int) -> Decimal:
    """What a follower was not ordered for of what its leader traded, and can be: the rest was paid away in fees."""
    wanted, supply = fresh(now.plan, now.orders, now.nets, leg), now.here.supply(leg)
    if supply is None:
        return wanted
    left = lack(now.plan, now.nets, leg) - supply
    return wanted - max(left, ZERO)


# -- when every order is over ------------------------------------------------------------------


def _over(now: _Situation) -> Step:
    """Follow, catch up, turn back, or report what is left."""
    plan, around = now.plan, now.around
    if not now.ahead():
        return Finish(_summary(now))
    unordered = [leg for leg in reversed(range(len(plan.legs))) if _unordered(now, leg) > ZERO]
    for leg in unordered:
        if repair := _forward(now, leg, reserve(plan)):
            return repair
    starting = around.permission is Permission.LATER and around.now < flat_by(plan)
    if plan.policy is HedgePolicy.CANCEL and not (starting and unordered):
        return Finish("residual: policy")
    if around.now >= flat_by(plan):
        return Finish("residual: deadline")
    if starting:
        return Wait(flat_by(plan))
    if around.permission is Permission.NONE:
        return Finish("residual: halted")
    if now.left <= 0:
        return Finish("residual: repair orders spent")
    if now.rested > around.now:
        return Wait(min(now.rested, flat_by(plan)))
    return _catch_up(now) or _turn_back(now) or Finish("residual: below the venue's minimum")


def _catch_up(now: _Situation) -> Repair | None:
    """Trade what is missing of a leg that lags behind, the last one first."""
    orders = (_forward(now, leg, reserve(now.plan)) for leg in reversed(range(len(now.plan.legs))))
    return next((order for order in orders if order), None)


def _forward(now: _Situation, index: int, kept: int) -> Repair | None:
    """An order for what the plan's policy wants of the leg yet, if `kept` orders stay for what may come after."""
    plan, leg = now.plan, now.plan.legs[index]
    over = now.around.permission is not Permission.ALL or now.around.now >= flat_by(plan) or now.left <= kept
    if over or (now.turned and plan.policy is not HedgePolicy.CANCEL):
        return None
    if plan.policy is HedgePolicy.PROCEED:
        wanted = min(lack(plan, now.nets, index), leg.quantity - now.nets[index])
    else:
        wanted = fresh(plan, now.orders, now.nets, index)
    if (supply := now.here.supply(index)) is not None:
        wanted = min(wanted, supply)
    return _order(index, Purpose.HEDGE, leg.side, wanted, leg.worst_price, now.around.instruments[leg.instrument])


def _turn_back(now: _Situation) -> Repair | None:
    """Trade back what is too much of a leg that is ahead, the last one first."""
    for index, leg in reversed(tuple(enumerate(now.plan.legs))):
        wanted, instrument = now.here.surplus(now.nets, index), now.around.instruments[leg.instrument]
        order = _order(index, Purpose.UNWIND, leg.side.opposite, wanted, leg.unwind_price, instrument)
        if order is not None:
            return order
    return None


def _order(
    index: int, purpose: Purpose, side: Side, wanted: Decimal, limit: Decimal, instrument: Instrument
) -> Repair | None:
    """On tick and lot, never beyond what is wanted; None where the venue would refuse it."""
    price, quantity = instrument.round_price(limit, side), instrument.round_quantity(wanted)
    if instrument.refusal(price, quantity) is not None:
        return None
    return Repair(index, purpose, side, quantity, price)


def _summary(now: _Situation) -> str:
    """In a word, how a plan without anything to repair ended."""
    plan = now.plan
    if any(tracked.purpose is Purpose.UNWIND for tracked in now.repairs):
        return "unwound"
    if not any(now.nets):
        reasons = [tracked.order.reason for tracked in now.orders if tracked.order.reason]
        return f"unfilled: {reasons[0]}" if reasons else "unfilled"
    if any(plan.legs[tracked.order.request.leg].follows is None for tracked in now.repairs):
        return "hedged"
    complete = all(net >= leg.quantity for net, leg in zip(now.nets, plan.legs, strict=True))
    return "complete" if complete else "partial"
