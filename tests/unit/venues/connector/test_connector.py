"""A connector lists the venue, keeps its links in the states of the table, and hands on what they say."""

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.execution import UserStreamChanged
from integrated_trading_system.domain.health import ClockSample, LinkChanged, LinkState, Quarantined, SnapshotWanted
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, LinkId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkOpened,
    OpenLink,
    PongReceived,
    SendFrame,
    Tag,
)
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.time import MICROSECOND, SECOND, Nanos
from integrated_trading_system.venues.connector.voice import REASONS_MAX, count
from integrated_trading_system.venues.rest import WeightedRequest
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan
from tests.support.connector_rig import NAME, Rig
from tests.support.toy_venue import (
    BTC,
    ETH,
    MAIN,
    TOY,
    ToyCodec,
    ToyMarket,
    ToySession,
    accepted,
    toy_request,
    toy_venue,
)


def test_the_start_asks_for_time_and_instruments_and_opens_nothing() -> None:
    rig = Rig()
    assert [call.purpose for call in rig.calls("time") + rig.calls("instruments")] == ["time", "instruments"]
    assert rig.take(OpenLink) == []


def test_a_link_goes_live_when_every_subscription_is_acknowledged() -> None:
    rig = Rig()
    rig.list_instruments()
    (effect,) = rig.take(OpenLink)
    assert (effect.link, effect.url) == ("toy:spot#market-0.1", "wss://toy.example/market")
    rig.opened(effect.link)
    assert rig.sent() == [b"sub 1"]
    rig.wait(0.25)
    assert rig.sent() == [b"sub 2"]
    rig.frame(effect.link, "A 2")
    assert rig.states()[-1] is LinkState.SUBSCRIBE
    rig.frame(effect.link, "A 1")
    assert rig.states() == [LinkState.CONNECT, LinkState.LOGON, LinkState.SUBSCRIBE, LinkState.LIVE]
    assert rig.bus.of(LinkChanged) == rig.feed.of(LinkChanged)
    assert rig.feed.of(LinkChanged)[-1].instruments == (BTC.instrument, ETH.instrument)
    assert rig.view.links == {effect.link: LinkState.LIVE}


def test_an_acknowledgement_without_an_id_belongs_to_the_oldest_request() -> None:
    rig = Rig()
    rig.list_instruments()
    link = rig.opening()
    rig.opened(link)
    rig.wait(0.25)
    rig.frame(link, "A", "A unknown", "A")
    assert rig.states()[-1] is LinkState.LIVE


def test_a_link_that_expects_no_acknowledgement_is_live_when_everything_is_sent() -> None:
    def silent(session: ToySession) -> None:
        session.plan = replace(session.plan, subscribe=(ControlFrame(b"sub"),), ping=None)

    rig = Rig(toy_venue(silent))
    rig.list_instruments()
    rig.opened(rig.opening())
    assert rig.sent() == [b"sub"]
    assert rig.states()[-1] is LinkState.LIVE


def test_a_link_whose_subscriptions_already_hold_is_live_at_once_and_sends_nothing() -> None:
    rig = Rig()
    rig.list_instruments()
    rig.opened(rig.opening(), acknowledged=True)
    assert rig.states() == [LinkState.CONNECT, LinkState.LIVE]
    assert rig.sent() == []


def test_only_wanted_instruments_are_listed_and_known_to_the_codec() -> None:
    rig = Rig(symbols=("ETH",))
    rig.list_instruments("BTC ETH")
    assert rig.feed.of(InstrumentsListed) == [InstrumentsListed(TOY, (ETH,))]
    assert rig.bus.of(InstrumentsListed) == [InstrumentsListed(TOY, (ETH,))]
    link = rig.bring_live(rig.opening())
    rig.frame(link, "Q BTC 1 2", "Q ETH 1 2")
    assert [quote.instrument for quote in rig.feed.of(Quote)] == [ETH.instrument]
    assert rig.view.ignored == {"symbol": 1}


def test_without_configured_symbols_everything_listed_is_wanted() -> None:
    rig = Rig(symbols=())
    rig.list_instruments("BTC ETH")
    assert rig.feed.of(InstrumentsListed) == [InstrumentsListed(TOY, (BTC, ETH))]


def test_a_configured_symbol_that_the_venue_does_not_list_is_told_and_the_others_are_connected() -> None:
    rig = Rig(symbols=("BTC", "XYZ"))
    rig.list_instruments()
    told = rig.bus.of(LinkChanged)[0]
    assert (told.name, told.state, told.reason) == ("instruments", LinkState.DOWN, "unknown symbol XYZ")
    assert rig.view.unknown_symbols == ("XYZ",)
    assert len(rig.take(OpenLink)) == 1


def test_instruments_are_read_page_by_page_before_anything_is_opened() -> None:
    rig = Rig()
    rig.reply(rig.call("instruments"), "BTC > 2")
    following = rig.call("instruments")
    assert following.request.query == "page=2"
    assert rig.take(OpenLink) == []
    rig.reply(following, "ETH")
    assert rig.feed.of(InstrumentsListed) == [InstrumentsListed(TOY, (BTC, ETH))]


def test_instruments_that_cannot_be_had_are_asked_for_again_at_once_and_then_later() -> None:
    rig = Rig()
    rig.fail(rig.call("instruments"))
    rig.wait(0)
    rig.reply(rig.call("instruments"), "", status=503)
    assert [changed.reason for changed in rig.bus.of(LinkChanged)] == [
        "instruments: timeout",
        "instruments: status 503",
    ]
    rig.wait(0.999)
    assert rig.calls("instruments") == []
    rig.wait(1.001)
    rig.reply(rig.call("instruments"), "?")
    assert rig.view.quarantined == {"reply": 1}
    rig.wait(4)
    rig.list_instruments()
    assert len(rig.take(OpenLink)) == 1


def test_a_venue_whose_pages_never_end_is_not_believed() -> None:
    rig = Rig()
    for _ in range(200):
        rig.reply(rig.call("instruments"), "BTC > again")
        rig.wait(1)
    assert rig.bus.of(LinkChanged)[-1].reason == "instruments: pages without end"
    assert rig.call("instruments").request.query == ""


def test_when_one_of_several_questions_fails_all_are_asked_again_and_late_answers_are_dropped() -> None:
    class TwoProducts(ToyMarket):
        def instruments(self) -> tuple[WeightedRequest, ...]:
            return toy_request("instruments", "a"), toy_request("instruments", "b")

    rig = Rig(toy_venue(market=TwoProducts()))
    first, second = rig.calls("instruments")
    rig.fail(first)
    rig.reply(second, "XYZ")
    rig.wait(0)
    third, fourth = rig.calls("instruments")
    rig.fail(third)
    rig.fail(fourth)
    rig.wait(2)
    third, fourth = rig.calls("instruments")
    rig.reply(third, "BTC")
    assert rig.take(OpenLink) == []
    rig.reply(fourth, "ETH")
    assert rig.feed.of(InstrumentsListed) == [InstrumentsListed(TOY, (BTC, ETH))]


def test_a_venue_without_a_codec_for_users_reads_their_stream_with_the_one_it_has() -> None:
    rig = Rig(toy_venue(user_codec=None), accounts=(MAIN,))
    rig.list_instruments()
    rig.reply(rig.call("resolve"), "t")
    user = rig.take(OpenLink)[-1].link
    rig.opened(user)
    rig.frame(user, "A logon", "O a-1")
    assert rig.executions.messages[-1] == accepted("a-1", rig.now)


def test_the_end_of_a_link_that_is_not_known_is_nothing() -> None:
    rig = Rig()
    rig.closed(LinkId("toy:spot#market-0.9"))
    assert rig.view.links == {}


def test_instruments_told_from_outside_replace_the_question() -> None:
    rig = Rig()
    asked = rig.call("instruments")
    rig.tell(InstrumentsListed(TOY, (BTC,)))
    assert rig.feed.of(InstrumentsListed) == [InstrumentsListed(TOY, (BTC,))]
    assert rig.opening() == "toy:spot#market-0.1"
    rig.reply(asked, "BTC ETH")
    rig.tell(InstrumentsListed(TOY, (BTC, ETH)))
    assert len(rig.feed.of(InstrumentsListed)) == 1
    assert rig.take(OpenLink) == []


def test_a_failed_question_is_forgotten_once_instruments_were_told_from_outside() -> None:
    rig = Rig()
    rig.fail(rig.call("instruments"))
    rig.tell(InstrumentsListed(TOY, (BTC,)))
    rig.wait(60)
    assert rig.calls("instruments") == []


def test_events_of_a_frame_go_where_they_belong_in_their_order() -> None:
    rig = Rig()
    link = rig.live()
    rig.feed.take()
    rig.frame(link, "Q BTC 1 2", "O a-1", "P", "I noise", "nonsense here", "Q BTC 3 4")
    assert [type(message) for message in rig.feed.messages] == [Quote, Quarantined, Quote]
    assert [quote.bid for quote in rig.feed.of(Quote)] == [1.0, 3.0]
    assert rig.executions.messages == [accepted("a-1", rig.now)]
    assert rig.bus.of(Quarantined) == rig.feed.of(Quarantined)
    view = rig.view
    assert (view.quarantined, view.ignored) == ({"words": 1}, {"noise": 1})
    assert (view.messages, view.events) == (2, 8)


def test_a_restarted_stream_looks_to_the_feed_like_a_link_that_went_and_came_for_one_instrument() -> None:
    rig = Rig()
    link = rig.live()
    rig.feed.take()
    rig.frame(link, "R BTC")
    told = rig.feed.of(LinkChanged)
    assert [(changed.state, changed.instruments) for changed in told] == [
        (LinkState.DOWN, (BTC.instrument,)),
        (LinkState.LIVE, (BTC.instrument,)),
    ]
    assert rig.view.links == {link: LinkState.LIVE}


def test_a_late_frame_of_a_dead_link_is_dropped_and_counted() -> None:
    rig = Rig()
    link = rig.live()
    rig.closed(link)
    rig.feed.take()
    rig.frame(link, "Q BTC 1 2")
    assert rig.feed.of(Quote) == []
    assert rig.view.late_frames == 1


def test_the_venues_time_is_asked_for_now_and_then() -> None:
    rig = Rig(time_every_s=30)
    rig.reply(rig.call("time"), str(rig.now // SECOND + 2))
    assert rig.feed.of(ClockSample) == [ClockSample(TOY, Nanos(rig.now + 2 * SECOND), rig.now, rig.now)]
    assert rig.view.clock_offset == 2 * SECOND
    rig.wait(29)
    assert rig.calls("time") == []
    rig.wait(1)
    rig.fail(rig.call("time"))
    rig.wait(5)
    assert len(rig.calls("time")) == 1


def tell_the_time(rig: Rig, took_s: float, ahead_s: float) -> None:
    """The venue answers the question for its time half way, by a clock that is ahead of ours; the next is due."""
    call = rig.call("time")
    sent_at = rig.now
    rig.wait(took_s)
    rig.tell(
        HttpReply(
            call=call.call,
            status=200,
            headers={},
            body=str((sent_at + (rig.now - sent_at) // 2) / SECOND + ahead_s).encode(),
            sent_at=sent_at,
            received_at=rig.now,
        )
    )
    rig.wait(1)


def test_the_fastest_of_the_last_answers_decides_about_the_clock_offset() -> None:
    rig = Rig(time_every_s=1)
    for took_s, ahead_s in ((0, 2), (0.4, 2.2), (0.8, 1.7)):
        tell_the_time(rig, took_s, ahead_s)
    assert rig.view.clock_offset == 2 * SECOND
    rig.list_instruments()
    assert rig.call("time").clock_offset == 2 * SECOND


@pytest.mark.parametrize("ahead_s", [0.5, 3.5])
def test_an_answer_that_contradicts_faster_ones_says_that_the_clock_was_set(ahead_s: float) -> None:
    rig = Rig(time_every_s=1)
    for took_s in (0.25, 0.125):
        tell_the_time(rig, took_s, 2)
    tell_the_time(rig, 0.5, ahead_s)
    assert abs(rig.call("time").clock_offset - ahead_s * SECOND) < MICROSECOND  # a float told it


def test_a_venue_without_a_clock_is_not_asked() -> None:
    class Timeless(ToyMarket):
        def time(self) -> WeightedRequest | None:
            return None

    rig = Rig(toy_venue(market=Timeless()))
    assert rig.calls("time") == []


def test_shutdown_closes_the_links_in_order_and_opens_nothing_more() -> None:
    rig = Rig(accounts=(MAIN,))
    rig.list_instruments()
    market = rig.bring_live(rig.opening())
    rig.reply(rig.call("resolve"), "t")
    user = rig.opening()
    rig.opened(user)
    rig.frame(user, "A logon")
    rig.tell(Shutdown("operator"), Shutdown("operator again"))
    assert [effect.link for effect in rig.take(CloseLink)] == [market, user]
    assert set(rig.view.links.values()) == {LinkState.DRAIN}
    rig.frame(market, "Q BTC 1 2")
    assert len(rig.feed.of(Quote)) == 1
    rig.closed(market)
    rig.closed(user)
    rig.tell(SnapshotWanted(BTC.instrument))
    rig.wait(3600)
    assert rig.view.links == {}
    assert rig.take(OpenLink) + rig.calls("snapshot") == []
    assert rig.calls("time") != []  # asked at the start, and never answered


def test_a_shutdown_before_anything_stands_leaves_nothing_to_do() -> None:
    rig = Rig()
    rig.list_instruments()
    link = rig.opening()
    rig.tell(Shutdown("operator"))
    assert [effect.link for effect in rig.take(CloseLink)] == [link]
    rig.fail(rig.call("time"))
    rig.wait(3600)
    assert rig.take(OpenLink) + rig.calls("time") == []


def test_a_shutdown_while_instruments_are_asked_for_drops_the_answer() -> None:
    rig = Rig()
    asked = rig.call("instruments")
    rig.tell(Shutdown("operator"))
    rig.reply(asked, "BTC")
    assert rig.feed.of(InstrumentsListed) == []
    assert rig.take(OpenLink) == []


def test_a_restarted_connector_uses_new_names_and_closes_the_links_of_the_life_before() -> None:
    rig = Rig(accounts=(MAIN,))
    old = rig.live()
    asked = rig.call("time")
    rig.take(OpenLink)
    rig.may_fail = True
    rig.tell(FrameReceived(old, b"\xff", rig.now))  # the toy's codec breaks its promise: the actor fails
    assert rig.system.restarts()[NAME] == 1
    assert rig.executions.messages == [
        UserStreamChanged(venue=TOY, account=MAIN, up=False, received_at=rig.now),
    ]
    assert rig.calls("time")[0].call == "toy:spot#time.r1.1"
    rig.list_instruments()
    assert rig.opening() == "toy:spot#market-0.r1.1"
    rig.reply(asked, "1")
    rig.frame(old, "Q BTC 1 2")
    rig.tell(PongReceived(old, rig.now), LinkOpened(old, rig.now))
    assert rig.feed.of(Quote) == []
    assert {effect.link for effect in rig.take(CloseLink)} == {old}
    assert (rig.view.late_frames, rig.view.late_replies) == (1, 1)


def test_control_frames_of_market_links_are_data_and_unsigned() -> None:
    rig = Rig()
    rig.list_instruments()
    rig.opened(rig.opening())
    (frame,) = rig.take(SendFrame)
    assert (frame.tag, frame.account) == (Tag.DATA, None)


def test_reasons_beyond_the_limit_are_counted_together() -> None:
    counter: dict[str, int] = {}
    for index in range(REASONS_MAX + 5):
        count(counter, f"reason {index}")
    count(counter, "reason 0")
    assert len(counter) == REASONS_MAX + 1
    assert (counter["other"], counter["reason 0"]) == (5, 2)


def test_the_same_inputs_and_seed_give_the_same_effects() -> None:
    def life() -> list[object]:
        rig = Rig(seed=7)
        rig.list_instruments()
        effects: list[object] = []
        for _ in range(10):
            rig.wait(40)
            effects += [(rig.now, effect) for effect in rig.take(OpenLink)]
            for changed in list(rig.view.links):
                rig.closed(changed)
        return effects

    assert life() == life()


@pytest.mark.parametrize("data", [b"", b"P"])
def test_an_empty_or_idle_frame_is_only_a_sign_of_life(data: bytes) -> None:
    rig = Rig()
    link = rig.live()
    rig.feed.take()
    rig.tell(FrameReceived(link, data, rig.now))
    assert rig.feed.messages == []


def test_every_account_has_an_event_stream_of_its_own_with_a_codec_of_its_own() -> None:
    second, codec = AccountId("toy:spot/second"), ToyCodec()

    class PerAccount(ToySession):
        def user_link(self, account: AccountId) -> LinkPlan | None:
            return replace(self.user, account=account, resolve=None, keep_alive=None)

    rig = Rig(toy_venue(session=PerAccount(), further_codecs={second: codec}), accounts=(MAIN, second))
    rig.list_instruments()
    opened = [effect.link for effect in rig.take(OpenLink)]
    assert [link for link in opened if "user" in link] == ["toy:spot#user.1", "toy:spot#user.second.1"]
    assert list(codec.listed) == ["BTC", "ETH"]
    for link in opened[1:]:
        rig.opened(link)
        rig.frame(link, "A logon")
    assert [news.account for news in rig.executions.of(UserStreamChanged)] == [MAIN, second]
    rig.closed(opened[2])
    last = rig.executions.of(UserStreamChanged)[-1]
    assert (last.account, last.up) == (second, False)
    assert rig.venue.codec_of(None) is rig.venue.codec
    assert rig.venue.codec_of(second) is codec
