"""Kraken's private REST: requests as the venue wants them, and what its answers prove."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

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
)
from integrated_trading_system.domain.ids import Asset, ClientOrderId
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from integrated_trading_system.venues.venue import Trading
from tests.support import kraken
from tests.support.kraken import ACCOUNT, BTC, CANCEL, CLIENT, FILLS, QUERY, RECEIVED, SENT, answered, refused, submit

INSTRUMENT = kraken.instrument()


def trading() -> Trading:
    made = kraken.venue().trading
    assert made is not None
    return made


def elsewhere() -> WeightedRequest:
    query_elsewhere = kraken.venue().query_elsewhere
    assert query_elsewhere is not None
    return query_elsewhere(QUERY, INSTRUMENT)


def form(weighted: WeightedRequest, endpoint: str) -> dict[str, str]:
    request = weighted.request
    assert (request.method, request.url, request.query) == ("POST", f"https://api.kraken.com/0/private/{endpoint}", "")
    return dict(parse_qsl(request.body))


def row(**changes: Any) -> dict[str, Any]:
    known = {
        "status": "open",
        "opentm": 1688583840.8648,
        "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "29500.0"},
        "vol": "0.50000000",
        "vol_exec": "0.00000000",
        "cl_ord_id": CLIENT,
    }
    return known | changes


# -- placing and cancelling ----------------------------------------------------------------------


def test_an_order_is_written_plainly_with_its_fee_in_the_quote_currency() -> None:
    assert form(trading().place(submit(), INSTRUMENT), "AddOrder") == {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "volume": "0.001",
        "price": "20000.1",
        "timeinforce": "IOC",
        "oflags": "fciq",
        "cl_ord_id": "its1z1",
    }


def test_post_only_is_a_flag_and_a_market_order_has_no_price() -> None:
    resting = form(trading().place(submit(time_in_force=TimeInForce.GTC, post_only=True), INSTRUMENT), "AddOrder")
    assert (resting["oflags"], resting["timeinforce"]) == ("fciq,post", "GTC")
    market = form(trading().place(submit(order_type=OrderType.MARKET, side=Side.SELL), INSTRUMENT), "AddOrder")
    assert market.keys() == {"pair", "type", "ordertype", "volume", "oflags", "cl_ord_id"}
    with pytest.raises(Unsupported):
        trading().place(submit(order_type=OrderType.MARKET, post_only=True), INSTRUMENT)


@pytest.mark.parametrize("client", ["", "a" * 19, "a b", "ä"])
def test_an_id_that_the_venue_would_not_take_is_a_mistake_of_ours(client: str) -> None:
    with pytest.raises(AssertionError):
        trading().place(submit(client_order_id=ClientOrderId(client)), INSTRUMENT)


def test_a_placed_order_is_accepted_by_the_venues_name_for_it() -> None:
    reply = answered({"descr": {"order": "buy 0.001 XBTUSD"}, "txid": ["OUF4EM-FRGI2-MQMWZD"]})
    (accepted,) = trading().decode_place(submit(), INSTRUMENT, reply)
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.client_order_id, accepted.venue_order_id) == (CLIENT, "OUF4EM-FRGI2-MQMWZD")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("EOrder:Insufficient funds", OrderRejected),
        ("EOrder:Invalid price", OrderRejected),
        ("EOrder:Post only order", OrderRejected),
        ("EGeneral:Invalid arguments:volume minimum not met", OrderRejected),
        ("EGeneral:Permission denied", OrderRejected),
        ("EAPI:Invalid signature", OrderRejected),
        ("EService:Market in cancel_only mode", OrderRejected),
        ("EAPI:Rate limit exceeded", SubmitRefused),
        ("EOrder:Rate limit exceeded", SubmitRefused),
        ("EGeneral:Temporary lockout", SubmitRefused),
        ("EAPI:Invalid nonce", SubmitRefused),
        ("EService:Unavailable", SubmitUncertain),
        ("EService:Busy", SubmitUncertain),
        ("EService:Timeout", SubmitUncertain),
        ("EService:Deadline elapsed", SubmitUncertain),
        ("EGeneral:Internal error", SubmitUncertain),
        ("EOrder:Duplicate cl_ord_id", SubmitUncertain),
        ("", SubmitUncertain),
        ("something new", SubmitUncertain),
    ],
)
def test_an_error_proves_no_more_than_it_says(error: str, kind: type) -> None:
    (event,) = trading().decode_place(submit(), INSTRUMENT, refused(error))
    assert isinstance(event, kind)


@pytest.mark.parametrize(("body", "status"), [(b"<html>", 200), (b"", 502), (b'{"error":[],"result":{}}', 504)])
def test_a_page_that_is_no_answer_leaves_the_fate_open(body: bytes, status: int) -> None:
    (event,) = trading().decode_place(submit(), INSTRUMENT, kraken.reply(body, status))
    assert isinstance(event, SubmitUncertain)


@pytest.mark.parametrize("result", [{}, {"txid": []}, {"txid": ["a", "b"]}, {"txid": "a"}])
def test_an_answer_without_exactly_one_order_is_malformed(result: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        trading().decode_place(submit(), INSTRUMENT, answered(result))


def test_a_warning_is_no_error() -> None:
    reply = kraken.reply({"error": ["WGeneral:Danger"], "result": {"txid": ["O1"]}})
    (event,) = trading().decode_place(submit(), INSTRUMENT, reply)
    assert isinstance(event, OrderAccepted)


def test_a_cancel_names_our_id_and_only_its_refusal_says_anything() -> None:
    assert form(trading().cancel(CANCEL, INSTRUMENT), "CancelOrder") == {"cl_ord_id": CLIENT}
    assert trading().decode_cancel(CANCEL, INSTRUMENT, answered({"count": 1})) == ()
    (failed,) = trading().decode_cancel(CANCEL, INSTRUMENT, refused("EOrder:Unknown order"))
    assert isinstance(failed, CancelFailed)
    assert failed.reason == "EOrder:Unknown order"


# -- queries -------------------------------------------------------------------------------------


def test_an_order_is_looked_for_among_the_open_ones_and_then_among_the_closed() -> None:
    assert form(trading().query(QUERY, INSTRUMENT), "OpenOrders") == {"cl_ord_id": CLIENT}
    assert form(elsewhere(), "ClosedOrders") == {"cl_ord_id": CLIENT}


@pytest.mark.parametrize(
    ("place", "changes", "status", "filled"),
    [
        ("open", {}, OrderStatus.WORKING, "0"),
        ("open", {"status": "pending"}, OrderStatus.WORKING, "0"),
        ("open", {"cl_ord_id": None}, OrderStatus.WORKING, "0"),
        ("closed", {"status": "closed", "vol_exec": "0.50000000"}, OrderStatus.FILLED, "0.5"),
        ("closed", {"status": "closed", "vol_exec": "0.20000000"}, OrderStatus.CANCELLED, "0.2"),
        ("closed", {"status": "canceled", "vol_exec": "0.10000000"}, OrderStatus.CANCELLED, "0.1"),
        ("closed", {"status": "expired"}, OrderStatus.EXPIRED, "0"),
    ],
)
def test_an_orders_state_is_told_with_what_was_executed(
    place: str, changes: dict[str, Any], status: OrderStatus, filled: str
) -> None:
    (report,) = trading().decode_query(QUERY, INSTRUMENT, answered({place: {"O1": row(**changes)}}))
    assert isinstance(report, OrderReport)
    assert (report.client_order_id, report.venue_order_id, report.status) == (CLIENT, "O1", status)
    assert report.venue_filled == Decimal(filled)
    assert report.asked_at == SENT


@pytest.mark.parametrize("result", [{"open": {}}, {"closed": {}, "count": 0}, {"open": {"O1": row(cl_ord_id="other")}}])
def test_an_order_that_is_not_there_was_not_found_when_it_was_asked_for(result: dict[str, Any]) -> None:
    (missing,) = trading().decode_query(QUERY, INSTRUMENT, answered(result))
    assert missing == OrderNotFound(client_order_id=CLIENT, asked_at=SENT, received_at=RECEIVED)


@pytest.mark.parametrize("result", [{}, {"count": 0}, {"unixtime": 1}])
def test_an_answer_to_something_else_does_not_say_that_an_order_is_missing(result: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        trading().decode_query(QUERY, INSTRUMENT, answered(result))
    with pytest.raises(MalformedReply):
        trading().decode_open_orders(ACCOUNT, answered(result))


def test_two_orders_of_one_id_prove_nothing() -> None:
    (failed,) = trading().decode_query(QUERY, INSTRUMENT, answered({"open": {"O1": row(), "O2": row(cl_ord_id=None)}}))
    assert isinstance(failed, RequestFailed)


@pytest.mark.parametrize("changes", [{"status": "on holiday"}, {"vol_exec": "x"}])
def test_a_state_that_we_do_not_know_is_never_guessed_at(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        trading().decode_query(QUERY, INSTRUMENT, answered({"open": {"O1": row(**changes)}}))


def test_our_open_orders_are_listed_with_their_instruments() -> None:
    venue = kraken.venue()
    venue.market.decode_instruments(
        answered({"XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "pair_decimals": 1, "lot_decimals": 8}})
    )
    assert venue.trading is not None
    elsewhere = row(cl_ord_id=None) | {"descr": {"pair": "XDGUSD"}}
    reply = answered({"open": {"O1": row(), "O2": row(cl_ord_id=None), "O3": elsewhere}})
    (listed,), _ = venue.trading.decode_open_orders(ACCOUNT, reply)
    assert isinstance(listed, OpenOrdersListed)
    assert [order.venue_order_id for order in listed.orders] == ["O1", "O2"]
    assert listed.instruments == (BTC, BTC)
    assert listed.asked_at == SENT


def test_an_order_in_a_pair_that_is_not_listed_yet_makes_the_list_no_answer() -> None:
    (failed,), _ = trading().decode_open_orders(ACCOUNT, answered({"open": {"O1": row()}}))
    assert isinstance(failed, RequestFailed)


# -- fills and balances --------------------------------------------------------------------------


def fill(**changes: Any) -> dict[str, Any]:
    known = {
        "ordertxid": "O26VBY-ISGAE-JP5TLU",
        "pair": "XXBTZUSD",
        "time": 1688585840.8921,
        "type": "buy",
        "price": "29500.50",
        "cost": "14750.25",
        "fee": "23.60",
        "vol": "0.50000000",
        "trade_id": 1001,
        "maker": True,
    }
    return known | changes


def test_fills_are_asked_for_of_all_pairs_and_one_by_one() -> None:
    first = form(trading().fills(FILLS, INSTRUMENT, ""), "TradesHistory")
    assert first == {"type": "all", "consolidate_taker": "false", "start": str((SENT - MINUTE) // SECOND - 1)}
    assert form(trading().fills(FILLS, INSTRUMENT, "T9"), "TradesHistory") == first | {"end": "T9"}


def test_a_fill_is_told_by_its_orders_name_and_only_of_this_pair() -> None:
    trades = {"T2": fill(pair="XETHZUSD"), "TCCCTY-WJ6EO-4FP4VZ": fill()}
    fills, cursor = trading().decode_fills(FILLS, INSTRUMENT, answered({"trades": trades, "count": 2}))
    assert cursor == ""
    (one,) = fills
    assert isinstance(one, Fill)
    assert (one.client_order_id, one.venue_order_id, one.trade_id) == ("", "O26VBY-ISGAE-JP5TLU", "TCCCTY-WJ6EO-4FP4VZ")
    assert (one.side, one.price, one.quantity) == (Side.BUY, Decimal("29500.5"), Decimal("0.5"))
    assert (one.fee, one.liquidity) == (Money(Decimal("23.6"), Asset("USD")), Liquidity.MAKER)
    assert one.venue_time == Nanos(1688585840_892100_000)


def test_a_page_is_turned_round_and_the_next_one_begins_with_its_oldest() -> None:
    trades = {"T3": fill(time=3.0), "T2": fill(time=2.0), "T1": fill(time=2.0)}
    fills, cursor = trading().decode_fills(FILLS, INSTRUMENT, answered({"trades": trades, "count": 9}))
    assert [one.trade_id for one in fills if isinstance(one, Fill)] == ["T1", "T2", "T3"]
    assert cursor == "T1"


@pytest.mark.parametrize("changes", [{"price": "0"}, {"vol": "-1"}, {"time": -1.0}, {"fee": "NaN"}, {"type": "swap"}])
def test_a_fill_that_cannot_be_makes_the_page_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        trading().decode_fills(FILLS, INSTRUMENT, answered({"trades": {"T1": fill(**changes)}, "count": 1}))


def test_balances_are_free_and_held_by_the_streams_names() -> None:
    (asked,) = trading().balances(ACCOUNT)
    assert form(asked, "BalanceEx") == {}
    reply = answered({"ZUSD": {"balance": "200.5", "hold_trade": "50.25"}, "XXBT": {"balance": "0.5"}})
    (report,) = trading().decode_balances(ACCOUNT, reply)
    assert isinstance(report, BalancesReported)
    assert report.complete
    assert report.balances == (
        Balance(Asset("USD"), Decimal("150.25"), Decimal("50.25")),
        Balance(Asset("BTC"), Decimal("0.5"), Decimal(0)),
    )


def test_a_balance_that_is_no_number_is_malformed() -> None:
    with pytest.raises(MalformedReply):
        trading().decode_balances(ACCOUNT, answered({"ZUSD": {"balance": "x"}}))


def test_every_query_that_is_refused_says_why() -> None:
    made, reply = trading(), refused("EGeneral:Permission denied")
    events = [
        *made.decode_query(QUERY, INSTRUMENT, reply),
        *made.decode_open_orders(ACCOUNT, reply)[0],
        *made.decode_fills(FILLS, INSTRUMENT, reply)[0],
        *made.decode_balances(ACCOUNT, reply),
    ]
    assert [event.reason for event in events if isinstance(event, RequestFailed)] == ["EGeneral:Permission denied"] * 4


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ("EAPI:Rate limit exceeded", 15),
        ("EOrder:Rate limit exceeded", 5),
        ("EGeneral:Temporary lockout", 900),
        ("EService:Throttled: 1700000009", 15),
        ("EOrder:Insufficient funds", 0),
    ],
)
def test_a_limit_that_was_reached_is_waited_for(error: str, seconds: int) -> None:
    assert trading().retry_after(refused(error)) == seconds * SECOND
    assert trading().retry_after(answered({})) == 0
