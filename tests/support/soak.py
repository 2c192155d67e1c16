"""Run the whole platform through everything that can go wrong, then look at whether anything was lost.

Each seed draws its own mix: which venues, which faults how often, when the core is killed and which
actors fail. After `FAULTS_FOR` nothing goes wrong any more; the books have to come back, and after the
shutdown every order and plan has to end. Then the exchanges tell what really happened.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from integrated_trading_system.config.load import load
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.strategies import StrategySettings
from integrated_trading_system.domain.health import ActorFailed, BookState, Halt, Resume, TradingState
from integrated_trading_system.domain.ids import VenueId, instrument_id
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import CancelOrder, TimeInForce
from integrated_trading_system.domain.position import ExternalFlow
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.orchestrator.dev import DevWorld, build_world
from integrated_trading_system.orchestrator.platform import OMS, PMS, RISK, Platform, Recovered
from integrated_trading_system.orchestrator.virtual import VIRTUAL_START
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.faults import Fault, Faults
from integrated_trading_system.simulation.virtual import Crashed, MemoryStore, VirtualDriver

CONFIG = Path(__file__).resolve().parents[2] / "config" / "dev.yaml"
DOWN = Nanos(2 * SECOND)
"""From the death of a core to the start of the next."""
SETTLED_WITHIN = Nanos(180 * SECOND)
"""Kraken lets a key ask 20 questions a minute, and the fate of one order takes some six of them."""
STEP = Nanos(250 * MILLISECOND)

RATES = {
    **dict.fromkeys((Fault.REQUEST_LOST, Fault.REQUEST_TWICE, Fault.REPLY_LOST), 0.04),
    **dict.fromkeys((Fault.REQUEST_LATE, Fault.REPLY_LATE), 0.06),
    **dict.fromkeys((Fault.GATEWAY_REFUSES, Fault.GATEWAY_GIVES_UP), 0.03),
    **dict.fromkeys((Fault.EVENT_LOST, Fault.EVENT_TWICE, Fault.EVENT_LATE), 0.1),
    Fault.DATA_LOST: 0.002,
    Fault.DATA_LATE: 0.0005,
    Fault.LINKS_CUT: 0.04,
    Fault.ALL_CUT: 0.01,
    Fault.SILENCE: 0.02,
    Fault.OUTAGE: 0.02,
    **dict.fromkeys((Fault.DATA_TWICE, Fault.DATA_SWAPPED, Fault.DATA_GARBLED), 0.0005),
    Fault.BOOK_STALE: 0.3,
    Fault.SLOW: 0.01,
    Fault.CLOG: 0.02,
    Fault.SWIZZLE: 0.005,
}
"""Of a seed in which the fault is as frequent as it gets."""


class Failure(Exception):
    """Raised once inside an actor, by us."""


@dataclass
class Soak:
    """One seed."""

    seed: int
    seconds: float = 60.0
    """During which things go wrong."""
    rates: Mapping[Fault, float] | None = None
    """Instead of a mix."""
    crashes: bool = True
    failures: bool = True
    lives: int = 0
    now: Nanos = field(default_factory=lambda: VIRTUAL_START)
    books_valid_after: float = -1.0
    """Seconds from the end of the faults."""
    reconciled_after: float = -1.0
    """Seconds from the end of the faults."""
    settled_after: float = -1.0
    """Seconds from the shutdown."""
    problems: list[str] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)
    counts: dict[str, int] = field(default_factory=dict)
    observe: Callable[[Platform, Recovered], None] | None = None

    def __post_init__(self) -> None:
        self.random = Random(f"soak-{self.seed}")
        self.until = Nanos(VIRTUAL_START + int(self.seconds * SECOND))
        self.settings = self._settings()
        self._crashes: list[Nanos] = []
        if self.crashes and self.random.random() < 0.5:
            self._crashes = sorted(self._moment() for _ in range(self.random.randint(1, 3)))
        self._acts: list[tuple[Nanos, int, Callable[[], None]]] = []
        if self.failures and self.random.random() < 0.5:
            for _ in range(self.random.randint(1, 3)):
                self._act(self._moment(), partial(self._break_one, self.random.random()))
        if self.random.random() < 0.3:
            halted = self._moment()
            self._act(halted, self._halt)
            self._act(Nanos(halted + int(self.random.uniform(0, 10) * SECOND)), self._resume)
        for at in range(VIRTUAL_START, self.until, 2 * SECOND):
            self._act(Nanos(at), self._cancel_some)
        self._acts.sort()
        self._at_boundary = False
        self._placing_refused: list[str] = []

    def run(self) -> "Soak":
        """Live through it, and audit."""
        faults = self._faults()
        self._start(faults)
        while self.now < self.until:
            self._live()
        self._recover()
        self._shut_down()
        self.problems += self.audit()
        self.counts = {fault.value: count for fault, count in faults.counts.items() if count} | self.counts
        return self

    def _act(self, at: Nanos, action: Callable[[], None]) -> None:
        self._acts.append((at, len(self._acts), action))

    # -- the mix -------------------------------------------------------------------------------

    def _settings(self) -> PlatformSettings:
        """The default configuration; losses do not halt it, for then nothing more would be tried."""
        limits = [f"risk.{name}=1000000" for name in ("daily_loss_max", "drawdown_max")]
        settings = load(PlatformSettings, CONFIG, [f"seed={self.seed}", *limits], {})
        if self.random.random() < 0.5:
            return settings
        resting = StrategySettings(name="rest", strategy="tests.support.resting:Resting", comparison="btc")
        return settings.model_copy(update={"strategies": (*settings.strategies, resting)})

    def _faults(self) -> Faults:
        """Each fault is off in some seeds and rare in others."""
        mix = {fault: rate * self.random.choice((0, 0.2, 1)) for fault, rate in RATES.items()}
        return Faults(self.seed, self.rates or mix, begin=VIRTUAL_START, until=self.until)

    def _moment(self) -> Nanos:
        return Nanos(VIRTUAL_START + int(self.random.uniform(0.02, 0.97) * self.seconds * SECOND))

    # -- living --------------------------------------------------------------------------------

    def _start(self, faults: Faults | None = None) -> None:
        self.lives += 1
        recovered = Recovered(records=tuple(self.store.records), run=self.lives)
        self.platform: Platform = wire(self.settings, recovered)
        if faults is not None:
            self.world: DevWorld = build_world(self.settings, self.platform, self.now)
            self.world.faults = faults
        system = self.platform.system
        system.bus.subscribe(ActorFailed, self)
        system.bus.subscribe(Halt, self)
        system.bus.subscribe(ExternalFlow, self)
        if self.observe is not None:
            self.observe(self.platform, recovered)
        self.world.connect_core(system.tell, self.platform.gate)
        system.start(self.now)
        self.driver = VirtualDriver(system, self.world, self.store, self._on_boundary)

    def tell(self, fact: ActorFailed | Halt | ExternalFlow, /) -> None:
        """Facts that no fault excuses."""
        if not (isinstance(fact, ActorFailed) and "Failure" in fact.error):
            at = (self.platform.system.now - VIRTUAL_START) / SECOND
            self.problems.append(f"life {self.lives}, {at:.1f} s: {fact}")

    def _live(self) -> None:
        """Up to the next thing that goes wrong inside us, or the end of it all."""
        due = min([self.until, *self._crashes[:1], *(at for at, _, _ in self._acts[:1])])
        try:
            self.driver.run(due)
            if self._crashes and self._crashes[0] <= due:
                self._crash()
            while self._acts and self._acts[0][0] <= due:
                self._acts.pop(0)[2]()
        except Crashed:
            self._restart()
            return
        self.now = max(self.now, self.driver.now)
        if self.platform.system.escalated is not None:
            self._restart()

    def _crash(self) -> None:
        """Now, or at the next boundary within a second."""
        self._crashes.pop(0)
        self.counts["crash"] = self.counts.get("crash", 0) + 1
        if self.random.random() < 0.7:
            self._at_boundary = True
            self._skip = self.random.randint(0, 5)
            self.driver.run(Nanos(self.driver.now + SECOND))
        raise Crashed

    def _on_boundary(self, place: str) -> None:
        if place == "before place" and self.platform.gate.state is not TradingState.ACTIVE:
            self.counts["order stopped by the gate"] = self.counts.get("order stopped by the gate", 0) + 1
        if self._at_boundary:
            self._skip -= 1
            if self._skip < 0:
                raise Crashed

    def _restart(self) -> None:
        self._at_boundary = False
        self.now = max(self.now, self.driver.now)
        self.world.drop_core(self.now)
        self.now = Nanos(self.now + DOWN)
        self.world.run(self.now)
        self._start()

    def _break_one(self, draw: float) -> None:
        """The actor raises at its next message."""
        system = self.platform.system
        name = system.names[int(draw * len(system.names))]
        cell: Any = system._cells[name]
        whole = cell.receive

        def broken(message: Any) -> None:
            cell.receive = whole
            raise Failure(f"{name} at {type(message).__name__}")

        cell.receive = broken
        label = f"failure of {name.partition('.')[0]}"
        self.counts[label] = self.counts.get(label, 0) + 1

    def _halt(self) -> None:
        self.counts["halt"] = 1
        self.platform.system.tell(RISK, Halt("enough", "operator"))

    def _resume(self) -> None:
        self.platform.system.tell(RISK, Resume("operator"))

    def _cancel_some(self) -> None:
        """What has rested for a while, most of the time."""
        for order in self.platform.system.view(OMS).orders:
            if order.request.time_in_force is TimeInForce.GTC and self.random.random() < 0.6:
                request = order.request
                self.counts["cancel"] = self.counts.get("cancel", 0) + 1
                cancel = CancelOrder(request.client_order_id, request.instrument, request.account, order.venue_order_id)
                self.platform.system.tell(OMS, cancel)

    # -- the end -------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Until every book is VALID again, and the OMS has compared itself with every venue."""
        self._at_boundary = False
        while self.now < self.until + SETTLED_WITHIN:
            if self.platform.system.escalated is not None:
                self._restart()
            if self.books_valid_after < 0 and not self._invalid():
                self.books_valid_after = (self.now - self.until) / SECOND
            if self.books_valid_after >= 0 and self.platform.system.view(OMS).reconciled:
                self.reconciled_after = (self.now - self.until) / SECOND
                return
            self._pass()
        self.problems.append(f"never came back: {self._invalid()}, {self.platform.system.view(OMS)}")

    def _invalid(self) -> list[str]:
        states = {
            name: self.platform.books.state(name)
            for venue in self.platform.venues
            for name in (instrument_id(venue, symbol) for symbol in self.settings.venues[str(venue)].symbols)
        }
        return [f"{name} {state}" for name, state in states.items() if state is not BookState.VALID]

    def _shut_down(self) -> None:
        began = self.now
        for actor in (RISK, OMS):
            self.platform.system.tell(actor, Shutdown("the soak is over"))
        while self.now < began + SETTLED_WITHIN:
            view = self.platform.system.view(OMS)
            if not view.open and not view.plans:
                self.settled_after = (self.now - began) / SECOND
                break
            self._pass()
        self.driver.run(Nanos(self.now + 2 * SECOND))

    def _pass(self) -> None:
        self.driver.run(Nanos(self.now + STEP))
        self.now = Nanos(self.now + STEP)

    # -- the audit -----------------------------------------------------------------------------

    def audit(self) -> list[str]:
        """Everything that does not hold; empty is well."""
        system = self.platform.system
        problems: list[str] = []
        oms, risk = system.view(OMS), system.view(RISK)
        if system.escalated is not None:
            problems.append(f"an actor failed: {system.escalated}")
        if not oms.reconciled:
            problems.append("never reconciled")
        if oms.open or oms.plans:
            problems.append(f"not settled: {oms.orders}, {oms.plans} plans")
        if risk.in_flight:
            problems.append(f"risk still holds {risk.in_flight}")
        fills = Recovered(tuple(self.store.records)).fills
        for venue in self.platform.venues:
            problems += self._audit_venue(venue, [fill for fill in fills if fill.instrument.startswith(f"{venue}:")])
        return problems

    def _audit_venue(self, venue: VenueId, fills: list[Any]) -> list[str]:
        exchange = self.world.exchanges[venue]
        account = exchange.bank.accounts[str(self.platform.accounts[venue])]
        problems = []
        executed = Counter(
            (f"{venue}:{one.symbol}", one.client_id, one.quantity, one.price) for one in exchange.executions(account)
        )
        owned = Counter((fill.instrument, fill.client_order_id, fill.quantity, fill.price) for fill in fills)
        if executed != owned:
            problems.append(f"{venue}: not owned {executed - owned}, not executed {owned - executed}")
        names = [order.client_id for order in exchange.orders(account)]
        if len(set(names)) != len(names):
            problems.append(f"{venue}: an order was placed twice: {[name for name in names if names.count(name) > 1]}")
        strangers = [fill.trade_id for fill in fills if not fill.client_order_id]
        if strangers:
            problems.append(f"{venue}: fills of nobody: {strangers}")
        if exchange.open_orders(account):
            problems.append(f"{venue}: still open there: {exchange.open_orders(account)}")
        return problems + self._audit_money(venue, account) + self._audit_positions(venue, account)

    def _audit_money(self, venue: VenueId, account: Account) -> list[str]:
        name = str(self.platform.accounts[venue])
        view = self.platform.system.view(PMS)
        expected = view.expected.get(name, {})
        problems = [
            f"{venue}: {held.asset} is {held.free + held.locked}, the ledger says {expected.get(held.asset)}"
            for held in account.balances()
            if expected.get(held.asset, ZERO) != held.free + held.locked
        ]
        if view.waiting:
            problems.append(f"{view.waiting} fills wait for their instrument")
        return problems

    def _audit_positions(self, venue: VenueId, account: Account) -> list[str]:
        exchange = self.world.exchanges[venue]
        holdings = self.platform.system.actor(RISK)._state.exposure.holdings
        booked = {one.instrument: one.quantity for one in self.platform.system.view(PMS).positions}
        problems = []
        for symbol in exchange.symbols:
            name = instrument_id(venue, symbol)
            real = sum((one.side.sign * one.quantity for one in exchange.executions(account, symbol)), start=ZERO)
            key = (name, self.platform.accounts[venue])
            held = holdings[key].position if key in holdings else ZERO
            reserved = (holdings[key].up, holdings[key].down) if key in holdings else (0, 0)
            if not real == held == booked.get(name, ZERO):
                problems.append(f"{name}: position {real}, risk {held}, PMS {booked.get(name)}")
            if any(reserved):
                problems.append(f"{name}: risk still reserves {reserved}")
        return problems
