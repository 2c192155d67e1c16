"""Advanced Trade's private REST: our orders, fills and balances, and what an answer proves."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    Liquidity,
    OpenOrdersListed,
    OrderAccepted,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
    VenueExecution,
)
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import Asset, ClientOrderId, TradeId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.coinbase.wire import moment
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from integrated_trading_system.venues.venue import Trading
from tests.support import coinbase
from tests.support.coinbase import ACCOUNT, BTC, CANCEL, CLIENT, FILLS, ORDER, QUERY, RECEIVED, SENT, reply, submit

BASE = "https://api.coinbase.com/api/v3/brokerage"
INSTRUMENT = coinbase.instrument("advanced")
ROW: dict[str, Any] = {
    "order_id": ORDER,
    "product_id": "BTC-USD",
    "client_order_id": CLIENT,
    "status": "OPEN",
    "filled_size": "0.0004",
    "side": "BUY",
    "order_configuration": {"limit_limit_gtc": {"base_size": "0.001", "limit_price": "65000.01", "post_only": False}},
}
FILL: dict[str, Any] = {
    "trade_id": "1111-11111-111111",
    "order_id": ORDER,
    "trade_time": "2024-01-15T10:30:00Z",
    "trade_type": "FILL",
    "price": "45123.45",
    "size": "0.005",
    "commission": "1.14",
    "product_id": "BTC-USD",
    "liquidity_indicator": "MAKER",
    "size_in_quote": False,
    "side": "BUY",
}
ELSEWHERE = msgspec.structs.replace(QUERY, venue_order_id=None)


def trading() -> Trading:
    found = coinbase.venue("advanced").trading
    assert found is not None
    return found


def sent(weighted: WeightedRequest) -> tuple[str, str, Any]:
    request = weighted.request
    assert weighted.weights == (("PRIVATE", 1),)
    return request.method, request.target, msgspec.json.decode(request.body) if request.body else None


def one(events: Any) -> VenueExecution:
    (event,) = events
    assert isinstance(event, VenueExecution)
    return event


# -- placing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "configuration"),
    [
        ({}, {"sor_limit_ioc": {"base_size": "0.001", "limit_price": "20000.1"}}),
        (
            {"time_in_force": TimeInForce.FOK},
            {"limit_limit_fok": {"base_size": "0.001", "limit_price": "20000.1"}},
        ),
        (
            {"time_in_force": TimeInForce.GTC, "post_only": True},
            {"limit_limit_gtc": {"base_size": "0.001", "limit_price": "20000.1", "post_only": True}},
        ),
        (
            {"order_type": OrderType.MARKET, "side": Side.SELL},
            {"market_market_ioc": {"base_size": "0.001"}},
        ),
    ],
    ids=["ioc", "fok", "post only", "market"],
)
def test_an_order_is_written_plainly(fields: dict[str, Any], configuration: dict[str, Any]) -> None:
    method, target, body = sent(trading().place(submit(**fields), INSTRUMENT))
    assert (method, target) == ("POST", f"{BASE}/orders")
    assert body == {
        "client_order_id": CLIENT,
        "product_id": "BTC-USD",
        "side": fields.get("side", Side.BUY).upper(),
        "order_configuration": configuration,
    }


def test_a_market_buy_is_not_offered_because_it_is_sized_in_money() -> None:
    with pytest.raises(Unsupported, match="quote currency"):
        trading().place(submit(order_type=OrderType.MARKET), INSTRUMENT)


def test_a_future_is_not_traded() -> None:
    future = msgspec.structs.replace(INSTRUMENT, kind=Kind.LINEAR)
    with pytest.raises(Unsupported, match="not traded"):
        trading().place(submit(), future)


def placed(answer: HttpReply) -> VenueExecution:
    return one(trading().decode_place(submit(), INSTRUMENT, answer))


def test_an_order_that_was_taken_is_accepted_with_the_venues_id() -> None:
    success = {"order_id": ORDER, "product_id": "BTC-USD", "side": "BUY", "client_order_id": CLIENT}
    accepted = placed(reply({"success": True, "success_response": success}))
    assert accepted == OrderAccepted(
        client_order_id=CLIENT, venue_order_id=ORDER, venue_time=Nanos(0), received_at=RECEIVED
    )
    with pytest.raises(MalformedReply, match="answered about other"):
        placed(reply({"success": True, "success_response": success | {"client_order_id": "other"}}))


def refused(error: str, preview: str = "") -> HttpReply:
    said = {"error": error, "message": "why", "error_details": "", "preview_failure_reason": preview}
    return reply({"success": False, "error_response": said})


@pytest.mark.parametrize(
    "answer",
    [
        refused("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
        refused("UNKNOWN_FAILURE_REASON", "PREVIEW_INSUFFICIENT_FUNDS"),
        refused("", "PREVIEW_INVALID_LIMIT_PRICE_POSTONLY"),
        refused("UNSUPPORTED_ORDER_CONFIGURATION"),
        reply({"success": False, "failure_reason": "INVALID_SIZE_PRECISION"}),
    ],
)
def test_a_reason_that_was_found_before_the_book_is_a_rejection(answer: HttpReply) -> None:
    assert isinstance(placed(answer), OrderRejected)


@pytest.mark.parametrize(
    "answer",
    [
        refused("UNKNOWN_FAILURE_REASON"),
        refused("", ""),
        refused("SOMETHING_NEW"),
        reply({"success": True}),
        reply({"success": False}),
        reply({}),
        reply(b"<html>"),
        reply(b"[" * 100_000),
        reply({"error": "INTERNAL"}, 500),
        reply(b"", 502),
        reply({"error": "INVALID_ARGUMENT", "message": "?"}, 400),
        reply(b"", 408),
    ],
)
def test_an_answer_that_does_not_prove_what_became_of_the_order_is_uncertain(answer: HttpReply) -> None:
    assert isinstance(placed(answer), SubmitUncertain)


@pytest.mark.parametrize(("status", "reason"), [(401, "forbidden"), (403, "forbidden"), (429, "rate-limit")])
def test_what_was_turned_away_at_the_door_never_was_an_order(status: int, reason: str) -> None:
    assert placed(reply(b"", status)) == SubmitRefused(client_order_id=CLIENT, reason=reason, received_at=RECEIVED)


# -- cancelling ----------------------------------------------------------------------------------


def test_a_cancel_names_the_venues_id_and_waits_for_the_stream() -> None:
    assert sent(trading().cancel(CANCEL, INSTRUMENT)) == (
        "POST",
        f"{BASE}/orders/batch_cancel",
        {"order_ids": [ORDER]},
    )
    done = reply({"results": [{"success": True, "failure_reason": "", "order_id": ORDER}]})
    assert trading().decode_cancel(CANCEL, INSTRUMENT, done) == ()


def test_an_order_without_the_venues_id_cannot_be_cancelled_yet() -> None:
    with pytest.raises(Unsupported, match="not known yet"):
        trading().cancel(msgspec.structs.replace(CANCEL, venue_order_id=None), INSTRUMENT)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply({"results": [{"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": ORDER}]}), "UNK"),
        (reply({"results": [{"success": True, "order_id": "another"}]}), "not among"),
        (reply({"error": "x"}, 500), "HTTP 500 x"),
    ],
)
def test_a_cancel_that_was_not_taken_failed(answer: HttpReply, reason: str) -> None:
    failed = one(trading().decode_cancel(CANCEL, INSTRUMENT, answer))
    assert isinstance(failed, CancelFailed)
    assert failed.reason.startswith(reason)


# -- asking --------------------------------------------------------------------------------------


def test_an_order_is_asked_for_by_the_venues_id_or_among_those_of_its_product() -> None:
    assert sent(trading().query(QUERY, INSTRUMENT)) == ("GET", f"{BASE}/orders/historical/{ORDER}", None)
    assert sent(trading().query(ELSEWHERE, INSTRUMENT))[1] == (
        f"{BASE}/orders/historical/batch?product_ids=BTC-USD&limit=250"
    )


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (QUERY, {"order": ROW}),
        (ELSEWHERE, {"orders": [ROW | {"client_order_id": "x"}, ROW], "has_next": True}),
    ],
)
def test_an_order_that_is_found_is_reported(query: Any, body: Any) -> None:
    assert one(trading().decode_query(query, INSTRUMENT, reply(body))) == OrderReport(
        client_order_id=CLIENT,
        venue_order_id=ORDER,
        status=OrderStatus.WORKING,
        venue_filled=Decimal("0.0004"),
        asked_at=SENT,
        received_at=RECEIVED,
        side=Side.BUY,
        price=Decimal("65000.01"),
        quantity=Decimal("0.001"),
    )


@pytest.mark.parametrize(
    ("query", "answer"), [(QUERY, reply({"error": "NOT_FOUND"}, 404)), (ELSEWHERE, reply({"orders": []}))]
)
def test_an_order_that_is_nowhere_was_not_found(query: Any, answer: HttpReply) -> None:
    missing = OrderNotFound(client_order_id=CLIENT, asked_at=SENT, received_at=RECEIVED)
    assert one(trading().decode_query(query, INSTRUMENT, answer)) == missing


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (ELSEWHERE, reply({"orders": [], "has_next": True})),
        (ELSEWHERE, reply({"error": "NOT_FOUND"}, 404)),
        (QUERY, reply({"order": ROW | {"client_order_id": "another"}})),
        (QUERY, reply({}, 500)),
        (QUERY, reply({}, 401)),
    ],
)
def test_an_answer_that_leaves_it_open_proves_nothing(query: Any, answer: HttpReply) -> None:
    failed = one(trading().decode_query(query, INSTRUMENT, answer))
    assert isinstance(failed, RequestFailed)
    assert (failed.subject, failed.account) == (CLIENT, ACCOUNT)


@pytest.mark.parametrize("body", [b"<html>", {}, {"order": {}}, {"order": ROW | {"status": "NEW WORD"}}])
def test_an_answer_that_is_none_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedReply):
        trading().decode_query(QUERY, INSTRUMENT, reply(body))


def test_open_orders_are_listed_with_those_made_by_hand() -> None:
    assert sent(trading().open_orders(ACCOUNT, ""))[1] == f"{BASE}/orders/historical/batch?order_status=OPEN&limit=250"
    body = {"orders": [ROW, ROW | {"client_order_id": ""}], "has_next": False}
    (listed,), cursor = trading().decode_open_orders(ACCOUNT, reply(body))
    assert cursor == ""
    assert isinstance(listed, OpenOrdersListed)
    assert [order.client_order_id for order in listed.orders] == [CLIENT, ""]
    assert (listed.instruments, listed.asked_at) == ((BTC, BTC), SENT)


@pytest.mark.parametrize("answer", [reply({"orders": [ROW], "has_next": True}), reply({}), reply({}, 503)])
def test_half_a_list_of_open_orders_proves_nothing(answer: HttpReply) -> None:
    (failed,), cursor = trading().decode_open_orders(ACCOUNT, answer)
    assert isinstance(failed, RequestFailed)
    assert cursor == ""


def test_a_page_of_open_orders_names_the_next() -> None:
    answer = reply({"orders": [ROW], "has_next": True, "cursor": "a=b/"})
    (listed,), cursor = trading().decode_open_orders(ACCOUNT, answer)
    assert isinstance(listed, OpenOrdersListed)
    first = f"{BASE}/orders/historical/batch?order_status=OPEN&limit=250"
    assert sent(trading().open_orders(ACCOUNT, cursor))[1] == f"{first}&cursor=a%3Db%2F"


# -- fills and balances --------------------------------------------------------------------------


def test_fills_are_asked_for_since_an_instant_page_by_page() -> None:
    first = f"{BASE}/orders/historical/fills?product_ids=BTC-USD&limit=100"
    since = "&start_sequence_timestamp=2023-11-14T22%3A12%3A20.000000Z"
    assert sent(trading().fills(FILLS, INSTRUMENT, ""))[1] == first + since
    assert sent(trading().fills(FILLS, INSTRUMENT, "a=b/"))[1] == f"{first}{since}&cursor=a%3Db%2F"


def test_fills_come_oldest_first_with_their_fee_in_the_quote_currency() -> None:
    rows = [FILL | {"trade_id": "2", "side": "SELL", "liquidity_indicator": "TAKER"}, FILL]
    fills, cursor = trading().decode_fills(FILLS, INSTRUMENT, reply({"fills": rows, "cursor": "next"}))
    assert cursor == "next"
    first, second = fills
    assert first == Fill(
        client_order_id=ClientOrderId(""),
        venue_order_id=ORDER,
        trade_id=TradeId("1111-11111-111111"),
        instrument=BTC,
        account=ACCOUNT,
        side=Side.BUY,
        price=Decimal("45123.45"),
        quantity=Decimal("0.005"),
        fee=Money(Decimal("1.14"), INSTRUMENT.quote),
        liquidity=Liquidity.MAKER,
        venue_time=moment("2024-01-15T10:30:00Z"),
        received_at=RECEIVED,
    )
    assert isinstance(second, Fill)
    assert (second.trade_id, second.side, second.liquidity) == ("2", Side.SELL, Liquidity.TAKER)
    assert trading().decode_fills(FILLS, INSTRUMENT, reply({"fills": [], "cursor": "next"})) == ([], "")


def test_a_fill_that_is_told_in_money_is_turned_into_coins() -> None:
    rows = [FILL | {"size": "100", "price": "30000", "size_in_quote": True}]
    ((found,), _) = trading().decode_fills(FILLS, INSTRUMENT, reply({"fills": rows}))
    assert isinstance(found, Fill)
    assert found.quantity == Decimal("0.00333333")


@pytest.mark.parametrize(
    "changed",
    [{"trade_type": "REVERSAL"}, {"product_id": "ETH-USD"}, {"price": "0"}, {"size": "-1"}, {"trade_time": "noon"}],
    ids=str,
)
def test_a_fill_that_cannot_be_one_is_malformed(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        trading().decode_fills(FILLS, INSTRUMENT, reply({"fills": [FILL | changed]}))


def test_fills_without_an_answer_failed() -> None:
    (failed,), cursor = trading().decode_fills(FILLS, INSTRUMENT, reply({}, 500))
    assert isinstance(failed, RequestFailed)
    assert cursor == ""


def test_balances_are_what_is_available_and_what_is_on_hold() -> None:
    assert [sent(each)[1] for each in trading().balances(ACCOUNT)] == [f"{BASE}/accounts?limit=250"]
    accounts = [
        {"currency": "BTC", "available_balance": {"value": "1.2"}, "hold": {"value": "0.005", "currency": "BTC"}},
        {"currency": "USD", "available_balance": {"value": "10"}, "hold": None},
    ]
    report = one(trading().decode_balances(ACCOUNT, reply({"accounts": accounts, "has_next": False})))
    assert isinstance(report, BalancesReported)
    assert report.balances == (
        Balance(Asset("BTC"), Decimal("1.2"), Decimal("0.005")),
        Balance(Asset("USD"), Decimal(10), Decimal(0)),
    )
    assert report.complete


@pytest.mark.parametrize("answer", [reply({"accounts": [], "has_next": True}), reply({}, 401)])
def test_half_of_the_accounts_proves_nothing(answer: HttpReply) -> None:
    assert isinstance(one(trading().decode_balances(ACCOUNT, answer)), RequestFailed)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (reply({}), 0),
        (reply({}, 403), 0),
        (reply({}, 429), 1),
        (reply({}, 429, retry_after="7"), 7),
        (reply({}, 429, x_ratelimit_reset="3"), 3),
        (reply({}, 429, x_ratelimit_reset="99"), 60),
        (reply({}, 429, x_ratelimit_reset="1700000000"), 1),
    ],
)
def test_too_many_requests_pause_until_the_limits_reset(answer: HttpReply, seconds: int) -> None:
    assert trading().retry_after(answer) == seconds * SECOND
