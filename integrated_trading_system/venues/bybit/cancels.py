"""Cancelling many orders at once: everything in a symbol, or so many by name.

"An acknowledgement only means that the request was accepted": what became of an order is told by the stream.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.execution import VenueExecution
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.order import CancelOrder
from integrated_trading_system.venues.bulk import Sweep, all_failed
from integrated_trading_system.venues.bybit.endpoints import CANCEL_ALL, CANCEL_BATCH, IP, Rules
from integrated_trading_system.venues.bybit.wire import answer
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

BATCH_MAX: Final = {Kind.LINEAR: 10, Kind.SPOT: 10}
"""20 may be named on linear; but each counts against the limit of 10 a second."""


class _Outcome(Struct):
    code: int
    msg: str = ""


class _Outcomes(Struct):
    list: list[_Outcome]


class _Said(Struct, rename="camel"):
    ret_ext_info: _Outcomes


_SAID: Final = Decoder(_Said)


class BybitCancels:
    """Of one flavour."""

    sweep = Sweep.INSTRUMENT

    def __init__(self, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._base = f"{rest_url}/v5/order"
        self._category = rules.category
        self.batch_max = BATCH_MAX[rules.kind]

    def batches(self, cancel: CancelOrder) -> bool:
        """Either id will do."""
        return True

    def batch(self, cancels: Sequence[CancelOrder], instrument: Instrument) -> WeightedRequest:
        rows = [{"symbol": instrument.symbol, **named(cancel)} for cancel in cancels]
        return self._post("cancel-batch", {"category": self._category, "request": rows}, CANCEL_BATCH, len(rows))

    def decode_batch(
        self,
        cancels: Sequence[CancelOrder],
        instrument: Instrument,
        reply: HttpReply,
    ) -> Sequence[VenueExecution]:
        """The venue's rule: "retCode 0 even when every item failed"; `retExtInfo.list` runs parallel to the request."""
        said = answer(reply)
        if reply.status != 200 or said.ret_code != 0:
            return all_failed(cancels, f"{said.ret_code} {said.ret_msg}"[:200], reply)
        try:
            outcomes = _SAID.decode(reply.body).ret_ext_info.list
        except (ValueError, RecursionError) as error:
            raise MalformedReply(str(error)[:200]) from error
        if len(outcomes) != len(cancels):
            raise MalformedReply(f"{len(cancels)} cancels, {len(outcomes)} outcomes")
        return [
            failed
            for cancel, outcome in zip(cancels, outcomes, strict=True)
            if outcome.code != 0
            for failed in all_failed((cancel,), f"{outcome.code} {outcome.msg}"[:200], reply)
        ]

    def cancel_all(self, account: AccountId, instrument: Instrument) -> WeightedRequest:
        """At most 500 of a futures symbol in one call: what is left is cancelled again."""
        return self._post("cancel-all", {"category": self._category, "symbol": instrument.symbol}, CANCEL_ALL, 1)

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        """Nothing where it was accepted."""
        said = answer(reply)
        if reply.status == 200 and said.ret_code == 0:
            return ()
        return all_failed(cancels, f"{said.ret_code} {said.ret_msg}"[:200], reply)

    def _post(self, endpoint: str, body: dict[str, Any], limit: str, weight: int) -> WeightedRequest:
        request = HttpRequest(
            method="POST",
            url=f"{self._base}/{endpoint}",
            body=msgspec.json.encode(body).decode(),
            headers=(("Content-Type", "application/json"),),
        )
        return WeightedRequest(request, ((IP, 1), (limit, weight)))


def named(cancel: CancelOrder) -> dict[str, str]:
    """How a cancel names its order: by our id, and one that has none by the venue's."""
    if cancel.client_order_id:
        return {"orderLinkId": cancel.client_order_id}
    return {"orderId": cancel.venue_order_id or ""}
