"""Private REST of Binance: what is asked, and what each answer proves."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    Liquidity,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
    VenueExecution,
    VenuePosition,
)
from integrated_trading_system.domain.ids import (
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderRequest,
    OrderStatus,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from integrated_trading_system.venues.venue import Trading
from tests.support import binance

OURS = ClientOrderId("its-1-a_B")
T = 1_700_000_000_123
AT = Nanos(2000)
STATE: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": OURS,
    "status": "NEW",
    "executedQty": "0.00000000",
    "transactTime": T,
}
REQUEST = OrderRequest(
    client_order_id=OURS,
    instrument=InstrumentId("binance:spot:BTCUSDT"),
    account=binance.ACCOUNT,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    price=Decimal("1E+4"),
    quantity=Decimal("0.00100"),
    time_in_force=TimeInForce.IOC,
    strategy=StrategyId("s"),
    plan_id=PlanId("p"),
    leg=0,
)


def trading(flavour: str = "spot") -> Trading:
    found = binance.venue(flavour).trading
    assert found is not None
    return found


def place(flavour: str = "spot", **change: Any) -> WeightedRequest:
    order = SubmitOrder(replace(REQUEST, **change), Nanos(0))
    return trading(flavour).place(order, binance.instrument(flavour))


def placed(body: Any, status: int = 200, flavour: str = "spot") -> Sequence[VenueExecution]:
    order = SubmitOrder(REQUEST, Nanos(0))
    return trading(flavour).decode_place(order, binance.instrument(flavour), binance.reply(body, status))


def cancelled(body: Any, status: int = 200, flavour: str = "spot") -> VenueExecution:
    cancel = CancelOrder(OURS, REQUEST.instrument, binance.ACCOUNT)
    (event,) = trading(flavour).decode_cancel(cancel, binance.instrument(flavour), binance.reply(body, status))
    return event


def queried(body: Any, status: int = 200, flavour: str = "spot") -> VenueExecution:
    query = QueryOrder(OURS, REQUEST.instrument, binance.ACCOUNT)
    (event,) = trading(flavour).decode_query(query, binance.instrument(flavour), binance.reply(body, status))
    return event


def params(weighted: WeightedRequest) -> dict[str, str]:
    return dict(parse_qsl(weighted.request.query, strict_parsing=True))


def refused(code: int, msg: str = "text") -> dict[str, Any]:
    return {"code": code, "msg": msg}


# -- placing: the request ------------------------------------------------------------------------


def test_a_limit_order_is_written_plainly_in_the_query() -> None:
    request = place().request
    assert (request.method, request.url, request.body) == ("POST", "https://api.binance.com/api/v3/order", "")
    assert request.query == (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&price=10000&quantity=0.001"
        "&newClientOrderId=its-1-a_B&newOrderRespType=FULL&recvWindow=5000"
    )


def test_a_futures_order_asks_for_its_result() -> None:
    request = place("usdm").request
    assert request.url == "https://fapi.binance.com/fapi/v1/order"
    assert "newOrderRespType=RESULT" in request.query


@pytest.mark.parametrize(
    ("flavour", "change", "wire"),
    [
        ("spot", {"order_type": OrderType.MARKET}, {"type": "MARKET"}),
        ("spot", {"post_only": True}, {"type": "LIMIT_MAKER", "price": "10000"}),
        ("usdm", {"post_only": True}, {"type": "LIMIT", "timeInForce": "GTX", "price": "10000"}),
        ("spot", {"time_in_force": TimeInForce.FOK}, {"type": "LIMIT", "timeInForce": "FOK", "price": "10000"}),
        (
            "usdm",
            {"reduce_only": True, "time_in_force": TimeInForce.GTC},
            {"type": "LIMIT", "timeInForce": "GTC", "price": "10000", "reduceOnly": "true"},
        ),
        ("spot", {"reduce_only": True}, {"type": "LIMIT", "timeInForce": "IOC", "price": "10000"}),
    ],
)
def test_an_orders_terms_are_spelled_as_the_venue_wants(
    flavour: str, change: dict[str, Any], wire: dict[str, str]
) -> None:
    said = params(place(flavour, **change))
    terms = ("type", "timeInForce", "price", "reduceOnly")
    assert {name: said[name] for name in terms if name in said} == wire


@pytest.mark.parametrize(
    ("flavour", "weights"),
    [
        ("spot", (("REQUEST_WEIGHT", 1), ("ORDERS_10S", 1), ("ORDERS_1D", 1))),
        ("usdm", (("ORDERS_10S", 1), ("ORDERS_1M", 1))),
    ],
)
def test_an_order_counts_against_the_limits_of_orders(flavour: str, weights: Any) -> None:
    assert place(flavour).weights == weights
    assert {name for name, _ in weights} <= {limit.name for limit in binance.venue(flavour).rate_limits}


@pytest.mark.parametrize("client_order_id", ["", "a" * 37, "with blank", "ümlaut", "a.b"])
def test_an_id_that_the_venue_would_not_take_is_our_own_mistake(client_order_id: str) -> None:
    with pytest.raises(AssertionError):
        place(client_order_id=ClientOrderId(client_order_id))


# -- placing: the answer -------------------------------------------------------------------------

ACCEPTED = OrderAccepted(
    client_order_id=OURS, venue_order_id=VenueOrderId("28"), venue_time=Nanos(T * 1_000_000), received_at=AT
)


def done(status: OrderStatus, filled: str, reason: str) -> OrderDone:
    return OrderDone(
        client_order_id=OURS,
        venue_order_id=VenueOrderId("28"),
        status=status,
        venue_filled=Decimal(filled),
        reason=reason,
        venue_time=Nanos(T * 1_000_000),
        received_at=AT,
    )


def test_a_resting_order_is_accepted() -> None:
    assert tuple(placed(STATE)) == (ACCEPTED,)


def test_an_order_that_trades_at_once_brings_its_fills_and_its_end() -> None:
    fills = [{"price": "9999.5", "qty": "0.0004", "commission": "0.1", "commissionAsset": "BNB", "tradeId": 56}]
    body = STATE | {"status": "EXPIRED", "executedQty": "0.0004", "fills": fills}
    assert tuple(placed(body)) == (
        ACCEPTED,
        Fill(
            client_order_id=OURS,
            venue_order_id=VenueOrderId("28"),
            trade_id=TradeId("56"),
            instrument=InstrumentId("binance:spot:BTCUSDT"),
            account=binance.ACCOUNT,
            side=Side.BUY,
            price=Decimal("9999.5"),
            quantity=Decimal("0.0004"),
            fee=Money(Decimal("0.1"), Asset("BNB")),
            liquidity=Liquidity.TAKER,
            venue_time=Nanos(T * 1_000_000),
            received_at=AT,
        ),
        done(OrderStatus.EXPIRED, "0.0004", "EXPIRED"),
    )


def test_a_futures_answer_carries_no_fills_but_says_what_was_executed() -> None:
    body = {name: value for name, value in STATE.items() if name != "transactTime"}
    body |= {"status": "FILLED", "executedQty": "0.001", "updateTime": T}
    assert tuple(placed(body, flavour="usdm")) == (ACCEPTED, done(OrderStatus.FILLED, "0.001", "FILLED"))


@pytest.mark.parametrize(
    ("status", "body", "expected", "reason"),
    [
        (400, refused(-2010, "Account has insufficient balance for requested action."), OrderRejected, "-2010 Acc"),
        (400, refused(-2010, "Order would immediately match and take."), OrderRejected, "-2010 Order would"),
        (400, refused(-1013, "Filter failure: PRICE_FILTER"), OrderRejected, "-1013 Filter failure: PRICE_FILTER"),
        (400, refused(-1021, "Timestamp for this request"), OrderRejected, "-1021"),
        (400, refused(-2019, "Margin is insufficient."), OrderRejected, "-2019"),
        (400, refused(-5022, "Post Only order will be rejected"), OrderRejected, "-5022"),
        (401, refused(-2015, "Invalid API-key"), OrderRejected, "-2015"),
        (400, refused(-2010, "Duplicate order sent."), SubmitUncertain, "-2010 Duplicate order sent."),
        (400, refused(-4116, "ClientOrderId is duplicated."), SubmitUncertain, "-4116"),
        (400, refused(-1000), SubmitUncertain, "-1000"),
        (400, refused(-1001), SubmitUncertain, "-1001"),
        (400, refused(-1006), SubmitUncertain, "-1006"),
        (408, refused(-1007), SubmitUncertain, "-1007"),
        (408, b"", SubmitUncertain, "0 HTTP 408"),
        (500, refused(-2010), SubmitUncertain, "-2010"),
        (502, b"<html>", SubmitUncertain, "0 HTTP 502"),
        (503, refused(-1008), SubmitUncertain, "-1008"),
        (504, b"", SubmitUncertain, "0 HTTP 504"),
        (404, b"<html>", SubmitUncertain, "0 HTTP 404"),
        (302, refused(-2010), SubmitUncertain, "-2010"),
        (400, refused(200), SubmitUncertain, "200"),
        (429, refused(-1015, "Too many new orders"), SubmitRefused, "rate-limit"),
        (429, refused(-1003), SubmitRefused, "rate-limit"),
        (400, refused(-1015), SubmitRefused, "rate-limit"),
        (418, b"", SubmitRefused, "rate-limit"),
        (403, b"<html>", SubmitRefused, "forbidden"),
        (400, refused(-1008), SubmitRefused, "overloaded"),
    ],
)
def test_an_error_says_no_more_than_it_proves(status: int, body: Any, expected: type, reason: str) -> None:
    (event,) = placed(body, status)
    assert type(event) is expected
    assert isinstance(event, OrderRejected | SubmitUncertain | SubmitRefused)
    assert event.client_order_id == OURS
    assert event.reason.startswith(reason)
    assert event.received_at == AT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        STATE | {"clientOrderId": "somebody-else"},
        STATE | {"status": "SOMETHING_NEW"},
        STATE | {"status": "FILLED", "executedQty": "NaN"},
        STATE | {"orderId": None},
    ],
)
def test_a_success_that_cannot_be_believed_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedReply):
        placed(body)


def test_a_success_with_status_rejected_is_a_rejection() -> None:
    (event,) = placed(STATE | {"status": "REJECTED"})
    assert event == OrderRejected(client_order_id=OURS, reason="REJECTED", received_at=AT)


# -- cancelling and asking -----------------------------------------------------------------------


@pytest.mark.parametrize(("flavour", "weight"), [("spot", 4), ("usdm", 1)])
def test_orders_are_cancelled_and_asked_for_by_our_id(flavour: str, weight: int) -> None:
    instrument = binance.instrument(flavour)
    cancel = trading(flavour).cancel(CancelOrder(OURS, instrument.instrument, binance.ACCOUNT), instrument)
    query = trading(flavour).query(QueryOrder(OURS, instrument.instrument, binance.ACCOUNT), instrument)
    assert (cancel.request.method, query.request.method) == ("DELETE", "GET")
    assert cancel.request.query == query.request.query
    assert query.request.query == "symbol=BTCUSDT&origClientOrderId=its-1-a_B&recvWindow=5000"
    assert (cancel.weights, query.weights) == ((("REQUEST_WEIGHT", 1),), (("REQUEST_WEIGHT", weight),))


def test_a_cancelled_spot_order_is_known_by_its_original_id() -> None:
    body = STATE | {"clientOrderId": "cancel-9", "origClientOrderId": OURS, "status": "CANCELED", "executedQty": "0.5"}
    assert cancelled(body) == done(OrderStatus.CANCELLED, "0.5", "CANCELED")


def test_a_cancelled_futures_order_is_known_by_its_id() -> None:
    body = STATE | {"status": "CANCELED"}
    assert cancelled(body, flavour="usdm") == done(OrderStatus.CANCELLED, "0", "CANCELED")


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_cancel_that_was_not_confirmed_has_failed(status: int) -> None:
    event = cancelled(refused(-2011, "Unknown order sent."), status)
    assert event == CancelFailed(client_order_id=OURS, reason="-2011 Unknown order sent.", received_at=AT)


def test_an_order_still_working_after_its_cancel_is_not_over() -> None:
    assert isinstance(cancelled(STATE | {"status": "PENDING_CANCEL"}), CancelFailed)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NEW", OrderStatus.WORKING),
        ("PARTIALLY_FILLED", OrderStatus.WORKING),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
    ],
)
def test_an_order_is_reported_as_the_venue_has_it(word: str, status: OrderStatus) -> None:
    assert queried(STATE | {"status": word, "executedQty": "0.25"}) == OrderReport(
        client_order_id=OURS,
        venue_order_id=VenueOrderId("28"),
        status=status,
        venue_filled=Decimal("0.25"),
        asked_at=Nanos(1000),
        received_at=AT,
    )


def test_an_unknown_order_was_not_found_when_it_was_asked_for() -> None:
    event = queried(refused(-2013, "Order does not exist."), 400)
    assert event == OrderNotFound(client_order_id=OURS, asked_at=Nanos(1000), received_at=AT)


@pytest.mark.parametrize(("status", "code"), [(500, -1000), (429, -1003), (400, -2026), (400, -1021)])
def test_any_other_error_leaves_the_question_open(status: int, code: int) -> None:
    event = queried(refused(code), status)
    assert isinstance(event, RequestFailed)
    assert event.reason.startswith(str(code))


def test_open_orders_are_listed_with_their_instruments() -> None:
    weighted = trading().open_orders(binance.ACCOUNT, "")
    assert weighted.request.target == "https://api.binance.com/api/v3/openOrders?recvWindow=5000"
    body = [STATE, STATE | {"symbol": "ETHUSDT", "clientOrderId": "web_1"}]
    (event,), _ = trading().decode_open_orders(binance.ACCOUNT, binance.reply(body))
    assert isinstance(event, OpenOrdersListed)
    assert [order.client_order_id for order in event.orders] == [OURS, "web_1"]
    assert event.instruments == ("binance:spot:BTCUSDT", "binance:spot:ETHUSDT")
    assert (event.asked_at, event.received_at) == (1000, 2000)


def test_open_orders_that_were_not_answered_are_a_failed_request() -> None:
    (event,), _ = trading().decode_open_orders(binance.ACCOUNT, binance.reply(refused(-1003), 429))
    assert isinstance(event, RequestFailed)


# -- fills ---------------------------------------------------------------------------------------

OWN: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "id": 100,
    "orderId": 28,
    "price": "9999.5",
    "qty": "0.0004",
    "commission": "-0.01",
    "commissionAsset": "USDT",
    "time": T,
}
SPOT_ROW = OWN | {"isBuyer": True, "isMaker": True}
FUTURES_ROW = OWN | {"buyer": False, "maker": False, "side": "SELL", "realizedPnl": "1"}
SINCE = QueryFills(REQUEST.instrument, binance.ACCOUNT, Nanos(0))


def fills(flavour: str, body: Any, status: int = 200) -> tuple[Sequence[VenueExecution], str]:
    return trading(flavour).decode_fills(SINCE, binance.instrument(flavour), binance.reply(body, status))


@pytest.mark.parametrize(("flavour", "path"), [("spot", "api/v3/myTrades"), ("usdm", "fapi/v1/userTrades")])
def test_fills_are_asked_for_by_time_and_then_by_trade_id(flavour: str, path: str) -> None:
    query = QueryFills(REQUEST.instrument, binance.ACCOUNT, Nanos(T * 1_000_000 + 999_999))
    first = trading(flavour).fills(query, binance.instrument(flavour), "")
    second = trading(flavour).fills(query, binance.instrument(flavour), "101")
    assert first.request.url.endswith(path)
    assert first.request.query == f"symbol=BTCUSDT&limit=1000&startTime={T}&recvWindow=5000"
    assert second.request.query == "symbol=BTCUSDT&limit=1000&fromId=101&recvWindow=5000"


@pytest.mark.parametrize(
    ("flavour", "row", "side", "liquidity"),
    [("spot", SPOT_ROW, Side.BUY, Liquidity.MAKER), ("usdm", FUTURES_ROW, Side.SELL, Liquidity.TAKER)],
)
def test_a_listed_fill_names_its_order_by_the_venues_id(
    flavour: str, row: dict[str, Any], side: Side, liquidity: Liquidity
) -> None:
    events, cursor = fills(flavour, [row])
    assert cursor == ""
    assert list(events) == [
        Fill(
            client_order_id=ClientOrderId(""),
            venue_order_id=VenueOrderId("28"),
            trade_id=TradeId("100"),
            instrument=InstrumentId(f"binance:{flavour}:BTCUSDT"),
            account=binance.ACCOUNT,
            side=side,
            price=Decimal("9999.5"),
            quantity=Decimal("0.0004"),
            fee=Money(Decimal("-0.01"), Asset("USDT")),
            liquidity=liquidity,
            venue_time=Nanos(T * 1_000_000),
            received_at=AT,
        )
    ]


def test_a_full_page_is_followed_by_the_next() -> None:
    rows = [SPOT_ROW | {"id": number} for number in range(1000)]
    events, cursor = fills("spot", rows)
    assert (len(events), cursor) == (1000, "1000")
    assert fills("spot", rows[:999])[1] == ""
    assert fills("spot", []) == ((), "")


def test_futures_fills_older_than_the_venue_lists_are_refused_rather_than_missed() -> None:
    late = replace(binance.reply([]), sent_at=Nanos(7 * DAY + 1))
    ((event,), cursor) = trading("usdm").decode_fills(SINCE, binance.instrument("usdm"), late)
    assert isinstance(event, RequestFailed)
    assert cursor == ""


def test_a_page_that_failed_is_a_failed_request() -> None:
    ((event,), cursor) = fills("spot", refused(-1003), 429)
    assert isinstance(event, RequestFailed)
    assert cursor == ""


@pytest.mark.parametrize("change", [{"symbol": "ETHUSDT"}, {"price": "x"}, {"id": None}])
def test_fills_that_cannot_be_believed_are_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        fills("spot", [SPOT_ROW | change])


# -- balances ------------------------------------------------------------------------------------


def reported(flavour: str, body: Any, status: int = 200) -> VenueExecution:
    (event,) = trading(flavour).decode_balances(binance.ACCOUNT, binance.reply(body, status))
    return event


@pytest.mark.parametrize(
    ("flavour", "url"),
    [("spot", "https://api.binance.com/api/v3/account"), ("usdm", "https://fapi.binance.com/fapi/v3/account")],
)
def test_balances_are_one_request(flavour: str, url: str) -> None:
    (weighted,) = trading(flavour).balances(binance.ACCOUNT)
    assert weighted.request.url == url


def test_spot_balances_are_complete() -> None:
    body = {"updateTime": T, "balances": [{"asset": "BTC", "free": "1.5", "locked": "0.25"}]}
    assert reported("spot", body) == BalancesReported(
        venue=VenueId("binance:spot"),
        account=binance.ACCOUNT,
        balances=(Balance(Asset("BTC"), Decimal("1.5"), Decimal("0.25")),),
        positions=(),
        complete=True,
        venue_time=Nanos(0),
        received_at=AT,
    )


def position(side: str = "BOTH", quantity: str = "-0.5") -> dict[str, Any]:
    profit = {"notional": "-30500.00000000", "unrealizedProfit": "-500.00000000"}
    return {"symbol": "BTCUSDT", "positionSide": side, "positionAmt": quantity} | profit


def test_a_futures_account_holds_wallets_and_positions() -> None:
    wallet = {"asset": "USDT", "walletBalance": "100.5", "availableBalance": "60.25"}
    event = reported("usdm", {"assets": [wallet], "positions": [position()]})
    assert isinstance(event, BalancesReported)
    assert event.balances == (Balance(Asset("USDT"), Decimal("60.25"), Decimal("40.25")),)
    entry = Decimal(60_000)  # sold 0.5 at 60,000, now worth 61,000 each: 500 lost
    assert event.positions == (VenuePosition(InstrumentId("binance:usdm:BTCUSDT"), Decimal("-0.5"), entry),)
    assert event.complete


def test_profit_that_is_not_realised_locks_nothing() -> None:
    wallet = {"asset": "USDT", "walletBalance": "100", "availableBalance": "130"}
    event = reported("usdm", {"assets": [wallet], "positions": [position(quantity="0")]})
    assert isinstance(event, BalancesReported)
    assert event.balances == (Balance(Asset("USDT"), Decimal(100), Decimal(0)),)
    assert event.positions[0].entry_price == 0


def test_an_account_in_hedge_mode_is_refused_in_words() -> None:
    event = reported("usdm", {"assets": [], "positions": [position("LONG", "1"), position("SHORT", "0")]})
    assert isinstance(event, RequestFailed)
    assert "one-way" in event.reason


def test_balances_that_were_not_answered_are_a_failed_request() -> None:
    assert isinstance(reported("spot", refused(-1000), 500), RequestFailed)


# -- pauses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "header", "pause"),
    [
        (429, "7", 7 * SECOND),
        (418, "259200", 259_200 * SECOND),
        (429, None, 10 * SECOND),
        (418, None, 2 * MINUTE),
        (403, None, MINUTE),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", 10 * SECOND),
        (429, "-5", 10 * SECOND),
        (500, "7", 0),
        (200, None, 0),
    ],
)
def test_the_venues_wish_for_a_pause_is_heard(status: int, header: str | None, pause: int) -> None:
    headers = {} if header is None else {"retry_after": header}
    assert trading().retry_after(binance.reply(b"", status, **headers)) == pause


@given(st.sampled_from([200, 400, 403, 429, 500]), st.binary(max_size=80))
def test_no_body_makes_a_decoder_fail_in_another_way(status: int, body: bytes) -> None:
    for decode in (placed, cancelled, queried):
        try:
            assert decode(body, status)
        except MalformedReply:
            assert status == 200
