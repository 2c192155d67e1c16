"""Bybit's account stream: orders, executions and the wallet, in one category of a unified account."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    Fill,
    Liquidity,
    OrderAccepted,
    OrderDone,
)
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import (
    Asset,
    ClientOrderId,
    InstrumentId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, VenueEvent
from tests.support import bybit

AT = Nanos(7)

ORDER: dict[str, Any] = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "abc-1",
    "orderLinkId": "its1z1",
    "side": "Buy",
    "orderStatus": "New",
    "cumExecQty": "0",
    "rejectReason": "EC_NoError",
    "cancelType": "UNKNOWN",
    "updatedTime": "1700000005000",
}
EXECUTION: dict[str, Any] = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "abc-1",
    "orderLinkId": "its1z1",
    "side": "Sell",
    "execId": "e-1",
    "execPrice": "95900.1",
    "execQty": "0.5",
    "execFee": "26.37",
    "execType": "Trade",
    "execTime": "1746270400353",
    "isMaker": False,
    "seq": 4688002127,
}


def codec_of(flavour: str) -> Codec:
    codec = bybit.venue(flavour).user_codec
    assert codec is not None
    codec.list([bybit.instrument(flavour)])
    return codec


def message(topic: str, *rows: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"id": "x", "topic": topic, "creationTime": 1700000007000, "data": rows})


def only(codec: Codec, frame: bytes) -> VenueEvent:
    (event,) = codec.decode(frame, AT)
    return event


@pytest.fixture
def linear() -> Codec:
    return codec_of("linear")


# -- orders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["New", "PartiallyFilled"])
def test_an_open_order_is_at_the_venue(linear: Codec, status: str) -> None:
    assert only(linear, message("order", ORDER | {"orderStatus": status})) == OrderAccepted(
        client_order_id=ClientOrderId("its1z1"),
        venue_order_id=VenueOrderId("abc-1"),
        venue_time=from_millis(1700000005000),
        received_at=AT,
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Filled", OrderStatus.FILLED),
        ("Cancelled", OrderStatus.CANCELLED),
        ("PartiallyFilledCanceled", OrderStatus.CANCELLED),
        ("Deactivated", OrderStatus.CANCELLED),
        ("Rejected", OrderStatus.REJECTED),
    ],
)
def test_a_closed_order_is_done_with_what_the_venue_says_was_executed(
    linear: Codec, status: str, expected: OrderStatus
) -> None:
    frame = message("order", ORDER | {"orderStatus": status, "cumExecQty": "0.250"})
    assert only(linear, frame) == OrderDone(
        client_order_id=ClientOrderId("its1z1"),
        venue_order_id=VenueOrderId("abc-1"),
        status=expected,
        venue_filled=Decimal("0.250"),
        reason="",
        venue_time=from_millis(1700000005000),
        received_at=AT,
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rejectReason": "EC_PostOnlyWillTakeLiquidity"}, "EC_PostOnlyWillTakeLiquidity"),
        ({"cancelType": "CancelByUser"}, "CancelByUser"),
        ({"rejectReason": "EC_NoImmediateQtyToFill", "cancelType": "CancelByUser"}, "EC_NoImmediateQtyToFill"),
    ],
)
def test_a_closed_order_says_why(linear: Codec, fields: dict[str, str], reason: str) -> None:
    done = only(linear, message("order", ORDER | {"orderStatus": "Cancelled"} | fields))
    assert isinstance(done, OrderDone)
    assert done.reason == reason


def test_a_status_that_nobody_knows_is_never_guessed_at(linear: Codec) -> None:
    event = only(linear, message("order", ORDER | {"orderStatus": "Paused"}))
    assert isinstance(event, Quarantined)
    assert "Paused" in event.detail


def test_an_order_made_by_hand_is_not_ours_to_follow(linear: Codec) -> None:
    assert only(linear, message("order", ORDER | {"orderLinkId": ""})) == Ignored("foreign order")


def test_a_categorised_topic_means_the_same(linear: Codec) -> None:
    assert isinstance(only(linear, message("order.linear", ORDER)), OrderAccepted)


# -- executions ----------------------------------------------------------------------------------


def test_a_trade_of_ours_is_a_fill(linear: Codec) -> None:
    assert only(linear, message("execution", EXECUTION)) == Fill(
        client_order_id=ClientOrderId("its1z1"),
        venue_order_id=VenueOrderId("abc-1"),
        trade_id=TradeId("e-1"),
        instrument=InstrumentId("bybit:linear:BTCUSDT"),
        account=bybit.ACCOUNT,
        side=Side.SELL,
        price=Decimal("95900.1"),
        quantity=Decimal("0.5"),
        fee=Money(Decimal("26.37"), Asset("USDT")),
        liquidity=Liquidity.TAKER,
        venue_time=from_millis(1746270400353),
        received_at=AT,
        sequence=4688002127,
    )


@pytest.mark.parametrize("kind", ["AdlTrade", "BustTrade"])
def test_what_the_venue_trades_for_us_is_a_fill_of_no_order_of_ours(linear: Codec, kind: str) -> None:
    fill = only(linear, message("execution", EXECUTION | {"execType": kind, "orderLinkId": ""}))
    assert isinstance(fill, Fill)
    assert fill.client_order_id == ""


@pytest.mark.parametrize("kind", ["Funding", "Settle", "CorporateAction"])
def test_funding_and_settlement_are_no_fills(linear: Codec, kind: str) -> None:
    assert only(linear, message("execution", EXECUTION | {"execType": kind})) == Ignored("execution")


@pytest.mark.parametrize(
    ("side", "fee", "asset"),
    [("Buy", "0.001", "BTC"), ("Sell", "0.001", "USDT"), ("Buy", "-0.001", "USDT"), ("Sell", "-0.001", "BTC")],
)
def test_a_spot_fee_is_taken_from_what_is_received_and_a_rebate_given_in_what_is_spent(
    side: str, fee: str, asset: str
) -> None:
    row = EXECUTION | {"category": "spot", "side": side, "execFee": fee, "feeCurrency": ""}
    fill = only(codec_of("spot"), message("execution", row))
    assert isinstance(fill, Fill)
    assert fill.fee == Money(Decimal(fee), Asset(asset))


def test_the_fees_asset_is_the_one_that_the_venue_names(linear: Codec) -> None:
    fill = only(linear, message("execution", EXECUTION | {"feeCurrency": "BIT"}))
    assert isinstance(fill, Fill)
    assert fill.fee.asset == "BIT"


@pytest.mark.parametrize(
    "fields",
    [
        {"execPrice": "0"},
        {"execQty": "-1"},
        {"execPrice": "NaN"},
        {"execQty": "1e3"},
        {"symbol": "ETHUSDT"},
        {"side": "None"},
    ],
)
def test_a_fill_that_cannot_be_booked_is_quarantined(linear: Codec, fields: dict[str, str]) -> None:
    assert isinstance(only(linear, message("execution", EXECUTION | fields)), Quarantined)


def test_one_strange_row_does_not_hide_the_others(linear: Codec) -> None:
    frame = message("execution", EXECUTION | {"execPrice": "?"}, EXECUTION)
    assert [type(event) for event in linear.decode(frame, AT)] == [Quarantined, Fill]


@pytest.mark.parametrize(("topic", "row"), [("order", ORDER), ("execution", EXECUTION)])
def test_the_accounts_other_categories_are_ignored(topic: str, row: dict[str, Any]) -> None:
    assert only(codec_of("spot"), message(topic, row)) == Ignored("category")


# -- the wallet ----------------------------------------------------------------------------------


def test_what_orders_and_positions_bind_is_locked(linear: Codec, recordings: Path) -> None:
    frame = (recordings / "fixtures_nautilus" / "bybit" / "ws_account_wallet.json").read_bytes()
    assert only(linear, frame) == BalancesReported(
        venue=VenueId("bybit:linear"),
        account=bybit.ACCOUNT,
        balances=(
            # The venue's own `availableToWithdraw` of these two is the same.
            Balance(Asset("BTC"), Decimal("0.00092964"), Decimal("0.00010000")),
            Balance(Asset("USDT"), Decimal("9519.89806037"), Decimal("127.8573161")),
        ),
        positions=(),
        complete=False,
        venue_time=from_millis(1700034722104),
        received_at=AT,
    )


def test_spot_orders_lock_what_they_may_spend(linear: Codec) -> None:
    report = only(linear, message("wallet", {"coin": [{"coin": "USDT", "walletBalance": "100.5", "locked": "40.25"}]}))
    assert isinstance(report, BalancesReported)
    assert report.balances == (Balance(Asset("USDT"), Decimal("60.25"), Decimal("40.25")),)


# -- recorded and damaged ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws_account_execution", Fill),
        ("ws_account_order", OrderDone),
        ("ws_account_order_filled", OrderDone),
        ("ws_account_order_stop_market", OrderAccepted),
        ("ws_account_position", Ignored),
        ("ws_auth_success", Acknowledged),
        ("ws_subscription_ack", Acknowledged),
        ("ws_account_execution_fast", Quarantined),  # never subscribed to: it carries no fees
    ],
)
def test_the_sample_messages_are_understood(linear: Codec, recordings: Path, name: str, kind: type[VenueEvent]) -> None:
    frame = (recordings / "fixtures_nautilus" / "bybit" / f"{name}.json").read_bytes()
    assert [type(event) for event in linear.decode(frame, AT)] == [kind]


def test_a_pong_is_a_sign_of_life(linear: Codec) -> None:
    assert only(linear, b'{"req_id":"ping","op":"pong","args":["1"],"conn_id":"c"}') == Pong()


FRAMES = (message("order", ORDER), message("execution", EXECUTION), message("wallet", {"coin": []}))
CODEC = codec_of("linear")


@given(st.sampled_from(FRAMES), st.integers(0, 600), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_frame_never_raises(frame: bytes, at: int, removed: int, inserted: bytes) -> None:
    at %= len(frame)
    CODEC.decode(frame[:at] + inserted + frame[at + removed :], AT)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"topic":"order","data":' + b"[" * 100_000,
        b'{"topic":"order"}',
        b'{"topic":"order","data":{}}',
        b'{"topic":"order","data":[1]}',
        b'{"topic":"order","data":["\xff"]}',
    ],
)
def test_what_is_no_message_is_quarantined(linear: Codec, frame: bytes) -> None:
    assert isinstance(only(linear, frame), Quarantined)
