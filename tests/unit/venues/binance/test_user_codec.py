"""An account's events on Binance: orders, fills and balances, in every envelope they come in."""

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
    OrderRejected,
    VenuePosition,
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
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, ServerClosing, VenueEvent
from tests.support import binance

AT = Nanos(7)
T = 1_700_000_000_123
OURS = ClientOrderId("ours-1")
THEIRS = VenueOrderId("55")

REPORT: dict[str, Any] = {
    "e": "executionReport",
    "E": T,
    "s": "BTCUSDT",
    "c": "ours-1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "IOC",
    "q": "2",
    "p": "100.5",
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 55,
    "l": "0",
    "z": "0",
    "L": "0",
    "n": "0",
    "N": None,
    "T": T,
    "t": -1,
    "m": False,
}
TRADE = REPORT | {"x": "TRADE", "X": "PARTIALLY_FILLED", "t": 9, "l": "0.50", "z": "0.50", "L": "100.25"}
PAID = TRADE | {"n": "0.0005", "N": "BTC"}
ACCOUNT_UPDATE: dict[str, Any] = {
    "e": "ACCOUNT_UPDATE",
    "E": T,
    "T": T,
    "a": {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "100.5", "cw": "90.5", "bc": "0"}],
        "P": [
            {"s": "BTCUSDT", "pa": "-0.5", "ep": "61000.5", "ps": "BOTH"},
            {"s": "ETHUSDT", "pa": "3", "ep": "3000", "ps": "LONG"},
        ],
    },
}


def codec_of(flavour: str) -> Codec:
    codec = binance.venue(flavour).user_codec
    assert codec is not None
    codec.list([binance.instrument(flavour)])
    return codec


@pytest.fixture
def spot() -> Codec:
    return codec_of("spot")


@pytest.fixture
def usdm() -> Codec:
    return codec_of("usdm")


def frame_of(event: dict[str, Any]) -> bytes:
    """As spot's WebSocket API wraps it."""
    return msgspec.json.encode({"subscriptionId": 0, "event": event})


def events(codec: Codec, event: dict[str, Any]) -> list[VenueEvent]:
    return list(codec.decode(frame_of(event), AT))


def done(status: OrderStatus, filled: str, reason: str = "") -> OrderDone:
    return OrderDone(
        client_order_id=OURS,
        venue_order_id=THEIRS,
        status=status,
        venue_filled=Decimal(filled),
        reason=reason,
        venue_time=Nanos(T * 1_000_000),
        received_at=AT,
    )


def fill(flavour: str = "spot", amount: str = "0.0005", asset: str = "BTC") -> Fill:
    return Fill(
        client_order_id=OURS,
        venue_order_id=THEIRS,
        trade_id=TradeId("9"),
        instrument=InstrumentId(f"binance:{flavour}:BTCUSDT"),
        account=binance.ACCOUNT,
        side=Side.BUY,
        price=Decimal("100.25"),
        quantity=Decimal("0.50"),
        fee=Money(Decimal(amount), Asset(asset)),
        liquidity=Liquidity.TAKER,
        venue_time=Nanos(T * 1_000_000),
        received_at=AT,
    )


ACCEPTED = OrderAccepted(client_order_id=OURS, venue_order_id=THEIRS, venue_time=Nanos(T * 1_000_000), received_at=AT)


# -- orders --------------------------------------------------------------------------------------


def test_a_new_order_is_accepted(spot: Codec) -> None:
    assert events(spot, REPORT) == [ACCEPTED]


@pytest.mark.parametrize(
    "frame",
    [
        msgspec.json.encode(REPORT),
        msgspec.json.encode({"subscriptionId": 3, "event": REPORT}),
        msgspec.json.encode({"stream": "a-listen-key", "data": REPORT}),
    ],
)
def test_an_event_is_understood_bare_and_in_either_envelope(spot: Codec, frame: bytes) -> None:
    assert list(spot.decode(frame, AT)) == [ACCEPTED]


def test_a_trade_is_a_fill_with_its_fee(spot: Codec) -> None:
    assert events(spot, PAID) == [fill()]


def test_the_last_trade_is_a_fill_and_then_the_end_of_the_order(spot: Codec) -> None:
    last = PAID | {"X": "FILLED", "z": "2"}
    assert events(spot, last) == [fill(), done(OrderStatus.FILLED, "2")]


def test_a_resting_order_that_trades_is_a_maker(spot: Codec) -> None:
    (event,) = events(spot, PAID | {"m": True})
    assert isinstance(event, Fill)
    assert event.liquidity is Liquidity.MAKER


def test_a_fee_of_nothing_is_in_the_settle_currency(spot: Codec) -> None:
    assert events(spot, TRADE) == [fill(amount="0", asset="USDT")]


def test_a_cancelled_order_is_known_by_its_own_id_and_not_by_the_cancels(spot: Codec) -> None:
    cancelled = REPORT | {"x": "CANCELED", "X": "CANCELED", "c": "cancel-1", "C": "ours-1", "z": "0.5"}
    assert events(spot, cancelled) == [done(OrderStatus.CANCELLED, "0.5")]


@pytest.mark.parametrize("status", ["EXPIRED", "EXPIRED_IN_MATCH"])
def test_an_expired_order_tells_what_was_executed(spot: Codec, status: str) -> None:
    expired = REPORT | {"x": "EXPIRED", "X": status, "z": "0.5", "eR": "UNFILLED_IOC_QUANTITY_EXPIRED"}
    assert events(spot, expired) == [done(OrderStatus.EXPIRED, "0.5", "UNFILLED_IOC_QUANTITY_EXPIRED")]


def test_a_rejected_order_tells_the_venues_reason(spot: Codec) -> None:
    rejected = REPORT | {"x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES"}
    assert events(spot, rejected) == [
        OrderRejected(client_order_id=OURS, reason="INSUFFICIENT_BALANCES", received_at=AT)
    ]


def test_a_liquidation_without_a_trade_id_only_ends_the_order(usdm: Codec) -> None:
    liquidated = {"e": "ORDER_TRADE_UPDATE", "o": TRADE | {"x": "CALCULATED", "X": "FILLED", "t": 0, "z": "2"}}
    assert list(usdm.decode(msgspec.json.encode(liquidated), AT)) == [done(OrderStatus.FILLED, "2")]


def test_a_change_that_leaves_the_order_working_is_ignored(spot: Codec) -> None:
    assert events(spot, REPORT | {"x": "REPLACED"}) == [Ignored("REPLACED")]


def test_a_futures_order_update_is_read_like_a_spot_report(usdm: Codec) -> None:
    order = {name: value for name, value in PAID.items() if name not in ("e", "E", "C", "r")}
    update = {"e": "ORDER_TRADE_UPDATE", "E": T, "T": T, "o": order | {"N": "USDT", "ap": "100.25", "rp": "0"}}
    assert list(usdm.decode(msgspec.json.encode(update), AT)) == [fill("usdm", asset="USDT")]


def test_an_order_in_a_symbol_that_was_never_listed_is_told_all_the_same(spot: Codec) -> None:
    (event,) = events(spot, PAID | {"s": "DOGEUSDT"})
    assert isinstance(event, Fill)
    assert event.instrument == "binance:spot:DOGEUSDT"


# -- balances ------------------------------------------------------------------------------------


def test_changed_balances_are_reported_as_a_part(spot: Codec) -> None:
    position = {"e": "outboundAccountPosition", "E": T, "u": T, "B": [{"a": "ETH", "f": "10.5", "l": "0.25"}]}
    assert events(spot, position) == [
        BalancesReported(
            venue=VenueId("binance:spot"),
            account=binance.ACCOUNT,
            balances=(Balance(Asset("ETH"), Decimal("10.5"), Decimal("0.25")),),
            positions=(),
            complete=False,
            venue_time=Nanos(T * 1_000_000),
            received_at=AT,
        )
    ]


def test_a_futures_account_update_holds_balances_and_one_way_positions(usdm: Codec) -> None:
    (event,) = usdm.decode(msgspec.json.encode(ACCOUNT_UPDATE), AT)
    assert isinstance(event, BalancesReported)
    assert event.balances == (Balance(Asset("USDT"), Decimal("90.5"), Decimal("10.0")),)
    assert event.positions == (
        VenuePosition(InstrumentId("binance:usdm:BTCUSDT"), Decimal("-0.5"), Decimal("61000.5")),
    )
    assert not event.complete


FUNDING: dict[str, Any] = ACCOUNT_UPDATE | {
    "a": {
        "m": "FUNDING_FEE",
        "B": [{"a": "USDT", "wb": "99.5", "cw": "89.5", "bc": "-1.0"}, {"a": "BNB", "wb": "1", "cw": "1", "bc": "0"}],
    }
}


def test_a_funding_fee_is_told_before_the_balance_that_it_changed(usdm: Codec) -> None:
    paid, balances = usdm.decode(msgspec.json.encode(FUNDING), AT)
    assert isinstance(balances, BalancesReported)
    assert isinstance(paid, FundingPaid)
    assert (paid.instrument, paid.asset, paid.amount) == (None, "USDT", Decimal("-1.0"))
    assert (paid.funding_id, paid.venue_time) == (f"{T}:USDT:99.5", balances.venue_time)


@pytest.mark.parametrize("where", [{"S": "BTCUSDT"}, {"P": [{"s": "BTCUSDT", "pa": "1", "ep": "61000", "ps": "BOTH"}]}])
def test_a_funding_fee_names_its_position_where_the_venue_does(usdm: Codec, where: dict[str, Any]) -> None:
    paid, _ = usdm.decode(msgspec.json.encode(FUNDING | {"a": FUNDING["a"] | where}), AT)
    assert isinstance(paid, FundingPaid)
    assert paid.instrument == "binance:usdm:BTCUSDT"


def test_two_funding_fees_of_one_millisecond_are_two(usdm: Codec) -> None:
    other = FUNDING | {"a": {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "98.5", "cw": "88.5", "bc": "-1.0"}]}}
    first, second = (usdm.decode(msgspec.json.encode(event), AT)[0] for event in (FUNDING, other))
    assert isinstance(first, FundingPaid)
    assert isinstance(second, FundingPaid)
    assert first.funding_id != second.funding_id


@pytest.mark.parametrize("why", ["ORDER", "DEPOSIT", "SOMETHING_NEW"])
def test_a_change_for_another_reason_is_no_funding(usdm: Codec, why: str) -> None:
    (event,) = usdm.decode(msgspec.json.encode(FUNDING | {"a": FUNDING["a"] | {"m": why}}), AT)
    assert isinstance(event, BalancesReported)


# -- the rest ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["listenKeyExpired", "eventStreamTerminated", "serverShutdown"])
def test_the_end_of_the_stream_is_announced(usdm: Codec, kind: str) -> None:
    assert list(usdm.decode(msgspec.json.encode({"e": kind, "E": T}), AT)) == [ServerClosing(kind)]


@pytest.mark.parametrize("kind", ["TRADE_LITE", "balanceUpdate", "listStatus", "ALGO_UPDATE", "MARGIN_CALL"])
def test_an_event_that_says_nothing_new_is_ignored(usdm: Codec, kind: str) -> None:
    assert list(usdm.decode(msgspec.json.encode({"e": kind, "E": T, "s": "BTCUSDT"}), AT)) == [Ignored(kind)]


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b'{"id":1,"status":200,"result":{"subscriptionId":0},"rateLimits":[]}', Acknowledged("1", ok=True)),
        (
            b'{"id":1,"status":401,"error":{"code":-2015,"msg":"Invalid API-key"}}',
            Acknowledged("1", ok=False, detail="-2015 Invalid API-key"),
        ),
        (b'{"id":0,"status":200,"result":{}}', Pong()),
    ],
)
def test_answers_to_our_frames_are_acknowledgements(spot: Codec, frame: bytes, event: VenueEvent) -> None:
    assert list(spot.decode(frame, AT)) == [event]


@pytest.mark.parametrize(
    "change",
    [
        {"X": "SOMETHING_NEW"},
        {"S": "BOTH"},
        {"l": "NaN"},
        {"l": "-1"},
        {"L": "0"},
        {"z": "1e3", "X": "FILLED"},
        {"n": "Infinity"},
        {"n": "1", "N": None, "s": "UNLISTED"},
        {"T": -1},
        {"i": "x"},
    ],
)
def test_a_report_that_cannot_be_believed_is_quarantined(spot: Codec, change: dict[str, Any]) -> None:
    (event,) = events(spot, PAID | change)
    assert isinstance(event, Quarantined)
    assert event.frame == frame_of(PAID | change)


@given(st.binary(max_size=100))
def test_random_bytes_yield_events_and_no_exception(frame: bytes) -> None:
    assert USER.decode(frame, AT)


@given(
    st.sampled_from([PAID, ACCOUNT_UPDATE, FUNDING]),
    st.data(),
    st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2) | st.floats(),
)
def test_a_field_of_any_type_never_raises(event: dict[str, Any], data: st.DataObject, value: Any) -> None:
    changed = event | {data.draw(st.sampled_from(sorted(event))): value}
    assert events(USER, changed)


USER = codec_of("usdm")
