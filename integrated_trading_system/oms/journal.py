"""Durable before visible: every change is a record, applied here and handed to the disk in the same breath.

Only intents wait for the disk before something leaves. Every other record may be lost in a crash,
because the venue can be asked for it again.
"""

from integrated_trading_system.domain.ids import PlanId
from integrated_trading_system.domain.journal import JournalAppend
from integrated_trading_system.oms.records import FillBooked, FundingBooked, PlanClosed, Record, encode
from integrated_trading_system.oms.state import State
from integrated_trading_system.runtime.actor import Context


class Journal:
    """The only way to change the state."""

    def __init__(self, context: Context, state: State, written: int) -> None:
        """`written`: how many records of earlier runs there are; ours are numbered from the next."""
        self._context = context
        self.state = state
        self.sequence = written
        self.failed = False
        """From then on nothing is durable: no order may be sent any more in this run."""
        self.touched: dict[PlanId, None] = {}
        """Plans whose orders changed since somebody looked."""

    def write(self, record: Record) -> int:
        """Apply the record, publish what it changed, and have it written; its sequence.

        A fill is published before its order, so whoever moves a reservation to a position sees it first.
        """
        changed = self.state.apply(record)
        if not self.failed:
            self.sequence += 1
            self._context.emit(JournalAppend(self.sequence, encode(record)))
        if isinstance(record, FillBooked):
            self._context.publish(record.fill)
        elif isinstance(record, FundingBooked):
            self._context.publish(record.funding)
        for tracked in changed:
            self._context.publish(tracked.order)
            self.touched[tracked.order.request.plan_id] = None
        if isinstance(record, PlanClosed):
            self._context.publish(record.finished)
        return self.sequence
