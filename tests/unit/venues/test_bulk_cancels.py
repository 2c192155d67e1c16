"""How cancels are bundled, and what the venues that are not simulated answer to many at once."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.execution import CancelFailed
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, CallId, ClientOrderId, VenueId, VenueOrderId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import CancelOrder, CancelOrders
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.bulk import BulkCancels
from integrated_trading_system.venues.connector.bundles import bundles
from tests.support.trading import instrument

ACCOUNT = AccountId("main")
KNOWN = {one.instrument: one for one in (instrument("v:spot", "BTCUSDT"), instrument("v:spot", "ETHUSDT"))}
BTC, ETH = KNOWN


def of(venue: str) -> BulkCancels:
    bulk = catalog.build(VenueId(venue), catalog.endpoints_of(VenueId(venue)), ACCOUNT).bulk_cancels
    assert bulk is not None
    return bulk


def cancels(count: int, name: Any = BTC, *, known: bool = True) -> list[CancelOrder]:
    return [
        CancelOrder(ClientOrderId(f"{name}{each}"), name, ACCOUNT, VenueOrderId(f"v{each}") if known else None)
        for each in range(count)
    ]


def bundled(bulk: BulkCancels | None, orders: Sequence[CancelOrder], *, all_open: bool) -> tuple[list[Any], int]:
    """Purpose and size of each call, and how many are left to be cancelled one by one."""
    calls, rest = bundles(CancelOrders(ACCOUNT, tuple(orders), all_open=all_open), bulk, KNOWN)
    return [(call.purpose, len(call.request.orders)) for call in calls], len(rest)


@pytest.mark.parametrize(
    ("venue", "all_open", "calls", "rest"),
    [
        ("binance:usdm", False, [("cancel_batch", 10), ("cancel_batch", 10), ("cancel_batch", 5)], 1),
        ("binance:usdm", True, [("cancel_all", 25)], 1),
        ("binance:spot", False, [], 26),
        ("binance:spot", True, [("cancel_all", 25)], 1),
        ("okx:spot", True, [("cancel_batch", 20), ("cancel_batch", 5)], 1),
        ("kraken:spot", False, [], 26),
        ("kraken:spot", True, [("cancel_all", 26)], 0),
        ("alpaca:crypto", True, [("cancel_all", 26)], 0),
        ("coinbase:advanced", False, [("cancel_batch", 25)], 1),
    ],
)
def test_orders_are_bundled_as_the_venue_allows_and_one_alone_goes_alone(
    venue: str, all_open: bool, calls: list[Any], rest: int
) -> None:
    assert bundled(of(venue), [*cancels(25), *cancels(1, ETH)], all_open=all_open) == (calls, rest)


def test_without_such_calls_orders_are_cancelled_one_by_one() -> None:
    assert bundled(None, cancels(3), all_open=True) == ([], 3)


def test_an_order_of_an_unlisted_market_is_left_to_whoever_says_why() -> None:
    assert bundled(of("okx:spot"), cancels(3, "v:spot:NONE"), all_open=False) == ([], 3)


def test_an_order_that_a_batch_cannot_name_goes_alone() -> None:
    mixed = [*cancels(3), *cancels(2, known=False)]
    assert bundled(of("coinbase:advanced"), mixed, all_open=False) == ([("cancel_batch", 3)], 2)


# -- what is never simulated ---------------------------------------------------------------------


def reply(body: Any, status: int = 200) -> HttpReply:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HttpReply(call=CallId("c"), status=status, headers={}, body=raw, sent_at=Nanos(1), received_at=Nanos(2))


def failed(events: Sequence[Any]) -> list[str]:
    assert all(isinstance(event, CancelFailed) for event in events)
    return [event.client_order_id for event in events]


def test_coinbase_names_orders_by_its_own_ids_and_says_of_each_what_became_of_it() -> None:
    bulk, orders, market = of("coinbase:advanced"), cancels(3), next(iter(KNOWN.values()))
    request = bulk.batch(orders, market).request
    assert request.url.endswith("/orders/batch_cancel")
    assert msgspec.json.decode(request.body) == {"order_ids": ["v0", "v1", "v2"]}
    rows = [
        {"success": True, "failure_reason": "", "order_id": "v0"},
        {"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": "v1"},
    ]
    assert failed(bulk.decode_batch(orders, market, reply({"results": rows}))) == [f"{BTC}1", f"{BTC}2"]
    assert len(failed(bulk.decode_batch(orders, market, reply({"error": "x"}, 500)))) == 3


def test_alpaca_cancels_the_whole_account_and_says_of_each_whether_that_was_taken() -> None:
    bulk, orders, market = of("alpaca:crypto"), cancels(3), next(iter(KNOWN.values()))
    request = bulk.cancel_all(ACCOUNT, market).request
    assert (request.method, request.url) == ("DELETE", "https://api.alpaca.markets/v2/orders")
    rows = [{"id": "v0", "status": 200}, {"id": "v1", "status": 422}]
    assert failed(bulk.decode_cancel_all(orders, reply(rows, 207))) == [f"{BTC}1", f"{BTC}2"]
    assert len(failed(bulk.decode_cancel_all(orders, reply({"code": 1, "message": "x"}, 500)))) == 3


@pytest.mark.parametrize("venue", ["binance:spot", "binance:usdm", "bybit:linear", "backpack:spot", "kraken:spot"])
def test_an_answer_of_a_server_in_trouble_to_cancel_all_leaves_every_order_open(venue: str) -> None:
    orders = cancels(2)
    assert len(failed(of(venue).decode_cancel_all(orders, reply(b"<html>", 502)))) == 2


@pytest.mark.parametrize("venue", ["binance:usdm", "bybit:linear", "okx:spot", "coinbase:advanced"])
def test_an_answer_of_a_server_in_trouble_to_a_batch_leaves_every_order_open(venue: str) -> None:
    market: Instrument = next(iter(KNOWN.values()))
    assert len(failed(of(venue).decode_batch(cancels(2), market, reply(b"<html>", 502)))) == 2
