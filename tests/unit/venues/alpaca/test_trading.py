"""Alpaca's private REST: the text of every request, and what each answer says about an order."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
)
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.order import OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Trading
from tests.support import alpaca
from tests.support.alpaca import (
    ACCOUNT,
    CANCEL,
    CLIENT,
    FILLS,
    ORDER_ID,
    QUERY,
    RECEIVED,
    order,
    refused,
    reply,
    submit,
)

BTC = alpaca.instrument()


@pytest.fixture
def trading() -> Trading:
    return alpaca.trading()


# -- placing -------------------------------------------------------------------------------------


def test_a_limit_order_is_written_plainly(trading: Trading) -> None:
    weighted = trading.place(submit(), BTC)
    assert weighted.request.method == "POST"
    assert weighted.request.target == "https://api.alpaca.markets/v2/orders"
    assert weighted.request.body == (
        '{"symbol":"BTC/USD","qty":"0.001","side":"buy","type":"limit","time_in_force":"ioc","limit_price":"20000.1",'
        '"client_order_id":"its1z1"}'
    )


def test_a_market_order_has_no_price(trading: Trading) -> None:
    body = msgspec.json.decode(trading.place(submit(order_type=OrderType.MARKET), BTC).request.body)
    assert body["type"] == "market"
    assert "limit_price" not in body


@pytest.mark.parametrize("fields", [{"post_only": True}, {"time_in_force": TimeInForce.FOK}])
def test_what_the_venue_has_no_word_for_is_not_sent(trading: Trading, fields: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        trading.place(submit(**fields), BTC)


def test_an_accepted_order_has_the_venues_id(trading: Trading) -> None:
    (accepted,) = trading.decode_place(submit(), BTC, reply(order(status="pending_new")))
    assert isinstance(accepted, OrderAccepted)
    assert accepted.venue_order_id == ORDER_ID


def test_an_order_that_ended_at_once_is_accepted_and_over(trading: Trading) -> None:
    accepted, done = trading.decode_place(submit(), BTC, reply(order(status="filled", filled_qty="0.001")))
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(done, OrderDone)
    assert (done.status, done.venue_filled) == (OrderStatus.FILLED, Decimal("0.001"))


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_refusal_in_the_venues_own_words_is_a_rejection(trading: Trading, status: int) -> None:
    (event,) = trading.decode_place(submit(), BTC, refused(status, 40310000, "insufficient balance"))
    assert event == OrderRejected(client_order_id=CLIENT, reason="40310000 insufficient balance", received_at=RECEIVED)


@pytest.mark.parametrize(
    "answer",
    [
        refused(500, 50010000),
        refused(504, 0),
        refused(408, 40010001),
        refused(422, 40010001, "client_order_id must be unique"),
        reply(b"<html>who are you?</html>", 403),
        reply(b"", 302),
    ],
)
def test_an_answer_that_proves_nothing_leaves_the_order_open(trading: Trading, answer: Any) -> None:
    (event,) = trading.decode_place(submit(), BTC, answer)
    assert isinstance(event, SubmitUncertain)


def test_too_many_requests_are_refused_at_the_door(trading: Trading) -> None:
    (event,) = trading.decode_place(submit(), BTC, refused(429, 42910000))
    assert isinstance(event, SubmitRefused)


@pytest.mark.parametrize(
    "fields", [{"client_order_id": "another"}, {"status": "odd"}, {"filled_qty": "NaN", "status": "filled"}]
)
def test_an_answer_about_something_else_is_malformed(trading: Trading, fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        trading.decode_place(submit(), BTC, reply(order(**fields)))


# -- cancelling and asking -----------------------------------------------------------------------


def test_an_order_is_cancelled_by_the_venues_id(trading: Trading) -> None:
    request = trading.cancel(CANCEL, BTC).request
    assert (request.method, request.target) == ("DELETE", f"https://api.alpaca.markets/v2/orders/{ORDER_ID}")
    assert trading.decode_cancel(CANCEL, BTC, reply(b"", 204)) == ()


@pytest.mark.parametrize("unknown", [None, "", "../account"])
def test_without_the_venues_id_nothing_can_be_cancelled(trading: Trading, unknown: Any) -> None:
    with pytest.raises(Unsupported):
        trading.cancel(msgspec.structs.replace(CANCEL, venue_order_id=unknown), BTC)


def test_a_refused_cancel_is_told(trading: Trading) -> None:
    (event,) = trading.decode_cancel(CANCEL, BTC, refused(422, 42210000, "not cancelable"))
    assert isinstance(event, CancelFailed)


def test_an_order_is_looked_for_by_our_id(trading: Trading) -> None:
    request = trading.query(QUERY, BTC).request
    assert request.target == "https://api.alpaca.markets/v2/orders:by_client_order_id?client_order_id=its1z1"
    (report,) = trading.decode_query(QUERY, BTC, reply(order(status="partially_filled", filled_qty="0.0005")))
    assert isinstance(report, OrderReport)
    assert (report.status, report.venue_filled) == (OrderStatus.WORKING, Decimal("0.0005"))


def test_only_the_venues_own_words_say_that_an_order_is_nowhere(trading: Trading) -> None:
    (missing,) = trading.decode_query(QUERY, BTC, refused(404, 40410000, "order not found"))
    (unclear,) = trading.decode_query(QUERY, BTC, reply(b"not found", 404))
    assert isinstance(missing, OrderNotFound)
    assert isinstance(unclear, RequestFailed)


def test_open_orders_are_those_of_this_asset_class(trading: Trading) -> None:
    rows = [order(), order(asset_class="us_equity", symbol="AMD")]
    (listed,), _ = trading.decode_open_orders(ACCOUNT, reply(rows))
    assert isinstance(listed, OpenOrdersListed)
    assert listed.instruments == ("alpaca:crypto:BTC/USD",)


def test_after_a_full_page_of_open_orders_the_older_ones_are_asked_for(trading: Trading) -> None:
    """Stocks on a page count: what is full is the page, not what of it is ours."""
    newest = "status=open&limit=500&nested=false&direction=desc"
    assert trading.open_orders(ACCOUNT, "").request.query == newest
    rows = [order(submitted_at="2022-12-28T12:19:30Z", asset_class="us_equity")] * 499
    oldest = order(submitted_at="2022-12-28T12:19:29.579352123Z")
    (listed,), cursor = trading.decode_open_orders(ACCOUNT, reply([*rows, oldest]))
    assert isinstance(listed, OpenOrdersListed)
    assert (len(listed.orders), cursor) == (1, "2022-12-28T12:19:29.579352124Z")
    assert trading.open_orders(ACCOUNT, cursor).request.query == f"{newest}&until=2022-12-28T12%3A19%3A29.579352124Z"
    assert trading.decode_open_orders(ACCOUNT, reply(rows))[1] == ""


@pytest.mark.parametrize("at", [None, "noon"])
def test_a_full_page_of_open_orders_that_leads_nowhere_proves_nothing(trading: Trading, at: str | None) -> None:
    with pytest.raises(MalformedReply):
        trading.decode_open_orders(ACCOUNT, reply([order(submitted_at=at)] * 500))


# -- fills and balances --------------------------------------------------------------------------


def activity(**fields: Any) -> dict[str, Any]:
    return {
        "id": "20221228071929579::ca2aafd0-1270-4b56-b0a9-85423b4a07c8",
        "activity_type": "FILL",
        "transaction_time": "2022-12-28T12:19:29.579352Z",
        "price": "67.31",
        "qty": "0.07",
        "side": "sell",
        "symbol": "BTC/USD",
        "order_id": ORDER_ID,
    } | fields


def test_a_fill_is_known_by_the_venues_order_id(trading: Trading) -> None:
    (fill,), cursor = trading.decode_fills(FILLS, BTC, reply([activity(), activity(symbol="ETH/USD")]))
    assert isinstance(fill, Fill)
    assert (fill.venue_order_id, fill.side, fill.price, fill.quantity) == (
        ORDER_ID,
        Side.SELL,
        Decimal("67.31"),
        Decimal("0.07"),
    )
    assert (fill.fee.amount, fill.fee.asset, cursor) == (Decimal(0), Asset("USD"), "")


def test_the_older_spelling_of_a_symbol_is_the_same_instrument(trading: Trading) -> None:
    fills, _ = trading.decode_fills(FILLS, BTC, reply([activity(symbol="BTCUSD")]))
    assert len(fills) == 1


def test_a_full_page_is_followed_by_another(trading: Trading) -> None:
    rows = [activity(id=f"a::{number}") for number in range(100)]
    _, cursor = trading.decode_fills(FILLS, BTC, reply(rows))
    assert cursor == "a::99"
    assert trading.fills(FILLS, BTC, cursor).request.query.endswith("&page_token=a%3A%3A99")
    assert trading.fills(FILLS, BTC, "").request.query == (
        "after=2023-11-14T22:12:19.999000000Z&direction=asc&page_size=100"
    )


@pytest.mark.parametrize("fields", [{"side": "hold"}, {"qty": "0"}, {"transaction_time": "now"}])
def test_a_fill_that_cannot_be_believed_spoils_the_page(trading: Trading, fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        trading.decode_fills(FILLS, BTC, reply([activity(**fields)]))


def test_money_and_holdings_are_two_reports(trading: Trading) -> None:
    assert [each.request.url[-9:] for each in trading.balances(ACCOUNT)] == ["2/account", "positions"]
    (money,) = trading.decode_balances(ACCOUNT, reply({"cash": "-23140.2", "currency": "USD"}))
    held = {"symbol": "BTCUSD", "qty": "2", "qty_available": "0.5", "asset_class": "crypto"}
    share = {"symbol": "AAPL", "qty": "5", "asset_class": "us_equity"}
    (holdings,) = trading.decode_balances(ACCOUNT, reply([held, share]))
    assert isinstance(money, BalancesReported)
    assert isinstance(holdings, BalancesReported)
    assert money.balances == (Balance(Asset("USD"), Decimal("-23140.2"), Decimal(0)),)
    assert holdings.balances == (Balance(Asset("BTC"), Decimal("0.5"), Decimal("1.5")),)


def test_a_pause_lasts_until_the_reset_that_the_venue_names(trading: Trading) -> None:
    reset = str(RECEIVED // SECOND + 7)
    assert 6 * SECOND < trading.retry_after(reply({}, 429, x_ratelimit_reset=reset)) <= 7 * SECOND
    assert trading.retry_after(reply({}, 429)) == 10 * SECOND
    assert trading.retry_after(refused(403, 40310000)) == 0


@given(st.integers(200, 599), st.binary(max_size=80))
def test_no_answer_is_taken_for_a_rejection_without_the_venues_word(status: int, body: bytes) -> None:
    trading = alpaca.trading()
    try:
        events = trading.decode_place(submit(), BTC, reply(body, status))
    except MalformedReply:
        return
    assert all(isinstance(event, SubmitUncertain | SubmitRefused) for event in events)
