"""The watch: sees every input, every published fact and every turn, and holds the invariants against them.

Nothing is changed by it: it listens on the bus, reads the exchanges between two turns, and counts what it saw.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Final, Protocol

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import ActorFailed, Halt, TradingState, TradingStateChanged
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply
from integrated_trading_system.domain.ids import ActorName, ClientOrderId, VenueId, instrument_id, venue_of
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.journal import JournalCommitted
from integrated_trading_system.domain.link import LinkClosed, Tag
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus, TimeInForce
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.domain.position import ExternalFlow
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.records import PlanIntended
from integrated_trading_system.risk.kill_switch import KillGate
from integrated_trading_system.risk.manager import RiskManager
from integrated_trading_system.runtime.system import Observer, System
from integrated_trading_system.simulation.campaign import control, ending, exposure, noticing
from integrated_trading_system.simulation.campaign.orders import ON_ACCEPTED, ON_OVER, ON_SENT
from integrated_trading_system.simulation.campaign.reactions import Reaction
from integrated_trading_system.simulation.campaign.scene import Accepted, Scene
from integrated_trading_system.simulation.campaign.sends import BANNED, Cancels, Rate, Waits
from integrated_trading_system.simulation.campaign.violation import Chronicle
from integrated_trading_system.simulation.exchange.orders import Execution

OMS: Final = ActorName("oms")
RISK: Final = ActorName("risk")
PMS: Final = ActorName("pms")
HEARD: Final = (
    *(Order, Fill, PlanFinished, TradingStateChanged, Halt, ActorFailed, ExternalFlow),
    *(InstrumentsListed, *noticing.CONDITIONS),
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
        self._sends = Rate("orders", risk.orders_max, risk.rate_window_ms)
        self._messages = Rate("orders and cancels", risk.messages_max, risk.rate_window_ms)
        self._waits = Waits()
        self._cancels = Cancels()
        self._cancelling: dict[ClientOrderId, None] = {}
        self._orders = dict.fromkeys(scene.exchanges, 0)
        self._executions = dict.fromkeys(scene.exchanges, 0)
        self._status: dict[ClientOrderId, OrderStatus] = {}
        self._listed: dict[VenueId, None] = {}
        """Venues whose instruments this life knows: of others it cannot name an order."""
        self._live: dict[ClientOrderId, Order] = {}
        """Orders that are not over."""
        self._doubted: dict[ClientOrderId, None] = {}
        self._asked = False
        self._changed = True
        self._passed = 0

    # -- lives ---------------------------------------------------------------------------------

    def begin(self, system: System, gate: KillGate, life: int) -> None:
        """A core is about to start from the disk."""
        scene = self.scene
        scene.life, scene.trading = life, TradingState.STARTING
        self._waits.forget()
        self._cancels.forget()
        self._listed.clear()
        self._live = {name: tracked.order for name, tracked in scene.disk.state.open.items()}
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
        self.scene.halted = self.scene.reducing = ""

    def cancelling(self, name: ClientOrderId) -> None:
        """Somebody asks for the order to be cancelled."""
        self._cancelling[name] = None

    # -- inputs --------------------------------------------------------------------------------

    def told(self, name: ActorName, message: Any) -> None:
        """As an observer: before the core sees it."""
        if self.next is not None:
            self.next.told(name, message)
        kind = type(message)
        self._asked = kind is HttpReply
        if kind is JournalCommitted:
            self.scene.disk.committed = message.sequence
        elif kind in (HttpReply, HttpFailed, LinkClosed):
            self._on_input(VenueId(name.partition(".")[2]), message)

    def _on_input(self, venue: VenueId, message: HttpReply | HttpFailed | LinkClosed) -> None:
        exchange = self.scene.exchanges.get(venue)
        wrong = exchange is not None and bool(exchange.clock_step(self.scene.now))
        shown = noticing.of_input(message, clock_is_wrong=wrong)
        if shown is not None:
            self._see(shown)
        limited = isinstance(message, HttpReply) and self._waits.heard(message)
        if limited or shown in (Reaction.TIMED_OUT, Reaction.REFUSED) or isinstance(message, HttpFailed):
            self.chronicle.add(self.scene.now, "input", message)

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
        self._live[name] = order
        if status in TERMINAL:
            del self._live[name]
        self._changed = True
        if status is OrderStatus.SUBMITTED and before is not OrderStatus.SUBMITTED:
            rests = order.request.time_in_force is TimeInForce.GTC
            self._hold("I9", self._messages.add(self.scene.now, 2 if rests else 1), name)
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
            self._cancels.over(name)
            if status is OrderStatus.CANCELLED and order.filled:
                self._see(Reaction.PARTLY)
            if status is OrderStatus.REJECTED and self.scene.exchanges[venue_of(order.request.instrument)].maintenance:
                self._see(Reaction.TURNED_AWAY)

    def _on_trading_state(self, fact: TradingStateChanged) -> None:
        scene = self.scene
        self._hold("K3", control.halt_outlives(scene, fact.state))
        if fact.state is TradingState.HALTED and not scene.halted and scene.settings.oms.cancel_on_halt:
            known = [order for order in self._live.values() if venue_of(order.request.instrument) in self._listed]
            self._cancels.owe(known, scene.now)
        elif fact.state is not TradingState.HALTED:
            self._cancels.forget()
        scene.trading = fact.state
        if fact.state is TradingState.HALTED:
            scene.halted = fact.reason
        if fact.state is TradingState.REDUCING:
            scene.reducing = fact.reason
        if fact.state in (TradingState.HALTED, TradingState.REDUCING):
            self._see(Reaction.STOPPED)

    def _on_condition(self, fact: Any) -> None:
        match fact:
            case InstrumentsListed():
                self._listed[fact.venue] = None
            case ActorFailed():
                self.chronicle.add(self.scene.now, "fact", fact)
                self._see(Reaction.RESTARTED if fact.restarted else Reaction.ESCALATED)
                venue = VenueId(fact.actor.partition(".")[2])
                self._waits.forget(venue)
                self._listed.pop(venue, None)
                if not self._excused(fact):
                    self._hold("U1", f"an actor failed: {fact}")
            case Halt():
                self.chronicle.add(self.scene.now, "fact", fact)
                self._hold("U1", f"halted by itself: {fact}")
            case ExternalFlow():
                self._hold("I1", f"money from outside, and nobody moved any: {fact}")
            case _:
                shown = noticing.of_condition(fact)
                if shown is not None:
                    self._see(shown)

    # -- turns ---------------------------------------------------------------------------------

    def turn(self) -> None:
        """Between two turns."""
        scene = self.scene
        self._compare()
        if self._system.escalated is not None:
            return
        self._hold("K1", self._cancels.late(scene.now, self._waits))
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

    def called(self, call: HttpCall, now: Nanos) -> None:
        """A request is about to leave."""
        early, over = self._waits.asks(call, now)
        if early:
            self._hold("E2" if str(BANNED) in early.rpartition(" before ")[2] else "E1", early, call.venue)
        for status in over:
            self._see(Reaction.SAT_OUT if status == BANNED else Reaction.WAITED)
        if self._cancels.handed_out(call):
            self._see(Reaction.CANCELLED)

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
                    self._on_execution(venue, one)
                self._executions[venue] = count
                self._changed = True
            if (count := len(account.open) + len(account.closed)) != self._orders[venue]:
                for order in scene.exchanges[venue].orders(account)[self._orders[venue] :]:
                    intent = scene.disk.intents.get(ClientOrderId(order.client_id))
                    self._accept(Accepted(venue, order, intent))
                self._orders[venue] = count

    def _on_execution(self, venue: VenueId, one: Execution) -> None:
        scene, name = self.scene, ClientOrderId(one.client_id)
        instrument, quantity = instrument_id(venue, one.symbol), one.side.sign * one.quantity
        scene.positions[instrument] = scene.positions.get(instrument, ZERO) + quantity
        intent = scene.disk.intents.get(name)
        if intent is not None:
            key = intent.request.strategy, instrument
            scene.positions_of[key] = scene.positions_of.get(key, ZERO) + quantity
        if name in self._cancelling:
            self._see(Reaction.RACED)

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
        if scene.exchanges[accepted.venue].clock_step(scene.now):
            self._see(Reaction.TIME_LEARNED)

    def _passes(self) -> int:
        return self._gate.view().passed[Tag.ORDER.value]

    def _see(self, reaction: Reaction) -> None:
        self.seen[reaction] = self.seen.get(reaction, 0) + 1

    def _hold(self, invariant: str, what: str, *subjects: str) -> None:
        if what:
            self._report(invariant, what, *subjects)
