"""Which orders are cancelled together, whether everything on an account may go, and what is told of others' orders."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import CancelFailed, ExternalOrders, OrderReport, RequestFailed
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, VenueOrderId
from integrated_trading_system.domain.order import (
    CancelOrder,
    CancelOrders,
    OrderRequest,
    OrderStatus,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    Side,
)
from tests.support.hostile import VENUES
from tests.support.oms_rig import Rig, account_of, instrument_of
from tests.support.oms_world import single

VENUE = VENUES[0]


def resting(rig: Rig, count: int) -> list[OrderRequest]:
    """So many orders of ours in the book of one venue."""
    for number in range(count):
        rig.approve(single(2 * number, 3, rig.now))
    requests = [message.request for message in rig.submits()]
    rig.tell(*(rig.accepted(request) for request in requests))
    rig.take()
    return requests


def by_hand(rig: Rig, name: str = "", remaining: int = 2) -> OrderReport:
    return OrderReport(
        client_order_id=ClientOrderId(name),
        venue_order_id=VenueOrderId("h1"),
        status=OrderStatus.WORKING,
        venue_filled=Decimal(5 - remaining),
        asked_at=rig.now,
        received_at=rig.now,
        side=Side.SELL,
        price=Decimal(101),
        quantity=Decimal(5),
    )


def bulk(rig: Rig) -> list[CancelOrders]:
    return [message for message in rig.take() if isinstance(message, CancelOrders)]


def told(rig: Rig) -> list[ExternalOrders]:
    return rig.heard.of(ExternalOrders)


# -- ours ----------------------------------------------------------------------------------------


def test_a_halt_hands_out_all_orders_of_a_venue_in_one_request_and_asks_what_is_open() -> None:
    rig = Rig()
    requests = resting(rig, 3)
    rig.set_state(TradingState.HALTED)
    cancels, question = rig.take()
    assert [each.client_order_id for each in cancels.orders] == [each.client_order_id for each in requests]
    assert isinstance(question, QueryOpenOrders)


def test_everything_may_go_only_where_the_last_list_held_nothing_of_others() -> None:
    for listed, alone in (((), True), (("hand",), False)):
        rig = Rig()
        requests = resting(rig, 2)
        ours = [rig.report(each, OrderStatus.WORKING) for each in requests]
        rig.tell(rig.open_orders(VENUE, *ours, *(by_hand(rig, name) for name in listed)))
        rig.set_state(TradingState.HALTED)
        (cancels,) = bulk(rig)
        assert cancels.all_open is alone
        assert len(cancels.orders) == 2, "an order of somebody else is nobody's to cancel"


def test_where_the_settings_want_it_a_halt_takes_other_peoples_orders_too() -> None:
    rig = Rig(OmsSettings(cancel_external=True))
    requests = resting(rig, 1)
    rig.tell(rig.open_orders(VENUE, rig.report(requests[0], OrderStatus.WORKING), by_hand(rig)))
    rig.take()
    rig.set_state(TradingState.HALTED)
    (cancels,) = bulk(rig)
    assert cancels.all_open
    assert [each.venue_order_id for each in cancels.orders] == [f"v{requests[0].client_order_id}", "h1"]


def test_what_is_still_open_is_cancelled_again_until_nothing_is() -> None:
    rig = Rig()
    first, second = resting(rig, 2)
    rig.set_state(TradingState.HALTED)
    rig.tell(rig.done(first, OrderStatus.CANCELLED, 0))
    rig.take()
    rig.wait(1_000)
    assert [message for message in rig.take() if isinstance(message, CancelOrder)] == [
        CancelOrder(
            second.client_order_id, second.instrument, second.account, VenueOrderId(f"v{second.client_order_id}")
        )
    ]
    rig.tell(rig.done(second, OrderStatus.CANCELLED, 0))
    rig.wait(5_000)
    assert not [message for message in rig.take() if isinstance(message, CancelOrder | CancelOrders)]


def rounds(rig: Rig, seconds: int) -> list[int]:
    """After how many seconds from now cancels were handed out."""
    found = []
    for second in range(1, seconds + 1):
        rig.wait(1_000)
        if any(isinstance(message, CancelOrder | CancelOrders) for message in rig.take()):
            found.append(second)
    return found


def test_what_the_venue_has_taken_is_said_again_ever_more_seldom() -> None:
    rig = Rig()
    resting(rig, 2)
    rig.set_state(TradingState.HALTED)
    rig.take()
    assert rounds(rig, 100) == [1, 3, 7, 15, 31, 61, 91]


@pytest.mark.parametrize("shown", ["listed", "reported", "accepted", "not sent"])
def test_an_order_that_is_open_after_all_is_cancelled_again_at_once(shown: str) -> None:
    rig = Rig()
    (request,) = resting(rig, 1)
    rig.set_state(TradingState.HALTED)
    assert rounds(rig, 20) == [1, 3, 7, 15]
    report = rig.report(request, OrderStatus.WORKING)
    failed = CancelFailed(
        client_order_id=request.client_order_id, reason="rate-limit", received_at=rig.now, maybe_sent=False
    )
    news = {"listed": rig.open_orders(VENUE, report), "reported": report, "not sent": failed}
    rig.tell(news.get(shown, rig.accepted(request)))
    assert rounds(rig, 8) == [1, 3, 7]


def test_one_venue_that_refuses_cancels_does_not_make_another_one_hear_them_more_often() -> None:
    rig = Rig()
    (request,) = resting(rig, 1)
    rig.approve(single(1, 3, rig.now))
    (other,) = [each.request for each in rig.submits() if each.request.account != request.account]
    rig.tell(rig.accepted(other))
    rig.set_state(TradingState.HALTED)
    rig.take()
    heard: list[int] = []
    for second in range(1, 17):
        failed = CancelFailed(client_order_id=other.client_order_id, reason="ban", received_at=rig.now)
        rig.tell(replace(failed, maybe_sent=False))
        rig.wait(1_000)
        if any(isinstance(message, CancelOrder) and message.account == request.account for message in rig.take()):
            heard.append(second)
    assert heard == [1, 3, 7, 15]


def test_where_a_venue_has_room_for_few_questions_what_became_of_an_order_is_asked_in_its_turn() -> None:
    rig = Rig()
    (request,) = resting(rig, 1)
    rig.wait(5_000)
    account, name = request.account, request.client_order_id
    assert [type(message) for message in rig.take()] == [QueryOrder, QueryFills]
    for subject in (name, request.instrument):
        failed = RequestFailed(
            venue=VENUE, account=account, subject=subject, reason="rate-limit", received_at=rig.now, no_room=True
        )
        rig.tell(failed)
    rig.set_state(TradingState.HALTED)
    assert [type(message) for message in rig.take()] == [CancelOrder], "the list waits behind them"
    rig.wait(3_000)
    assert [type(message) for message in rig.take()] == [CancelOrder, QueryOrder, CancelOrder]
    rig.tell(rig.report(request, OrderStatus.WORKING))
    assert [type(message) for message in rig.take()] == [QueryFills]
    rig.tell(rig.fills(VENUE))
    assert [type(message) for message in rig.take()] == [QueryOpenOrders]


def test_a_cancel_that_never_left_says_nothing_of_the_order() -> None:
    rig = Rig()
    (request,) = resting(rig, 1)
    failed = CancelFailed(client_order_id=request.client_order_id, reason="rate-limit", received_at=rig.now)
    rig.tell(replace(failed, maybe_sent=False))
    assert rig.take() == []
    rig.tell(failed)
    assert [type(message) for message in rig.take()] == [QueryOrder]


def test_an_order_that_the_list_of_open_orders_has_not_got_is_asked_for() -> None:
    rig = Rig()
    first, second = resting(rig, 2)
    rig.wait(10)
    rig.tell(rig.open_orders(VENUE, rig.report(first, OrderStatus.WORKING)))
    assert [message.client_order_id for message in rig.take()] == [second.client_order_id]


def test_of_very_many_orders_some_are_asked_about_at_a_time_and_all_in_turn() -> None:
    rig = Rig(OmsSettings(retry_first_ms=600_000, retry_max_ms=600_000))
    requests = resting(rig, 120)
    asked: list[list[str]] = []
    for _ in range(3):
        rig.wait(5_000)
        asked.append([message.client_order_id for message in rig.take() if isinstance(message, QueryOrder)])
    assert [len(each) for each in asked] == [50, 50, 20]
    assert {name for each in asked for name in each} == {request.client_order_id for request in requests}


def test_named_orders_are_cancelled_together_and_what_is_not_known_is_left_alone() -> None:
    rig = Rig()
    requests = resting(rig, 3)
    names = [*(each.client_order_id for each in requests[:2]), ClientOrderId("nobody")]
    wanted = tuple(CancelOrder(name, instrument_of(VENUE), account_of(VENUE)) for name in names)
    rig.tell(CancelOrders(account_of(VENUE), wanted))
    (cancels,) = bulk(rig)
    assert [each.client_order_id for each in cancels.orders] == names[:2]
    assert not cancels.all_open


# -- those of others -----------------------------------------------------------------------------


def test_an_order_of_somebody_else_is_told_with_what_may_still_trade() -> None:
    rig = Rig()
    rig.tell(rig.open_orders(VENUE, by_hand(rig)))
    (of,) = told(rig)
    (order,) = of.orders
    assert (of.venue, of.account, order.instrument) == (VENUE, account_of(VENUE), instrument_of(VENUE))
    assert order.side is Side.SELL
    assert [order.price, order.quantity, order.remaining] == [101, 5, 2]
    rig.tell(rig.open_orders(VENUE, by_hand(rig)))
    assert len(told(rig)) == 1, "nothing has changed"


def test_its_fills_and_its_end_are_followed_between_two_lists() -> None:
    rig = Rig()
    (request,) = resting(rig, 1)
    other = replace(request, client_order_id=ClientOrderId("hand"), side=Side.SELL)
    rig.tell(rig.open_orders(VENUE, rig.report(request, OrderStatus.WORKING), by_hand(rig, "hand", remaining=5)))
    rig.tell(replace(rig.fill(other, 3, "t1"), venue_order_id=VenueOrderId("h1")))
    assert told(rig)[-1].orders[0].remaining == 2
    rig.tell(replace(rig.done(other, OrderStatus.CANCELLED, 3), venue_order_id=VenueOrderId("h1")))
    assert told(rig)[-1].orders == ()
    assert rig.oms.view().external_orders == ()


def test_what_is_told_between_two_lists_is_told_of_the_same_account() -> None:
    """Risk replaces what it knows of an account: what was told of another one would stand beside it for ever."""
    rig = Rig()
    (request,) = resting(rig, 1)
    other = replace(request, client_order_id=ClientOrderId("hand"), side=Side.SELL)
    rig.tell(rig.open_orders(VENUE, rig.report(request, OrderStatus.WORKING), by_hand(rig, "hand", remaining=5)))
    rig.tell(replace(rig.fill(other, 3, "t1"), venue_order_id=VenueOrderId("h1")))
    rig.tell(replace(rig.done(other, OrderStatus.CANCELLED, 3), venue_order_id=VenueOrderId("h1")))
    assert [(news.venue, news.account) for news in told(rig)] == [(VENUE, account_of(VENUE))] * 3


@pytest.mark.parametrize("named", [True, False])
def test_it_is_cancelled_only_when_somebody_names_it(named: bool) -> None:
    rig = Rig()
    rig.tell(rig.open_orders(VENUE, by_hand(rig)))
    rig.take()
    if named:
        (order,) = rig.oms.view().external_orders
        rig.tell(CancelOrders(AccountId("any"), (order.cancel,)))
    else:
        rig.set_state(TradingState.HALTED)
    cancels: list[Any] = [message for message in rig.take() if isinstance(message, CancelOrder)]
    assert [each.venue_order_id for each in cancels] == (["h1"] if named else [])


def test_more_than_was_ordered_halts_again_after_somebody_resumed() -> None:
    rig = Rig()
    (request,) = resting(rig, 1)
    rig.tell(rig.fill(request, 4, "t1"))
    assert len(rig.halts()) == 1
    rig.tell(rig.fill(request, 1, "t2"))
    again = len(rig.halts())
    rig.set_state(TradingState.HALTED)
    rig.set_state(TradingState.ACTIVE)
    rig.tell(rig.fill(request, 1, "t3"))
    assert len(rig.halts()) == again + 1
    assert rig.halts()[-1] in rig.halts()[:-1]
