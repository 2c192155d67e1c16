"""The circuit breaker: an instrument whose book comes and goes is not decided on until it has been calm.

A circuit opens when a book that was believed is lost for too long, or too often within a while; it closes
when the book has been believed without a break for the calm time, which doubles while openings follow one
another. Whoever decides is told FeedUnreliable and FeedReliable, and after a restart once more.
"""

from collections import deque
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.reliability import BreakerSettings
from integrated_trading_system.domain.health import (
    ActorFailed,
    BookState,
    BookStateChanged,
    FeedReliable,
    FeedUnreliable,
)
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.time import MILLISECOND, Nanos, from_millis
from integrated_trading_system.runtime.actor import Actor

UNSUBSCRIBED: Final = "unsubscribed"
"""Why a book ends that nobody wants any more."""


class LossDue(Struct, frozen=True):
    """Timer: look whether a book is still lost that was lost then."""

    instrument: InstrumentId
    since: Nanos


class CalmDue(Struct, frozen=True):
    """Timer: look whether a book is still believed that was believed then."""

    instrument: InstrumentId
    since: Nanos


Inbox: TypeAlias = BookStateChanged | ActorFailed | LossDue | CalmDue


class Circuit:
    """One instrument."""

    __slots__ = ("calm", "changed_at", "doubts", "opened_at", "openings", "reason", "valid")

    def __init__(self, settings: BreakerSettings) -> None:
        """Closed; nothing is known of the book."""
        self.valid = False
        self.changed_at = Nanos(-1)
        """When the book was last won or lost."""
        self.doubts: deque[Nanos] = deque(maxlen=settings.doubts_max)
        """When it was lost, the newest last."""
        self.reason: str | None = None
        """Why the circuit is open; None while it is closed."""
        self.opened_at = Nanos(-1)
        self.openings = 0
        self.calm = from_millis(settings.calm_ms)
        """The calm asked for before it closes."""


class CircuitView(Struct, frozen=True):
    """One instrument's circuit."""

    open: bool
    reason: str
    openings: int


class CircuitBreaker(Actor[Inbox]):
    """Follows the states of books. Its circuits live outside, so a restart of it keeps them."""

    def __init__(self, settings: BreakerSettings, circuits: dict[InstrumentId, Circuit]) -> None:
        """`circuits`: empty at the start of the run, and the same object after every restart."""
        self._settings = settings
        self._circuits = circuits
        self._down_after = from_millis(settings.down_after_ms)
        self._window = from_millis(settings.doubts_window_ms)
        self._calm = from_millis(settings.calm_ms)
        self._calm_max = from_millis(settings.calm_ms_max)

    def start(self) -> None:
        """After a restart the timers are set again; they are counted from now."""
        now = self.context.now
        for instrument, circuit in self._circuits.items():
            circuit.changed_at = now
            self._wait(instrument, circuit)

    def receive(self, message: Inbox) -> None:
        """A book was won or lost, or a while has passed since."""
        match message:
            case BookStateChanged():
                self._on_state(message)
            case LossDue():
                self._on_loss(message)
            case CalmDue():
                self._on_calm(message)
            case ActorFailed():
                if message.restarted:
                    self._tell_again()
            case _:
                assert_never(message)

    def view(self) -> dict[InstrumentId, CircuitView]:
        """Every instrument that was heard of."""
        return {
            instrument: CircuitView(circuit.reason is not None, circuit.reason or "", circuit.openings)
            for instrument, circuit in self._circuits.items()
        }

    def _on_state(self, changed: BookStateChanged) -> None:
        instrument, now = changed.instrument, self.context.now
        circuit = self._circuits.get(instrument)
        if changed.reason == UNSUBSCRIBED and (circuit is None or circuit.reason is None):
            self._circuits.pop(instrument, None)  # nobody misses a book that nobody wants
            return
        first = circuit is None
        if circuit is None:
            circuit = self._circuits[instrument] = Circuit(self._settings)
        valid = changed.state is BookState.VALID
        if valid == circuit.valid and not first:
            return
        circuit.changed_at = now
        if circuit.valid:
            circuit.doubts.append(now)
            if len(circuit.doubts) == circuit.doubts.maxlen and now - circuit.doubts[0] <= self._window:
                self._open(instrument, circuit, f"lost {len(circuit.doubts)} times, last {changed.state}")
        circuit.valid = valid
        self._wait(instrument, circuit)

    def _wait(self, instrument: InstrumentId, circuit: Circuit) -> None:
        """Look again when the present state has lasted long enough to matter."""
        if not circuit.valid:
            self.context.after(self._down_after, LossDue(instrument, circuit.changed_at))
        elif circuit.reason is not None:
            self.context.after(circuit.calm, CalmDue(instrument, circuit.changed_at))

    def _on_loss(self, due: LossDue) -> None:
        circuit = self._circuits.get(due.instrument)
        if circuit is not None and not circuit.valid and circuit.changed_at == due.since:
            lost_for = self._down_after // MILLISECOND
            self._open(due.instrument, circuit, f"no believed book for {lost_for} ms")

    def _on_calm(self, due: CalmDue) -> None:
        circuit = self._circuits.get(due.instrument)
        if circuit is None or circuit.reason is None:
            return
        if circuit.valid and circuit.changed_at == due.since:
            circuit.reason = None
            circuit.doubts.clear()
            self.context.publish(FeedReliable(due.instrument, self.context.now))

    def _open(self, instrument: InstrumentId, circuit: Circuit, reason: str) -> None:
        if circuit.reason is not None:
            return
        now = self.context.now
        soon_again = circuit.openings and now - circuit.opened_at <= self._calm_max + circuit.calm
        circuit.calm = Nanos(min(2 * circuit.calm, self._calm_max)) if soon_again else self._calm
        circuit.reason = reason
        circuit.opened_at = now
        circuit.openings += 1
        self.context.publish(FeedUnreliable(instrument, reason, now))

    def _tell_again(self) -> None:
        """Somebody was restarted, and may have forgotten."""
        for instrument, circuit in self._circuits.items():
            if circuit.reason is not None:
                self.context.publish(FeedUnreliable(instrument, circuit.reason, self.context.now))
