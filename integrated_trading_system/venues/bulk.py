"""What a venue offers for cancelling many orders at once.

A batch names its orders; a sweep cancels whatever is open, in an instrument or on the whole account,
whoever placed it. Where a venue has neither, orders are cancelled one by one.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from integrated_trading_system.domain.execution import CancelFailed, VenueExecution
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import CancelOrder
from integrated_trading_system.venues.rest import WeightedRequest


class Sweep(StrEnum):
    """How far a call reaches that cancels everything."""

    INSTRUMENT = "instrument"
    ACCOUNT = "account"


class BulkCancels(Protocol):
    """Requests are unsigned; decoders return what the OMS is to be told and raise MalformedReply.

    An order whose end the reply proves becomes OrderDone, one that it says was not cancelled CancelFailed. An
    order that was only asked to end is not mentioned: its events, or a question, tell what became of it.
    """

    @property
    def batch_max(self) -> int:
        """How many orders of one instrument a batch may name; 0 where there is no such call."""

    @property
    def sweep(self) -> Sweep | None:
        """None where there is no call that cancels everything."""

    def batches(self, cancel: CancelOrder) -> bool:
        """Whether a batch can name this order (some venues only know their own ids)."""

    def batch(self, cancels: Sequence[CancelOrder], instrument: Instrument) -> WeightedRequest:
        """Cancel these."""

    def decode_batch(
        self, cancels: Sequence[CancelOrder], instrument: Instrument, reply: HttpReply
    ) -> Sequence[VenueExecution]:
        """What became of each."""

    def cancel_all(self, account: AccountId, instrument: Instrument) -> WeightedRequest:
        """Cancel everything that is open in the instrument, or (a sweep of the ACCOUNT) everywhere."""

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        """What became of these, which were among them."""


def all_failed(cancels: Sequence[CancelOrder], reason: str, reply: HttpReply) -> tuple[CancelFailed, ...]:
    """The call did nothing, or nobody knows what."""
    return tuple(
        CancelFailed(client_order_id=cancel.client_order_id, reason=reason, received_at=reply.received_at)
        for cancel in cancels
    )
