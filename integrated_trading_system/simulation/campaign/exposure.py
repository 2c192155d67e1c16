"""Exposure: whatever may still trade at an exchange is reserved here, and limits hold at every instant.

Each function is one invariant: it says what does not hold, or nothing. I4.
"""

from decimal import Decimal
from typing import Final

from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.oms.view import OrderManagementView
from integrated_trading_system.simulation.campaign.scene import Accepted, Scene

DRIFT: Final = Decimal("1.03")
"""A limit is checked at the price of the decision; until the order arrives the price moves."""


def reserved(scene: Scene) -> str:
    """I4: what the exchange may make of our account lies within what risk counts with."""
    for venue, symbol, instrument in scene.instruments():
        held = scene.held(venue, symbol)
        ours = scene.holdings.get((instrument, scene.names[venue]))
        highest, lowest = (ours.position + ours.up, ours.position - ours.down) if ours is not None else (ZERO, ZERO)
        if held.position + held.buying > highest or held.position - held.selling < lowest:
            return (
                f"{instrument} may come to {held.position - held.selling} or {held.position + held.buying}, "
                f"risk counts with {lowest} to {highest}"
            )
    return ""


def open_here(scene: Scene, view: OrderManagementView) -> str:
    """I4: an order that is open at an exchange is open here, past its intent."""
    known = {order.request.client_order_id: order.status for order in view.orders}
    for venue, account in scene.accounts.items():
        for order in account.open.values():
            status = known.get(ClientOrderId(order.client_id))
            if status is None or status is OrderStatus.INTENDED:
                return f"{order.client_id} is open at {venue}, here it is {status or 'not open'}"
    return ""


def within_limits(scene: Scene, accepted: Accepted) -> str:
    """I4: with this order, what the account may come to is within the limits of order, instrument, venue and total.

    And what its strategy may come to, all of its instruments together, within that strategy's.
    """
    risk = scene.settings.risk
    worth: dict[InstrumentId, Decimal] = {}
    venues: dict[VenueId, Decimal] = {}
    for venue, symbol, instrument in scene.instruments():
        held = scene.held(venue, symbol)
        worth[instrument] = held.worst * held.mark
        venues[venue] = venues.get(venue, ZERO) + worth[instrument]
    instrument, venue = accepted.instrument, accepted.venue
    value = accepted.order.quantity * scene.exchanges[venue].mark_price(accepted.order.symbol)
    found = (
        ("order", value, risk.order_notional_max),
        (instrument, worth[instrument], risk.position_notional_max_of.get(instrument, risk.position_notional_max)),
        (venue, venues[venue], risk.venue_notional_max_of.get(venue, risk.venue_notional_max)),
        ("total", sum(worth.values(), ZERO), risk.exposure_max),
        *_of_strategy(scene, accepted),
    )
    return "; ".join(f"{name} is worth {worth}, at most {most}" for name, worth, most in found if worth > most * DRIFT)


def _of_strategy(scene: Scene, accepted: Accepted) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """Its name, what it may come to, and its limit."""
    if accepted.intent is None:
        return ()
    name = accepted.intent.request.strategy
    worth = ZERO
    for venue, symbol, instrument in scene.instruments():
        held = scene.held_by(name, venue, symbol, instrument)
        worth += held.worst * held.mark
    risk = scene.settings.risk
    return ((name, worth, risk.strategy_notional_max_of.get(name, risk.strategy_notional_max)),)
