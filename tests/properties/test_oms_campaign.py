"""The order management against hostile venues: a correct one survives every seed, each broken one is caught.

A mutant that survived would mean that a mistake of its kind could live in the code unseen, so the
mutants are part of the claim.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.execution import OrderNotFound
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus
from integrated_trading_system.oms import answers, legs, lifecycle, plans, state
from integrated_trading_system.oms.answers import Answers
from integrated_trading_system.oms.desk import Desk
from integrated_trading_system.oms.lifecycle import Evidence
from integrated_trading_system.oms.plans import Plans
from integrated_trading_system.oms.reconciliation import About
from integrated_trading_system.oms.records import Started
from tests.support.oms_world import World, campaign

Break = Callable[[pytest.MonkeyPatch], None]

SEEDS_PER_MUTANT = 250


def troubles(world: World) -> list[str]:
    failed = [] if world.system.escalated is None else [world.system.escalated.error]
    return world.violations + world.halts + failed


@given(seed=st.integers(0, 2**32 - 1), crashes=st.integers(0, 3))
def test_no_money_is_lost_whatever_the_venues_and_the_process_do(seed: int, crashes: int) -> None:
    assert troubles(campaign(seed, crashes=crashes)) == []


def table(*entries: tuple[OrderStatus, Evidence, OrderStatus]) -> Break:
    def apply(patch: pytest.MonkeyPatch) -> None:
        for status, evidence, result in entries:
            patch.setitem(lifecycle.NEXT, (status, evidence), result)

    return apply


def method(owner: Any, name: str, replacement: Callable[..., Any]) -> Break:
    return lambda patch: patch.setattr(owner, name, replacement)


def trust_the_status(patch: pytest.MonkeyPatch) -> None:
    def settled(order: Order, done: OrderStatus | None) -> OrderStatus:
        return order.status if order.status in TERMINAL or done is None else done

    patch.setattr(state, "settled", settled)


def forget_trade_ids(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers.Answers, "on_fill", lambda self, fill: self._place(("", "", "", ""), fill))


def never_list_fills(patch: pytest.MonkeyPatch) -> None:
    send = Desk._send
    patch.setattr(Desk, "_send", lambda self, question: question[0] is not About.FILLS and send(self, question))


def send_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    approve = Plans.approve

    def at_once(self: Plans, plan: Any) -> None:
        approve(self, plan)
        self.committed(self._journal.sequence)

    patch.setattr(Plans, "approve", at_once)


def order_again_after_a_timeout(patch: pytest.MonkeyPatch) -> None:
    doubt = Answers._doubt

    def again(self: Answers, tracked: Any, evidence: Evidence, reason: str) -> None:
        doubt(self, tracked, evidence, reason)
        self._desk.submit(tracked.order)

    patch.setattr(Answers, "_doubt", again)


def forget_on_restart(patch: pytest.MonkeyPatch) -> None:
    """After a restart, take what was under way for unsent."""
    start = state.State._start

    def forgetful(self: state.State, record: Started) -> tuple[state.Tracked, ...]:
        changed = start(self, record)
        for tracked in changed:
            tracked.order = replace(tracked.order, status=OrderStatus.REJECTED)
            del self.open[tracked.client_order_id]
        return changed

    patch.setattr(state.State, "_start", forgetful)


def resurrect_intents(patch: pytest.MonkeyPatch) -> None:
    """After a restart, send what was intended and seems not to have left."""

    def unmoved(status: OrderStatus, evidence: Evidence) -> OrderStatus:
        return status if evidence is Evidence.RESTARTED else lifecycle.after(status, evidence)

    patch.setattr(state, "after", unmoved)
    committed = Plans.committed

    def resend(self: Plans, sequence: int) -> None:
        committed(self, sequence)
        waiting = [tracked.client_order_id for batch in self._undurable for tracked in batch.orders]
        for tracked in tuple(self._journal.state.open.values()):
            if tracked.order.status is OrderStatus.INTENDED and tracked.client_order_id not in waiting:
                self._answers.sent(tracked)
                self._desk.submit(tracked.order)

    patch.setattr(Plans, "committed", resend)


def believe_the_first_not_found(patch: pytest.MonkeyPatch) -> None:
    def at_once(self: Answers, tracked: state.Tracked, news: OrderNotFound) -> None:
        if tracked.open and self._is_proof(tracked.order, news.asked_at):
            self._absences[tracked.client_order_id] = answers._Absence(news.asked_at)
            self._absent(tracked)

    patch.setattr(Answers, "_not_found", at_once)


def repair_in_doubt(patch: pytest.MonkeyPatch) -> None:
    step = legs.next_step

    def hasty(in_flight: state.InFlight, *others: Any) -> Any:
        orders = [
            state.Tracked(replace(each.order, status=OrderStatus.REJECTED), each.purpose)
            if each.order.status is OrderStatus.UNKNOWN
            else each
            for each in in_flight.orders
        ]
        return step(state.InFlight(in_flight.plan, orders), *others)

    patch.setattr(plans, "next_step", hasty)
    patch.setattr(plans, "keeps_envelope", lambda *_: True)


def follow_whole(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(legs, "lack", lambda plan, nets, leg: plan.legs[leg].quantity - nets[leg])
    patch.setattr(plans, "keeps_envelope", lambda *_: True)


MUTANTS: dict[str, Break] = {
    "a reject is final": table((OrderStatus.SUBMITTED, Evidence.REFUSED, OrderStatus.REJECTED)),
    "a timeout is a reject": table((OrderStatus.SUBMITTED, Evidence.UNCERTAIN, OrderStatus.REJECTED)),
    "not found is proof at once": method(Answers, "_is_proof", lambda *_: True),
    "the receive window needs no waiting for": method(Desk, "proof_after", lambda _, order: order.latest_send),
    "the status is trusted without the fills": trust_the_status,
    "trade ids are not remembered": forget_trade_ids,
    "fills are never asked for": never_list_fills,
    "orders leave before their intent is durable": send_before_it_is_durable,
    "an order without an answer is sent again": order_again_after_a_timeout,
    "intents are resurrected after a restart": resurrect_intents,
    "a restart forgets what was under way": forget_on_restart,
    "one late not-found is enough": believe_the_first_not_found,
    "absence is never proven": method(Answers, "_not_found", lambda *_: None),
    "legs are repaired while an order is in doubt": repair_in_doubt,
    "a follower is ordered whole at its leader's first fill": follow_whole,
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_order_management_is_caught(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[mutant](monkeypatch)
    assert any(troubles(campaign(seed)) for seed in range(SEEDS_PER_MUTANT)), f"nobody noticed that {mutant}"
