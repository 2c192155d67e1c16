"""Kraken's account channels: partial messages are put together, and nothing makes the codec fail."""

from decimal import Decimal

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
from integrated_trading_system.domain.ids import Asset, TradeId, VenueOrderId
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, VenueEvent
from tests.support import kraken
from tests.support.kraken import ACCOUNT, BTC, CLIENT, VENUE, message

AT = Nanos(7)
TIME = Nanos(1695378785_709950_000)
ORDER = "OK4GJX-KSTLS-7DZZO5"

WHOLE = (
    f'{{"order_id":"{ORDER}","cl_ord_id":"{CLIENT}","symbol":"BTC/USD","order_qty":0.005,"cum_qty":0.000,'
    '"exec_type":"pending_new","side":"sell","order_type":"limit","limit_price":26500.0,"order_status":"pending_new",'
    '"timestamp":"2023-09-22T10:33:05.709950Z"}'
)
TRADE = (
    f'{{"order_id":"{ORDER}","exec_id":"TGBB7L-HT5LX-J3BZ4A","exec_type":"trade","trade_id":62887576,'
    '"symbol":"BTC/USD","side":"sell","last_qty":0.00500000,"last_price":26599.90,"liquidity_ind":"t","cost":132.9995,'
    '"order_type":"limit","timestamp":"2023-09-22T10:33:05.709950Z","order_status":"partially_filled",'
    '"cum_qty":0.00500000,"fees":[{"asset":"USD","qty":0.34580000}]}'
)


def step(kind: str, **fields: str) -> str:
    """A message that names its order by the venue's id alone."""
    more = "".join(f',"{name}":{value}' for name, value in fields.items())
    return f'{{"timestamp":"2023-09-22T10:33:05.709950Z","exec_type":"{kind}","order_id":"{ORDER}"{more}}}'


@pytest.fixture
def codec() -> Codec:
    made = kraken.venue().user_codec
    assert made is not None
    return made


def told(codec: Codec, *rows: str, kind: str = "update", channel: str = "executions") -> list[VenueEvent]:
    return list(codec.decode(message(channel, kind, *rows), AT))


def test_an_order_is_accepted_when_it_is_live_by_the_name_that_its_first_message_said(codec: Codec) -> None:
    assert told(codec, WHOLE) == [Ignored("execution")]
    (accepted,) = told(codec, step("new", order_status='"new"'))
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.client_order_id, accepted.venue_order_id, accepted.venue_time) == (CLIENT, ORDER, TIME)


def test_a_fill_is_told_to_the_last_digit(codec: Codec) -> None:
    told(codec, WHOLE)
    assert told(codec, TRADE) == [
        Fill(
            client_order_id=CLIENT,
            venue_order_id=VenueOrderId(ORDER),
            trade_id=TradeId("TGBB7L-HT5LX-J3BZ4A"),
            instrument=BTC,
            account=ACCOUNT,
            side=Side.SELL,
            price=Decimal("26599.90"),
            quantity=Decimal("0.005"),
            fee=Money(Decimal("0.3458"), Asset("USD")),
            liquidity=Liquidity.TAKER,
            venue_time=TIME,
            received_at=AT,
        )
    ]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("filled", OrderStatus.FILLED), ("canceled", OrderStatus.CANCELLED), ("expired", OrderStatus.EXPIRED)],
)
def test_an_orders_end_says_what_was_filled_even_where_it_does_not_repeat_it(
    codec: Codec, kind: str, status: OrderStatus
) -> None:
    told(codec, WHOLE)
    told(codec, TRADE)
    (done,) = told(codec, step(kind, reason='"User requested"'))
    assert isinstance(done, OrderDone)
    assert (done.client_order_id, done.status, done.venue_filled) == (CLIENT, status, Decimal("0.005"))
    assert done.reason == "User requested"


def test_a_trade_that_tells_no_sum_is_added_to_what_was_known(codec: Codec) -> None:
    told(codec, WHOLE)
    told(codec, TRADE.replace('"cum_qty":0.00500000,', ""))
    (done,) = told(codec, step("canceled"))
    assert isinstance(done, OrderDone)
    assert done.venue_filled == Decimal("0.005")


def test_open_orders_of_a_snapshot_are_known_from_then_on(codec: Codec) -> None:
    (accepted,) = told(codec, WHOLE.replace("pending_new", "new"), kind="snapshot")
    assert isinstance(accepted, OrderAccepted)
    (done,) = told(codec, step("canceled"))
    assert isinstance(done, OrderDone)


def test_an_order_made_by_hand_is_not_ours_and_its_fills_are(codec: Codec) -> None:
    by_hand = WHOLE.replace(f'"cl_ord_id":"{CLIENT}",', "")
    assert told(codec, by_hand, step("new"), step("amended")) == [Ignored("foreign order")] * 3
    (fill,) = told(codec, TRADE)
    assert isinstance(fill, Fill)
    assert fill.client_order_id == ""
    assert told(codec, step("filled")) == [Ignored("foreign order")]


@pytest.mark.parametrize("kind", ["amended", "restated", "status", "iceberg_refill", "something new"])
def test_events_that_change_nothing_of_ours_are_left_out(codec: Codec, kind: str) -> None:
    told(codec, WHOLE)
    assert told(codec, step(kind)) == [Ignored("execution")]


def test_a_strange_row_does_not_hide_the_others(codec: Codec) -> None:
    events = told(codec, WHOLE, '{"order_id":5}', step("new"))
    assert [type(event) for event in events] == [Ignored, Quarantined, OrderAccepted]


@pytest.mark.parametrize(
    "row",
    [
        TRADE.replace("26599.90", "0"),
        TRADE.replace('"last_qty":0.00500000', '"last_qty":-1'),
        TRADE.replace('"last_qty":0.00500000', '"last_qty":"NaN"'),
        TRADE.replace('"last_qty":0.00500000', '"last_qty":1e90'),
        TRADE.replace('"symbol":"BTC/USD","side":"sell",', ""),
        TRADE.replace("TGBB7L-HT5LX-J3BZ4A", ""),
        TRADE.replace("]}", ',{"asset":"BTC","qty":1}]}'),
        TRADE.replace("2023-", "1923-"),
    ],
)
def test_a_fill_that_cannot_be_is_quarantined(codec: Codec, row: str) -> None:
    (event,) = told(codec, row)
    assert isinstance(event, Quarantined)


def test_a_fill_without_fees_cost_nothing_in_the_quote_currency(codec: Codec) -> None:
    (fill,) = told(codec, TRADE.replace('[{"asset":"USD","qty":0.34580000}]', "[]"))
    assert isinstance(fill, Fill)
    assert fill.fee == Money(Decimal(0), Asset("USD"))


# -- balances ------------------------------------------------------------------------------------


def test_balances_are_totals_less_what_open_orders_bind(codec: Codec) -> None:
    told(codec, WHOLE)
    wallets = '[{"type":"spot","id":"main","balance":2.0},{"type":"earn","balance":0.5}]'
    row = f'{{"asset":"BTC","balance":2.5,"wallets":{wallets}}}'
    (report,) = told(codec, row, '{"asset":"USD","balance":100.25}', kind="snapshot", channel="balances")
    assert isinstance(report, BalancesReported)
    assert (report.venue, report.account, report.complete, report.venue_time) == (VENUE, ACCOUNT, False, 0)
    assert report.balances == (
        Balance(Asset("BTC"), Decimal("1.995"), Decimal("0.005")),
        Balance(Asset("USD"), Decimal("100.25"), Decimal(0)),
    )


def test_a_buy_binds_its_worth_and_nothing_once_it_is_over(codec: Codec) -> None:
    told(codec, WHOLE.replace('"sell"', '"buy"'))
    row = '{"asset":"USD","balance":1000,"wallet_type":"spot","timestamp":"2023-09-22T10:33:05.709950Z"}'
    (bound,) = told(codec, row, channel="balances")
    assert isinstance(bound, BalancesReported)
    assert bound.balances == (Balance(Asset("USD"), Decimal("867.5"), Decimal("132.5")),)
    assert bound.venue_time == TIME
    told(codec, step("canceled"))
    (free,) = told(codec, row, channel="balances")
    assert isinstance(free, BalancesReported)
    assert free.balances == (Balance(Asset("USD"), Decimal(1000), Decimal(0)),)


def test_an_entry_of_another_wallet_is_left_out(codec: Codec) -> None:
    row = '{"asset":"USD","balance":1000,"wallet_type":"earn"}'
    assert told(codec, row, channel="balances") == [Ignored("other wallets")]


# -- everything else -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b'{"channel":"heartbeat"}', Pong()),
        (b'{"method":"pong","req_id":1}', Pong()),
        (b'{"channel":"book","data":[]}', Ignored("channel")),
        (
            b'{"method":"subscribe","success":true,"req_id":17001,"result":{"channel":"executions","maxratecount":125}}',
            Acknowledged("17001", ok=True),
        ),
        (
            b'{"method":"subscribe","success":false,"req_id":17001,"error":"EAPI:Invalid token"}',
            Acknowledged("17001", ok=False, detail="EAPI:Invalid token"),
        ),
    ],
)
def test_what_is_no_data_is_told_for_what_it_is(codec: Codec, frame: bytes, expected: VenueEvent) -> None:
    assert codec.decode(frame, AT) == (expected,)


@given(
    row=st.sampled_from([WHOLE, TRADE, step("canceled")]),
    channel=st.sampled_from(["executions", "balances"]),
    at=st.integers(0, 500),
    junk=st.binary(min_size=1, max_size=6),
)
def test_no_damage_to_a_message_makes_the_codec_fail(row: str, channel: str, at: int, junk: bytes) -> None:
    codec = kraken.venue().user_codec
    assert codec is not None
    frame = message(channel, "update", row)
    place = at % len(frame)
    for event in codec.decode(frame[:place] + junk + frame[place + len(junk) :], AT):
        if isinstance(event, Fill):
            assert event.price > 0 < event.quantity
