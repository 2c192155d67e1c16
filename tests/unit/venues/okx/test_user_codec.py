"""OKX's private messages: what becomes of our orders, and what the account holds."""

from decimal import Decimal
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
from integrated_trading_system.domain.ids import Asset, ClientOrderId, TradeId, VenueOrderId
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, VenueEvent
from tests.support import okx

AT = Nanos(7)
WHEN = from_millis(1746947317402)
CLIENT = ClientOrderId("its1z1")
ORDER = VenueOrderId("2497956918703120384")
ROW: dict[str, Any] = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "ordId": ORDER,
    "clOrdId": CLIENT,
    "state": "live",
    "side": "buy",
    "accFillSz": "0",
    "fillPx": "",
    "fillSz": "0",
    "fillTime": "",
    "tradeId": "",
    "execType": "",
    "fillFee": "0",
    "fillFeeCcy": "",
    "fee": "0",
    "feeCcy": "USDT",
    "cancelSource": "",
    "uTime": "1746947317402",
}
FILLED = {
    "accFillSz": "0.05",
    "fillPx": "103698.9",
    "fillSz": "0.03",
    "fillTime": "1746947317401",
    "tradeId": "1518905529",
    "execType": "T",
    "fillFee": "-0.021776769",
    "fillFeeCcy": "USDT",
}


def message(channel: str, *rows: Any) -> bytes:
    return msgspec.json.encode({"arg": {"channel": channel, "instType": "SWAP", "uid": "1"}, "data": list(rows)})


@pytest.fixture
def codec() -> Codec:
    found = okx.venue("swap").user_codec
    assert found is not None
    found.list([okx.instrument("swap")])
    return found


def order(codec: Codec, **changes: Any) -> list[VenueEvent]:
    return list(codec.decode(message("orders", ROW | changes), AT))


def done(status: OrderStatus, filled: str, reason: str = "") -> OrderDone:
    return OrderDone(
        client_order_id=CLIENT,
        venue_order_id=ORDER,
        status=status,
        venue_filled=Decimal(filled),
        reason=reason,
        venue_time=WHEN,
        received_at=AT,
    )


ACCEPTED = OrderAccepted(client_order_id=CLIENT, venue_order_id=ORDER, venue_time=WHEN, received_at=AT)
FILL = Fill(
    client_order_id=CLIENT,
    venue_order_id=ORDER,
    trade_id=TradeId("1518905529"),
    instrument=okx.BTC,
    account=okx.ACCOUNT,
    side=Side.BUY,
    price=Decimal("103698.9"),
    quantity=Decimal("0.03"),
    fee=Money(Decimal("0.021776769"), Asset("USDT")),
    liquidity=Liquidity.TAKER,
    venue_time=from_millis(1746947317401),
    received_at=AT,
)


def test_a_live_order_was_accepted(codec: Codec) -> None:
    assert order(codec) == [ACCEPTED]


def test_a_part_that_traded_is_a_fill_of_an_order_that_is_there(codec: Codec) -> None:
    assert order(codec, **FILLED, state="partially_filled") == [ACCEPTED, FILL]


def test_the_last_fill_comes_before_the_end(codec: Codec) -> None:
    assert order(codec, **FILLED, state="filled") == [FILL, done(OrderStatus.FILLED, "0.05")]


@pytest.mark.parametrize("state", ["canceled", "mmp_canceled"])
def test_a_cancelled_order_says_how_much_of_it_traded_and_why_it_ended(codec: Codec, state: str) -> None:
    events = order(codec, state=state, accFillSz="0.02", cancelSource="31")
    assert events == [done(OrderStatus.CANCELLED, "0.02", "31")]
    events = order(codec, state=state, accFillSz="0.02", cancelSource="31", cancelSourceReason="would take")
    assert events == [done(OrderStatus.CANCELLED, "0.02", "would take")]


def test_a_rebate_is_a_negative_fee_of_a_maker(codec: Codec) -> None:
    _, event = order(codec, **FILLED | {"fillFee": "0.5", "execType": "M"}, state="partially_filled")
    assert isinstance(event, Fill)
    assert event.fee == Money(Decimal("-0.5"), Asset("USDT"))
    assert event.liquidity is Liquidity.MAKER


def test_the_only_fill_has_paid_the_whole_fee_where_its_own_is_not_told(codec: Codec) -> None:
    told = FILLED | {"fillFee": "", "fillFeeCcy": "", "accFillSz": "0.03", "fee": "-0.1"}
    fill, _ = order(codec, **told, state="filled")
    assert isinstance(fill, Fill)
    assert fill.fee == Money(Decimal("0.1"), Asset("USDT"))


def test_a_later_fill_whose_fee_is_not_told_is_asked_for_and_never_guessed(codec: Codec) -> None:
    (event,) = order(codec, **FILLED | {"fillFee": ""}, state="partially_filled")
    assert isinstance(event, Quarantined)


def test_an_order_made_by_hand_tells_its_fills_and_nothing_else(codec: Codec) -> None:
    assert order(codec, clOrdId="") == [Ignored("foreign order")]
    (fill,) = order(codec, **FILLED, clOrdId="", state="filled")
    assert isinstance(fill, Fill)
    assert fill.client_order_id == ""


def test_another_products_orders_are_ignored(codec: Codec) -> None:
    assert order(codec, instType="MARGIN") == [Ignored("product")]


def test_what_is_booked_and_not_bound_is_free(codec: Codec) -> None:
    coin = {"ccy": "USDT", "cashBal": "100", "eq": "103.5", "upl": "3.5", "frozenBal": "20"}
    old = {"ccy": "BTC", "cashBal": "0.5", "eq": "", "upl": "", "frozenBal": ""}
    frame = message("account", {"uTime": "1746947317402", "details": [coin, old]})
    assert codec.decode(frame, AT) == [
        BalancesReported(
            venue=okx.venue("swap").venue,
            account=okx.ACCOUNT,
            balances=(
                Balance(Asset("USDT"), Decimal(80), Decimal(20)),
                Balance(Asset("BTC"), Decimal("0.5"), Decimal(0)),
            ),
            positions=(),
            complete=False,
            venue_time=WHEN,
            received_at=AT,
        )
    ]


def test_answers_are_understood_on_this_link_too(codec: Codec) -> None:
    login = b'{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}'
    assert codec.decode(login, AT) == (Acknowledged("login", ok=True),)
    refused = b'{"event":"error","code":"60009","msg":"Login failed.","connId":"a4d3ae55"}'
    assert codec.decode(refused, AT) == (Acknowledged("", ok=False, detail="60009 Login failed."),)
    assert codec.decode(b"pong", AT) == (Pong(),)


def test_other_channels_are_ignored(codec: Codec) -> None:
    assert codec.decode(message("positions", {}), AT) == [Ignored("channel")]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "dancing"},
        {"side": "both"},
        {"ordId": 7.5},
        FILLED | {"fillPx": "nan"},
        FILLED | {"fillPx": "0"},
        FILLED | {"fillSz": "1e5"},
        FILLED | {"fillFee": "lots"},
        {"state": "canceled", "accFillSz": "-"},
        {"uTime": "-1"},
    ],
)
def test_an_entry_that_cannot_be_believed_does_not_hide_the_others(codec: Codec, changes: dict[str, Any]) -> None:
    frame = message("orders", ROW | changes, ROW)
    strange, good = codec.decode(frame, AT)
    assert isinstance(strange, Quarantined)
    assert strange.frame == frame
    assert good == ACCEPTED


@given(st.binary(max_size=200) | st.builds(lambda rows: message("orders", *rows), st.lists(st.text(max_size=5))))
def test_no_bytes_make_the_codec_fail(frame: bytes) -> None:
    found = okx.venue("swap").user_codec
    assert found is not None
    for event in found.decode(frame, AT):
        assert not isinstance(event, Quarantined) or event.frame == frame
