"""One step is `tell` and `run`: nobody can tell the difference, whatever the actors do."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.journal import JournalAppend
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Actor, Ref
from integrated_trading_system.runtime.mailbox import MailboxLimits
from integrated_trading_system.runtime.supervisor import RestartPolicy
from integrated_trading_system.runtime.system import BUDGET, System

NAMES = (ActorName("a"), ActorName("b"), ActorName("c"))
Log = list[tuple[Any, ...]]
Message = tuple[str, ...]


class Puppet(Actor[Message]):
    """A message is a list of orders: the first is carried out, and the rest is what is told on."""

    def __init__(self, name: ActorName, refs: dict[ActorName, Ref[Message]], log: Log) -> None:
        self._name = name
        self._refs = refs
        self._log = log

    def receive(self, message: Message) -> None:
        self._log.append((self._name, self.context.now, self.context.incarnation, message))
        if not message:
            return
        order, *rest = message
        if order == "fail":
            raise ValueError(order)
        if order == "all":  # the others first, so that it matters who comes next
            for name in reversed(NAMES):
                self._refs[name].tell(tuple(rest))
        elif order == "twice":
            self._refs[self._name].tell(tuple(rest))
            self._refs[self._name].tell(())
        elif order == "later":
            self.context.after(2, tuple(rest))
        else:
            self.context.emit(JournalAppend(1, order.encode()))
            self._refs[NAMES[0]].tell(tuple(rest))


class Witness:
    """An observer that writes into the same log as the actors."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def told(self, name: ActorName, message: Any) -> None:
        self._log.append(("told", name, message))

    def ran(self, now: Nanos, budget: int) -> None:
        self._log.append(("ran", now, budget))


def play(inputs: list[tuple[ActorName, Message, int]], *, stepping: bool) -> tuple[Any, ...]:
    """Everything that can be seen of a run of these inputs, each some nanoseconds after the one before."""
    log: Log = []
    system = System()
    system.observer = Witness(log)
    refs: dict[ActorName, Ref[Message]] = {}
    for name in NAMES:
        limits = MailboxLimits(conflate={tuple: len}) if name == "c" else MailboxLimits(capacity=50)
        policy = RestartPolicy(intensity=2)
        refs[name] = system.spawn(name, lambda name=name: Puppet(name, refs, log), limits=limits, policy=policy)  # type: ignore[misc]  # the default binds the name
    system.start(Nanos(0))
    now, more = 0, []
    for name, message, pause in inputs:
        now += pause
        if stepping:
            more.append(system.step(name, message, Nanos(now)))
        else:
            system.tell(name, message)
            more.append(system.run(Nanos(now), BUDGET))
        log.append(("effects", system.take_effects()))
    return log, more, system.mailboxes(), system.restarts(), system.deadline(), system.now, system.escalated


orders = st.lists(st.sampled_from(["all", "twice", "later", "emit", "fail"]), max_size=5).map(tuple)


@given(st.lists(st.tuples(st.sampled_from(NAMES), orders, st.integers(0, 3)), max_size=12))
def test_a_step_is_what_telling_and_running_is(inputs: list[tuple[ActorName, Message, int]]) -> None:
    """Order of receiving, what the observer sees, effects, counters, restarts, timers and failures."""
    assert play(inputs, stepping=True) == play(inputs, stepping=False)


def test_what_waits_is_received_before_the_message_of_a_step() -> None:
    log: Log = []
    system = System()
    refs: dict[ActorName, Ref[Message]] = {}
    refs[NAMES[0]] = system.spawn(NAMES[0], lambda: Puppet(NAMES[0], refs, log))
    system.start(Nanos(0))
    system.tell(NAMES[0], ())
    system.step(NAMES[0], ("later",), Nanos(1))
    assert [entry[3] for entry in log] == [(), ("later",)]
    system.step(NAMES[0], ("emit",), Nanos(5))
    assert [entry[1] for entry in log] == [1, 1, 5, 5, 5]
