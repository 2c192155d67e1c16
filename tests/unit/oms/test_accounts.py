"""Two accounts on one venue: each is spoken to, asked, reconciled and proven by itself."""

from msgspec.structs import replace

from integrated_trading_system.domain.execution import ExternalOrders, Fill
from integrated_trading_system.domain.health import Reconciled, TradingState
from integrated_trading_system.domain.ids import ClientOrderId, VenueOrderId, account_id
from integrated_trading_system.domain.order import (
    CancelOrder,
    CancelOrders,
    OrderRequest,
    OrderStatus,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
)
from integrated_trading_system.domain.plan import Plan
from tests.support.hostile import VENUES, account_of, instrument_of
from tests.support.oms_rig import START, Rig
from tests.support.oms_world import single

ALPHA = VENUES[0]
FIRST, SECOND = account_of(ALPHA), account_id(ALPHA, "second")


def on_second(number: int, quantity: int) -> Plan:
    """An order that rests at alpha, on the second account."""
    plan = single(number, quantity, START)
    return replace(plan, legs=tuple(replace(leg, account=SECOND) for leg in plan.legs))


def sent(rig: Rig) -> OrderRequest:
    """The one order that went to the second account."""
    (submit,) = rig.accounts[SECOND].of(SubmitOrder)
    return submit.request


def test_an_order_and_its_cancel_go_to_their_own_account_only() -> None:
    rig = Rig(further=(SECOND,))
    rig.approve(on_second(2, 3))
    request = sent(rig)
    assert request.account == SECOND
    assert rig.submits() == []
    rig.tell(rig.accepted(request), CancelOrder(request.client_order_id, request.instrument, SECOND))
    (cancel,) = rig.accounts[SECOND].of(CancelOrder)
    assert (cancel.account, cancel.venue_order_id) == (SECOND, f"v{request.client_order_id}")
    assert rig.venues[ALPHA].of(CancelOrder) == []


def test_an_account_of_another_venue_is_not_taken_for_one_of_this() -> None:
    rig = Rig(further=(SECOND,))
    plan = on_second(2, 3)
    rig.approve(replace(plan, legs=(replace(plan.legs[0], instrument=instrument_of(VENUES[1])),)))
    assert rig.finished()[0].reason == f"no account {SECOND} on {VENUES[1]}"
    assert rig.accounts[SECOND].of(SubmitOrder) == []


def test_the_day_begins_once_every_account_has_answered() -> None:
    rig = Rig(further=(SECOND,), active=False)
    rig.list_instruments()
    asked = rig.accounts[SECOND].messages
    assert {type(question) for question in asked} == {QueryBalances, QueryOpenOrders, QueryFills}
    assert {question.account for question in asked} == {SECOND}
    silent, rig.accounts[SECOND] = rig.accounts[SECOND], type(rig.accounts[SECOND])()
    rig.answer_all()
    assert rig.heard.of(Reconciled) == []
    rig.accounts[SECOND] = silent
    rig.answer_all()
    assert len(rig.heard.of(Reconciled)) == 1


def test_an_order_is_proven_absent_by_answers_of_its_own_account() -> None:
    rig = Rig(further=(SECOND,))
    rig.approve(on_second(2, 3))
    request = sent(rig)
    rig.wait(60_000)
    rig.tell(rig.not_found(request), rig.open_orders(ALPHA))
    rig.wait(60_000)
    rig.tell(replace(rig.fills(ALPHA), account=SECOND))
    assert rig.oms.view().open == 1, "the list of open orders was the first account's"
    rig.tell(replace(rig.open_orders(ALPHA), account=SECOND))
    rig.wait(60_000)
    rig.tell(rig.fills(ALPHA))
    assert rig.oms.view().open == 1, "the list of fills was"
    rig.tell(replace(rig.fills(ALPHA), account=SECOND))
    assert rig.order(request.client_order_id).status is OrderStatus.REJECTED


def test_what_the_list_of_one_account_has_not_is_no_matter_of_the_other() -> None:
    rig = Rig(further=(SECOND,))
    rig.approve(on_second(2, 3))
    request = sent(rig)
    rig.tell(rig.accepted(request))
    for ref in rig.accounts.values():
        ref.take()
    rig.wait(10)
    rig.tell(rig.open_orders(ALPHA))
    assert rig.accounts[SECOND].of(QueryOrder) == []
    rig.tell(replace(rig.open_orders(ALPHA), account=SECOND))
    assert [query.client_order_id for query in rig.accounts[SECOND].of(QueryOrder)] == [request.client_order_id]


def test_a_stream_that_comes_back_has_its_own_account_asked_about_everything() -> None:
    rig = Rig(further=(SECOND,))
    for ref in rig.accounts.values():
        ref.take()
    rig.tell(replace(rig.stream(ALPHA), account=SECOND))
    assert {question.account for question in rig.accounts[SECOND].messages} == {SECOND}
    assert len(rig.accounts[SECOND].messages) == 3
    assert rig.asked() == []


def test_a_fill_is_of_the_order_on_its_own_account() -> None:
    """A venue's own order id says which order it is only together with the account."""
    rig = Rig(further=(SECOND,))
    rig.approve(on_second(2, 3))
    request = sent(rig)
    rig.tell(rig.accepted(request))
    theirs = replace(rig.fill(request, 2, "t1", named=False), account=FIRST)
    rig.tell(theirs)
    assert rig.order(request.client_order_id).filled == 0
    rig.tell(replace(theirs, account=SECOND))
    assert rig.order(request.client_order_id).filled == 2
    assert len(rig.heard.of(Fill)) == 2, "two trades, though venue and trade id are the same"


def test_open_orders_of_others_are_known_by_account() -> None:
    rig = Rig(further=(SECOND,))
    rig.approve(single(2, 3, START))
    (mine,) = [submit.request for submit in rig.submits()]
    report = rig.report(mine, OrderStatus.WORKING)
    stranger = replace(report, client_order_id=ClientOrderId("x"), venue_order_id=VenueOrderId("9"))
    rig.tell(replace(rig.open_orders(ALPHA, stranger), account=SECOND), rig.open_orders(ALPHA))
    assert [order.account for order in rig.oms.view().external_orders] == [SECOND]
    assert [news.account for news in rig.heard.of(ExternalOrders)] == [SECOND], "an empty first list is no news"


def test_a_halt_cancels_on_every_account_with_a_call_of_its_own() -> None:
    rig = Rig(further=(SECOND,))
    for number, plan in enumerate((single(2, 3, START), single(6, 3, START), on_second(10, 3), on_second(14, 3))):
        rig.approve(plan)
        assert len(rig.oms.view().orders) == number + 1
    rig.set_state(TradingState.HALTED)
    for account in (FIRST, SECOND):
        (cancels,) = rig.accounts[account].of(CancelOrders)
        assert cancels.account == account
        assert len(cancels.orders) == 2


def test_fills_that_are_covered_on_one_account_are_asked_for_on_the_other() -> None:
    rig = Rig(further=(SECOND,))
    rig.wait(120_000)
    for ref in rig.accounts.values():
        ref.take()
    rig.tell(rig.fills(ALPHA, since=START))
    rig.tell(rig.stream(ALPHA), replace(rig.stream(ALPHA), account=SECOND))
    of_first, of_second = (rig.accounts[account].of(QueryFills)[-1].since for account in (FIRST, SECOND))
    assert of_first > of_second


def test_after_a_crash_orders_of_both_accounts_are_looked_for_where_they_are() -> None:
    rig = Rig(further=(SECOND,))
    rig.approve(single(2, 3, START))
    rig.approve(on_second(6, 3))
    again = rig.reopened(2, further=(SECOND,), active=False)
    again.list_instruments()
    looked_for = {
        account: [query.client_order_id for query in again.accounts[account].of(QueryOrder)]
        for account in (FIRST, SECOND)
    }
    orders = {order.request.account: [order.request.client_order_id] for order in again.oms.view().orders}
    assert looked_for == orders


def test_an_order_on_an_account_that_is_no_longer_configured_stops_trading_and_touches_nobody() -> None:
    rig = Rig(further=(SECOND,))
    rig.approve(on_second(2, 3))
    request = sent(rig)
    again = rig.reopened(2)
    assert again.halts() == [f"{request.client_order_id} is open on {SECOND}, which is no longer configured"]
    again.wait(60_000)
    again.tell(CancelOrder(request.client_order_id, request.instrument, SECOND))
    again.set_state(TradingState.HALTED)
    assert again.system.escalated is None
    assert [told for told in again.take() if isinstance(told, CancelOrder | CancelOrders | QueryOrder)] == []
