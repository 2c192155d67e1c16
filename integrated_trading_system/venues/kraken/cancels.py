"""Cancelling everything on the account with one call.

A batch of up to fifty exists; but each order in it costs the engine's counter as much as a cancel by itself,
so it saves requests, not what is scarce here.
"""

from collections.abc import Sequence

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import VenueExecution
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import CancelOrder
from integrated_trading_system.venues.bulk import Sweep, all_failed
from integrated_trading_system.venues.kraken.endpoints import PRIVATE
from integrated_trading_system.venues.kraken.wire import answer
from integrated_trading_system.venues.rest import WeightedRequest


class KrakenCancels:
    """Of the spot account."""

    sweep = Sweep.ACCOUNT
    batch_max = 0

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/0/private/CancelAll"

    def batches(self, cancel: CancelOrder) -> bool:
        """There is no batch."""
        return False

    def batch(self, cancels: Sequence[CancelOrder], instrument: Instrument) -> WeightedRequest:
        raise Unsupported("orders are cancelled one by one here, or all")

    def decode_batch(
        self, cancels: Sequence[CancelOrder], instrument: Instrument, reply: HttpReply
    ) -> Sequence[VenueExecution]:
        raise Unsupported("orders are cancelled one by one here, or all")

    def cancel_all(self, account: AccountId, instrument: Instrument) -> WeightedRequest:
        headers = (("Content-Type", "application/x-www-form-urlencoded"),)
        return WeightedRequest(HttpRequest(method="POST", url=self._url, headers=headers), ((PRIVATE, 1),))

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        """Nothing where it was done: a count names no order."""
        said = answer(reply).failure
        return all_failed(cancels, said, reply) if said else ()
