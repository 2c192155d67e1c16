"""The machine delivers in one fixed order, restarts what may restart, and reads no clock."""

from decimal import Decimal, localcontext
from typing import Any

import pytest

from integrated_trading_system.domain.health import ActorFailed
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.journal import JournalAppend
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.actor import Actor, Ref
from integrated_trading_system.runtime.mailbox import MailboxLimits
from integrated_trading_system.runtime.supervisor import NEVER, RestartPolicy
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector


class Echo(Actor[Any]):
    """Passes on what it hears, with the time; fails on "fail"; sets a timer on a number."""

    def __init__(self, out: Ref[Any]) -> None:
        self.out = out
        self.heard = 0

    def start(self) -> None:
        self.out.tell("started")

    def receive(self, message: Any) -> None:
        self.heard += 1
        if message == "fail":
            raise ValueError(message)
        if isinstance(message, int):
            self.context.after(message, f"timer {message}")
        elif message == "emit":
            self.context.emit(JournalAppend(1, b"x"))
        else:
            self.out.tell((self.context.now, message))

    def stop(self) -> None:
        self.out.tell("stopped")


def build(policy: RestartPolicy = RestartPolicy()) -> tuple[System, Ref[Any], Collector]:  # noqa: B008 - frozen
    system, out = System(), Collector()
    ref = system.spawn(ActorName("echo"), lambda: Echo(out), policy=policy)
    system.start(Nanos(0))
    out.take()
    return system, ref, out


def test_nothing_happens_until_the_driver_gives_time() -> None:
    system, ref, out = build()
    ref.tell("hello")
    assert out.messages == []
    system.run(Nanos(5))
    assert out.messages == [(5, "hello")]


def test_timers_fire_in_order_of_deadline_and_then_of_setting() -> None:
    system, ref, out = build()
    for delay in (30, 10, 20):
        ref.tell(delay)
    system.run(Nanos(0))
    assert system.deadline() == 10
    system.run(Nanos(25))
    assert out.take() == [(25, "timer 10"), (25, "timer 20")]
    system.run(Nanos(30))
    assert out.take() == [(30, "timer 30")]
    assert system.deadline() is None


def test_the_budget_bounds_a_turn_and_run_says_that_there_is_more() -> None:
    system, ref, out = build()
    for number in range(5):
        ref.tell(f"m{number}")
    assert system.run(Nanos(1), budget=3)
    assert len(out.messages) == 3
    assert not system.run(Nanos(1), budget=3)
    assert len(out.messages) == 5


def test_a_failed_actor_is_replaced_and_its_waiting_messages_survive() -> None:
    system, ref, out = build()
    ref.tell("fail")
    ref.tell("after")
    system.run(Nanos(1))
    assert out.messages == ["started", (1, "after")]
    assert system.restarts() == {"echo": 1}
    assert system.escalated is None


def test_a_restart_drops_the_timers_of_the_incarnation_before() -> None:
    system, ref, out = build()
    ref.tell(10)
    ref.tell("fail")
    system.run(Nanos(0))
    system.run(Nanos(20))
    assert out.messages == ["started"]


def test_too_many_restarts_within_the_period_are_passed_on() -> None:
    system, ref, _ = build(RestartPolicy(intensity=2, period=SECOND))
    failures = Collector()
    system.bus.subscribe(ActorFailed, failures)
    for _ in range(3):
        ref.tell("fail")
        system.run(Nanos(1))
    assert [fact.restarted for fact in failures.of(ActorFailed)] == [True, True, False]
    assert system.escalated == ActorFailed(ActorName("echo"), "ValueError: fail", False, Nanos(1))


class Stillborn(Echo):
    """Its next lives cannot even start, for as long as `fails` says."""

    def __init__(self, out: Ref[Any], fails: list[bool]) -> None:
        super().__init__(out)
        self.fails = fails

    def start(self) -> None:
        if self.context.incarnation and self.fails.pop(0):
            raise ValueError("start")
        super().start()


@pytest.mark.parametrize(("fails", "restarted"), [([True, False], True), ([True] * 3, False)])
def test_a_new_life_that_cannot_start_is_one_more_failure(fails: list[bool], restarted: bool) -> None:
    system, out, failures = System(), Collector(), Collector()
    ref = system.spawn(ActorName("echo"), lambda: Stillborn(out, fails))
    system.bus.subscribe(ActorFailed, failures)
    system.start(Nanos(0))
    ref.tell("fail")
    ref.tell("after")
    system.run(Nanos(1))
    assert [fact.restarted for fact in failures.of(ActorFailed)] == [restarted] * len(failures.messages)
    assert failures.messages[-1].error == "ValueError: fail"
    assert (system.escalated is None) is restarted
    assert out.messages == ["started", *(["started", (1, "after")] if restarted else [])]


def test_restarts_spread_over_more_than_the_period_are_allowed() -> None:
    system, ref, _ = build(RestartPolicy(intensity=1, period=SECOND))
    for second in range(5):
        ref.tell("fail")
        system.run(Nanos(2 * second * SECOND))
    assert system.escalated is None


def test_an_actor_that_holds_money_never_restarts() -> None:
    system, ref, _ = build(NEVER)
    ref.tell("fail")
    system.run(Nanos(1))
    assert system.escalated is not None
    assert system.restarts() == {"echo": 0}


def test_a_full_mailbox_that_may_not_shed_is_passed_on_and_not_restarted() -> None:
    system, out = System(), Collector()
    system.spawn(ActorName("echo"), lambda: Echo(out), limits=MailboxLimits(capacity=2))
    system.start(Nanos(0))
    for number in range(3):
        system.tell(ActorName("echo"), f"m{number}")
    assert system.escalated is not None
    assert "full" in system.escalated.error


def test_an_inline_ref_delivers_at_once_and_blames_the_callee() -> None:
    system, out = System(), Collector()
    callee = system.spawn(ActorName("callee"), lambda: Echo(out))
    inline = system.inline(callee)
    system.spawn(ActorName("caller"), lambda: Echo(inline))
    system.start(Nanos(0))
    out.take()
    system.tell(ActorName("caller"), "hello")
    system.run(Nanos(3))
    assert out.take() == [(3, (3, "hello"))]
    inline.tell("fail")
    assert system.restarts() == {"callee": 1, "caller": 0}


def test_an_inline_ref_is_never_re_entered() -> None:
    class Loop(Actor[str]):
        def __init__(self) -> None:
            self.me: Ref[str] | None = None

        def receive(self, message: str) -> None:
            assert self.me is not None
            self.me.tell(message)

    system = System()
    loop = Loop()
    inline = system.inline(system.spawn(ActorName("loop"), lambda: loop, policy=NEVER))
    loop.me = inline
    system.start(Nanos(0))
    inline.tell("x")
    assert system.escalated is not None
    assert "inline" in system.escalated.error


def test_actors_stop_in_reverse_order_of_start() -> None:
    order: list[str] = []

    class Named(Actor[str]):
        def __init__(self, name: str) -> None:
            self.name = name

        def start(self) -> None:
            order.append(f"+{self.name}")

        def stop(self) -> None:
            order.append(f"-{self.name}")

    system = System()
    for name in ("a", "b"):
        system.spawn(ActorName(name), lambda name=name: Named(name))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    system.start(Nanos(0))
    system.stop()
    assert order == ["+a", "+b", "-b", "-a"]


def test_effects_are_taken_once_in_order() -> None:
    system, ref, _ = build()
    ref.tell("emit")
    ref.tell("emit")
    system.run(Nanos(1))
    assert system.take_effects() == [JournalAppend(1, b"x")] * 2
    assert system.take_effects() == []


def test_time_does_not_go_back() -> None:
    system, _, _ = build()
    system.run(Nanos(5))
    with pytest.raises(AssertionError, match="forward"):
        system.run(Nanos(4))


def test_arithmetic_does_not_depend_on_the_callers_decimal_context() -> None:
    class Third(Actor[Any]):
        def __init__(self, out: Ref[Any]) -> None:
            self.out = out

        def receive(self, message: Any) -> None:
            self.out.tell(Decimal(1) / Decimal(3))

    system, out = System(), Collector()
    third = system.spawn(ActorName("third"), lambda: Third(out))
    system.start(Nanos(0))
    for precision in (5, 28, 99):
        with localcontext(prec=precision):
            third.tell("divide")
            system.run(Nanos(1))
    assert len(set(out.messages)) == 1
