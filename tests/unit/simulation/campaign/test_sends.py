"""What leaves: how much at a time, when not, and how soon after a halt."""

from decimal import Decimal

import pytest

from integrated_trading_system.domain.http import HttpCall, HttpReply, HttpRequest
from integrated_trading_system.domain.ids import (
    AccountId,
    CallId,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.order import Order, OrderRequest, OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.campaign.sends import Cancels, Rate, Waits

BINANCE, OKX = VenueId("binance:spot"), VenueId("okx:spot")


def call(tag: Tag = Tag.QUERY, venue: VenueId = BINANCE, *, number: int = 1, query: str = "", to: str = "") -> HttpCall:
    purpose = to or {Tag.ORDER: "place", Tag.CANCEL: "cancel"}.get(tag, "query")
    return HttpCall(
        call=CallId(f"{venue}#{purpose}.{number}"),
        venue=venue,
        purpose=purpose,
        request=HttpRequest(method="GET", url="https://venue/api", query=query),
        tag=tag,
        deadline=Nanos(99 * SECOND),
    )


def told(of: HttpCall, status: int, seconds: int, now: int) -> HttpReply:
    headers = {"retry-after": str(seconds)}
    return HttpReply(
        call=of.call, status=status, headers=headers, body=b"", sent_at=Nanos(0), received_at=Nanos(now * SECOND)
    )


def order(name: str, status: OrderStatus = OrderStatus.WORKING, instrument: str = "binance:spot:BTCUSDT") -> Order:
    request = OrderRequest(
        client_order_id=ClientOrderId(name),
        instrument=InstrumentId(instrument),
        account=AccountId("main"),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal(100),
        quantity=Decimal(2),
        time_in_force=TimeInForce.GTC,
        strategy=StrategyId("s"),
        plan_id=PlanId("p"),
        leg=0,
    )
    return Order(request=request, status=status, venue_order_id=VenueOrderId(f"v{name}"))


def test_a_rate_counts_every_window_that_ends_with_a_send() -> None:
    rate = Rate("orders", 2, 1_000)
    times = (0, 600, 1_000, 1_599, 1_600)
    said = [rate.add(Nanos(time * MILLISECOND)) for time in times]
    assert said == ["", "", "", "3 orders within the window, at most 2", "3 orders within the window, at most 2"]
    assert rate.add(Nanos(9 * SECOND), 3) == "3 orders within the window, at most 2"


@pytest.mark.parametrize(("status", "cancels_pass"), [(429, True), (418, False)])
def test_before_the_time_that_a_venue_names_nothing_leaves_but_the_cancels_that_a_429_lets_through(
    status: int, cancels_pass: bool
) -> None:
    waits = Waits()
    first = call()
    assert waits.asks(first, Nanos(0)) == ("", ())
    waits.heard(told(first, status, 5, now=1))
    assert waits.asks(call(number=2), Nanos(1 * SECOND)) == ("", ()), "it left in the turn that heard of it"
    assert str(status) in waits.asks(call(number=3), Nanos(6 * SECOND - 1))[0]
    assert (waits.asks(call(Tag.CANCEL, number=4), Nanos(2 * SECOND))[0] == "") is cancels_pass
    assert waits.asks(call(venue=OKX), Nanos(2 * SECOND)) == ("", ())
    assert waits.banned(BINANCE, Nanos(2 * SECOND)) is not cancels_pass
    assert waits.asks(call(number=5), Nanos(6 * SECOND)) == ("", (status,))
    assert waits.asks(call(number=6), Nanos(6 * SECOND)) == ("", ())


def test_who_died_need_not_remember_what_a_venue_said() -> None:
    for forgotten in (BINANCE, None):
        waits = Waits()
        waits.asks(call(), Nanos(0))
        waits.heard(told(call(), 418, 5, now=1))
        waits.forget(forgotten)
        assert waits.asks(call(number=2), Nanos(2 * SECOND)) == ("", ())


def test_after_a_halt_each_order_that_may_be_open_is_owed_a_cancel() -> None:
    cancels, waits = Cancels(), Waits()
    orders = [order("a"), order("b", OrderStatus.UNKNOWN), order("c", OrderStatus.INTENDED), order("d")]
    cancels.owe(orders, Nanos(0))
    assert cancels.handed_out(call(Tag.CANCEL, query="origClientOrderId=a"))
    assert not cancels.handed_out(call(Tag.CANCEL, query="origClientOrderId=a"))
    assert not cancels.handed_out(call(Tag.QUERY, query="origClientOrderId=b"))
    assert cancels.handed_out(call(Tag.CANCEL, query="orderId=vb"))
    assert cancels.late(Nanos(50 * MILLISECOND), waits) == ""
    late = cancels.late(Nanos(51 * MILLISECOND), waits)
    assert "'d'" in late
    assert "'b'" not in late
    assert cancels.late(Nanos(52 * MILLISECOND), waits) == "", "it is told once"


def test_a_call_that_cancels_everything_there_is_a_cancel_of_each_order_of_that_venue() -> None:
    cancels, waits = Cancels(), Waits()
    cancels.owe([order("a"), order("b"), order("c", instrument="okx:spot:BTC-USDT")], Nanos(0))
    assert cancels.handed_out(call(Tag.CANCEL, to="cancel-all"))
    late = cancels.late(Nanos(51 * MILLISECOND), waits)
    assert "'c'" in late
    assert "'a'" not in late


def test_what_ended_and_what_a_ban_holds_back_is_owed_no_cancel() -> None:
    cancels, waits = Cancels(), Waits()
    banned = call(venue=OKX)
    waits.asks(banned, Nanos(0))
    waits.heard(told(banned, 418, 5, now=0))
    cancels.owe([order("a"), order("b", instrument="okx:spot:BTC-USDT")], Nanos(0))
    cancels.over(ClientOrderId("a"))
    assert cancels.late(Nanos(51 * MILLISECOND), waits) == ""
