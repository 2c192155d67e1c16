"""The end of a seed: everything has ended, and everything is owned to the last digit. I1 and I5.

Each function yields what does not hold.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import Asset, InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.oms.records import fills_of
from integrated_trading_system.oms.view import OrderManagementView
from integrated_trading_system.pms.manager import PositionManagementView
from integrated_trading_system.risk.view import RiskView
from integrated_trading_system.simulation.campaign.scene import Scene


def ended(scene: Scene, oms: OrderManagementView, risk: RiskView) -> Iterator[str]:
    """I5: once nothing goes wrong any more, every order and plan ends, here and there."""
    if not oms.reconciled:
        yield "never reconciled"
    if oms.open or oms.plans:
        yield f"not settled: {oms.orders}, {oms.plans} plans"
    if risk.in_flight:
        yield f"risk still holds {risk.in_flight}"
    for venue, account in scene.accounts.items():
        if account.open:
            yield f"{venue}: still open there: {list(account.open.values())}"
    for (instrument, _), holding in scene.holdings.items():
        if holding.up or holding.down:
            yield f"{instrument}: risk still reserves {holding.up}, {holding.down}"


def owned(scene: Scene, pms: PositionManagementView) -> Iterator[str]:
    """I1: fills, money, fees and positions are the exchange's, exactly."""
    fills = fills_of(scene.disk.records)
    for venue in scene.exchanges:
        yield from _fills(scene, venue, [fill for fill in fills if venue_of(fill.instrument) == venue])
        yield from _money(scene, venue, pms.expected.get(str(scene.names[venue]), {}))
    booked = {one.instrument: one.quantity for one in pms.positions}
    yield from _positions(scene, booked)
    if pms.waiting:
        yield f"{pms.waiting} fills wait for their instrument"


def _fills(scene: Scene, venue: VenueId, fills: list[Fill]) -> Iterator[str]:
    executed = Counter(
        (f"{venue}:{one.symbol}", one.client_id, one.quantity, one.price, one.fee)
        for one in scene.accounts[venue].executions.values()
    )
    ours = Counter(
        (str(fill.instrument), str(fill.client_order_id), fill.quantity, fill.price, fill.fee.amount) for fill in fills
    )
    if executed != ours:
        yield f"{venue}: not owned {executed - ours}, not executed {ours - executed}"
    strangers = [fill.trade_id for fill in fills if not fill.client_order_id]
    if strangers:
        yield f"{venue}: fills of nobody: {strangers}"


def _money(scene: Scene, venue: VenueId, expected: Mapping[Asset, Decimal]) -> Iterator[str]:
    for held in scene.accounts[venue].balances():
        amount = expected.get(Asset(held.asset), ZERO)
        if amount != held.free + held.locked:
            yield f"{venue}: {held.asset} is {held.free + held.locked}, the ledger says {amount}"


def _positions(scene: Scene, booked: Mapping[InstrumentId, Decimal]) -> Iterator[str]:
    for venue, _, instrument in scene.instruments():
        real = scene.positions.get(instrument, ZERO)
        holding = scene.holdings.get((instrument, scene.names[venue]))
        counted = holding.position if holding is not None else ZERO
        if not real == counted == booked.get(instrument, ZERO):
            yield f"{instrument}: position {real}, risk {counted}, PMS {booked.get(instrument)}"
