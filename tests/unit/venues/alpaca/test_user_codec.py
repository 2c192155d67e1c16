"""Alpaca's account stream: what happens to orders is told, what was executed is left to be asked for."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.execution import OrderAccepted, OrderDone
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, VenueEvent
from tests.support import alpaca
from tests.support.alpaca import CLIENT, ORDER_ID

AT = Nanos(7)
STAMP = "2023-11-17T04:22:34.442765Z"
TIME = Nanos(1_700_194_954_442_765_000)


@pytest.fixture
def codec() -> Codec:
    user = alpaca.venue().user_codec
    assert user is not None
    return user


def told(codec: Codec, stream: str, data: Any) -> VenueEvent:
    (event,) = codec.decode(msgspec.json.encode({"stream": stream, "data": data}), AT)
    return event


def update(codec: Codec, event: str, **fields: Any) -> VenueEvent:
    return told(codec, "trade_updates", {"event": event, "timestamp": STAMP, "order": alpaca.order(**fields)})


@pytest.mark.parametrize("status", ["new", "partially_filled", "pending_cancel", "held"])
def test_an_order_that_lives_is_at_the_venue(codec: Codec, status: str) -> None:
    assert update(codec, "new", status=status) == OrderAccepted(
        client_order_id=CLIENT, venue_order_id=ORDER_ID, venue_time=TIME, received_at=AT
    )


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("filled", OrderStatus.FILLED, ""),
        ("canceled", OrderStatus.CANCELLED, "canceled"),
        ("expired", OrderStatus.EXPIRED, "expired"),
        ("rejected", OrderStatus.REJECTED, "rejected"),
    ],
)
def test_an_order_that_is_over_says_how_much_was_executed(
    codec: Codec, word: str, status: OrderStatus, reason: str
) -> None:
    done = update(codec, word, status=word, filled_qty="0.0005")
    assert isinstance(done, OrderDone)
    assert (done.status, str(done.venue_filled), done.reason) == (status, "0.0005", reason)


def test_a_fill_is_told_as_the_state_of_its_order_alone(codec: Codec) -> None:
    fill = {"event": "partial_fill", "price": "1", "qty": "2", "execution_id": "e", "timestamp": STAMP}
    event = told(codec, "trade_updates", {**fill, "order": alpaca.order(status="partially_filled")})
    assert isinstance(event, OrderAccepted)


def test_the_accounts_other_asset_class_is_left_to_the_other_flavour(codec: Codec) -> None:
    assert update(codec, "new", asset_class="us_equity") == Ignored("asset class")


@pytest.mark.parametrize(
    ("stream", "data", "event"),
    [
        ("authorization", {"status": "authorized", "action": "authenticate"}, Acknowledged("logon", ok=True)),
        ("authorization", {"status": "unauthorized"}, Acknowledged("logon", ok=False, detail="unauthorized ")),
        ("listening", {"streams": ["trade_updates"]}, Acknowledged("", ok=True)),
        ("news", {}, Ignored("stream")),
    ],
)
def test_answers_are_told_apart(codec: Codec, stream: str, data: Any, event: VenueEvent) -> None:
    assert told(codec, stream, data) == event


def test_a_word_for_a_state_that_nobody_knows_is_not_guessed_at(codec: Codec) -> None:
    event = update(codec, "new", status="half-open")
    assert isinstance(event, Quarantined)
    assert "half-open" in event.detail


@given(st.binary(max_size=120))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    user = alpaca.venue().user_codec
    assert user is not None
    (event,) = user.decode(data, AT)
    assert isinstance(event, Quarantined | Ignored)
