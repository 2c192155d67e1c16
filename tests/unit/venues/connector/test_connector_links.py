"""Links come back when they are lost, notice silence and refusals, and are replaced before they are cut."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from integrated_trading_system.domain.execution import UserStreamChanged
from integrated_trading_system.domain.health import LinkChanged, LinkState
from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    OpenLink,
    PongReceived,
    SendFrame,
    Tag,
)
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import HOUR, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.venue import LinkPlan, Venue
from tests.support.connector_rig import NAME, Rig
from tests.support.toy_venue import BTC, ETH, MAIN, ToySession, toy_venue


def down(rig: Rig) -> list[str]:
    """The reasons for which links went down."""
    return [changed.reason for changed in rig.feed.of(LinkChanged) if changed.state is LinkState.DOWN]


# -- reconnecting --------------------------------------------------------------------------------


def test_a_lost_link_is_told_in_the_same_step_and_connected_again_at_once() -> None:
    rig = Rig()
    rig.closed(rig.live())
    last = rig.feed.of(LinkChanged)[-1]
    assert (last.state, last.reason, last.instruments) == (LinkState.DOWN, "reset", (BTC.instrument, ETH.instrument))
    rig.wait(0)
    assert rig.opening() == "toy:spot#market-0.2"
    assert rig.view.reconnects == 1


def test_what_fails_again_waits_longer_each_time_up_to_the_maximum() -> None:
    rig = Rig(backoff_first_s=1, backoff_max_s=8)
    rig.list_instruments()
    waits = []
    for _ in range(7):
        rig.closed(rig.opening(), "refused")
        lost_at = rig.now
        while not (opened := rig.take(OpenLink)):
            rig.wait(0.01)
        waits.append((rig.now - lost_at) / SECOND)
        rig._effects += opened
    assert waits[0] <= 0.02
    for wait, ceiling in zip(waits[1:], (2, 4, 8, 8, 8, 8), strict=True):
        assert ceiling / 2 <= wait <= ceiling + 0.02


def test_a_link_that_was_live_for_a_while_is_again_retried_at_once() -> None:
    rig = Rig()
    rig.list_instruments()
    rig.closed(rig.opening())
    rig.wait(0)
    link = rig.bring_live(rig.opening())
    for _ in range(4):
        rig.wait(9)
        rig.frame(link, "P")
    rig.closed(link)
    rig.wait(0)
    assert rig.opening() == "toy:spot#market-0.3"


def test_a_link_that_was_live_only_for_a_moment_is_not() -> None:
    rig = Rig()
    rig.list_instruments()
    rig.closed(rig.opening())
    rig.wait(0)
    rig.closed(rig.bring_live(rig.opening()))
    rig.wait(0.9)
    assert rig.take(OpenLink) == []
    rig.wait(1.2)
    assert len(rig.take(OpenLink)) == 1


def test_links_that_were_cut_together_come_back_one_a_second() -> None:
    class Split(ToySession):
        streams_per_link = 1

        def market_link(self, name: str, *rest: Any) -> LinkPlan:
            return replace(super().market_link(name, *rest), name=name)

    symbols = ("BTC", "ETH", "SOL", "XRP")
    rig = Rig(with_session(Split()), symbols=symbols)
    rig.list_instruments(" ".join(symbols))
    links = [effect.link for effect in rig.take(OpenLink)]
    assert len(links) == 4
    for link in links:
        rig.closed(link)
    rig.wait(0)
    assert len(rig.take(OpenLink)) == 1
    for _ in range(3):
        rig.wait(0.99)
        assert rig.take(OpenLink) == []
        rig.wait(0.01)
        assert len(rig.take(OpenLink)) == 1


def with_session(session: ToySession) -> Venue:
    return replace(toy_venue(), session=session)


# -- what a link notices -------------------------------------------------------------------------


def test_a_refused_subscription_is_told_with_the_venues_words_and_tried_again() -> None:
    rig = Rig()
    rig.list_instruments()
    link = rig.opening()
    rig.opened(link)
    rig.frame(link, "N 1 no such stream", "A 1", "C")
    assert down(rig) == ["refused: no such stream"]
    assert [effect.link for effect in rig.take(CloseLink)] == [link]
    rig.wait(0)
    assert rig.opening() == "toy:spot#market-0.2"


def test_a_connection_that_does_not_come_to_be_is_given_up() -> None:
    rig = Rig(acknowledge_timeout_ms=5_000)
    rig.list_instruments()
    link = rig.opening()
    rig.wait(5)
    assert down(rig) == ["no answer in connect"]
    rig.wait(0)
    rig.opened(link)
    assert [effect.link for effect in rig.take(CloseLink)] == [link, link]


def test_a_subscription_without_an_acknowledgement_is_given_up() -> None:
    rig = Rig(acknowledge_timeout_ms=5_000)
    rig.list_instruments()
    link = rig.opening()
    rig.wait(4.9)
    rig.opened(link)
    rig.wait(0.25)
    rig.frame(link, "A 1")
    rig.wait(4.9)
    assert down(rig) == []
    rig.wait(0.1)
    assert down(rig) == ["no answer in subscribe"]


def test_an_acknowledgement_that_waited_in_the_mailbox_counts_although_its_time_is_up() -> None:
    rig = Rig(acknowledge_timeout_ms=5_000)
    rig.list_instruments()
    link = rig.opening()
    rig.opened(link)
    rig.wait(0.25)
    rig.system.tell(NAME, FrameReceived(link, b"A 1\nA 2", rig.now))
    rig.now = Nanos(rig.now + 5 * SECOND)
    rig.wait(0)
    assert rig.view.links == {link: LinkState.LIVE}


def test_a_timer_of_a_link_that_has_just_died_does_nothing() -> None:
    rig = Rig()
    link = rig.live()
    rig.system.tell(NAME, LinkClosed(link, "reset", rig.now))
    rig.now = Nanos(rig.now + 31 * SECOND)
    rig.wait(0)
    assert down(rig) == ["reset"]


def test_a_link_lost_just_before_a_shutdown_stays_down() -> None:
    rig = Rig()
    rig.closed(rig.live())
    rig.tell(Shutdown("operator"))
    rig.wait(60)
    assert rig.take(OpenLink) == []


def test_a_silent_link_is_closed_and_opened_again() -> None:
    rig = Rig()
    link = rig.live()
    rig.wait(29)
    rig.frame(link, "P")
    rig.wait(29.9)
    assert down(rig) == []
    rig.wait(0.1)
    assert down(rig) == ["silence"]
    assert [effect.link for effect in rig.take(CloseLink)] == [link]
    rig.wait(0)
    assert len(rig.take(OpenLink)) == 1


def test_a_pong_below_the_frames_is_a_sign_of_life() -> None:
    rig = Rig()
    link = rig.live()
    rig.wait(29)
    rig.tell(PongReceived(link, rig.now))
    rig.wait(29)
    assert down(rig) == []


def test_a_live_link_pings_as_often_as_its_plan_says() -> None:
    rig = Rig()
    link = rig.live()
    rig.sent()
    for _ in range(3):
        rig.wait(20)
        assert rig.sent() == [b"ping"]
        rig.frame(link, "P")


def test_too_many_messages_that_cannot_be_believed_start_the_link_anew() -> None:
    rig = Rig(quarantine_per_minute_max=3)
    link = rig.live()
    rig.frame(link, "x", "x", "x")
    rig.wait(20)
    rig.frame(link, "P")
    rig.wait(29)
    rig.frame(link, "P")
    rig.wait(11)
    rig.frame(link, "x", "x", "x")
    assert down(rig) == []
    rig.frame(link, "x", "x", "C")
    assert down(rig) == ["quarantine"]
    assert (rig.view.resyncs, rig.view.quarantined) == (1, {"words": 8})


# -- replacing -----------------------------------------------------------------------------------


def test_a_link_is_replaced_before_the_venue_cuts_it_without_losing_an_event() -> None:
    def short(session: ToySession) -> None:
        session.plan = replace(session.plan, lifetime=MINUTE, silence_max=HOUR)

    rig = Rig(toy_venue(short))
    old = rig.live()
    rig.wait(60)
    new = rig.opening()
    assert rig.take(CloseLink) == []
    rig.frame(old, "Q BTC 1 2")
    rig.feed.take()
    rig.bring_live(new)
    rig.frame(old, "Q BTC 3 4")
    rig.frame(new, "Q BTC 3 4", "Q BTC 5 6")
    assert rig.view.links == {old: LinkState.DRAIN, new: LinkState.LIVE}
    rig.wait(1)
    assert [effect.link for effect in rig.take(CloseLink)] == [old]
    rig.frame(old, "Q BTC 7 8")
    assert [quote.bid for quote in rig.feed.of(Quote)] == [3.0, 3.0, 5.0]
    assert rig.view.links == {new: LinkState.LIVE}
    assert (rig.view.rollovers, rig.view.reconnects, rig.view.late_frames) == (1, 0, 1)


def test_while_a_link_is_replaced_there_is_always_a_link_that_carries_the_instruments() -> None:
    rig = Rig()
    old = rig.live()
    rig.feed.take()
    rig.frame(old, "C")
    rig.wait(0)
    new = rig.bring_live(rig.opening())
    rig.wait(1)
    told = [(changed.link, changed.state) for changed in rig.feed.of(LinkChanged)]
    assert told == [
        (new, LinkState.CONNECT),
        (new, LinkState.LOGON),
        (new, LinkState.SUBSCRIBE),
        (new, LinkState.LIVE),
        (old, LinkState.DRAIN),
        (old, LinkState.DOWN),
    ]
    assert {changed.instruments for changed in rig.feed.of(LinkChanged)} == {(BTC.instrument, ETH.instrument)}


def test_a_venue_that_says_it_will_close_twice_is_replaced_once() -> None:
    rig = Rig()
    old = rig.live()
    rig.frame(old, "C", "C")
    rig.wait(0)
    new = rig.opening()
    rig.frame(old, "C")
    rig.bring_live(new)
    rig.frame(old, "C")
    rig.wait(5)
    assert rig.take(OpenLink) == []


def test_a_replacement_that_fails_is_tried_again_while_the_old_link_carries_on() -> None:
    rig = Rig()
    old = rig.live()
    rig.frame(old, "C")
    rig.wait(0)
    rig.closed(rig.opening())
    rig.frame(old, "Q BTC 1 2")
    assert len(rig.feed.of(Quote)) == 1
    rig.wait(2.1)
    new = rig.opening()
    rig.frame(old, "P")
    rig.bring_live(new)
    assert rig.view.links == {old: LinkState.DRAIN, new: LinkState.LIVE}


def test_when_the_old_link_dies_first_its_successor_takes_the_instruments() -> None:
    rig = Rig()
    old = rig.live()
    rig.frame(old, "C")
    rig.wait(0)
    new = rig.opening()
    rig.opened(new)
    rig.closed(old)
    rig.wait(0.25)
    rig.frame(new, "A 1", "A 2")
    assert rig.take(OpenLink) == []
    assert rig.view.links == {new: LinkState.LIVE}
    assert (rig.view.rollovers, rig.view.reconnects) == (0, 0)


def test_a_venue_that_closes_before_the_link_is_live_is_connected_anew() -> None:
    rig = Rig()
    rig.list_instruments()
    link = rig.opening()
    rig.opened(link)
    rig.frame(link, "C")
    assert down(rig) == ["server closing: maintenance"]
    rig.wait(0)
    assert len(rig.take(OpenLink)) == 1


# -- the account's stream ------------------------------------------------------------------------


def user_rig() -> tuple[Rig, HttpCall]:
    """A rig whose only link is the user's, and the call for its token."""

    class OnlyUser(ToySession):
        def door(self, stream: object, instrument: object) -> None:
            return None

    rig = Rig(with_session(OnlyUser()), accounts=(MAIN,))
    rig.list_instruments()
    return rig, rig.call("resolve")


def up_and_down(rig: Rig) -> list[bool]:
    return [changed.up for changed in rig.executions.of(UserStreamChanged)]


def test_a_user_link_asks_for_its_token_then_logs_on_with_a_signed_frame() -> None:
    rig, asked = user_rig()
    assert (asked.account, asked.tag) == (MAIN, Tag.QUERY)
    assert rig.states() == [LinkState.RESOLVE]
    rig.reply(asked, "t-1")
    (effect,) = rig.take(OpenLink)
    assert effect.url == "wss://toy.example/user/t-1"
    rig.opened(effect.link)
    (frame,) = rig.take(SendFrame)
    assert (frame.frame, frame.account, frame.tag) == (b"logon", MAIN, Tag.QUERY)
    assert up_and_down(rig) == []
    rig.frame(effect.link, "A logon")
    assert up_and_down(rig) == [True]
    rig.closed(effect.link)
    assert up_and_down(rig) == [True, False]


def test_a_token_that_cannot_be_had_is_asked_for_again() -> None:
    rig, asked = user_rig()
    rig.reply(asked, "?")
    assert down(rig) == ["malformed reply"]
    assert rig.take(CloseLink) == []
    rig.wait(0)
    rig.reply(rig.call("resolve"), "", status=401)
    assert down(rig)[-1] == "status 401"


def live_user() -> Rig:
    rig, asked = user_rig()
    rig.reply(asked, "t-1")
    link = rig.opening()
    rig.opened(link)
    rig.frame(link, "A logon")
    return rig


def wait_alive(rig: Rig, duration: Nanos) -> None:
    """Let time pass on links that are never silent."""
    for _ in range(duration // (20 * SECOND)):
        rig.wait(20)
        rig.tell(*(PongReceived(link, rig.now) for link in rig.view.links))


def test_the_token_is_kept_valid() -> None:
    rig = live_user()
    wait_alive(rig, Nanos(30 * MINUTE))
    call = rig.call("keep_alive")
    assert (call.account, call.request.query) == (MAIN, "token=t-1")
    rig.reply(call)
    wait_alive(rig, Nanos(30 * MINUTE))
    assert len(rig.calls("keep_alive")) == 1
    assert rig.calls("resolve") == []


def test_a_token_that_cannot_be_kept_valid_is_replaced_without_the_stream_going_down() -> None:
    rig = live_user()
    wait_alive(rig, Nanos(30 * MINUTE))
    rig.reply(rig.call("keep_alive"), "", status=400)
    rig.wait(0)
    rig.reply(rig.call("resolve"), "t-2")
    new = rig.opening()
    rig.opened(new)
    rig.frame(new, "A logon")
    rig.wait(1)
    assert rig.view.links == {new: LinkState.LIVE}
    assert up_and_down(rig) == [True]


def test_answers_about_a_token_of_a_link_that_is_gone_change_nothing() -> None:
    rig, asked = user_rig()
    rig.tell(Shutdown("operator"))
    rig.reply(asked, "t-1")
    assert rig.take(OpenLink) == []

    rig, asked = user_rig()
    rig.tell(Shutdown("operator"))
    rig.fail(asked)
    assert down(rig) == ["shutdown"]

    rig = live_user()
    wait_alive(rig, Nanos(60 * MINUTE))
    asked = rig.call("keep_alive")
    rig.tell(Shutdown("operator"))
    rig.reply(asked, "", status=400)
    rig.wait(60)
    assert rig.calls("resolve") == []

    rig = live_user()
    wait_alive(rig, Nanos(60 * MINUTE))
    asked = rig.call("keep_alive")
    rig.tell(Shutdown("operator"))
    rig.reply(asked)
    assert rig.calls("keep_alive") == []


def test_a_venue_may_have_no_user_stream() -> None:
    class NoUser(ToySession):
        def user_link(self, account: object) -> None:
            return None

        def door(self, stream: object, instrument: object) -> None:
            return None

    rig = Rig(with_session(NoUser()), accounts=(MAIN,))
    rig.list_instruments()
    assert rig.take(OpenLink) == []


def test_streams_are_every_wanted_kind_of_every_wanted_instrument() -> None:
    seen: list[Stream] = []

    class Watching(ToySession):
        def market_link(self, name: str, door: str, streams: Sequence[Stream], *rest: Any) -> LinkPlan:
            seen.extend(streams)
            return super().market_link(name, door, streams, *rest)

    Rig(with_session(Watching())).list_instruments()
    assert [(stream.instrument, stream.data_type) for stream in seen] == [
        (BTC.instrument, "quotes"),
        (ETH.instrument, "quotes"),
    ]
