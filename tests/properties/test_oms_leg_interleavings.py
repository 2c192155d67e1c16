"""Every interleaving of fill, partial fill, late fill, reject, timeout, cancel and deadline, for plans of a few lots.

The leg executor is run against all futures of small plans, none left out (`tests/support/leg_model.py`):
at every state the orders stay inside the plan, what stands unhedged inside the stated bound, a resting
leader can still be hedged, and every future ends. Mutants show that the checks see what they should.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderStatus, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy
from integrated_trading_system.oms import legs
from integrated_trading_system.oms.holding import Holding
from integrated_trading_system.oms.progress import excess, traded
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import InFlight
from integrated_trading_system.oms.steps import Permission
from tests.support.leg_model import MAKER, Model, Violation, plan

PROCEED, REVERSE, CANCEL = HedgePolicy
AFTER_FIRST: dict[str, object] = {"follows": 0}
AFTER_SECOND: dict[str, object] = {"follows": 1}
RESTS: dict[str, object] = {"time_in_force": TimeInForce.GTC}

SHAPES: dict[str, tuple[dict[str, object], ...]] = {
    "two takers": ({}, {}),
    "maker, then taker": (MAKER, AFTER_FIRST),
    "taker, then taker": ({}, AFTER_FIRST),
    "three takers": ({}, {}, {}),
    "cycle of three": ({}, AFTER_FIRST, AFTER_SECOND),
    "cycle behind a maker": (MAKER, AFTER_FIRST, AFTER_SECOND),
    "one maker, two takers": (MAKER, AFTER_FIRST, AFTER_FIRST),
    "two resting legs": (RESTS, RESTS),
}
SIZES = {
    "two takers": ((1, 4), (2, 1), (2, 4)),
    "maker, then taker": ((1, 2), (2, 2), (2, 4), (3, 2), (3, 6)),
    "taker, then taker": ((1, 2), (2, 4), (3, 4)),
    "three takers": ((1, 2), (1, 4)),
    "cycle of three": ((1, 2), (1, 4), (2, 4)),
    "cycle behind a maker": ((1, 3), (1, 6)),
    "one maker, two takers": ((1, 3), (1, 5)),
    "two resting legs": ((1, 2), (1, 4)),
}
"""Lots of each leg, and repair orders."""

Break = Callable[[pytest.MonkeyPatch], None]


def explored(shape: str, policy: HedgePolicy) -> list[Model]:
    """With nothing but the venues against it; with a halt or a reduction at any moment; with silent streams."""
    models = []
    for quantity, repairs in SIZES[shape]:
        made = plan(policy, *SHAPES[shape], quantity=quantity, repairs=repairs)
        models.append(Model(made, silence=shape != "three takers").explore())
        if quantity <= 2 and shape != "three takers":
            models += [Model(made, fails_to=to).explore() for to in (Permission.NONE, Permission.UNWIND)]
        if quantity > 1:
            models += [Model(made, minimum=least).explore() for least in ({1: 2}, {0: 2, 1: 2})]
    return models


@pytest.mark.parametrize("policy", HedgePolicy)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_interleaving_stays_inside_the_plan_and_ends(
    shape: str, policy: HedgePolicy, record_property: Callable[[str, object], None]
) -> None:
    models = explored(shape, policy)
    states, ways = sum(len(model.ways) for model in models), sum(model.interleavings for model in models)
    record_property("explored", {"plans": len(models), "states": states, "interleavings": ways})
    reasons = Counter(ending.finished for model in models for ending in model.endings)
    assert states > 500
    assert ways > 10_000
    assert reasons["complete"], "it can go well"
    assert reasons["unfilled"], "it can come to nothing"
    assert (policy is CANCEL) == (not reasons["unwound"])
    assert any(reason.startswith("residual") for reason in reasons), "and it can be left unequal, as was stated"


@pytest.mark.parametrize("policy", [PROCEED, REVERSE])
@pytest.mark.parametrize("shape", ["two takers", "maker, then taker", "cycle of three", "cycle behind a maker"])
def test_what_is_left_had_its_deadline_or_used_up_its_orders(shape: str, policy: HedgePolicy) -> None:
    repairs = 6 if shape == "cycle behind a maker" else 4
    model = Model(plan(policy, *SHAPES[shape], repairs=repairs)).explore()
    for ending in model.endings:
        spent = sum(order.purpose is not Purpose.FIRST for order in ending.orders)
        if ending.finished.startswith("residual"):
            assert spent == repairs or ending.clock == 2


FEE = Decimal("0.5")
"""Half of whatever is bought: of one lot too little is left to be sold, of two a whole one."""


def paying(shape: str, policy: HedgePolicy, quantity: int) -> Iterator[Model]:
    """Plans whose purchases are paid for in what they bring, on accounts that hold nothing else."""
    made = plan(policy, *SHAPES[shape], quantity=quantity, repairs=5)
    yield Model(made, fee=FEE).explore()
    first = made.legs[0]
    if len(made.legs) == 2 and made.legs[1].follows == 0:
        second = replace(made.legs[1], account=first.account)
        yield Model(replace(made, legs=(first, second)), fee=FEE, supplied=True).explore()


@pytest.mark.parametrize("policy", HedgePolicy)
@pytest.mark.parametrize("shape", ["two takers", "maker, then taker", "taker, then taker", "cycle of three"])
def test_no_order_asks_for_what_was_paid_away_in_fees(
    shape: str, policy: HedgePolicy, record_property: Callable[[str, object], None]
) -> None:
    models = [model for quantity in (1, 2) for model in paying(shape, policy, quantity)]
    states, ways = sum(len(model.ways) for model in models), sum(model.interleavings for model in models)
    record_property("explored", {"plans": len(models), "states": states, "interleavings": ways})
    reasons = Counter(ending.finished for model in models for ending in model.endings)
    assert (policy is CANCEL) == (not reasons["unwound"])
    assert policy is CANCEL or reasons["residual: below the venue's minimum"], "half a lot is left, and said to be"


def test_a_maker_is_followed_at_each_fill_while_it_rests() -> None:
    model = Model(plan(PROCEED, *SHAPES["maker, then taker"], quantity=3, repairs=6)).explore()
    together = [ending for ending in model.endings if ending.finished == "complete" and len(ending.orders) == 4]
    assert together, "three fills, three hedges of one lot, no deadline and no cancel needed"
    lots = [[order.quantity for order in ending.orders] for ending in together if not ending.orders[0].cancelled]
    assert [3, 1, 1, 1] in lots


def test_less_than_the_followers_minimum_is_carried_until_there_is_enough() -> None:
    model = Model(plan(PROCEED, *SHAPES["maker, then taker"], quantity=3, repairs=6), minimum={1: 2}).explore()
    for state in model.ways:
        assert all(order.quantity >= 2 for order in state.orders if order.leg == 1)
    carried = [ending for ending in model.endings if ending.finished == "complete"]
    assert {tuple(order.quantity for order in ending.orders) for ending in carried} == {(3, 2, 2)}
    left = Model(plan(PROCEED, *SHAPES["maker, then taker"], quantity=3, repairs=6), minimum={0: 2, 1: 2}).explore()
    assert any(ending.finished == "residual: below the venue's minimum" for ending in left.endings)


def method(name: str, replacement: Callable[..., Any]) -> Break:
    return lambda patch: patch.setattr(legs, name, replacement)


def here(name: str, replacement: Callable[..., Any]) -> Break:
    return lambda patch: patch.setattr(Holding, name, replacement)


def doubt_is_a_no(patch: pytest.MonkeyPatch) -> None:
    step = legs.next_step

    def hasty(in_flight: Any, around: Any) -> Any:
        certain = [each for each in in_flight.orders if each.order.status is not OrderStatus.UNKNOWN]
        return step(InFlight(in_flight.plan, certain), around)

    patch.setattr(legs, "next_step", hasty)


def only_whole_fills_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        legs,
        "traded",
        lambda plan, orders: traded(plan, [each for each in orders if each.order.status is OrderStatus.FILLED]),
    )


MUTANTS: dict[str, tuple[str, Break]] = {
    "what is in doubt counts as refused": ("two takers", doubt_is_a_no),
    "partial fills are forgotten": ("two takers", only_whole_fills_count),
    "the excess is the whole leg": ("two takers", here("surplus", lambda _, nets, leg: nets[leg])),
    "what is missing is the whole leg": (
        "two takers",
        method("lack", lambda plan, _nets, leg: plan.legs[leg].quantity),
    ),
    "a follower is ordered whole at once": (
        "maker, then taker",
        method("lack", lambda plan, nets, leg: plan.legs[leg].quantity - nets[leg]),
    ),
    "a leader is never cancelled": ("maker, then taker", method("_no_longer", lambda _: False)),
    "no order is kept for the last fills": ("maker, then taker", method("_kept_for_last_fills", lambda _: 0)),
    "a hedge that failed does not matter": ("maker, then taker", method("_failed", lambda *_: False)),
    "a second hedge does not wait for the first": ("maker, then taker", method("_ready", lambda *_: 0)),
    "followers wait until the leader is over": ("maker, then taker", method("_ready", lambda *_: 2**63)),
    "what was left unequal counts as flat": ("cycle of three", here("surplus", lambda *_: ZERO)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_executor_is_caught(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape, apply = MUTANTS[mutant]
    apply(monkeypatch)
    with pytest.raises((Violation, AssertionError)):
        explored(shape, PROCEED)


@pytest.mark.parametrize(
    ("shape", "apply"),
    [
        ("two takers", here("surplus", lambda self, nets, leg: excess(self.plan, nets, leg))),
        ("maker, then taker", here("supply", lambda *_: None)),
    ],
    ids=["all that was bought is sold back", "a hedge sells all that was bought"],
)
def test_an_executor_that_forgets_fees_is_caught(shape: str, apply: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(monkeypatch)
    with pytest.raises(Violation, match="more are sold than there are"):
        list(paying(shape, PROCEED, 2))
