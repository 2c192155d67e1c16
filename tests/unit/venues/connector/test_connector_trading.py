"""Every request of the OMS gets an answer, and an order's fate is never called better known than it is."""

import pytest

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    BalancesReported,
    CancelFailed,
    FillsListed,
    OpenOrdersListed,
    OrderDone,
    OrderNotFound,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
)
from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.order import (
    CancelOrder,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TradingRequest,
)
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.venues.connector.desk import subject_of
from integrated_trading_system.venues.rest import WeightedRequest
from tests.support.connector_rig import START, Rig
from tests.support.toy_venue import BTC, LATEST_SEND, MAIN, TOY, ToyTrading, accepted, submit, toy_fill, toy_venue

ORDER = ClientOrderId("a-1")


CANCEL = CancelOrder(ORDER, BTC.instrument, MAIN)
QUERY = QueryOrder(ORDER, BTC.instrument, MAIN)
FILLS = QueryFills(BTC.instrument, MAIN, Nanos(5))
QUERIES = (QUERY, FILLS, QueryOpenOrders(MAIN), QueryBalances(MAIN))
PURPOSES = ("query", "fills", "open_orders", "balances")


@pytest.fixture
def rig() -> Rig:
    rig = Rig(order_timeout_ms=3_000, request_timeout_ms=7_000)
    rig.reply(rig.call("time"), str(START // SECOND + 1))
    rig.live()
    return rig


# -- orders --------------------------------------------------------------------------------------


def test_an_order_leaves_as_a_signed_call_with_its_latest_send_and_its_tag(rig: Rig) -> None:
    rig.tell(submit())
    call = rig.call("place")
    assert (call.tag, call.account, call.latest_send) == (Tag.ORDER, MAIN, LATEST_SEND)
    assert call.deadline == rig.now + 3_000 * MILLISECOND
    assert call.clock_offset == SECOND
    rig.reply(call)
    assert rig.executions.messages == [accepted(ORDER, rig.now)]


@pytest.mark.parametrize(("maybe_sent", "kind"), [(True, SubmitUncertain), (False, SubmitRefused)])
def test_an_order_without_an_answer_is_refused_only_if_no_byte_of_it_left(
    rig: Rig, maybe_sent: bool, kind: type
) -> None:
    rig.tell(submit())
    rig.fail(rig.call("place"), maybe_sent=maybe_sent)
    assert rig.executions.messages == [kind(client_order_id=ORDER, reason="timeout", received_at=rig.now)]


def test_an_answer_to_an_order_that_makes_no_sense_leaves_its_fate_open(rig: Rig) -> None:
    rig.tell(submit())
    rig.reply(rig.call("place"), "?")
    (uncertain,) = rig.executions.of(SubmitUncertain)
    assert uncertain.reason == "malformed reply"
    assert rig.view.quarantined == {"reply": 1}


def test_the_venues_word_is_asked_for_whatever_the_status(rig: Rig) -> None:
    rig.tell(submit())
    rig.reply(rig.call("place"), status=500)
    assert rig.executions.messages == [accepted(ORDER, rig.now)]


def test_an_order_that_does_not_fit_the_rate_limit_is_refused_at_once(rig: Rig) -> None:
    rig.tell(*(submit(ClientOrderId(f"a-{index}")) for index in range(4)))
    assert len(rig.calls("place")) == 3
    (refused,) = rig.executions.of(SubmitRefused)
    assert (refused.client_order_id, refused.reason) == ("a-3", "rate-limit")
    rig.wait(11)
    rig.tell(submit())
    assert len(rig.calls("place")) == 1


def test_an_order_in_an_unknown_instrument_is_refused(rig: Rig) -> None:
    rig.tell(submit(instrument=InstrumentId("toy:spot:XYZ")))
    (refused,) = rig.executions.of(SubmitRefused)
    assert refused.reason == "unknown instrument"


def test_an_order_that_the_venue_does_not_offer_is_refused_with_its_words() -> None:
    class Picky(ToyTrading):
        def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
            raise Unsupported("no IOC here")

    rig = Rig(toy_venue(trading=Picky()))
    rig.list_instruments()
    rig.tell(submit())
    (refused,) = rig.executions.of(SubmitRefused)
    assert refused.reason == "no IOC here"


def test_where_there_is_no_trading_everything_is_refused_with_the_reason() -> None:
    rig = Rig(toy_venue(trading=None))
    rig.list_instruments()
    rig.tell(submit(), CANCEL, *QUERIES)
    assert [type(answer) for answer in rig.executions.messages] == [SubmitRefused, CancelFailed, *[RequestFailed] * 4]
    assert {answer.reason for answer in rig.executions.messages} == {"no trading on this venue"}


def test_after_a_shutdown_orders_are_refused_and_cancels_and_queries_still_leave(rig: Rig) -> None:
    rig.tell(Shutdown("operator"), submit(), CANCEL, QUERY)
    (refused,) = rig.executions.of(SubmitRefused)
    assert refused.reason == "shutdown"
    assert len(rig.calls("cancel")) == 1
    assert len(rig.calls("query")) == 1


# -- cancels -------------------------------------------------------------------------------------


def test_a_cancel_is_tagged_so_that_a_closed_gate_lets_it_through(rig: Rig) -> None:
    rig.tell(CANCEL)
    call = rig.call("cancel")
    assert (call.tag, call.latest_send) == (Tag.CANCEL, None)
    rig.reply(call)
    assert len(rig.executions.of(OrderDone)) == 1


@pytest.mark.parametrize("maybe_sent", [True, False])
def test_a_cancel_without_an_answer_has_failed(rig: Rig, maybe_sent: bool) -> None:
    rig.tell(CANCEL)
    rig.fail(rig.call("cancel"), maybe_sent=maybe_sent)
    (failed,) = rig.executions.messages
    assert failed == CancelFailed(client_order_id=ORDER, reason="timeout", received_at=rig.now, maybe_sent=maybe_sent)


def test_an_order_from_before_a_change_of_symbols_can_still_be_cancelled() -> None:
    rig = Rig(symbols=("ETH",))
    rig.list_instruments("BTC ETH")
    rig.tell(CANCEL)
    assert len(rig.calls("cancel")) == 1


# -- queries -------------------------------------------------------------------------------------


def test_a_query_is_answered_with_when_it_was_asked(rig: Rig) -> None:
    rig.tell(QUERY)
    call = rig.call("query")
    assert call.deadline == rig.now + 7_000 * MILLISECOND
    rig.reply(call)
    assert rig.executions.of(OrderNotFound)[0].asked_at == rig.now


@pytest.mark.parametrize(("query", "purpose"), list(zip(QUERIES, PURPOSES, strict=True)))
@pytest.mark.parametrize("body", [None, "?"])
def test_a_query_without_a_usable_answer_has_failed_and_says_which(
    rig: Rig, query: TradingRequest, purpose: str, body: str | None
) -> None:
    rig.tell(query)
    call = rig.calls(purpose)[0]
    if body is None:
        rig.fail(call)
    else:
        rig.reply(call, body)
    (failed,) = rig.executions.of(RequestFailed)
    assert (failed.venue, failed.account, failed.subject) == (TOY, MAIN, subject_of(query))
    assert failed.reason == ("timeout" if body is None else "malformed reply")


def test_a_failed_query_is_called_the_same_on_every_venue(rig: Rig) -> None:
    rig.tell(QUERY)
    rig.reply(rig.call("query"), "no")
    (failed,) = rig.executions.of(RequestFailed)
    assert (failed.subject, failed.reason) == (ORDER, "busy")


def test_each_request_has_its_subject() -> None:
    subjects = [subject_of(request) for request in (submit(), CANCEL, *QUERIES)]
    assert subjects == [ORDER, ORDER, ORDER, BTC.instrument, "open_orders", "balances"]


def test_open_orders_and_balances_are_told_as_the_venue_lists_them(rig: Rig) -> None:
    rig.tell(QueryOpenOrders(MAIN), QueryBalances(MAIN))
    rig.reply(rig.call("open_orders"))
    calls = rig.calls("balances")
    assert len(calls) == 2
    rig.reply(calls[0], "12.5")
    assert rig.executions.of(BalancesReported) == [], "a part alone would look like the whole"
    rig.reply(calls[1], "12.5")
    assert len(rig.executions.of(OpenOrdersListed)) == 1
    assert [report.complete for report in rig.executions.of(BalancesReported)] == [True]


def test_balances_of_which_a_part_failed_are_not_told(rig: Rig) -> None:
    rig.tell(QueryBalances(MAIN))
    first, second = rig.calls("balances")
    rig.fail(first)
    rig.reply(second, "12.5")
    assert rig.executions.of(BalancesReported) == []
    assert [failed.subject for failed in rig.executions.of(RequestFailed)] == ["balances"]


# -- fills ---------------------------------------------------------------------------------------


def test_all_pages_of_fills_are_told_together_as_of_the_first_question(rig: Rig) -> None:
    rig.tell(FILLS)
    asked_at = rig.now
    rig.reply(rig.call("fills"), "t1 t2 > 2")
    assert rig.executions.messages == []
    rig.wait(1)
    following = rig.call("fills")
    assert following.request.query == "cursor=2"
    rig.reply(following, "t3")
    fills = tuple(toy_fill(trade, BTC.instrument) for trade in ("t1", "t2", "t3"))
    assert rig.executions.messages == [
        FillsListed(
            instrument=BTC.instrument,
            account=MAIN,
            since=Nanos(5),
            fills=fills,
            asked_at=asked_at,
            received_at=rig.now,
        )
    ]


def test_two_questions_for_fills_do_not_mix(rig: Rig) -> None:
    rig.tell(FILLS, FILLS)
    first, second = rig.calls("fills")
    rig.reply(first, "t1")
    rig.reply(second, "t2")
    assert [[fill.trade_id for fill in listed.fills] for listed in rig.executions.of(FillsListed)] == [["t1"], ["t2"]]


def test_a_page_that_fails_fails_the_whole_question(rig: Rig) -> None:
    rig.tell(FILLS)
    rig.reply(rig.call("fills"), "t1 > 2")
    rig.reply(rig.call("fills"), "no")
    assert [type(answer) for answer in rig.executions.messages] == [RequestFailed]


@pytest.mark.parametrize(("query", "purpose"), [(FILLS, "fills"), (QueryOpenOrders(MAIN), "open_orders")])
def test_pages_that_never_end_are_not_believed(rig: Rig, query: TradingRequest, purpose: str) -> None:
    rig.tell(query)
    for page in range(200):
        rig.reply(rig.call(purpose), f"1 > {page}")
        rig.wait(11)
    assert rig.calls(purpose) == []
    (failed,) = rig.executions.of(RequestFailed)
    assert (failed.subject, failed.reason) == (subject_of(query), "pages without end")


@pytest.mark.parametrize(("query", "purpose"), [(FILLS, "fills"), (QueryOpenOrders(MAIN), "open_orders")])
def test_a_page_that_leads_back_to_one_before_ends_the_search(rig: Rig, query: TradingRequest, purpose: str) -> None:
    rig.tell(query)
    for cursor in ("2", "3", "2"):
        rig.reply(rig.call(purpose), f"1 > {cursor}")
        rig.wait(11)
    assert rig.calls(purpose) == []
    assert [failed.reason for failed in rig.executions.of(RequestFailed)] == ["pages without end"]


# -- open orders ---------------------------------------------------------------------------------


def test_all_pages_of_open_orders_are_one_list_as_of_the_first_question(rig: Rig) -> None:
    """An order that is on two pages is one order, as the later page tells it."""
    rig.tell(QueryOpenOrders(MAIN))
    asked_at = rig.now
    rig.reply(rig.call("open_orders"), "o1 o2 > 2")
    assert rig.executions.messages == []
    rig.wait(1)
    following = rig.call("open_orders")
    assert following.request.query == "cursor=2"
    rig.reply(following, "o2 o3")
    (listed,) = rig.executions.messages
    assert isinstance(listed, OpenOrdersListed)
    assert [order.venue_order_id for order in listed.orders] == ["o1", "o2", "o3"]
    assert [order.asked_at for order in listed.orders] == [asked_at, rig.now, rig.now]
    assert listed.instruments == (BTC.instrument,) * 3
    assert (listed.asked_at, listed.received_at) == (asked_at, rig.now)
    assert asked_at < rig.now


@pytest.mark.parametrize("body", ["no", "?", None])
def test_a_page_of_open_orders_that_failed_leaves_nothing_of_the_others(rig: Rig, body: str | None) -> None:
    rig.tell(QueryOpenOrders(MAIN))
    rig.reply(rig.call("open_orders"), "o1 > 2")
    following = rig.call("open_orders")
    if body is None:
        rig.fail(following)
    else:
        rig.reply(following, body)
    (failed,) = rig.executions.messages
    assert isinstance(failed, RequestFailed)
    assert failed.subject == "open_orders"
