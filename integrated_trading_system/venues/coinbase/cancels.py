"""Cancelling many orders at once: up to a hundred, by the venue's ids. There is no call that cancels everything."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import VenueExecution
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import CancelOrder
from integrated_trading_system.venues.bulk import all_failed
from integrated_trading_system.venues.coinbase import wire
from integrated_trading_system.venues.coinbase.endpoints import PRIVATE
from integrated_trading_system.venues.coinbase.wire import problem, read
from integrated_trading_system.venues.rest import WeightedRequest

BATCH_MAX: Final = 100

_CANCELLED: Final = Decoder(wire.Cancelled)


class CoinbaseCancels:
    """Of Advanced Trade."""

    sweep = None
    batch_max = BATCH_MAX

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme, host and base path."""
        self._url = f"{rest_url}/orders/batch_cancel"

    def batches(self, cancel: CancelOrder) -> bool:
        """Only orders whose id at the venue is known."""
        return bool(cancel.venue_order_id)

    def batch(self, cancels: Sequence[CancelOrder], instrument: Instrument) -> WeightedRequest:
        body = msgspec.json.encode({"order_ids": [cancel.venue_order_id for cancel in cancels]}).decode()
        request = HttpRequest(method="POST", url=self._url, body=body, headers=(("Content-Type", "application/json"),))
        return WeightedRequest(request, ((PRIVATE, 1),))

    def decode_batch(
        self,
        cancels: Sequence[CancelOrder],
        instrument: Instrument,
        reply: HttpReply,
    ) -> Sequence[VenueExecution]:
        """Nothing for what was accepted: only the stream says whether it came in time."""
        if reply.status != 200:
            return all_failed(cancels, problem(reply), reply)
        results = {one.order_id: one for one in read(reply, _CANCELLED).results}
        failed: list[VenueExecution] = []
        for cancel in cancels:
            result = results.get(cancel.venue_order_id or "")
            if result is None or not result.success:
                reason = "not among the results" if result is None else result.failure_reason
                failed += all_failed((cancel,), reason, reply)
        return failed

    def cancel_all(self, account: AccountId, instrument: Instrument) -> WeightedRequest:
        raise Unsupported("Coinbase cancels orders by their names only")

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        raise Unsupported("Coinbase cancels orders by their names only")
