"""The campaign that a user runs: everything goes wrong, nothing is lost; and each broken platform is caught.

`CAMPAIGN_SEEDS=FIRST:LAST`, `CAMPAIGN_POINTS` (crash points) and `CAMPAIGN_SECONDS` make it larger or smaller; by hand:

    python -m integrated_trading_system simulate --core --seeds 0..19999 --seconds 4 --crash-points 20000
"""

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.execution import SubmitUncertain
from integrated_trading_system.domain.health import TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import ClientOrderId
from integrated_trading_system.domain.order import OrderStatus, SubmitOrder
from integrated_trading_system.oms import lifecycle
from integrated_trading_system.oms.lifecycle import Evidence
from integrated_trading_system.oms.manager import OmsInbox, OrderManagementSystem
from integrated_trading_system.oms.plans import Plans
from integrated_trading_system.oms.records import Purpose, RepairIntended
from integrated_trading_system.orchestrator import wiring
from integrated_trading_system.orchestrator.campaign.campaign import (
    JUDGED_FROM,
    SeedResult,
    Summary,
    Task,
    crash_plans,
    run_campaign,
    run_seed,
    tasks_of,
)
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.simulation.campaign import swarm
from integrated_trading_system.simulation.campaign.reactions import CAUSES, Reaction, missing
from integrated_trading_system.simulation.campaign.swarm import draw
from integrated_trading_system.simulation.edge import Edge
from integrated_trading_system.simulation.faults import Fault
from integrated_trading_system.venues.connector.calls import Calls

FIRST, LAST = (int(seed) for seed in os.environ.get("CAMPAIGN_SEEDS", "0:1500").split(":"))
POINTS = int(os.environ.get("CAMPAIGN_POINTS", "2000"))
SECONDS = float(os.environ.get("CAMPAIGN_SECONDS", "4"))
PARTS = 10
"""Each a test of its own, so that they spread over the cores."""


@pytest.fixture(scope="session")
def parts_done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all parts leave what they saw, whichever process they ran in."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "campaign"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds_in_every_seed_and_after_every_kill(
    part: int, parts_done: Path, record_property: Callable[[str, object], None]
) -> None:
    """The part that ends last judges all of them: a fault whose effect was never seen fails the campaign."""
    first, last = (FIRST + (LAST - FIRST) * edge // PARTS for edge in (part, part + 1))
    told: list[int] = []
    tasks = tuple(tasks_of(first, last - 1, SECONDS, POINTS // PARTS))
    summary = run_campaign(tasks, 1, lambda so_far: told.append(so_far.seeds))
    assert told == list(range(1, len(tasks) + 1))
    assert summary.violations == []
    assert summary.seeds == last - first
    assert summary.crash_points >= POINTS // PARTS
    assert summary.orders > summary.seeds
    assert summary.simulated_hours > summary.seeds * SECONDS / 3600
    counts = {"seeds": summary.seeds, "crash points": summary.crash_points, "orders": summary.orders}
    record_property("explored", counts)
    _leave(parts_done / f"{part}.json", summary)
    others = list(parts_done.glob("*.json"))
    if len(others) == PARTS and LAST - FIRST >= JUDGED_FROM:
        assert missing(_seen(others)) == []


def _leave(place: Path, summary: Summary) -> None:
    written = place.with_suffix(".part")
    written.write_bytes(msgspec.json.encode(summary.shown))
    written.rename(place)


def _seen(places: list[Path]) -> dict[str, set[Reaction]]:
    seen: dict[str, set[Reaction]] = {}
    for place in places:
        for name, reactions in msgspec.json.decode(place.read_bytes(), type=dict[str, set[Reaction]]).items():
            seen.setdefault(name, set()).update(reactions)
    return seen


def _unheard(_: Summary) -> None:
    """Nobody follows it."""


def campaign(seeds: range) -> Summary:
    return run_campaign(tasks_of(seeds[0], seeds[-1], SECONDS, 0), 1, _unheard)


def test_a_fault_that_is_switched_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    never = f"{Fault.LINKS_CUT}: it never happened"
    assert never not in campaign(range(12)).unexercised
    monkeypatch.setitem(swarm.OFTENER, Fault.LINKS_CUT, 0)
    switched_off = campaign(range(12))
    assert never in switched_off.unexercised
    assert replace(switched_off, judged=True).failed


def test_a_fault_that_is_counted_but_does_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, refusals = range(12), Edge.refuses
    unseen = f"{Fault.BANNED}: never seen with it that {Reaction.SAT_OUT}"
    assert unseen not in campaign(seeds).unexercised
    monkeypatch.setattr(Edge, "refuses", lambda self, venue, now: refusals(self, venue, now) and None)
    in_name_only = campaign(seeds)
    assert in_name_only.faults[Fault.BANNED] > 0
    assert unseen in in_name_only.unexercised


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
    assert {len(kills) for kills in plans[10:]} == {2, 3, 5, 8}
    assert {len(kills) for kills in crash_plans(1, 100, 30)} == {1, 2, 3, 5, 8}
    assert list(crash_plans(1, 0, 30)) == []


def test_a_few_crash_points_go_to_some_seeds_and_many_to_all_of_them() -> None:
    assert [task.crash_points for task in tasks_of(3, 9, 1.0, 24)] == [8, 0, 8, 0, 8, 0, 0]
    assert [task.crash_points for task in tasks_of(3, 9, 1.0, 9)] == [5, 0, 0, 4, 0, 0, 0]
    assert [task.crash_points for task in tasks_of(0, 2, 1.0, 100)] == [34, 33, 33]
    assert [task.crash_points for task in tasks_of(0, 2, 1.0, 0)] == [0, 0, 0]


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
                self._accounts[request.account].tell(SubmitOrder(request, now))


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


def ask_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Calls, "_heed", lambda _self, _reply, **_: None)


def leave_open_what_is_open(patch: pytest.MonkeyPatch) -> None:
    def deaf(self: OrderManagementSystem, message: OmsInbox) -> None:
        if not (isinstance(message, TradingStateChanged) and message.state is TradingState.HALTED):
            hear(self, message)

    hear = OrderManagementSystem.receive
    patch.setattr(OrderManagementSystem, "receive", deaf)


def any_seed(_: int) -> bool:
    return True


def dies_halted(seed: int) -> bool:
    """The others cannot show it, and there are few like this one."""
    swarm = draw(seed, 4.0)
    halts, resumes = ([act.at for act in swarm.acts if act.what == what] for what in ("halt", "resume"))
    return any(halt < death < resume for halt in halts for death in swarm.crashes for resume in resumes)


@pytest.mark.parametrize(
    ("break_it", "invariants", "where"),
    [
        (resend, {"I3", "U1"}, any_seed),
        (call_a_timeout_a_reject, {"I4", "I7"}, any_seed),
        (send_before_it_is_durable, {"I2"}, any_seed),
        (forget_the_halt, {"K3"}, dies_halted),
        (ask_on, {"E1", "E2"}, any_seed),
        (leave_open_what_is_open, {"K1"}, any_seed),
    ],
    ids=[
        *("it orders again under a new id", "a timeout is a reject", "it sends first", "a halt ends with the process"),
        *("it does not wait when it is told to", "a halt leaves orders open"),
    ],
)
def test_a_broken_platform_is_caught_and_its_command_shows_it_again(
    break_it: Callable[[pytest.MonkeyPatch], None],
    invariants: set[str],
    where: Callable[[int], bool],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    break_it(monkeypatch)
    results = (run_seed(Task(seed=seed, seconds=4.0)) for seed in filter(where, range(1_000)))
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
