"""Orders: durable before visible, once, within what was approved, and over only when all of it is owned.

Each function is one invariant: it says what does not hold, or nothing. I2, I3, I7, I8, I10, I11.
"""

from decimal import Decimal

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order, OrderType
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.simulation.campaign.scene import Accepted, Scene

# -- the OMS says that it sends --------------------------------------------------------------------


def durable_before_sent(scene: Scene, order: Order) -> str:
    """I2: the core was told that the intent is on disk before it let the order go."""
    intent = scene.disk.intents.get(order.request.client_order_id)
    if intent is None:
        return "it leaves, and its intent is not on disk"
    if intent.sequence > scene.disk.committed:
        return f"it leaves, and its intent, record {intent.sequence}, is not known to be durable"
    return ""


def never_resurrected(scene: Scene, order: Order) -> str:
    """I11: an order is sent by the life that intended it and by no other, and not after its time."""
    intent = scene.disk.intents.get(order.request.client_order_id)
    if intent is not None and intent.life != scene.life:
        return f"intended in life {intent.life}, sent in life {scene.life}"
    if intent is not None and scene.now > intent.latest_send:
        return f"it leaves {scene.now - intent.latest_send} ns too late"
    return ""


# -- the OMS says that it is over ------------------------------------------------------------------


def owns_every_fill(scene: Scene, order: Order) -> str:
    """I7: whoever says "over" owns every fill, and it is over there, too."""
    there = scene.placed.get(order.request.client_order_id)
    if there is None:
        return f"{order.status} with {order.filled} filled, and no exchange has it" if order.filled else ""
    if there.order.is_open:
        return f"{order.status}, and still open at {there.venue}"
    if there.order.filled != order.filled:
        return f"{order.status} with {order.filled} filled, at {there.venue} it is {there.order.filled}"
    return ""


# -- an exchange took it ---------------------------------------------------------------------------


def durable_at_receipt(scene: Scene, accepted: Accepted) -> str:
    """I2: an exchange never sees an order that the disk does not know."""
    return "" if accepted.name in scene.disk.intents else f"{accepted.venue} took it, and its intent is not on disk"


def taken_once(scene: Scene, accepted: Accepted) -> str:
    """I3: no exchange takes the same order twice."""
    earlier = scene.placed.get(accepted.name)
    return "" if earlier is None else f"taken a second time: {earlier.order.order_id}, {accepted.order.order_id}"


def one_first_order(scene: Scene, accepted: Accepted) -> str:
    """I3: each leg of a plan has one first order, whatever its name."""
    intent = accepted.intent
    if intent is None or intent.purpose is not Purpose.FIRST:
        return ""
    request = intent.request
    names = [
        name
        for name in scene.disk.by_leg[request.plan_id, request.leg]
        if scene.disk.intents[name].purpose is Purpose.FIRST and (name in scene.placed or name == accepted.name)
    ]
    return f"leg {request.leg} of {request.plan_id} was ordered {len(names)} times: {names}" if len(names) > 1 else ""


def within_the_leg(scene: Scene, accepted: Accepted) -> str:
    """I8: first order and repairs together never come to more than the leg, and undo no more than was done."""
    if accepted.intent is None:
        return ""
    request = accepted.intent.request
    plan = scene.disk.plans.get(request.plan_id)
    if plan is None:
        return f"no plan {request.plan_id} was ever intended"
    forward, back, done = ZERO, ZERO, ZERO
    for name in scene.disk.by_leg[request.plan_id, request.leg]:
        there = accepted if name == accepted.name else scene.placed.get(name)
        if there is None:
            continue
        order = there.order
        most: Decimal = order.quantity if order.is_open else order.filled
        if scene.disk.intents[name].purpose is Purpose.UNWIND:
            back += most
        else:
            forward, done = forward + most, done + order.filled
    whole = plan.legs[request.leg].quantity
    if forward - back > whole or back > done:
        return f"leg {request.leg} of {request.plan_id} may trade {forward} and back {back}, it is {whole}"
    return ""


def as_intended(scene: Scene, accepted: Accepted) -> str:
    """I10: what an exchange took is what was intended, and it is known for whom."""
    if accepted.intent is None:
        return ""
    order, request = accepted.order, accepted.intent.request
    strategies = [chosen.name for chosen in scene.settings.strategies]
    if request.strategy not in strategies or accepted.instrument != request.instrument:
        return f"for {request.strategy!r} in {request.instrument}, taken in {accepted.instrument}"
    if (order.side, order.quantity) != (request.side, request.quantity):
        return f"intended {request.side} {request.quantity}, taken {order.side} {order.quantity}"
    if request.order_type is OrderType.LIMIT and order.price != request.price:
        return f"intended at {request.price}, taken at {order.price}"
    return ""


def taken_in_time(scene: Scene, accepted: Accepted) -> str:
    """I11: no exchange takes an order that is older than its expiry."""
    if accepted.intent is None:
        return ""
    latest = accepted.intent.latest_send + scene.windows[accepted.venue]
    taken = accepted.order.created_at
    return "" if taken <= latest else f"taken {taken - latest} ns after its expiry"


def not_after_its_end(scene: Scene, accepted: Accepted) -> str:
    """I7: what was called over is never taken afterwards."""
    if accepted.name in scene.over:
        return f"called over with {scene.over[accepted.name]} filled, then taken by {accepted.venue}"
    return ""


ON_SENT = (("I2", durable_before_sent), ("I11", never_resurrected))
ON_OVER = (("I7", owns_every_fill),)
ON_ACCEPTED = (
    ("I2", durable_at_receipt),
    ("I3", taken_once),
    ("I3", one_first_order),
    ("I8", within_the_leg),
    ("I10", as_intended),
    ("I11", taken_in_time),
    ("I7", not_after_its_end),
)
