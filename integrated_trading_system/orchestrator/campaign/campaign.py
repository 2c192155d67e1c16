"""Many seeds: each one lived through, killed again at chosen boundaries, and all of it added up.

A seed's crash points are boundaries of its own undisturbed run: the same seed is run again and killed
there, once or up to eight times; most of the later kills hit lives that are still recovering.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from random import Random
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.time import HOUR
from integrated_trading_system.orchestrator.campaign.trial import Trial
from integrated_trading_system.orchestrator.virtual import VIRTUAL_START
from integrated_trading_system.simulation.campaign.reactions import Reaction, missing, shown
from integrated_trading_system.simulation.campaign.swarm import draw
from integrated_trading_system.simulation.campaign.violation import Violation

COMMAND: Final = "python -m integrated_trading_system simulate --core"
JUDGED_FROM: Final = 1_000
"""In fewer seeds a rare fault may well not have shown all of its effects."""
KILLS: Final = (1, 2, 3, 5, 8)
"""How often a run is killed."""
NEXT_KILL: Final = (12, 12, 60)
"""The next kill comes within so many boundaries: mostly while it still recovers, at times once it trades."""
POINTS_OF_A_SEED: Final = 8
"""Where crash points are few, so many go to each of some seeds: a run that is killed often is cheaper than many."""


class Task(Struct, frozen=True, kw_only=True):
    """One seed, and what is wanted of it."""

    seed: int
    seconds: float
    crash_points: int = 0
    crash_at: tuple[int, ...] = ()
    """Only this: killed at these boundaries."""


class SeedResult(Struct, kw_only=True):
    """What came of a seed, its crash points included."""

    seed: int
    trials: int = 0
    hours: float = 0.0
    """Virtual."""
    orders: int = 0
    """That exchanges took."""
    faults: dict[str, int] = {}
    shown: dict[str, set[Reaction]] = {}
    """By fault: what it caused."""
    crash_points: int = 0
    violations: list[Violation] = []

    def add(self, trial: Trial) -> None:
        """One more run of the seed."""
        self.trials += 1
        self.hours += (trial.now - VIRTUAL_START) / HOUR
        self.orders += len(trial.watch.scene.placed)
        self.crash_points += trial.killed
        for name, count in trial.counts.items():
            self.faults[name] = self.faults.get(name, 0) + count
        for name, reactions in shown(trial.counts, trial.watch.seen).items():
            self.shown.setdefault(name, set()).update(reactions)
        self.violations += trial.violations[:1]  # what follows the first one follows from it


class Summary(Struct, kw_only=True):
    """What came of a campaign; written as JSON."""

    seeds: int = 0
    trials: int = 0
    """Runs: each seed's own, and one more for each set of crash points."""
    simulated_hours: float = 0.0
    orders: int = 0
    faults: dict[str, int] = {}
    """How often each one happened."""
    crash_points: int = 0
    violations: list[Violation] = []
    shown: dict[str, list[Reaction]] = {}
    """By fault: what it caused somewhere."""
    unexercised: list[str] = []
    """Faults that never happened, or never had the effect that they must have."""
    judged: bool = False
    """Whether there were seeds enough for `unexercised` to fail the campaign."""

    @property
    def failed(self) -> bool:
        """Whether something does not hold."""
        return bool(self.violations) or (self.judged and bool(self.unexercised))


def run_seed(task: Task) -> SeedResult:
    """Live through a seed, and die in it as often as is wanted. Pure: the same task gives the same result."""
    result = SeedResult(seed=task.seed)
    if task.crash_at:
        result.add(_trial(task, task.crash_at))
        return result
    whole = _trial(task, ())
    result.add(whole)
    if not whole.violations:
        for kills in crash_plans(task.seed, len(whole.boundaries), task.crash_points):
            if result.crash_points >= task.crash_points:
                break
            result.add(_trial(task, kills))
    return result


def _trial(task: Task, crash_at: tuple[int, ...]) -> Trial:
    replay = f"{COMMAND} --seeds {task.seed}..{task.seed} --seconds {task.seconds:g}"
    if crash_at:
        replay += f" --crash-at {','.join(map(str, crash_at))}"
    return Trial(draw(task.seed, task.seconds), crash_at=crash_at, replay=replay).run()


def crash_plans(seed: int, boundaries: int, wanted: int) -> Iterator[tuple[int, ...]]:
    """At which boundaries a seed is killed: every one of them once, if that many are wanted, else an even choice.

    Beside single kills there are double ones, triple ones, and up to eight. Yields more than is wanted: a later
    kill may not come to pass.
    """
    if not boundaries or not wanted:
        return
    random = Random(f"crash-points-{seed}")
    every = wanted >= boundaries
    if every:
        yield from ((boundary,) for boundary in range(boundaries))
    for _ in range(wanted + 2):
        kills = [random.randrange(boundaries)]
        for _ in range(random.choice(KILLS[1:] if every else KILLS) - 1):
            kills.append(kills[-1] + random.randint(1, random.choice(NEXT_KILL)))
        yield tuple(kills)


def tasks_of(first: int, last: int, seconds: float, crash_points: int) -> Iterator[Task]:
    """Seeds `first` to `last`, with the crash points spread over them."""
    count = last - first + 1
    killed = min(count, -(-crash_points // POINTS_OF_A_SEED))
    share, more = divmod(crash_points, killed) if killed else (0, 0)
    place = 0
    for index in range(count):
        points = 0
        if killed and index == place * count // killed:
            points = share + (place < more)
            place += 1
        yield Task(seed=first + index, seconds=seconds, crash_points=points)


def run_campaign(tasks: Iterable[Task], jobs: int, progress: Callable[[Summary], None]) -> Summary:
    """All of them, in so many processes (1: in this one); `progress` is told after each seed."""
    summary = Summary()
    found: dict[str, set[Reaction]] = {}
    for result in _results(tuple(tasks), jobs):
        summary.seeds += 1
        summary.trials += result.trials
        summary.simulated_hours += result.hours
        summary.orders += result.orders
        summary.crash_points += result.crash_points
        summary.violations += result.violations
        for name, count in result.faults.items():
            summary.faults[name] = summary.faults.get(name, 0) + count
        for name, reactions in result.shown.items():
            found.setdefault(name, set()).update(reactions)
        progress(summary)
    summary.violations.sort(key=lambda violation: violation.seed)
    summary.faults = dict(sorted(summary.faults.items()))
    summary.shown = {name: sorted(reactions) for name, reactions in sorted(found.items())}
    summary.unexercised = missing(found)
    summary.judged = summary.seeds >= JUDGED_FROM
    return summary


def _results(tasks: tuple[Task, ...], jobs: int) -> Iterator[SeedResult]:
    """As they come."""
    if jobs == 1:
        yield from map(run_seed, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(run_seed, task): task for task in tasks}
        for done in as_completed(running):
            error = done.exception()
            if error is not None:
                pool.shutdown(cancel_futures=True)
                error.add_note(f"in seed {running[done].seed}")
                raise error
            yield done.result()
