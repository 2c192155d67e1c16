"""Advanced Trade's account stream: states of orders, and that a lost message makes everything be asked anew."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.domain.execution import OrderAccepted, OrderDone, OrderReport, UserStreamChanged
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.coinbase.wire import STATUS, moment
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, VenueEvent
from tests.support import coinbase
from tests.support.coinbase import ACCOUNT, CLIENT, ORDER, advanced

AT = Nanos(7)
STAMP = moment("2026-04-07T14:30:01.456789Z")
ROW: dict[str, Any] = {
    "order_id": ORDER,
    "client_order_id": CLIENT,
    "cumulative_quantity": "0",
    "leaves_quantity": "0.001",
    "avg_price": "0",
    "status": "OPEN",
    "product_id": "BTC-USD",
    "order_side": "BUY",
    "cancel_reason": "",
    "reject_reason": "",
}


def codec() -> Codec:
    made = coinbase.venue("advanced").user_codec
    assert made is not None
    made.list([coinbase.instrument("advanced")])
    return made


def told(**changed: Any) -> list[VenueEvent]:
    return list(codec().decode(advanced("user", 0, {"type": "update", "orders": [ROW | changed]}), AT))


def test_an_open_order_was_accepted() -> None:
    assert told() == [OrderAccepted(client_order_id=CLIENT, venue_order_id=ORDER, venue_time=STAMP, received_at=AT)]


def test_an_open_order_that_traded_tells_how_much_so_that_its_fills_are_asked_for() -> None:
    (report,) = told(cumulative_quantity="0.0004")
    assert isinstance(report, OrderReport)
    assert (report.status, report.venue_filled) == (OrderStatus.WORKING, Decimal("0.0004"))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("FILLED", OrderStatus.FILLED),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("FAILED", OrderStatus.REJECTED),
    ],
)
def test_an_order_that_is_over_says_how_it_ended(word: str, status: OrderStatus) -> None:
    (done,) = told(status=word, cumulative_quantity="0.001", cancel_reason="why")
    assert done == OrderDone(
        client_order_id=CLIENT,
        venue_order_id=ORDER,
        status=status,
        venue_filled=Decimal("0.001"),
        reason="why",
        venue_time=STAMP,
        received_at=AT,
    )


def test_every_word_for_a_state_is_understood_and_no_other_is_guessed_at() -> None:
    for word in STATUS:
        assert not isinstance(told(status=word)[0], Quarantined)
    (doubted,) = told(status="EDITING")
    assert isinstance(doubted, Quarantined)


def test_an_order_made_by_hand_is_not_ours() -> None:
    assert told(client_order_id="") == [Ignored("foreign order")]


def test_a_strange_order_does_not_hide_the_others() -> None:
    frame = advanced("user", 0, {"orders": [{"order_id": 5}, ROW]})
    assert [type(event) for event in codec().decode(frame, AT)] == [Quarantined, OrderAccepted]


def test_no_orders_acknowledgements_and_heartbeats_are_told_for_what_they_are() -> None:
    one = codec()
    assert one.decode(advanced("user", 0, {"type": "snapshot", "orders": []}), AT) == (Ignored("no orders"),)
    assert one.decode(advanced("subscriptions", 1), AT) == (Acknowledged("", ok=True),)
    assert one.decode(advanced("heartbeats", 2), AT) == (Pong(),)
    refused = one.decode(b'{"type":"error","message":"authentication failure"}', AT)
    assert refused == (Acknowledged("", ok=False, detail="authentication failure"),)


def test_a_missing_message_is_told_as_the_stream_going_down_and_coming_up() -> None:
    one = codec()
    one.decode(advanced("heartbeats", 0), AT)
    down, up, pong = one.decode(advanced("heartbeats", 2), AT)
    venue = VenueId("coinbase:advanced")
    assert down == UserStreamChanged(venue=venue, account=ACCOUNT, up=False, received_at=AT)
    assert up == UserStreamChanged(venue=venue, account=ACCOUNT, up=True, received_at=AT)
    assert pong == Pong()


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b'{"channel":"user","sequence_num":0,"timestamp":"?"}', b"\xff"])
def test_what_cannot_be_read_is_quarantined(frame: bytes) -> None:
    assert [type(event) for event in codec().decode(frame, AT)] == [Quarantined]
