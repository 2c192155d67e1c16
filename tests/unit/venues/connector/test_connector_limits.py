"""Orders beyond the venue's limits are refused, data waits, cancels go first; and who is told to stop stops."""

import pytest

from integrated_trading_system.domain.execution import CancelFailed, RequestFailed, SubmitRefused
from integrated_trading_system.domain.health import SnapshotWanted
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import ClientOrderId, instrument_id
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.order import CancelOrder, QueryOrder
from integrated_trading_system.domain.time import DAY, SECOND, Nanos
from integrated_trading_system.venues.connector.calls import QUEUE_MAX
from tests.support.connector_rig import Rig
from tests.support.toy_venue import BTC, MAIN, TOY, ToyMarket, ToyTrading, submit, toy_venue

ORDER = ClientOrderId("a-1")
CANCEL = CancelOrder(ORDER, BTC.instrument, MAIN)
QUERY = QueryOrder(ORDER, BTC.instrument, MAIN)
SNAPSHOT = SnapshotWanted(BTC.instrument)


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.reply(rig.call("time"), "1")
    rig.live()
    return rig


def answer_a_query(rig: Rig, status: int = 200, **headers: str) -> None:
    """The venue says something with an answer that does not matter."""
    rig.tell(QUERY)
    rig.reply(rig.call("query"), status=status, **headers)
    rig.executions.take()


def reasons(rig: Rig, kind: type[CancelFailed | RequestFailed | SubmitRefused]) -> list[str]:
    return [answer.reason for answer in rig.executions.of(kind)]


# -- shares --------------------------------------------------------------------------------------


def test_cancels_and_queries_keep_their_share_when_orders_and_data_have_used_theirs_up(rig: Rig) -> None:
    answer_a_query(rig, x_used="80")
    rig.tell(submit(), SNAPSHOT, QUERY, CANCEL)
    assert reasons(rig, SubmitRefused) == ["rate-limit"]
    assert rig.calls("snapshot") == []
    assert len(rig.calls("query")) == len(rig.calls("cancel")) == 1


def test_cancels_keep_a_share_that_queries_cannot_take(rig: Rig) -> None:
    answer_a_query(rig, x_used="90")
    rig.tell(QUERY, CANCEL)
    assert reasons(rig, RequestFailed) == ["rate-limit"]
    assert len(rig.calls("cancel")) == 1


def test_a_cancel_that_would_break_the_limit_fails_at_once(rig: Rig) -> None:
    answer_a_query(rig, x_used="100")
    rig.tell(CANCEL)
    assert reasons(rig, CancelFailed) == ["rate-limit"]


def test_data_that_waits_is_sent_when_the_window_has_passed(rig: Rig) -> None:
    answer_a_query(rig, x_used="80")
    rig.tell(SNAPSHOT)
    rig.wait(59)
    assert rig.calls("snapshot") == []
    rig.wait(3)
    assert len(rig.calls("snapshot")) == 1


def test_data_that_finds_the_line_full_is_asked_for_again_later() -> None:
    class Cheap(ToyMarket):
        snapshot_weight = 1

    symbols = [f"S{index}" for index in range(QUEUE_MAX + 100)]
    rig = Rig(toy_venue(market=Cheap()), symbols=())
    rig.list_instruments(" ".join(symbols))
    rig.tell(*(SnapshotWanted(instrument_id(TOY, symbol)) for symbol in symbols))
    rig.wait(15 * 60)
    asked = [call.request.query for call in rig.calls("snapshot")]
    assert asked[: QUEUE_MAX // 2] == [f"symbol={symbol}" for symbol in symbols[: QUEUE_MAX // 2]]
    assert sorted(asked) == sorted(f"symbol={symbol}" for symbol in symbols)


# -- a venue that says stop ----------------------------------------------------------------------


def test_after_too_many_requests_everything_but_cancels_stops_for_as_long_as_the_venue_says(rig: Rig) -> None:
    answer_a_query(rig, status=429, retry_after="7")
    rig.tell(submit(), QUERY, CANCEL, SNAPSHOT)
    assert reasons(rig, SubmitRefused) == reasons(rig, RequestFailed) == ["blocked"]
    assert len(rig.calls("cancel")) == 1
    assert rig.calls("snapshot") == []
    assert rig.view.blocked_until == rig.now + 7 * SECOND
    rig.wait(7)
    assert len(rig.calls("snapshot")) == 1
    rig.tell(submit())
    assert len(rig.calls("place")) == 1


def test_a_ban_stops_cancels_too_and_a_later_429_does_not_lift_it(rig: Rig) -> None:
    rig.tell(CANCEL)
    on_its_way = rig.call("cancel")
    answer_a_query(rig, status=418, retry_after="60")
    rig.reply(on_its_way, status=429, retry_after="1")
    rig.executions.take()
    rig.tell(CANCEL)
    assert reasons(rig, CancelFailed) == ["blocked"]
    rig.wait(60)
    answer_a_query(rig, status=429)
    rig.tell(CANCEL)
    assert len(rig.calls("cancel")) == 1


def test_a_venue_that_does_not_say_how_long_is_left_alone_for_a_while(rig: Rig) -> None:
    answer_a_query(rig, status=429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    assert rig.view.blocked_until == rig.now + 10 * SECOND


def test_no_pause_is_longer_than_three_days(rig: Rig) -> None:
    answer_a_query(rig, status=418, retry_after="999999999")
    assert rig.view.blocked_until == rig.now + 3 * DAY


def test_a_403_stops_us_only_where_the_venues_rules_say_so(rig: Rig) -> None:
    answer_a_query(rig, status=403, retry_after="60")
    assert rig.view.blocked_until == 0

    public = Rig(toy_venue(trading=None))
    public.reply(public.call("time"), status=403, retry_after="60")
    assert public.view.blocked_until == public.now + 60 * SECOND


def test_a_venue_may_say_stop_in_the_body_of_a_good_answer() -> None:
    class Wordy(ToyTrading):
        def retry_after(self, reply: HttpReply) -> Nanos:
            return Nanos(5 * SECOND) if b"slow down" in reply.body else Nanos(0)

    rig = Rig(toy_venue(trading=Wordy()))
    rig.list_instruments()
    rig.tell(QUERY)
    rig.reply(rig.call("query"), "slow down")
    assert rig.view.blocked_until == rig.now + 5 * SECOND


def test_a_shutdown_drops_the_data_that_waits(rig: Rig) -> None:
    answer_a_query(rig, status=429, retry_after="7")
    rig.tell(SNAPSHOT, Shutdown("operator"))
    rig.wait(60)
    assert rig.calls("snapshot") == []


def test_an_answer_to_a_call_that_nobody_made_is_counted(rig: Rig) -> None:
    rig.tell(CANCEL)
    call = rig.call("cancel")
    rig.reply(call)
    rig.reply(call)
    rig.fail(call)
    assert rig.view.late_replies == 2
    assert rig.view.requests == {"time": 1, "instruments": 1, "cancel": 1}
