"""Cancelling many orders at once: up to twenty by name. There is no call that cancels everything."""

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
from integrated_trading_system.venues.okx import wire
from integrated_trading_system.venues.okx.endpoints import CANCEL_BATCH
from integrated_trading_system.venues.okx.wire import OK, answer
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

BATCH_MAX: Final = 20

_ROW: Final = Decoder(wire.Placed, strict=False)


class OkxCancels:
    """Of every flavour."""

    sweep = None
    batch_max = BATCH_MAX

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/api/v5/trade/cancel-batch-orders"

    def batches(self, cancel: CancelOrder) -> bool:
        """Either id will do."""
        return True

    def batch(self, cancels: Sequence[CancelOrder], instrument: Instrument) -> WeightedRequest:
        rows = [{"instId": instrument.symbol, **named(cancel)} for cancel in cancels]
        request = HttpRequest(
            method="POST",
            url=self._url,
            body=msgspec.json.encode(rows).decode(),
            headers=(("Content-Type", "application/json"),),
        )
        return WeightedRequest(request, ((CANCEL_BATCH, len(rows)),))

    def decode_batch(
        self,
        cancels: Sequence[CancelOrder],
        instrument: Instrument,
        reply: HttpReply,
    ) -> Sequence[VenueExecution]:
        """The venue's rule: "check sCode, not only code". Nothing for what was accepted: the stream tells of it."""
        said = answer(reply)
        if reply.status != 200 or not said.data:
            return all_failed(cancels, f"{said.code} {said.msg}"[:200], reply)
        if len(said.data) != len(cancels):
            raise MalformedReply(f"{len(cancels)} cancels, {len(said.data)} outcomes")
        try:
            rows = [_ROW.decode(row) for row in said.data]
        except (ValueError, RecursionError) as error:
            raise MalformedReply(str(error)[:200]) from error
        return [
            failed
            for cancel, row in zip(cancels, rows, strict=True)
            if row.s_code != OK
            for failed in all_failed((cancel,), f"{row.s_code} {row.s_msg}"[:200], reply)
        ]

    def cancel_all(self, account: AccountId, instrument: Instrument) -> WeightedRequest:
        raise Unsupported("OKX cancels orders by their names only")

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        raise Unsupported("OKX cancels orders by their names only")


def named(cancel: CancelOrder) -> dict[str, str]:
    """How a cancel names its order: by our id, and one that has none by the venue's."""
    if cancel.client_order_id:
        return {"clOrdId": cancel.client_order_id}
    return {"ordId": cancel.venue_order_id or ""}
