"""Cancelling everything on the account with one call. There is none that names several orders."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import VenueExecution
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import CancelOrder
from integrated_trading_system.venues.alpaca.endpoints import TRADING
from integrated_trading_system.venues.alpaca.wire import read, refusal
from integrated_trading_system.venues.bulk import Sweep, all_failed
from integrated_trading_system.venues.rest import WeightedRequest


class _Result(Struct):
    """What became of one cancel: 200, requested."""

    id: str
    status: int


_RESULTS: Final = Decoder(list[_Result])


class AlpacaCancels:
    """Of the account, both asset classes together."""

    sweep = Sweep.ACCOUNT
    batch_max = 0

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/v2/orders"

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
        return WeightedRequest(HttpRequest(method="DELETE", url=self._url), ((TRADING, 1),))

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        """207, an entry for each order: "cancel requested" or not. Whoever is not in it has failed."""
        if not 200 <= reply.status < 300:
            said = refusal(reply)
            return all_failed(cancels, f"{said.code} {said.message}"[:200], reply)
        asked = {row.id for row in read(reply, _RESULTS) if row.status == 200}
        left = [cancel for cancel in cancels if cancel.venue_order_id not in asked]
        return all_failed(left, "not among what was cancelled", reply)
