"""Cancelling many orders at once: everything in a symbol, and on futures up to ten by name.

Spot's answer to "cancel all" describes every order that it cancelled; that of futures says only that it was done.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.execution import OrderDone, VenueExecution
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, ClientOrderId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.order import TERMINAL, CancelOrder
from integrated_trading_system.domain.time import to_millis
from integrated_trading_system.venues.binance import wire
from integrated_trading_system.venues.binance.endpoints import RECEIVE_WINDOW, WEIGHT, Rules
from integrated_trading_system.venues.binance.market import read, words
from integrated_trading_system.venues.binance.orders import done, status_of
from integrated_trading_system.venues.bulk import Sweep, all_failed
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

FUTURES_BATCH_MAX: Final = 10
""" "max length 10"; spot has no such call."""


class _Done(Struct):
    """What futures answer to "cancel all"."""

    code: int


_ROWS: Final = Decoder(list[Raw])
_ORDER: Final = Decoder(wire.OrderState)
_DONE: Final = Decoder(_Done)


class BinanceCancels:
    """Of one flavour."""

    sweep = Sweep.INSTRUMENT

    def __init__(self, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._base = rest_url + rules.prefix
        self._spot = rules.kind is Kind.SPOT
        self.batch_max = 0 if self._spot else FUTURES_BATCH_MAX

    def batches(self, cancel: CancelOrder) -> bool:
        """Every order here has a client id: the venue makes one up where its sender did not."""
        return bool(cancel.client_order_id)

    def batch(self, cancels: Sequence[CancelOrder], instrument: Instrument) -> WeightedRequest:
        names = msgspec.json.encode([cancel.client_order_id for cancel in cancels]).decode()
        return self._ask("batchOrders", {"symbol": instrument.symbol, "origClientOrderIdList": names})

    def decode_batch(
        self,
        cancels: Sequence[CancelOrder],
        instrument: Instrument,
        reply: HttpReply,
    ) -> Sequence[VenueExecution]:
        """An entry is an order, or an error that does not say whose it is: whoever is not told of has failed."""
        if reply.status != 200:
            return all_failed(cancels, words(reply), reply)
        return _told(cancels, reply)

    def cancel_all(self, account: AccountId, instrument: Instrument) -> WeightedRequest:
        return self._ask("openOrders" if self._spot else "allOpenOrders", {"symbol": instrument.symbol})

    def decode_cancel_all(self, cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
        """Spot: "-2011" where nothing was open. Futures: nothing is told of any order."""
        if reply.status != 200:
            return all_failed(cancels, words(reply), reply)
        if self._spot:
            return _told(cancels, reply)
        return () if read(reply, _DONE).code == 200 else all_failed(cancels, words(reply), reply)

    def _ask(self, endpoint: str, params: dict[str, str]) -> WeightedRequest:
        query = urlencode(params | {"recvWindow": str(to_millis(RECEIVE_WINDOW))})
        return WeightedRequest(
            HttpRequest(method="DELETE", url=f"{self._base}/{endpoint}", query=query), ((WEIGHT, 1),)
        )


def _told(cancels: Sequence[CancelOrder], reply: HttpReply) -> Sequence[VenueExecution]:
    """The orders of ours that the answer proves to be over; the others have failed."""
    over = {one.client_order_id: one for row in read(reply, _ROWS) if (one := _over(row, reply)) is not None}
    ours = [over[cancel.client_order_id] for cancel in cancels if cancel.client_order_id in over]
    left = [cancel for cancel in cancels if cancel.client_order_id not in over]
    return (*ours, *all_failed(left, "not among what was cancelled", reply))


def _over(row: Raw, reply: HttpReply) -> OrderDone | None:
    """None for an error, for a list of orders, and for what cannot be understood: a question tells more."""
    try:
        state = _ORDER.decode(row)
        status = status_of(state)
        name = ClientOrderId(state.orig_client_order_id or state.client_order_id)
        return done(name, state, reply) if status in TERMINAL else None
    except (MalformedReply, ValueError, RecursionError):
        return None
