"""The campaign that a user runs, small: everything goes wrong, nothing is lost; and each broken platform is caught.

`CAMPAIGN_SEEDS=FIRST:LAST` and `CAMPAIGN_SECONDS` make it larger; a large one is

    python -m integrated_trading_system simulate --core --seeds 0..19999 --crash-points 20000
"""

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.execution import SubmitUncertain
from integrated_trading_system.domain.ids import ClientOrderId, venue_of
from integrated_trading_system.domain.order import OrderStatus, SubmitOrder
from integrated_trading_system.oms import lifecycle
from integrated_trading_system.oms.lifecycle import Evidence
from integrated_trading_system.oms.manager import OmsInbox, OrderManagementSystem
from integrated_trading_system.oms.plans import Plans
from integrated_trading_system.oms.records import Purpose, RepairIntended
from integrated_trading_system.orchestrator import wiring
from integrated_trading_system.orchestrator.campaign import (
    SeedResult,
    Summary,
    Task,
    crash_plans,
    run_campaign,
    run_seed,
    tasks_of,
)
from integrated_trading_system.orchestrator.cli import main
from integrated_trading_system.simulation.campaign.reactions import CAUSES, Reaction, missing
from integrated_trading_system.simulation.campaign.swarm import draw
from integrated_trading_system.simulation.faults import Fault

FIRST, LAST = (int(seed) for seed in os.environ.get("CAMPAIGN_SEEDS", "0:30").split(":"))
SECONDS = float(os.environ.get("CAMPAIGN_SECONDS", "4"))


@pytest.fixture(scope="module")
def campaign() -> Summary:
    told: list[int] = []
    tasks = tuple(tasks_of(FIRST, LAST - 1, SECONDS, LAST - FIRST))
    summary = run_campaign(tasks, 1, lambda so_far: told.append(so_far.seeds))
    assert told == list(range(1, len(tasks) + 1))
    return summary


def test_every_invariant_holds_in_every_seed_and_after_every_kill(campaign: Summary) -> None:
    assert campaign.violations == []
    assert campaign.seeds == LAST - FIRST
    assert campaign.crash_points >= campaign.seeds // 2
    assert campaign.orders > campaign.seeds
    assert campaign.simulated_hours > campaign.seeds * SECONDS / 3600


def test_most_faults_happen_even_in_a_small_campaign(campaign: Summary) -> None:
    assert len([fault for fault in Fault if campaign.faults.get(fault)]) > len(Fault) // 2


def test_a_fault_that_never_happened_or_never_had_its_effect_is_named() -> None:
    everything = {name: set(Reaction) for name in (*(fault.value for fault in Fault), *CAUSES)}
    assert missing(everything) == []
    without = everything | {Fault.EVENT_TWICE.value: set()}
    del without[Fault.CLOG.value]
    assert missing(without) == [
        f"event twice: never seen with it that {Reaction.DUPLICATE}",
        "clog: it never happened",
    ]


def test_a_campaign_that_is_large_enough_fails_for_what_it_never_exercised() -> None:
    assert not Summary(unexercised=["clog: it never happened"], judged=False).failed
    assert Summary(unexercised=["clog: it never happened"], judged=True).failed


def test_a_seed_is_the_same_swarm_every_time_and_another_seed_another_one() -> None:
    assert draw(5, 4.0) == draw(5, 4.0)
    assert draw(5, 4.0) != draw(6, 4.0)
    assert {len(draw(seed, 4.0).settings.venues) for seed in range(40)} == {2, 3, 4}


def test_the_same_seed_ends_the_same_way() -> None:
    task = Task(seed=9, seconds=3.0, crash_points=2)
    assert run_seed(task) == run_seed(task)


def test_crash_points_are_every_boundary_once_and_then_several_kills() -> None:
    plans = list(crash_plans(1, 10, 30))
    assert plans[:10] == [(boundary,) for boundary in range(10)]
    assert {len(kills) for kills in plans[10:]} == {2, 3}
    assert {len(kills) for kills in crash_plans(1, 100, 30)} == {1, 2, 3}
    assert list(crash_plans(1, 0, 30)) == []
    assert sum(task.crash_points for task in tasks_of(3, 9, 1.0, 24)) == 24


# -- broken platforms ------------------------------------------------------------------------------


class Resending(OrderManagementSystem):
    """Takes a timeout for a failure, and orders again under a new id."""

    def receive(self, message: OmsInbox) -> None:
        super().receive(message)
        if isinstance(message, SubmitUncertain) and message.client_order_id in self._state.open:
            order = self._state.open[message.client_order_id].order
            name = (
                ClientOrderId(str(int(order.request.client_order_id) + 1_000_000))
                if order.request.instrument.startswith("backpack")
                else ClientOrderId(f"{message.client_order_id}r")
            )
            request = replace(order.request, client_order_id=name)
            now = self.context.now
            if name not in self._state.orders:
                self._journal.write(RepairIntended(order=request, purpose=Purpose.FIRST, latest_send=now, at=now))
                self._venues[venue_of(request.instrument)].tell(SubmitOrder(request, now))


def resend(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wiring, "OrderManagementSystem", Resending)


def call_a_timeout_a_reject(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(lifecycle.NEXT, (OrderStatus.SUBMITTED, Evidence.UNCERTAIN), OrderStatus.REJECTED)


def send_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    approve = Plans.approve

    def at_once(self: Plans, plan: Any) -> None:
        approve(self, plan)
        self.committed(self._journal.sequence)

    patch.setattr(Plans, "approve", at_once)


def forget_the_halt(patch: pytest.MonkeyPatch) -> None:
    wire = wiring._Wiring.__init__

    def amnesic(self: Any, settings: Any, recovered: Any) -> None:
        wire(self, settings, type(recovered)(records=recovered.records, run=recovered.run))

    patch.setattr(wiring._Wiring, "__init__", amnesic)


@pytest.mark.parametrize(
    ("break_it", "invariants", "seeds"),
    [
        (resend, {"I3"}, range(133, 200)),
        (call_a_timeout_a_reject, {"I4", "I7"}, range(133, 200)),
        (send_before_it_is_durable, {"I2"}, range(20)),
        (forget_the_halt, {"K3"}, range(21, 200)),
    ],
    ids=["it orders again under a new id", "a timeout is a reject", "it sends first", "a halt ends with the process"],
)
def test_a_broken_platform_is_caught_and_its_command_shows_it_again(
    break_it: Callable[[pytest.MonkeyPatch], None],
    invariants: set[str],
    seeds: range,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    break_it(monkeypatch)
    results = (run_seed(Task(seed=seed, seconds=4.0)) for seed in seeds)
    caught: SeedResult = next(result for result in results if result.violations)
    violation = caught.violations[0]
    assert violation.invariant in invariants
    assert violation.events, "what happened before it is told"

    words = shlex.split(violation.replay)
    assert words[:3] == ["python", "-m", "integrated_trading_system"]
    summary = tmp_path / "summary.json"
    assert main([*words[3:], "--jobs", "1", "--summary", str(summary)]) == 1
    assert violation.replay in capsys.readouterr().out
    again = json.loads(summary.read_text())["violations"][0]
    assert (again["seed"], again["invariant"], again["at_s"]) == (caught.seed, violation.invariant, violation.at_s)
