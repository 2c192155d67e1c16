"""Backpack's account stream: what happened to our orders, in the markets of one flavour."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.execution import Fill, Liquidity, OrderAccepted, OrderDone
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import Asset, ClientOrderId, InstrumentId, TradeId, VenueOrderId
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, VenueEvent
from tests.support import backpack

AT = Nanos(7)
ENGINE = Nanos(1694687692989999_000)

UPDATE: dict[str, Any] = {
    "e": "orderAccepted",
    "E": 1694687692980000,
    "s": "SOL_USDC",
    "c": 1001,
    "S": "Bid",
    "o": "LIMIT",
    "f": "GTC",
    "q": "32123",
    "p": "20",
    "X": "New",
    "i": "1111343026172067",
    "z": "0",
    "Z": "0",
    "V": "RejectTaker",
    "T": 1694687692989999,
    "O": "USER",
}
FILL = UPDATE | {
    "e": "orderFill",
    "X": "PartiallyFilled",
    "t": 567,
    "l": "1.5",
    "L": "20.01",
    "z": "1.5",
    "m": False,
    "n": "0.023",
    "N": "USDC",
}


def codec_of(flavour: str) -> Codec:
    codec = backpack.venue(flavour).user_codec
    assert codec is not None
    codec.list([backpack.instrument(flavour)])
    return codec


def message(update: Any, stream: str = "account.orderUpdate") -> bytes:
    return msgspec.json.encode({"stream": stream, "data": update})


def only(codec: Codec, frame: bytes) -> VenueEvent:
    (event,) = codec.decode(frame, AT)
    return event


@pytest.fixture
def spot() -> Codec:
    return codec_of("spot")


def test_an_accepted_order_is_at_the_venue(spot: Codec) -> None:
    assert only(spot, message(UPDATE)) == OrderAccepted(
        client_order_id=ClientOrderId("1001"),
        venue_order_id=VenueOrderId("1111343026172067"),
        venue_time=ENGINE,
        received_at=AT,
    )


def test_ids_may_come_as_numbers_or_as_texts(spot: Codec) -> None:
    other = UPDATE | {"c": "1001", "i": 1111343026172067}
    assert only(spot, message(other)) == only(spot, message(UPDATE))


def test_a_fill_is_a_fill(spot: Codec) -> None:
    assert only(spot, message(FILL)) == Fill(
        client_order_id=ClientOrderId("1001"),
        venue_order_id=VenueOrderId("1111343026172067"),
        trade_id=TradeId("567"),
        instrument=InstrumentId("backpack:spot:SOL_USDC"),
        account=backpack.ACCOUNT,
        side=Side.BUY,
        price=Decimal("20.01"),
        quantity=Decimal("1.5"),
        fee=Money(Decimal("0.023"), Asset("USDC")),
        liquidity=Liquidity.TAKER,
        venue_time=ENGINE,
        received_at=AT,
    )


def done(status: OrderStatus, filled: str, reason: str = "") -> OrderDone:
    return OrderDone(
        client_order_id=ClientOrderId("1001"),
        venue_order_id=VenueOrderId("1111343026172067"),
        status=status,
        venue_filled=Decimal(filled),
        reason=reason,
        venue_time=ENGINE,
        received_at=AT,
    )


def test_the_fill_that_completes_an_order_also_ends_it(spot: Codec) -> None:
    fill, end = spot.decode(message(FILL | {"X": "Filled", "S": "Ask", "m": True}), AT)
    assert isinstance(fill, Fill)
    assert (fill.side, fill.liquidity) == (Side.SELL, Liquidity.MAKER)
    assert end == done(OrderStatus.FILLED, "1.5")


def test_a_cancelled_order_is_done_with_what_was_executed(spot: Codec) -> None:
    frame = message(UPDATE | {"e": "orderCancelled", "X": "Cancelled", "z": "3"})
    assert only(spot, frame) == done(OrderStatus.CANCELLED, "3")


def test_an_expired_order_says_why(spot: Codec) -> None:
    frame = message(UPDATE | {"e": "orderExpired", "X": "Expired", "R": "PRICE_BAND"})
    assert only(spot, frame) == done(OrderStatus.EXPIRED, "0", "PRICE_BAND")


@pytest.mark.parametrize("event", ["orderModified", "triggerPlaced", "triggerFailed", "orderDreamt"])
def test_events_that_end_nothing_are_ignored(spot: Codec, event: str) -> None:
    assert only(spot, message(UPDATE | {"e": event})) == Ignored("order event")


@pytest.mark.parametrize("event", ["orderAccepted", "orderCancelled", "orderExpired"])
def test_an_order_made_by_hand_is_not_ours_to_follow(spot: Codec, event: str) -> None:
    by_hand = {key: value for key, value in UPDATE.items() if key != "c"} | {"e": event}
    assert only(spot, message(by_hand)) == Ignored("foreign order")


def test_a_fill_that_the_venue_made_for_us_is_of_no_order_of_ours(spot: Codec) -> None:
    liquidation = {key: value for key, value in FILL.items() if key != "c"} | {"O": "LIQUIDATION_AUTOCLOSE"}
    fill = only(spot, message(liquidation | {"X": "Filled"}))
    assert isinstance(fill, Fill)
    assert fill.client_order_id == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"L": "0"},
        {"l": "-1"},
        {"L": "NaN"},
        {"t": None},
        {"m": None},
        {"N": None},
        {"S": "Buy"},
        {"z": "1e3", "X": "Filled"},
        {"T": -1},
    ],
)
def test_a_fill_that_cannot_be_booked_is_quarantined(spot: Codec, fields: dict[str, Any]) -> None:
    assert isinstance(only(spot, message(FILL | fields)), Quarantined)


def test_a_fill_without_fee_needs_no_asset(spot: Codec) -> None:
    fill = only(spot, message(FILL | {"n": None, "N": None}))
    assert isinstance(fill, Fill)
    assert fill.fee == Money(Decimal(0), Asset(""))


def test_each_flavour_hears_of_its_own_markets() -> None:
    perpetual = message(UPDATE | {"s": "SOL_USDC_PERP"})
    assert only(codec_of("spot"), perpetual) == Ignored("market")
    assert isinstance(only(codec_of("perp"), perpetual), OrderAccepted)
    assert only(codec_of("perp"), message(UPDATE)) == Ignored("market")


@pytest.mark.parametrize("stream", ["account.positionUpdate", "depth.SOL_USDC"])
def test_other_streams_are_ignored(spot: Codec, stream: str) -> None:
    assert only(spot, message(UPDATE, stream)) == Ignored("stream")


def test_a_refused_subscription_is_told(spot: Codec) -> None:
    answer = only(spot, b'{"error":{"code":"INVALID_SIGNATURE"}}')
    assert answer == Acknowledged("", ok=False, detail='{"code":"INVALID_SIGNATURE"}')


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"stream":"account.orderUpdate","data":' + b"[" * 100_000,
        b'{"stream":"account.orderUpdate"}',
        b'{"stream":"account.orderUpdate","data":[]}',
        b'{"stream":"account.orderUpdate","data":"\xff"}',
        # The shape of an interface that is no more.
        b'{"stream":"account.orderUpdate","data":{"orderId":"1","clientId":"2","status":"PartiallyFilled"}}',
    ],
)
def test_what_is_no_message_is_quarantined(spot: Codec, frame: bytes) -> None:
    assert isinstance(only(spot, frame), Quarantined)


CODEC = codec_of("spot")


@given(st.sampled_from([message(UPDATE), message(FILL)]), st.integers(0, 600), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_frame_never_raises(frame: bytes, at: int, removed: int, inserted: bytes) -> None:
    at %= len(frame)
    assert CODEC.decode(frame[:at] + inserted + frame[at + removed :], AT)
