"""Many cancels as few calls: a sweep where everything may go, else batches, else nothing at all."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from integrated_trading_system.domain.execution import VenueExecution
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import CancelOrder, CancelOrders
from integrated_trading_system.venues.bulk import BulkCancels, Sweep
from integrated_trading_system.venues.rest import WeightedRequest


class Bundle(Struct, frozen=True):
    """One call, and the orders that it is about."""

    request: CancelOrders
    purpose: str
    weighted: WeightedRequest
    decode: Callable[[HttpReply], Sequence[VenueExecution]]


def bundles(
    request: CancelOrders, bulk: BulkCancels | None, instruments: Mapping[InstrumentId, Instrument]
) -> tuple[list[Bundle], list[CancelOrder]]:
    """The calls, and what has to be cancelled one by one.

    An order alone in its batch is cancelled alone: the venue's answer to that says more.
    """
    if bulk is None:
        return [], list(request.orders)
    by_instrument: dict[InstrumentId, list[CancelOrder]] = {}
    for cancel in request.orders:
        by_instrument.setdefault(cancel.instrument, []).append(cancel)
    if request.all_open and bulk.sweep is Sweep.ACCOUNT and len(request.orders) > 1:
        known = next((instruments[name] for name in by_instrument if name in instruments), None)
        if known is not None:
            return [_sweep(request, request.orders, bulk, known)], []
    calls: list[Bundle] = []
    rest: list[CancelOrder] = []
    for name, cancels in by_instrument.items():
        instrument = instruments.get(name)
        if instrument is None or len(cancels) == 1:
            rest += cancels
        elif request.all_open and bulk.sweep is Sweep.INSTRUMENT:
            calls.append(_sweep(request, cancels, bulk, instrument))
        else:
            rest += _batches(request, cancels, bulk, instrument, calls)
    return calls, rest


def _sweep(request: CancelOrders, cancels: Sequence[CancelOrder], bulk: BulkCancels, instrument: Instrument) -> Bundle:
    part = CancelOrders(request.account, tuple(cancels), all_open=True)
    weighted = bulk.cancel_all(request.account, instrument)
    return Bundle(part, "cancel_all", weighted, partial(bulk.decode_cancel_all, part.orders))


def _batches(
    request: CancelOrders,
    cancels: Sequence[CancelOrder],
    bulk: BulkCancels,
    instrument: Instrument,
    calls: list[Bundle],
) -> list[CancelOrder]:
    """Adds them to `calls`; what no batch takes."""
    fitting = [cancel for cancel in cancels if bulk.batch_max and bulk.batches(cancel)]
    rest = [cancel for cancel in cancels if not bulk.batch_max or not bulk.batches(cancel)]
    for start in range(0, len(fitting), max(1, bulk.batch_max)):
        part = CancelOrders(request.account, tuple(fitting[start : start + bulk.batch_max]))
        if len(part.orders) == 1:
            rest += part.orders
            continue
        weighted = bulk.batch(part.orders, instrument)
        calls.append(Bundle(part, "cancel_batch", weighted, partial(bulk.decode_batch, part.orders, instrument)))
    return rest
