"""What a plan's legs came to, in the units of their instruments."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import HedgePolicy
from integrated_trading_system.oms.outcome import finished
from tests.support.hostile import VENUES, account_of, instrument_of
from tests.support.oms_orders import INSTRUMENTS, request, tracked
from tests.support.oms_world import START, pair
from tests.support.seen import seen

NAME = instrument_of(VENUES[0])


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("kind", "multiplier", "worth"), [(Kind.LINEAR, "0.01", 12), (Kind.INVERSE, "100", 300)])
def test_what_flowed_counts_what_a_contract_is(side: Side, kind: Kind, multiplier: str, worth: int) -> None:
    """3 contracts at 400: of 0.01 units each they are worth 12, of 100 quote units each 300 at any price."""
    plan = pair(1, 3, HedgePolicy.PROCEED, START)
    plan = replace(plan, legs=(replace(plan.legs[0], side=side), plan.legs[1]))
    listed = INSTRUMENTS | {NAME: replace(INSTRUMENTS[NAME], kind=kind, multiplier=Decimal(multiplier))}
    sent = replace(request("0", side=side), instrument=NAME, account=account_of(VENUES[0]), leg=0)
    order = tracked(sent, OrderStatus.FILLED, 0)
    order.order, order.value = replace(order.order, filled=Decimal(3)), Decimal(3) * 400
    outcome = finished(plan, [order], listed, "complete", START).legs[0]
    assert seen(outcome.flow, outcome.filled, outcome.average_price) == (-side.sign * worth, 3, 400)
