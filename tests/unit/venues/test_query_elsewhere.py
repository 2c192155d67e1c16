"""A venue that keeps finished orders apart: "not found" is believed only when both places were asked."""

from collections.abc import Sequence

import pytest

from integrated_trading_system.domain.execution import OrderNotFound, RequestFailed, VenueExecution
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import ClientOrderId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import QueryOrder
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.rest import RateLimit, WeightedRequest
from tests.support.connector_rig import Rig
from tests.support.toy_venue import BTC, MAIN, ToyTrading, accepted, toy_request, toy_venue, well_formed

ORDER = ClientOrderId("a-1")
QUERY = QueryOrder(ORDER, BTC.instrument, MAIN)


class Forgetful(ToyTrading):
    """Answers ``here`` with a report, everything else as the toy does: ``no`` is busy, ``ok`` is not found."""

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        if well_formed(reply) == "here":
            return (accepted(query.client_order_id, reply.received_at),)
        return super().decode_query(query, instrument, reply)


def history(query: QueryOrder, instrument: Instrument) -> WeightedRequest:
    return toy_request("history", query.client_order_id)


@pytest.fixture
def rig() -> Rig:
    rig = Rig(toy_venue(trading=Forgetful(), query_elsewhere=history))
    rig.list_instruments()
    rig.tell(QUERY)
    return rig


def test_an_order_that_is_found_at_once_is_not_looked_for(rig: Rig) -> None:
    rig.reply(rig.call("query"), "here")
    assert rig.executions.messages == [accepted(ORDER, rig.now)]
    assert rig.calls("query") == []


def test_an_order_that_is_not_open_is_looked_for_among_the_finished(rig: Rig) -> None:
    rig.reply(rig.call("query"))
    assert rig.executions.messages == []
    second = rig.call("query")
    assert second.request.url.endswith("/history")
    assert second.account == MAIN
    rig.reply(second, "here")
    assert rig.executions.messages == [accepted(ORDER, rig.now)]


def test_what_is_in_neither_place_was_not_there_when_the_first_was_asked(rig: Rig) -> None:
    first = rig.now
    rig.reply(rig.call("query"))
    rig.wait(1)
    rig.reply(rig.call("query"))
    assert rig.executions.messages == [OrderNotFound(client_order_id=ORDER, asked_at=first, received_at=rig.now)]
    assert rig.calls("query") == []


@pytest.mark.parametrize("body", ["no", "?"])
def test_an_answer_without_use_proves_nothing_in_either_place(rig: Rig, body: str) -> None:
    rig.reply(rig.call("query"))
    rig.reply(rig.call("query"), body)
    (failed,) = rig.executions.of(RequestFailed)
    assert failed.subject == ORDER
    rig.tell(QUERY)
    rig.reply(rig.call("query"), body)
    assert len(rig.executions.of(RequestFailed)) == 2
    assert rig.calls("query") == []


@pytest.mark.parametrize(("first", "left"), [("ok", 0), ("here", 1)])
def test_both_places_are_paid_for_before_the_first_is_asked_and_what_is_not_needed_is_given_back(
    first: str, left: int
) -> None:
    limit = RateLimit("weight", 4, Nanos(60 * SECOND), 0)
    rig = Rig(toy_venue(trading=Forgetful(), query_elsewhere=history, rate_limits=(limit,)))
    rig.list_instruments()
    rig.wait(120)
    rig.tell(QUERY)
    rig.tell(QUERY)
    rig.tell(QUERY)
    (refused,) = rig.executions.of(RequestFailed)
    assert refused.no_room, "two questions are four requests"
    one, other = rig.calls("query")
    for each in (one, other):
        rig.reply(each, first)
    assert len(rig.calls("query")) == 2 * (first == "ok")
    for _ in range(3):
        rig.tell(QUERY)
    assert len(rig.executions.of(RequestFailed)) == 1 + 3 - left


def test_a_second_place_that_cannot_be_asked_leaves_the_question_open(rig: Rig) -> None:
    rig.reply(rig.call("query"))
    rig.fail(rig.call("query"))
    assert [failed.subject for failed in rig.executions.of(RequestFailed)] == [ORDER]
