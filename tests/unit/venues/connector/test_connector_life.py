"""Links that live but bring nothing, prices while none lives, and venues that refuse us for good."""

import pytest

from integrated_trading_system.domain.health import LinkChanged, LinkState, SnapshotWanted, VenueBlocked
from integrated_trading_system.domain.http import HttpCall, HttpFailed
from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.link import CloseLink, OpenLink, PongReceived
from integrated_trading_system.domain.market import PolledQuote, Quote
from integrated_trading_system.domain.order import CancelOrder, QueryBalances
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.connector.links.line import RetryDue
from integrated_trading_system.venues.venue import Venue
from tests.support.connector_rig import Rig
from tests.support.toy_venue import BTC, ETH, MAIN, TOY, ToyMarket, submit, toy_venue

OTHER = VenueId("other:spot")


def pong(rig: Rig, link: LinkId) -> None:
    rig.tell(PongReceived(link, rig.now))


def until_replaced(rig: Rig, link: LinkId, seconds: int, *frames: str) -> tuple[int, LinkId] | None:
    """Second by second with pongs and these frames: after how many the next link was opened."""
    for second in range(1, seconds + 1):
        rig.wait(1)
        pong(rig, link)
        rig.frame(link, *frames)
        if opened := rig.take(OpenLink):
            return second, opened[0].link
    return None


# -- nothing comes -------------------------------------------------------------------------------


def test_a_connection_is_asked_for_with_the_venues_pings() -> None:
    rig = Rig(ping_every_s=1.5, pong_timeout_s=7)
    rig.list_instruments()
    (effect,) = rig.take(OpenLink)
    assert (effect.ping_every, effect.pong_within) == (1.5 * SECOND, 7 * SECOND)


def test_a_connection_that_stands_too_late_is_given_up() -> None:
    rig = Rig(connect_timeout_ms=2_000)
    rig.list_instruments()
    link = rig.opening()
    rig.wait(2)
    assert [effect.link for effect in rig.take(CloseLink)] == [link]
    rig.wait(0)
    assert rig.opening() == "toy:spot#market-0.2"


def test_a_half_open_link_is_replaced_after_five_seconds_and_read_until_then() -> None:
    rig = Rig(link_quiet_s=5)
    old = rig.live()
    pong(rig, old)
    quiet_since = rig.now
    while not (opened := rig.take(OpenLink)):
        rig.wait(0.1)
    assert 5 * SECOND <= rig.now - quiet_since <= 6 * SECOND
    assert rig.view.links[old] is LinkState.LIVE
    rig.frame(old, "Q BTC 1 2")
    assert len(rig.feed.of(Quote)) == 1
    new = rig.bring_live(opened[0].link)
    assert rig.view.links == {old: LinkState.DRAIN, new: LinkState.LIVE}


def test_a_late_pong_in_time_keeps_a_link() -> None:
    rig = Rig(link_quiet_s=5)
    link = rig.live()
    pong(rig, link)
    for _ in range(5):
        rig.wait(4.9)
        pong(rig, link)
    assert rig.take(OpenLink) == []


def test_a_link_whose_pings_were_never_answered_is_judged_by_its_frames_alone() -> None:
    rig = Rig(link_quiet_s=5)
    rig.live()
    rig.wait(20)
    assert rig.take(OpenLink) == []


def test_a_quiet_link_outlives_replacements_that_cannot_connect() -> None:
    """A latency spike: everything is only late, nothing is lost."""
    rig = Rig(link_quiet_s=5)
    old = rig.live()
    pong(rig, old)
    for _ in range(14):
        rig.wait(1)
        for effect in rig.take(OpenLink):
            rig.closed(effect.link, "timeout")
    rig.frame(old, "Q BTC 1 2")
    assert rig.view.links == {old: LinkState.LIVE}
    assert len(rig.feed.of(Quote)) == 1


def test_a_link_that_answers_pings_but_brings_no_data_is_replaced_ever_more_rarely() -> None:
    rig = Rig(link_idle_s=10)
    link = rig.live()
    for patience in (10, 20, 40):
        replaced = until_replaced(rig, link, patience + 3, "P")
        assert replaced is not None
        after, new = replaced
        assert after >= patience
        link = rig.bring_live(new)


def test_data_makes_a_link_as_good_as_new() -> None:
    rig = Rig(link_idle_s=10)
    replaced = until_replaced(rig, rig.live(), 11, "P")
    assert replaced is not None
    link = rig.bring_live(replaced[1])
    assert until_replaced(rig, link, 40, "Q BTC 1 2") is None
    replaced = until_replaced(rig, link, 12, "P")
    assert replaced is not None
    assert replaced[0] >= 10


def test_a_captured_link_has_the_silences_of_its_day() -> None:
    rig = Rig(link_idle_s=1, link_quiet_s=1, ping_every_s=0.5)
    rig.list_instruments()
    link = rig.opening()
    rig.opened(link, acknowledged=True)
    pong(rig, link)
    rig.wait(20)
    assert rig.take(OpenLink) == []


# -- prices while no link lives ------------------------------------------------------------------


def polls(rig: Rig, seconds: float, answer: str = "1 2") -> list[tuple[float, str]]:
    """When which symbol was asked for; each is answered at once."""
    began, found = rig.now, []
    while rig.now - began < seconds * SECOND:
        rig.wait(0.1)
        for call in rig.calls("fallback"):
            found.append((round((rig.now - began) / SECOND, 1), call.request.query))
            rig.reply(call, answer)
    return found


def cheap_snapshots() -> Venue:
    market = ToyMarket()
    market.snapshot_weight = 1
    return toy_venue(market=market)


def cut(rig: Rig) -> None:
    """The only link is lost, and cannot be had again."""
    rig.closed(rig.live())
    rig.wait(0)
    rig.take(OpenLink)


def test_prices_of_instruments_without_a_link_are_fetched_in_turn_after_a_while() -> None:
    rig = Rig(cheap_snapshots(), poll_after_s=3, poll_every_s=1)
    cut(rig)
    assert polls(rig, 6) == [(3.0, "symbol=BTC"), (4.0, "symbol=ETH"), (5.0, "symbol=BTC"), (6.0, "symbol=ETH")]
    polled = rig.feed.of(PolledQuote)
    assert [one.instrument for one in polled[:2]] == [BTC.instrument, ETH.instrument]
    assert (polled[0].quote.bid, polled[0].quote.ask, polled[0].quote.venue_time) == (1.0, 2.0, 0)
    assert rig.feed.of(Quote) == []


def test_they_are_not_fetched_any_more_once_the_link_is_back() -> None:
    rig = Rig(cheap_snapshots(), poll_after_s=3, poll_every_s=1)
    rig.closed(rig.live())
    rig.wait(0)
    link = rig.opening()
    assert len(polls(rig, 4)) == 2
    rig.bring_live(link)
    assert polls(rig, 10) == []
    rig.closed(link)
    assert [second for second, _ in polls(rig, 4)] == [3.0, 4.0]


def test_a_reply_that_comes_after_the_link_is_not_shown() -> None:
    rig = Rig(poll_after_s=3)
    rig.closed(rig.live())
    rig.wait(0)
    link = rig.opening()
    rig.wait(3)
    call = rig.call("fallback")
    rig.bring_live(link)
    rig.reply(call, "1 2")
    assert rig.feed.of(PolledQuote) == []


def test_a_link_that_comes_back_soon_needs_no_prices() -> None:
    rig = Rig(poll_after_s=3)
    rig.closed(rig.live())
    rig.wait(0)
    rig.bring_live(rig.opening())
    assert polls(rig, 10) == []


def test_a_venue_whose_rest_does_not_answer_either_is_asked_ever_more_rarely() -> None:
    rig = Rig(poll_after_s=1, poll_every_s=1)
    cut(rig)
    asked = 0
    for _ in range(60):
        rig.wait(1)
        for call in rig.calls("fallback"):
            asked += 1
            rig.fail(call)
        rig.take(OpenLink)
    assert 3 <= asked <= 8


@pytest.mark.parametrize("answer", ["2 1", "0 1", "?"])
def test_prices_that_are_none_are_not_shown(answer: str) -> None:
    rig = Rig(poll_after_s=1)
    cut(rig)
    assert polls(rig, 2, answer) != []
    assert rig.feed.of(PolledQuote) == []


def test_half_of_the_limit_is_left_for_the_books_of_the_return() -> None:
    rig = Rig(poll_after_s=1, poll_every_s=1)
    cut(rig)
    asked = len(polls(rig, 30))
    assert asked * 10 <= 40  # of a share of 80 in a minute
    rig.tell(SnapshotWanted(BTC.instrument))
    assert len(rig.calls("snapshot")) == 1


# -- refused for good ----------------------------------------------------------------------------


def requests(rig: Rig) -> list[object]:
    return [*rig.take(HttpCall), *rig.take(OpenLink)]


def blocked(rig: Rig) -> list[str]:
    return [fact.reason for fact in rig.bus.of(VenueBlocked)]


@pytest.mark.parametrize("reason", ["http-451", "certificate"])
def test_a_link_refused_for_good_is_told_once_and_nothing_is_ever_asked_again(reason: str) -> None:
    rig = Rig()
    rig.reply(rig.call("time"), "1")
    rig.list_instruments()
    rig.closed(rig.opening(), reason)
    rig.wait(1_000)
    assert blocked(rig) == [reason]
    assert requests(rig) == []


def test_what_is_open_can_still_be_cancelled_where_only_a_link_was_refused() -> None:
    rig = Rig()
    rig.closed(rig.live(), "http-451")
    rig.take(HttpCall)
    rig.tell(CancelOrder(submit().request.client_order_id, BTC.instrument, MAIN), submit())
    assert [call.purpose for call in rig.take(HttpCall)] == ["cancel"]


def test_http_451_ends_it_all_and_closes_every_link() -> None:
    rig = Rig()
    time = rig.call("time")
    link = rig.live()
    rig.reply(time, "", status=451)
    assert [effect.link for effect in rig.take(CloseLink)] == [link]
    rig.tell(CancelOrder(submit().request.client_order_id, BTC.instrument, MAIN), QueryBalances(MAIN))
    rig.wait(1_000)
    assert blocked(rig) == ["http-451"]
    assert requests(rig) == []


def test_a_listing_refused_for_good_is_not_asked_for_again() -> None:
    rig = Rig()
    rig.reply(rig.call("instruments"), "", status=451)
    rig.call("time")
    rig.wait(1_000)
    assert blocked(rig) == ["http-451"]
    assert requests(rig) == []


def test_a_server_that_cannot_prove_who_it_is_gets_no_second_request() -> None:
    rig = Rig()
    rig.tell(HttpFailed(call=rig.call("instruments").call, reason="certificate", maybe_sent=False, received_at=rig.now))
    rig.call("time")
    rig.wait(1_000)
    assert blocked(rig) == ["certificate"]
    assert requests(rig) == []


@pytest.mark.parametrize("reason", ["tls", "refused", "http-503"])
def test_other_failures_are_tried_again(reason: str) -> None:
    rig = Rig()
    rig.list_instruments()
    rig.closed(rig.opening(), reason)
    rig.wait(0)
    assert len(rig.take(OpenLink)) == 1
    assert blocked(rig) == []


def test_links_of_a_venue_that_blocks_are_told_down_with_the_reason() -> None:
    rig = Rig()
    time = rig.call("time")
    rig.live()
    rig.reply(time, "", status=451)
    assert [changed.reason for changed in rig.feed.of(LinkChanged)][-1] == "blocked: http-451"


# -- standing in ---------------------------------------------------------------------------------


def test_a_dormant_venue_asks_and_opens_nothing() -> None:
    rig = Rig(dormant=True)
    rig.wait(1_000)
    assert requests(rig) == []


def test_it_wakes_when_the_venue_that_it_stands_in_for_is_refused_for_good() -> None:
    rig = Rig(dormant=True)
    rig.tell(VenueBlocked(OTHER, "http-451", rig.now), VenueBlocked(OTHER, "http-451", rig.now))
    rig.live()
    rig.frame(LinkId(f"{TOY}#market-0.1"), "Q BTC 1 2")
    assert len(rig.feed.of(Quote)) == 1


def test_a_dormant_venue_that_is_stopped_stays_asleep() -> None:
    rig = Rig(dormant=True)
    rig.tell(Shutdown("operator"), VenueBlocked(OTHER, "http-451", Nanos(rig.now)))
    rig.wait(10)
    assert requests(rig) == []


def test_a_retry_meant_for_the_incarnation_before_is_ignored_while_no_link_is_planned() -> None:
    rig = Rig()
    rig.tell(RetryDue("market-0"))
    assert set(rig.system.restarts().values()) == {0}
    assert rig.take(OpenLink) == []
