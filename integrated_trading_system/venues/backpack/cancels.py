"""Cancelling everything in a market with one call. There is none that names several orders."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import OrderDone, VenueExecution
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, VenueOrderId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.order import TERMINAL, CancelOrder
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.backpack import wire
from integrated_trading_system.venues.backpack.endpoints import REQUESTS
from integrated_trading_system.venues.backpack.user_codec import client_of
from integrated_trading_system.venues.backpack.wire import problem, read
from integrated_trading_system.venues.bulk import Sweep, all_failed
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

_ORDERS: Final = Decoder(list[wire.OrderState])
_JSON: Final = (("Content-Type", "application/json; charset=utf-8"),)


class BackpackCancels:
    """Of every flavour."""

    sweep = Sweep.INSTRUMENT
    batch_max = 0

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/api/v1/orders"

    def batches(self, cancel: CancelOrder) -> bool:
        """There is no batch."""
        return False

    def batch(self, cancels: Sequence[CancelOrder], instrument: Instrument) -> WeightedRequest:
        raise Unsupported("orders are cancelled one by one here, or all of a market")

    def decode_batch(
        self, cancels: Sequence[CancelOrder], instrument: Instrument, reply: HttpReply
    ) -> Sequence[VenueExecution]:
        raise Unsupported("orders are cancelled one by one here, or all of a market")

    def cancel_all(self, account: AccountId, instrument: Instrument) -> WeightedRequest:
        body = msgspec.json.encode({"symbol": instrument.symbol}).decode()
        return WeightedRequest(HttpRequest(method="DELETE", url=self._url, body=body, headers=_JSON), ((REQUESTS, 1),))

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        """200 lists what was cancelled; 202 is "accepted but not yet executed"."""
        if reply.status == 202:
            return ()
        if reply.status != 200:
            said = problem(reply)
            return all_failed(cancels, f"{said.code} {said.message}".strip()[:200], reply)
        try:
            rows = [_over(state, reply) for state in read(reply, _ORDERS)]
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        over = {done.client_order_id: done for done in rows if done is not None}
        ours = [over[cancel.client_order_id] for cancel in cancels if cancel.client_order_id in over]
        left = [cancel for cancel in cancels if cancel.client_order_id not in over]
        return (*ours, *all_failed(left, "not among what was cancelled", reply))


def _over(state: wire.OrderState, reply: HttpReply) -> OrderDone | None:
    """None for an order that is not over, or in a state that we do not know: a question tells more."""
    status = wire.STATUS.get(state.status)
    if status is None or status not in TERMINAL:
        return None
    return OrderDone(
        client_order_id=client_of(state.client_id),
        venue_order_id=VenueOrderId(str(state.id)),
        status=status,
        venue_filled=parse_decimal(state.executed_quantity or "0"),
        reason=state.expiry_reason or "",
        venue_time=Nanos(0),
        received_at=reply.received_at,
    )
