"""Keeps the venue's dead-man timer from running out while orders of ours may rest there, and stops it after them.

Where the network or the whole machine goes, nobody refreshes it any more: the venue then cancels by itself.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.execution import (
    OrderDone,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    SubmitRefused,
    VenueExecution,
)
from integrated_trading_system.domain.health import Alarm, AlarmKind
from integrated_trading_system.domain.http import HttpFailed, HttpReply
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import TERMINAL, OrderType, QueryOrder, SubmitOrder, TimeInForce
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.calls import Calls, Question
from integrated_trading_system.venues.venue import Venue

Place: TypeAlias = tuple[AccountId, InstrumentId]
"""Where an order rests. An account has a timer of its own."""


class DeadManDue(Struct, frozen=True):
    """Timer: tell the venue again that we are alive."""


class DeadManSwitch:
    """Between the orders and whoever hears of them: it listens to both."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        settings: VenueSettings,
        calls: Calls,
        instruments: Mapping[InstrumentId, Instrument],
        executions: Ref[VenueExecution],
    ) -> None:
        """Not armed. `executions` hears everything that is told here."""
        self._context = context
        self._venue = venue
        self._calls = calls
        self._instruments = instruments
        self._executions = executions
        self._part = venue.dead_man if settings.dead_man else None
        self._every = Nanos(int(settings.dead_man_every_s * SECOND))
        self._after = Nanos(int(settings.dead_man_after_s * SECOND))
        self._resting: dict[ClientOrderId, Place] = {}
        """Orders of ours that may be in a book."""
        self._asked: dict[ClientOrderId, Place] = {}
        self._armed: dict[AccountId, dict[InstrumentId, Instrument]] = {}
        self._waiting = False
        self._good_at = Nanos(0)
        """When the venue last took it."""
        self._alarmed = False

    def request(self, request: object) -> None:
        """The OMS asks something of the venue: the timer runs before an order rests."""
        if self._part is None:
            return
        if isinstance(request, SubmitOrder):
            order = request.request
            if order.order_type is OrderType.LIMIT and order.time_in_force is TimeInForce.GTC:
                self._rests(order.client_order_id, (order.account, order.instrument))
        elif isinstance(request, QueryOrder):
            self._asked[request.client_order_id] = (request.account, request.instrument)

    def tell(self, event: VenueExecution, /) -> None:
        """What became of an order."""
        if self._part is not None:
            match event:
                case OrderReport(client_order_id=client, status=status):
                    asked = self._asked.pop(client, None)
                    if status in TERMINAL:
                        self._resting.pop(client, None)
                    elif asked is not None:
                        self._rests(client, asked)
                case OrderNotFound(client_order_id=client):
                    self._asked.pop(client, None)
                    self._resting.pop(client, None)
                case OrderDone(client_order_id=client) | OrderRejected(client_order_id=client):
                    self._resting.pop(client, None)
                case SubmitRefused(client_order_id=client):
                    self._resting.pop(client, None)
                case _:
                    pass
        self._executions.tell(event)

    def due(self) -> None:
        """Again for what rests; no more for what does not."""
        self._waiting = False
        self._refresh()

    def stop(self) -> None:
        """An ordinary end. What could not be cancelled by then is left to the timer."""
        if not self._resting:
            self._refresh()
        self._part = None

    # -- inside ----------------------------------------------------------------------------------

    def _rests(self, client: ClientOrderId, place: Place) -> None:
        self._resting[client] = place
        account, instrument = place
        armed = self._armed.get(account, {})
        known = self._instruments.get(instrument)
        if known is not None and instrument not in armed:
            self._good_at = self._good_at if self._armed else self._context.now
            covered = bool(armed) and self._part is not None and not self._part.per_instrument
            self._armed[account] = armed | {instrument: known}
            if not covered:
                self._arm(account, (known,), self._after)
            self._wait()

    def _refresh(self) -> None:
        part, wanted = self._part, set(self._resting.values())
        if part is None:
            return
        before, self._armed = self._armed, {}
        for account, armed in before.items():
            kept = {name: known for name, known in armed.items() if (account, name) in wanted}
            stale = tuple(known for name, known in armed.items() if name not in kept)
            if stale and (part.per_instrument or not kept):
                self._arm(account, stale, Nanos(0))
            if kept:
                self._armed[account] = kept
                self._arm(account, tuple(kept.values()), self._after)
        if self._armed:
            self._wait()
        else:
            self._say(failing=False)

    def _arm(self, account: AccountId, instruments: tuple[Instrument, ...], after: Nanos) -> None:
        assert self._part is not None
        for weighted in self._part.arm(instruments, after):
            answered: Callable[[HttpReply], None] = partial(self._answered, after)
            failed: Callable[[HttpFailed], None] = partial(self._failed, after)
            question = Question(
                purpose="dead_man", weighted=weighted, answered=answered, failed=failed, account=account
            )
            self._calls.ask(question)

    def _answered(self, after: Nanos, reply: HttpReply) -> None:
        if self._part is None:
            return
        if self._part.refused(reply):
            self._not_armed(after)
        elif after:
            self._good_at = self._context.now
            self._say(failing=False)

    def _failed(self, after: Nanos, _: HttpFailed) -> None:
        self._not_armed(after)

    def _not_armed(self, after: Nanos) -> None:
        """It is tried again at its time, and runs on until then. To stop it matters less: nothing of ours is open."""
        if after and self._armed:
            self._say(failing=True)

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._context.after(self._every, DeadManDue())

    def _say(self, *, failing: bool) -> None:
        """Operators are told once that the venue would not notice our death, and once that it would again."""
        if failing == self._alarmed:
            return
        self._alarmed = failing
        now = self._context.now
        silent, limit = (now - self._good_at) / MILLISECOND, self._after / MILLISECOND
        self._context.publish(Alarm(self._venue.venue, AlarmKind.DEAD_MAN, failing, silent, limit, now))
