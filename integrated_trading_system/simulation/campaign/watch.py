"""The watch: sees every input, every published fact and every turn, and holds the invariants against them.

Nothing is changed by it: it listens on the bus, reads the exchanges between two turns, and counts what it saw.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Final, Protocol

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import (
    ActorFailed,
    BookState,
    BookStateChanged,
    Gap,
    Halt,
    LinkChanged,
    LinkState,
    Quarantined,
    TradingState,
    TradingStateChanged,
)
from integrated_trading_system.domain.http import HttpFailed, HttpReply
from integrated_trading_system.domain.ids import ActorName, ClientOrderId, InstrumentId, instrument_id
from integrated_trading_system.domain.journal import JournalCommitted
from integrated_trading_system.domain.link import LinkClosed, Tag
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.domain.position import ExternalFlow
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.records import PlanIntended
from integrated_trading_system.risk.kill_switch import KillGate
from integrated_trading_system.risk.manager import RiskManager
from integrated_trading_system.runtime.system import Observer, System
from integrated_trading_system.simulation.campaign import control, ending, exposure
from integrated_trading_system.simulation.campaign.orders import ON_ACCEPTED, ON_OVER, ON_SENT
from integrated_trading_system.simulation.campaign.reactions import Reaction
from integrated_trading_system.simulation.campaign.scene import Accepted, Scene
from integrated_trading_system.simulation.campaign.violation import Chronicle

OMS: Final = ActorName("oms")
RISK: Final = ActorName("risk")
PMS: Final = ActorName("pms")
HEARD: Final = (
    *(Order, Fill, PlanFinished, TradingStateChanged, Halt, ActorFailed, ExternalFlow),
    *(Gap, BookStateChanged, Quarantined, LinkChanged),
)
LATE: Final = 500 * MILLISECOND


class Report(Protocol):
    """Takes what does not hold."""

    def __call__(self, invariant: str, what: str, *subjects: str) -> None:
        """`subjects`: the names that it is about."""


class Watch:
    """Over all lives of one seed. A ref, and an observer of the system."""

    def __init__(
        self, scene: Scene, chronicle: Chronicle, report: Report, excused: Callable[[ActorFailed], bool]
    ) -> None:
        """`excused`: whether this failure was made by the campaign itself."""
        self.scene = scene
        self.chronicle = chronicle
        self.seen: dict[Reaction, int] = {}
        self.next: Observer | None = None
        """Who else observes the inputs."""
        self._report = report
        self._excused = excused
        risk = scene.settings.risk
        self._sends = exposure.Sends(risk.orders_max, risk.rate_window_ms)
        self._orders = dict.fromkeys(scene.exchanges, 0)
        self._executions = dict.fromkeys(scene.exchanges, 0)
        self._status: dict[ClientOrderId, OrderStatus] = {}
        self._doubted: dict[ClientOrderId, None] = {}
        self._asked = False
        self._changed = True
        self._passed = 0

    # -- lives ---------------------------------------------------------------------------------

    def begin(self, system: System, gate: KillGate, life: int) -> None:
        """A core is about to start from the disk."""
        scene = self.scene
        scene.life, scene.trading = life, TradingState.STARTING
        self._system, self._gate, self._since = system, gate, scene.now
        scene.disk.committed = len(scene.disk.records)
        if life > 1:
            self._hold("I6", control.replayed_again(scene))
            if scene.disk.state.open:
                self._see(Reaction.RECOVERED)
        risk: RiskManager = system.actor(RISK)
        scene.holdings = risk.holdings
        self._changed = True
        self.next, system.observer = system.observer, self
        for kind in HEARD:
            system.bus.subscribe(kind, self)

    def died(self, now: Nanos) -> None:
        """The core is no more."""
        self.chronicle.add(now, "life ended", self.scene.life)
        for _ in self.scene.disk.read(self.scene.life):
            self._changed = True
        self._hold("K5", control.restarts_bounded(self._system, Nanos(now - self._since)))

    def lifted(self) -> None:
        """An operator resumes."""
        self.scene.halted = ""

    # -- inputs --------------------------------------------------------------------------------

    def told(self, name: ActorName, message: Any) -> None:
        """As an observer: before the core sees it."""
        if self.next is not None:
            self.next.told(name, message)
        kind = type(message)
        self._asked = kind is HttpReply
        if kind is JournalCommitted:
            self.scene.disk.committed = message.sequence
        elif kind is HttpFailed:
            self._see(Reaction.TIMED_OUT if message.maybe_sent else Reaction.UNREACHABLE)
            self.chronicle.add(message.received_at, "input", message)
        elif kind is HttpReply and message.status >= 500:
            self._see(Reaction.REFUSED)
            self.chronicle.add(message.received_at, "input", message)
        elif kind is LinkClosed and message.reason == "refused":
            self._see(Reaction.UNREACHABLE)

    def ran(self, now: Nanos, budget: int) -> None:
        """As an observer: before a turn."""
        if self.next is not None:
            self.next.ran(now, budget)
        self.scene.now = now

    # -- facts ---------------------------------------------------------------------------------

    def tell(self, fact: Any, /) -> None:
        """As a ref on the bus."""
        now = self.scene.now
        match fact:
            case Order():
                self.chronicle.add(now, "fact", fact)
                self._on_order(fact)
            case Fill():
                self.chronicle.add(now, "fact", fact)
                self._changed = True
                if self._asked:
                    self._see(Reaction.ASKED_FILL)
                if now - fact.venue_time > LATE:
                    self._see(Reaction.LATE_FILL)
            case PlanFinished():
                self.chronicle.add(now, "fact", fact)
                self._changed = True
            case TradingStateChanged():
                self.chronicle.add(now, "fact", fact)
                self._on_trading_state(fact)
            case _:
                self._on_condition(fact)

    def _on_order(self, order: Order) -> None:
        name = order.request.client_order_id
        before, status = self._status.get(name), order.status
        self._status[name] = status
        self._changed = True
        if status is OrderStatus.SUBMITTED and before is not OrderStatus.SUBMITTED:
            for invariant, holds in ON_SENT:
                self._hold(invariant, holds(self.scene, order), name)
        if status is OrderStatus.UNKNOWN:
            self._doubted[name] = None
            self._see(Reaction.DOUBTED)
        elif name in self._doubted:
            del self._doubted[name]
            absent = status is OrderStatus.REJECTED and name not in self.scene.placed
            self._see(Reaction.PROVEN_ABSENT if absent else Reaction.PROVEN_PRESENT)
        if status in TERMINAL and before not in TERMINAL:
            self._compare()
            for invariant, holds in ON_OVER:
                self._hold(invariant, holds(self.scene, order), name)
            self.scene.over[name] = order.filled

    def _on_trading_state(self, fact: TradingStateChanged) -> None:
        scene = self.scene
        self._hold("K3", control.halt_outlives(scene, fact.state))
        scene.trading = fact.state
        if fact.state is TradingState.HALTED:
            scene.halted = fact.reason
        if fact.state in (TradingState.HALTED, TradingState.REDUCING):
            self._see(Reaction.STOPPED)

    def _on_condition(self, fact: Any) -> None:
        match fact:
            case Gap():
                self._see(Reaction.GAP)
            case BookStateChanged(state=state) if state is not BookState.VALID:
                self._see(Reaction.SUSPECT)
            case Quarantined():
                self._see(Reaction.QUARANTINED)
            case LinkChanged(state=LinkState.DOWN):
                self._see(Reaction.LINK_LOST)
            case ActorFailed():
                self.chronicle.add(self.scene.now, "fact", fact)
                self._see(Reaction.RESTARTED if fact.restarted else Reaction.ESCALATED)
                if not self._excused(fact):
                    self._hold("U1", f"an actor failed: {fact}")
            case Halt():
                self.chronicle.add(self.scene.now, "fact", fact)
                self._hold("U1", f"halted by itself: {fact}")
            case ExternalFlow():
                self._hold("I1", f"money from outside, and nobody moved any: {fact}")
            case _:
                pass

    # -- turns ---------------------------------------------------------------------------------

    def turn(self) -> None:
        """Between two turns."""
        scene = self.scene
        self._compare()
        if self._system.escalated is not None:
            return
        for record in scene.disk.read(scene.life):
            self._changed = True
            if isinstance(record, PlanIntended) and scene.trading is TradingState.REDUCING:
                self._hold("K4", control.only_reduces(scene, record.plan), record.plan.plan_id)
        if not self._changed:
            return
        self._changed = False
        view = self._system.view(OMS)
        self._hold("I6", control.replayed(scene, view))
        self._hold("I4", exposure.open_here(scene, view))
        self._hold("I4", exposure.reserved(scene))
        if view.duplicates:
            self._see(Reaction.DUPLICATE)

    def boundary(self, place: str, now: Nanos) -> None:
        """Before and after what the core asks for is done."""
        self.chronicle.add(now, "boundary", place)
        if place == "before place":
            self._passed = self._passes()
        elif place == "after place":
            passed = self._passes()
            self._hold("K1", control.nothing_leaves(self.scene, self._passed, passed))
            if passed != self._passed:
                self._hold("I9", self._sends.add(now))

    def end(self) -> None:
        """Nothing goes wrong any more, and everything was told to stop."""
        scene, system = self.scene, self._system
        self.turn()
        if system.escalated is not None:
            self._hold("U1", f"an actor failed: {system.escalated}")
            return
        for what in ending.ended(scene, system.view(OMS), system.view(RISK)):
            self._hold("I5", what)
        for what in ending.owned(scene, system.view(PMS)):
            self._hold("I1", what)
        self._hold("I6", control.replayed_again(scene))

    # -- inside --------------------------------------------------------------------------------

    def _compare(self) -> None:
        """What the exchanges did since the last look."""
        scene = self.scene
        for venue, account in scene.accounts.items():
            if (count := len(account.executions)) != self._executions[venue]:
                for one in islice(account.executions.values(), self._executions[venue], None):
                    name = instrument_id(venue, one.symbol)
                    self._add(name, one.side.sign * one.quantity)
                self._executions[venue] = count
                self._changed = True
            if (count := len(account.open) + len(account.closed)) != self._orders[venue]:
                for order in scene.exchanges[venue].orders(account)[self._orders[venue] :]:
                    intent = scene.disk.intents.get(ClientOrderId(order.client_id))
                    self._accept(Accepted(venue, order, intent))
                self._orders[venue] = count

    def _add(self, instrument: InstrumentId, quantity: Any) -> None:
        positions = self.scene.positions
        positions[instrument] = positions.get(instrument, 0) + quantity

    def _accept(self, accepted: Accepted) -> None:
        scene, name = self.scene, accepted.name
        self.chronicle.add(scene.now, f"taken by {accepted.venue}", accepted.order)
        self._changed = True
        for invariant, holds in ON_ACCEPTED:
            self._hold(invariant, holds(scene, accepted), name)
        scene.placed[name] = accepted
        self._hold("I4", exposure.within_limits(scene, accepted), name)
        if name in self._doubted:
            self._see(Reaction.TAKEN_LATE)

    def _passes(self) -> int:
        return self._gate.view().passed[Tag.ORDER.value]

    def _see(self, reaction: Reaction) -> None:
        self.seen[reaction] = self.seen.get(reaction, 0) + 1

    def _hold(self, invariant: str, what: str, *subjects: str) -> None:
        if what:
            self._report(invariant, what, *subjects)
