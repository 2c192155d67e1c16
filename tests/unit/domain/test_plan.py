"""What a plan states of itself: who leads, until when, and what may be left at worst."""

from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.domain.plan import HedgePolicy, Plan, flat_by, leading, rests_until, worst_residual
from integrated_trading_system.domain.time import SECOND, Nanos
from tests.support.oms_world import START, cycle, maker_taker, pair, single
from tests.support.seen import seen

PAIR = pair(1, 4, HedgePolicy.PROCEED, START)
MAKER = maker_taker(1, 4, HedgePolicy.PROCEED, START)
CYCLE = cycle(1, 4, HedgePolicy.PROCEED, START)


def star() -> Plan:
    legs = (MAKER.legs[0], MAKER.legs[1], replace(MAKER.legs[1], multiplier=Decimal("0.5")))
    return replace(MAKER, legs=legs)


def test_a_leg_leads_that_another_follows() -> None:
    assert [leading(plan) for plan in (PAIR, MAKER, CYCLE)] == [frozenset(), {0}, {0, 1}]


def test_at_worst_a_leg_on_which_others_depend_stands_alone_with_all_of_it() -> None:
    assert seen(*worst_residual(PAIR)) == (4, 4)
    assert seen(*worst_residual(MAKER)) == (4, 0), "the hedge never comes before what it hedges"
    assert seen(*worst_residual(CYCLE)) == (4, 4, 0)
    assert seen(*worst_residual(single(1, 4, START))) == (0,)
    assert seen(*worst_residual(star())) == (4, 4, 2), "in base units; each of two followers without the other"


def test_a_leader_rests_half_the_time_unless_the_plan_says_otherwise() -> None:
    assert rests_until(MAKER) == START + 11 * SECOND
    assert rests_until(replace(MAKER, rest_until=Nanos(START + SECOND))) == START + SECOND
    assert flat_by(MAKER) == MAKER.hedge_by
