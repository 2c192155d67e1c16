"""One seed of a campaign: the whole platform lives, dies and starts again while its venues are as unkind as drawn.

After the seed's seconds nothing goes wrong any more; the books have to come back, and after the
shutdown every order and plan has to end. The watch holds the invariants at every turn until then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from integrated_trading_system.domain.health import ActorFailed, BookState, Halt, Reduce, Resume, TradingState
from integrated_trading_system.domain.ids import instrument_id
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.order import CancelOrder, TimeInForce
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.orchestrator.dev import DevWorld, build_world
from integrated_trading_system.orchestrator.marks import Standing
from integrated_trading_system.orchestrator.platform import OMS, RISK, Platform, Recovered
from integrated_trading_system.orchestrator.virtual import VIRTUAL_START
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.campaign.scene import Disk, Scene
from integrated_trading_system.simulation.campaign.swarm import Act, Swarm
from integrated_trading_system.simulation.campaign.violation import Chronicle, Violation
from integrated_trading_system.simulation.campaign.watch import Watch
from integrated_trading_system.simulation.faults import CLOCK_STEPS, Fault, Faults
from integrated_trading_system.simulation.virtual import Crashed, MemoryStore, VirtualDriver

DOWN: Final = Nanos(2 * SECOND)
"""From the death of a core to the start of the next."""
SETTLED_WITHIN: Final = Nanos(180 * SECOND)
"""Kraken lets a key ask 20 questions a minute, and the fate of one order takes some six of them;"""
ANOTHER_LIFE: Final = Nanos(60 * SECOND)
"""and each life begins by asking everything: so much longer for each one that died."""
STILL: Final = 8
"""While the last orders settle, the market is still quieter by this factor: nobody looks at it any more."""
STEP: Final = Nanos(250 * MILLISECOND)


class InjectedFailure(Exception):
    """Raised once inside an actor, by us."""


@dataclass
class Trial:
    """One seed."""

    swarm: Swarm
    crash_at: Sequence[int] = ()
    """Boundaries, counted over all lives, at which the core is killed: before and after each commit, send, cancel."""
    replay: str = ""
    """The command that shows this trial again."""
    observe: Callable[[Platform, Recovered], None] | None = None
    """Called with each life before it starts."""
    lives: int = 0
    now: Nanos = field(default_factory=lambda: VIRTUAL_START)
    books_valid_after: float = -1.0
    """Seconds from the end of the faults."""
    reconciled_after: float = -1.0
    """Seconds from the end of the faults."""
    settled_after: float = -1.0
    """Seconds from the shutdown."""
    violations: list[Violation] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)
    counts: dict[str, int] = field(default_factory=dict)
    """What went wrong, by name."""
    boundaries: list[str] = field(default_factory=list)
    """Every boundary passed, in order, over all lives."""
    killed: int = 0
    """How often at a boundary of `crash_at`."""

    def __post_init__(self) -> None:
        self.until = Nanos(VIRTUAL_START + int(self.swarm.seconds * SECOND))
        self._random = Random(f"trial-{self.swarm.seed}")
        self._crashes = [Nanos(VIRTUAL_START + at) for at in self.swarm.crashes]
        self._acts = list(self.swarm.acts)
        self._at_boundary = False
        self._skip = 0
        self._chronicle = Chronicle(VIRTUAL_START)
        self._standing = Standing()
        """What the marks on disk say at the start of a life."""

    def run(self) -> "Trial":
        """Live through it until the end, or until something does not hold."""
        begin = Nanos(VIRTUAL_START + self.swarm.kind_for)
        faults = Faults(self.swarm.seed, self.swarm.rates, begin=begin, until=self.until)
        self._start(faults)
        while self.now < self.until and not self.violations:
            self._live()
        self._at_boundary = False
        self._calm_down(self.swarm.calm)
        while not self.violations:
            try:
                if self._recover():
                    self._shut_down()
                    self.watch.end()
                break
            except Crashed:
                self._restart()
        self.now = max(self.now, self.driver.now)
        self.counts |= {fault.value: count for fault, count in faults.counts.items() if count}
        return self

    # -- living --------------------------------------------------------------------------------

    def _start(self, faults: Faults | None = None) -> None:
        self.lives += 1
        standing = self._standing
        recovered = Recovered(
            records=tuple(self.store.records),
            halted=standing.halted,
            reducing=standing.reducing,
            latched=standing.latched,
            run=self.lives,
        )
        self.platform: Platform = wire(self.swarm.settings, recovered)
        system = self.platform.system
        standing.follow(system.bus)
        if faults is not None:
            self.world: DevWorld = build_world(self.swarm.settings, self.platform, self.now, self.swarm.market)
            self.world.faults = faults
            self.watch: Watch = self._watch()
        if self.observe is not None:
            self.observe(self.platform, recovered)
        self.watch.begin(system, self.platform.gate, self.lives)
        self.world.connect_core(system.tell, self.platform.gate)
        system.start(self.now)
        self.driver = VirtualDriver(system, self.world, self.store, self._on_boundary, self.watch.called)

    def _calm_down(self, changes: float) -> None:
        """So many book changes a second from now on; 0: as before."""
        if changes:
            self.world.market.settings = replace(self.world.market.settings, events_per_second=changes)

    def _watch(self) -> Watch:
        settings, platform = self.swarm.settings, self.platform
        wrong = int(CLOCK_STEPS[1] * SECOND) if self.swarm.rates.get(Fault.CLOCK_STEP) else 0
        windows = {venue: Nanos(of.receive_window + wrong) for venue, of in platform.venues.items()}
        disk = Disk(self.store.records, settings)
        scene = Scene(settings, disk, self.world.exchanges, platform.accounts, windows)
        scene.now = self.now
        return Watch(scene, self._chronicle, self._violated, _injected)

    def _violated(self, invariant: str, what: str, *subjects: str) -> None:
        """As the watch tells it."""
        self.violations.append(
            Violation(
                seed=self.swarm.seed,
                invariant=invariant,
                what=f"{', '.join(subjects)}: {what}" if subjects else what,
                life=self.lives,
                at_s=(self.watch.scene.now - VIRTUAL_START) / SECOND,
                events=self._chronicle.about(subjects),
                replay=self.replay,
            )
        )

    def _between_turns(self) -> bool:
        """Let the watch look; whether it has seen enough."""
        self.watch.turn()
        return bool(self.violations)

    def _live(self) -> None:
        """Up to the next thing that goes wrong inside us, or the end of it all."""
        due = Nanos(min([self.until, *self._crashes[:1], *(VIRTUAL_START + act.at for act in self._acts[:1])]))
        try:
            self._let_pass(due)
            if self._crashes and self._crashes[0] <= due:
                self._crash()
            while self._acts and VIRTUAL_START + self._acts[0].at <= due:
                self._act(self._acts.pop(0))
                self._let_pass(max(due, self.driver.now))
        except Crashed:
            self._restart()
            return
        if self.platform.system.escalated is not None:
            self._restart()

    def _let_pass(self, until: Nanos) -> None:
        self.driver.run(until, stop=self._between_turns)
        self.now = max(self.now, self.driver.now)

    def _crash(self) -> None:
        """Now, or at one of the next boundaries within a second."""
        self._crashes.pop(0)
        self._count("crash")
        if self._random.random() < 0.7:
            self._at_boundary, self._skip = True, self._random.randint(0, 5)
            self._let_pass(Nanos(self.driver.now + SECOND))
        raise Crashed

    def _on_boundary(self, place: str) -> None:
        self.boundaries.append(place)
        self.watch.boundary(place, self.driver.now)
        if place == "before place" and self.platform.gate.state is not TradingState.ACTIVE:
            self._count("order stopped by the gate")
        if len(self.boundaries) - 1 in self.crash_at:
            self.killed += 1
            raise Crashed
        if self._at_boundary:
            self._skip -= 1
            if self._skip < 0:
                raise Crashed

    def _restart(self) -> None:
        self._at_boundary = False
        self.now = max(self.now, self.driver.now)
        self.watch.died(self.now)
        self.world.drop_core(self.now)
        self.now = Nanos(self.now + DOWN)
        self.world.run(self.now)
        self.watch.scene.now = self.now
        self._start()

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    # -- what is done from inside --------------------------------------------------------------

    def _act(self, act: Act) -> None:
        tell = self.platform.system.tell
        if act.what != "cancel":
            self._chronicle.add(self.now, "act", act)
        match act.what:
            case "fail":
                self._break_one(act.draw)
            case "halt":
                self._count("halt")
                tell(RISK, Halt("enough", "operator"))
            case "reduce":
                self._count("reduce")
                tell(RISK, Reduce("enough", "operator"))
            case "resume":
                self.watch.lifted()
                tell(RISK, Resume("operator"))
            case _:
                self._cancel_some(Random(act.draw))

    def _break_one(self, draw: float) -> None:
        """The actor raises at its next message."""
        system = self.platform.system
        name = system.names[int(draw * len(system.names))]
        cell = system.cell(name)
        whole = cell.receive

        def broken(message: Any) -> None:
            cell.receive = whole
            raise InjectedFailure(f"{name} at {type(message).__name__}")

        cell.receive = broken
        self._count("failure")
        self._count(f"failure of {name.partition('.')[0]}")

    def _cancel_some(self, random: Random) -> None:
        """What has rested for a while, most of the time."""
        for order in self.platform.system.view(OMS).orders:
            if order.request.time_in_force is TimeInForce.GTC and random.random() < 0.4:
                request = order.request
                self._count("cancel")
                self.watch.cancelling(request.client_order_id)
                cancel = CancelOrder(request.client_order_id, request.instrument, request.account, order.venue_order_id)
                self.platform.system.tell(OMS, cancel)

    # -- the end -------------------------------------------------------------------------------

    def _recover(self) -> bool:
        """Until every book is VALID again, and the OMS has compared itself with every venue."""
        while self.now < self.until + self._patience() and not self.violations:
            if self.platform.system.escalated is not None:
                self._restart()
            if self.books_valid_after < 0 and not self._invalid():
                self.books_valid_after = (self.now - self.until) / SECOND
            if self.books_valid_after >= 0 and self.platform.system.view(OMS).reconciled:
                self.reconciled_after = (self.now - self.until) / SECOND
                return True
            self._let_pass(Nanos(self.driver.now + STEP))
        if not self.violations:
            self._violated("I5", f"never came back: {self._invalid()}, {self.platform.system.view(OMS)}")
        return False

    def _patience(self) -> Nanos:
        """How long the end may take."""
        return Nanos(SETTLED_WITHIN + (self.lives - 1) * ANOTHER_LIFE)

    def _invalid(self) -> list[str]:
        states = {
            name: self.platform.books.state(name)
            for venue in self.platform.venues
            for name in (instrument_id(venue, symbol) for symbol in self.swarm.settings.venues[str(venue)].symbols)
        }
        return [f"{name} {state}" for name, state in states.items() if state is not BookState.VALID]

    def _shut_down(self) -> None:
        began = self.now
        self._calm_down(self.swarm.calm / STILL)
        for actor in (RISK, OMS):
            self.platform.system.tell(actor, Shutdown("the trial is over"))
        while self.now < began + self._patience() and not self.violations:
            view = self.platform.system.view(OMS)
            if not view.open and not view.plans:
                self.settled_after = (self.now - began) / SECOND
                break
            self._let_pass(Nanos(self.driver.now + STEP))
            self._fail_on()
        self._let_pass(Nanos(self.driver.now + 2 * SECOND))
        self._fail_on()

    def _fail_on(self) -> None:
        """An actor that holds money failed, of what was put into it before: the life is over."""
        if self.platform.system.escalated is not None:
            raise Crashed


def _injected(failed: ActorFailed) -> bool:
    return InjectedFailure.__name__ in failed.error
