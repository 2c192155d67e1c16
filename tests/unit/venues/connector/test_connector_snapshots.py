"""Fresh books: one at a time, tried again when they fail, within the venue's limits."""

from integrated_trading_system.domain.health import SnapshotWanted
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.order import QueryBalances
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.venues.venue import ControlFrame, Venue
from tests.support.connector_rig import Rig
from tests.support.toy_venue import BTC, ETH, MAIN, ToyMarket, ToySession, toy_venue

WANTED = SnapshotWanted(BTC.instrument)


def listed(venue: Venue | None = None) -> Rig:
    rig = Rig(venue)
    rig.live()
    return rig


def snapshot_calls(rig: Rig, seconds: float) -> list[float]:
    """When each call came, in seconds from now, if each fails at once."""
    began, found = rig.now, []
    while rig.now - began < seconds * SECOND:
        for call in rig.calls("snapshot"):
            found.append((rig.now - began) / SECOND)
            rig.fail(call)
        rig.wait(0.01)
    return found


def test_a_wanted_book_is_fetched_and_told_to_the_feed() -> None:
    rig = listed()
    rig.tell(WANTED)
    call = rig.call("snapshot")
    assert call.request.target == "https://toy.example/snapshot?symbol=BTC"
    rig.reply(call, "1 2")
    (snapshot,) = rig.feed.of(BookSnapshot)
    assert (snapshot.instrument, snapshot.bids) == (BTC.instrument, [(1.0, 1.0)])


def test_a_book_that_is_on_its_way_is_not_asked_for_again() -> None:
    rig = listed()
    rig.tell(WANTED, WANTED)
    call = rig.call("snapshot")
    rig.tell(WANTED)
    assert rig.calls("snapshot") == []
    rig.reply(call, "1 2")
    rig.tell(WANTED)
    assert len(rig.calls("snapshot")) == 1


def test_books_of_different_instruments_do_not_wait_for_each_other() -> None:
    rig = listed()
    rig.tell(WANTED, SnapshotWanted(ETH.instrument))
    assert len(rig.calls("snapshot")) == 2


def test_three_tries_come_at_once_and_the_next_ever_later() -> None:
    rig = listed()
    rig.tell(WANTED)
    times = snapshot_calls(rig, 10)
    assert times[2] <= 0.02
    assert 1 <= times[3] <= 2.1
    assert 2 <= times[4] - times[3] <= 4.1


def test_a_malformed_book_is_tried_again() -> None:
    rig = listed()
    rig.tell(WANTED)
    rig.reply(rig.call("snapshot"), "?")
    rig.reply(rig.call("snapshot"), "1 2")
    assert len(rig.feed.of(BookSnapshot)) == 1


def test_a_book_that_is_wanted_over_and_over_is_given_ever_more_slowly() -> None:
    rig = listed()
    for _ in range(3):
        rig.tell(WANTED)
        rig.reply(rig.call("snapshot"), "1 2")
    rig.tell(WANTED)
    assert rig.calls("snapshot") == []
    rig.wait(2.1)
    rig.reply(rig.call("snapshot"), "1 2")


def test_a_book_that_was_well_for_a_minute_is_given_at_once_again() -> None:
    rig = listed()
    for _ in range(3):
        rig.tell(WANTED)
        rig.reply(rig.call("snapshot"), "1 2")
    rig.wait(60)
    rig.tell(WANTED)
    assert len(rig.calls("snapshot")) == 1


def test_an_unknown_instrument_has_no_book() -> None:
    rig = listed()
    rig.tell(SnapshotWanted(InstrumentId("toy:spot:XYZ")))
    assert rig.calls("snapshot") == []


def test_books_beyond_the_rate_limit_wait_in_order_until_there_is_room() -> None:
    symbols = [f"S{index}" for index in range(12)]
    rig = Rig(symbols=())
    rig.list_instruments(" ".join(symbols))
    rig.tell(*(SnapshotWanted(InstrumentId(f"toy:spot:{symbol}")) for symbol in symbols))
    first = rig.calls("snapshot")
    assert len(first) == 7  # 80 of 100 are for data; 2 went to time and instruments, 7 x 10 to books
    rig.wait(59)
    assert rig.calls("snapshot") == []
    rig.wait(5)
    second = rig.calls("snapshot")
    assert [call.request.query for call in first + second] == [f"symbol={symbol}" for symbol in symbols]


def test_a_book_that_costs_more_than_its_share_is_never_sent() -> None:
    class Costly(ToyMarket):
        snapshot_weight = 81

    rig = listed(toy_venue(market=Costly()))
    rig.tell(WANTED)
    rig.wait(120)
    rig.tell(QueryBalances(MAIN))
    rig.reply(rig.calls("balances")[0], "1", status=429, retry_after="60")
    rig.wait(120)
    assert rig.calls("snapshot") == []


# -- venues whose streams begin with a book ------------------------------------------------------


def streaming() -> Rig:
    def by_stream(session: ToySession) -> None:
        session.resubscribe_frames = (ControlFrame(b"unsub"), ControlFrame(b"sub", request="9"))

    rig = Rig(toy_venue(by_stream))
    rig.live()
    rig.sent()
    return rig


def test_where_subscribing_brings_the_book_the_stream_is_subscribed_anew_on_its_link() -> None:
    rig = streaming()
    rig.tell(WANTED)
    assert rig.sent() == [b"unsub"]
    rig.wait(0.25)
    assert rig.sent() == [b"sub"]
    assert rig.calls("snapshot") == []


def test_frames_for_two_books_keep_their_distance() -> None:
    rig = streaming()
    rig.tell(WANTED, SnapshotWanted(ETH.instrument))
    assert rig.sent() == [b"unsub"]
    rig.wait(0.75)
    assert rig.sent() == [b"sub", b"unsub", b"sub"]


def test_a_stream_wanted_again_within_a_second_is_looked_at_once_more_after_it() -> None:
    rig = streaming()
    rig.tell(WANTED)
    rig.wait(0.5)
    rig.sent()
    rig.tell(WANTED, WANTED)
    assert rig.sent() == []
    rig.wait(0.5)
    assert rig.sent() == [b"unsub"]
    rig.wait(5)
    assert rig.sent() == [b"sub"]


def test_without_a_living_link_nothing_is_sent_for_a_book_because_connecting_brings_it() -> None:
    rig = streaming()
    rig.closed(next(iter(rig.view.links)))
    rig.tell(WANTED)
    assert rig.sent() == []


def test_refusing_to_subscribe_anew_starts_the_link_anew() -> None:
    rig = streaming()
    (link,) = rig.view.links
    rig.tell(WANTED)
    rig.frame(link, "N 9 too many")
    assert link not in rig.view.links
