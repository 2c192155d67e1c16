"""What is wanted may change at any time: only what differs is sent, on links with room, and nothing else is harmed."""

from msgspec.structs import replace

from integrated_trading_system.domain.health import LinkChanged, LinkState, Quarantined, SnapshotWanted
from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import CloseLink, OpenLink
from integrated_trading_system.domain.market import BookSnapshot, DataType, Quote
from integrated_trading_system.domain.streams import StreamsRefused, StreamsWanted
from integrated_trading_system.domain.time import HOUR, MINUTE
from tests.support.connector_rig import Rig
from tests.support.dynamic_venue import dynamic_venue, streams
from tests.support.toy_venue import BTC, ETH, TOY, ToySession, toy_instrument

SOL = toy_instrument("SOL")
LISTED = "BTC ETH SOL XRP ADA"


def wanted(text: str) -> StreamsWanted:
    return StreamsWanted(TOY, streams(text))


def live(rig: Rig, link: LinkId) -> LinkId:
    rig.opened(link)
    rig.frame(link, "A sub")
    return link


def started(rig: Rig) -> LinkId:
    """Its one configured link is LIVE, and everything so far is taken."""
    rig.list_instruments(LISTED)
    link = live(rig, rig.opening())
    rig.sent()
    rig.feed.take()
    rig.bus.take()
    return link


def carried(rig: Rig) -> dict[LinkId, tuple[str, ...]]:
    """What the feed was last told of each link that is LIVE."""
    found = {changed.link: changed for changed in rig.feed.of(LinkChanged)}
    return {link: tuple(changed.instruments) for link, changed in found.items() if changed.state is LinkState.LIVE}


# -- on a living link ----------------------------------------------------------------------------


def test_a_new_instrument_joins_a_link_that_has_room() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    link = started(rig)
    rig.frame(link, "Q SOL 1 2")
    rig.tell(wanted("BTC SOL"))
    assert rig.sent() == [b"join 1 SOL"]
    assert rig.take(OpenLink) == []
    assert carried(rig) == {link: (BTC.instrument, SOL.instrument)}
    rig.frame(link, "A c1", "Q SOL 3 4")
    assert [(quote.instrument, quote.bid) for quote in rig.feed.of(Quote)] == [(SOL.instrument, 3.0)]


def test_the_feed_and_everyone_else_hear_of_the_instrument_before_its_link_carries_it() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    started(rig)
    rig.tell(wanted("BTC SOL"))
    told = [type(message) for message in rig.feed.take()]
    assert told == [StreamsWanted, InstrumentsListed, LinkChanged]
    (listed,) = rig.bus.of(InstrumentsListed)
    assert [one.symbol for one in listed.instruments] == ["BTC", "SOL"]


def test_what_is_not_wanted_any_more_is_stopped_at_the_venue_and_no_longer_decoded() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC", "ETH"))
    link = started(rig)
    rig.tell(wanted("ETH"))
    assert rig.sent() == [b"leave 1 BTC"]
    assert [type(message) for message in rig.feed.take()] == [StreamsWanted, LinkChanged]
    rig.frame(link, "A c1", "Q BTC 1 2", "Q ETH 3 4")
    assert [quote.instrument for quote in rig.feed.of(Quote)] == [ETH.instrument]
    assert rig.view.ignored == {"symbol": 1}


def test_instruments_that_were_wanted_once_are_still_listed_to_those_who_may_hold_them() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    started(rig)
    rig.tell(wanted("ETH"), wanted("ETH SOL"))
    *_, listed = rig.bus.of(InstrumentsListed)
    assert [one.symbol for one in listed.instruments] == ["BTC", "ETH", "SOL"]


def test_the_same_wish_again_changes_nothing() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC", "ETH"))
    started(rig)
    rig.tell(wanted("ETH BTC"))
    assert rig.sent() == []
    assert rig.take(OpenLink) == []
    assert rig.take(CloseLink) == []


def test_kinds_come_and_go_one_by_one() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    started(rig)
    rig.tell(wanted("BTC BTC.trades"), wanted("BTC.trades"))
    rig.wait(1)
    assert rig.sent() == [b"join 1 BTC.trades", b"leave 2 BTC"]


def test_many_streams_go_in_frames_that_are_apart_as_the_venue_wants_it_and_room_is_made_first() -> None:
    symbols = [f"S{number}" for number in range(40)]
    rig = Rig(dynamic_venue(per_link=30), symbols=tuple(symbols[:20]))
    rig.list_instruments(" ".join(symbols))
    live(rig, rig.opening())
    rig.sent()
    rig.tell(wanted(" ".join(symbols[20:])))
    frames = rig.sent()
    for _ in range(3):
        rig.wait(0.24)
        assert rig.sent() == []
        rig.wait(0.01)
        frames += rig.sent()
    assert [frame.split()[0] for frame in frames] == [b"leave", b"leave", b"join", b"join"]
    assert {len(frame.split()) for frame in frames} == {12}


# -- more and fewer links ------------------------------------------------------------------------


def test_what_has_no_room_gets_new_links_one_a_second() -> None:
    rig = Rig(dynamic_venue(per_link=1), symbols=("BTC",))
    first = started(rig)
    rig.tell(wanted("BTC ETH SOL XRP"))
    rig.wait(0)
    opened = []
    for _ in range(3):
        opened += [effect.link for effect in rig.take(OpenLink)]
        rig.wait(0.99)
        assert rig.take(OpenLink) == []
        rig.wait(0.01)
    assert opened == ["toy:spot#market-1.1", "toy:spot#market-2.1", "toy:spot#market-3.1"]
    for link in opened:
        live(rig, link)
    assert rig.sent() == [b"sub ETH", b"sub SOL", b"sub XRP"]
    assert set(rig.view.links) == {first, *opened}


def test_a_link_with_nothing_left_to_carry_is_closed_and_stays_closed() -> None:
    rig = Rig(dynamic_venue(per_link=1), symbols=("BTC", "ETH"))
    rig.list_instruments(LISTED)
    first, second = (live(rig, effect.link) for effect in rig.take(OpenLink))
    rig.feed.take()
    rig.tell(wanted("BTC"))
    assert [effect.link for effect in rig.take(CloseLink)] == [second]
    told = rig.feed.take()
    assert [type(message) for message in told] == [LinkChanged, StreamsWanted]
    rig.closed(second, "nothing wanted")
    rig.wait(20)
    assert rig.take(OpenLink) == []
    assert rig.view.links == {first: LinkState.LIVE}


def test_a_line_that_comes_back_is_a_new_connection_with_a_new_name() -> None:
    rig = Rig(dynamic_venue(per_link=1), symbols=("BTC",))
    first = started(rig)
    rig.tell(wanted(""), wanted("ETH"))
    assert [effect.link for effect in rig.take(CloseLink)] == [first]
    rig.wait(0)
    rig.closed(first)
    assert rig.opening() == "toy:spot#market-0.2"


def test_hundreds_of_symbols_are_spread_over_as_many_connections_as_it_takes() -> None:
    symbols = [f"S{number}" for number in range(600)]
    kinds = [DataType.QUOTES, DataType.TRADES, DataType.DEPTH]
    rig = Rig(dynamic_venue(per_link=200), symbols=tuple(symbols), streams=kinds)
    rig.list_instruments(" ".join(symbols))
    links = [live(rig, effect.link) for effect in rig.take(OpenLink)]
    sizes = [len(frame.split()) - 1 for frame in rig.sent()]
    assert sum(sizes) == 1800
    assert max(sizes) <= 200
    assert len(links) == 10  # of 66 symbols: three streams each, never divided
    rig.tell(wanted(" ".join(f"{symbol}{kind}" for symbol in symbols[300:] for kind in ("", ".trades", ".depth"))))
    assert len(rig.take(CloseLink)) == 4
    rig.wait(10)
    assert sum(len(frame.split()) - 2 for frame in rig.sent() if frame != b"ping") == 3 * (300 - 4 * 66)


# -- links that come back ------------------------------------------------------------------------


def two_links(rig: Rig) -> list[LinkId]:
    rig.list_instruments(LISTED)
    return [live(rig, effect.link) for effect in rig.take(OpenLink)]


def test_the_first_connection_after_an_outage_calls_all_other_links_back() -> None:
    rig = Rig(dynamic_venue(per_link=1), symbols=("BTC", "ETH"))
    for link in two_links(rig):
        rig.closed(link)
    for _ in range(200):
        rig.wait(0.5)
        tried = rig.take(OpenLink)
        for effect in tried:
            rig.closed(effect.link, "refused")
    while not (tried := rig.take(OpenLink)):
        rig.wait(0.1)
    live(rig, tried[0].link)
    rig.wait(1)
    live(rig, rig.opening())
    assert sorted(rig.view.links.values()) == [LinkState.LIVE, LinkState.LIVE]


def test_links_that_are_opened_and_refused_do_not_call_each_other_back() -> None:
    rig = Rig(dynamic_venue(per_link=1), symbols=("BTC", "ETH"))
    rig.list_instruments(LISTED)
    tries = 0
    for _ in range(240):
        for effect in rig.take(OpenLink):
            tries += 1
            rig.opened(effect.link)
            rig.frame(effect.link, "N sub refused")
        rig.wait(0.5)
    assert tries < 30


# -- links that are not LIVE ---------------------------------------------------------------------


def test_a_link_on_its_way_is_brought_up_to_date_as_soon_as_it_is_live() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC", "ETH"))
    rig.list_instruments(LISTED)
    link = rig.opening()
    rig.opened(link)
    rig.tell(wanted("ETH SOL"))
    assert rig.sent() == [b"sub BTC ETH"]
    rig.frame(link, "A sub")
    rig.wait(1)
    assert rig.sent() == [b"leave 1 BTC", b"join 2 SOL"]
    assert carried(rig) == {link: (ETH.instrument, SOL.instrument)}
    assert BTC.instrument not in rig.feed.of(LinkChanged)[-2].instruments


def test_a_link_that_is_down_is_connected_anew_with_what_is_wanted_then() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    rig.closed(started(rig))
    rig.tell(wanted("ETH"))
    live(rig, rig.opening())
    assert rig.sent() == [b"sub ETH"]


def test_both_links_of_a_rollover_follow_what_is_wanted() -> None:
    def short(session: ToySession) -> None:
        session.plan = replace(session.plan, lifetime=MINUTE, silence_max=HOUR)

    rig = Rig(dynamic_venue(change=short), symbols=("BTC",))
    old = started(rig)
    rig.wait(60)
    new = rig.opening()
    rig.sent()
    rig.opened(new)
    rig.tell(wanted("BTC SOL"))
    assert rig.sent() == [b"sub BTC", b"join 1 SOL"]
    rig.frame(new, "A sub")
    assert rig.sent() == [b"join 2 SOL"]
    rig.frame(old, "Q SOL 1 2")
    rig.frame(new, "Q SOL 3 4")
    assert [quote.bid for quote in rig.feed.of(Quote)] == [1.0, 3.0]


def test_a_wish_before_the_listing_takes_the_place_of_the_configuration() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    rig.tell(wanted("ETH"))
    rig.list_instruments(LISTED)
    live(rig, rig.opening())
    assert rig.sent() == [b"sub ETH"]


def test_without_symbols_everything_listed_is_wanted_until_somebody_says_what() -> None:
    rig = Rig(dynamic_venue(per_link=10), symbols=())
    rig.list_instruments(LISTED)
    live(rig, rig.opening())
    assert rig.sent() == [b"sub BTC ETH SOL XRP ADA"]
    rig.tell(wanted("BTC"))
    assert rig.sent() == [b"leave 1 ETH SOL XRP ADA"]


# -- what cannot be had --------------------------------------------------------------------------


def failures(rig: Rig) -> list[str]:
    return [changed.reason for changed in rig.bus.of(LinkChanged) if changed.name == "instruments"]


def test_an_unknown_symbol_is_told_and_everything_else_goes_on() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    link = started(rig)
    rig.tell(wanted("BTC NOPE SOL"))
    assert failures(rig) == ["unknown symbol NOPE"]
    (refused,) = rig.bus.of(StreamsRefused)
    assert (refused.streams, refused.reason) == (streams("NOPE"), "unknown symbol")
    assert rig.sent() == [b"join 1 SOL"]
    assert rig.view.unknown_symbols == ("NOPE",)
    assert rig.view.links == {link: LinkState.LIVE}
    rig.tell(wanted("BTC NOPE SOL ETH"))
    assert failures(rig) == ["unknown symbol NOPE"]


def test_a_kind_that_the_venue_has_not_is_told_once() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    started(rig)
    rig.tell(wanted("BTC BTC.candles"), wanted("BTC BTC.candles ETH"))
    (refused,) = rig.bus.of(StreamsRefused)
    assert (refused.streams, refused.reason) == (streams("BTC.candles"), "the venue has no such stream")


def test_a_refused_change_costs_only_the_instrument_at_fault() -> None:
    rig = Rig(dynamic_venue(per_link=9), symbols=("BTC",))
    link = started(rig)
    rig.tell(wanted("BTC ETH SOL SOL.trades"))
    assert rig.sent() == [b"join 1 ETH SOL SOL.trades"]
    rig.frame(link, "N c1 suspended")
    rig.wait(1)
    assert rig.sent() == [b"join 2 ETH", b"join 3 SOL SOL.trades"]
    rig.frame(link, "A c2", "N c3 suspended")
    (refused,) = rig.bus.of(StreamsRefused)
    assert (refused.streams, refused.reason) == (streams("SOL SOL.trades"), "refused: suspended")
    assert rig.view.links == {link: LinkState.LIVE}
    rig.closed(link)
    rig.wait(0)
    live(rig, rig.opening())
    assert b"sub BTC ETH" in rig.sent()


def test_what_was_refused_is_asked_for_again_once_nobody_has_wanted_it_for_a_moment() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC",))
    link = started(rig)
    rig.tell(wanted("BTC SOL"))
    rig.frame(link, "N c1 suspended")
    rig.wait(1)
    rig.sent()
    rig.tell(wanted("BTC SOL"))
    assert rig.sent() == []
    rig.tell(wanted("BTC"), wanted("BTC SOL"))
    assert [frame.split()[0::2] for frame in rig.sent()] == [[b"join", b"SOL"]]


# -- books of instruments that left --------------------------------------------------------------


def test_a_snapshot_on_its_way_is_not_told_of_an_instrument_that_left_and_none_is_asked_for_again() -> None:
    rig = Rig(dynamic_venue(), symbols=("BTC", "ETH"))
    started(rig)
    rig.tell(SnapshotWanted(BTC.instrument), SnapshotWanted(ETH.instrument))
    to_btc, to_eth = rig.calls("snapshot")
    rig.tell(wanted(""))
    rig.reply(to_btc, "1 2")
    rig.fail(to_eth)
    rig.wait(60)
    assert rig.feed.of(BookSnapshot) == []
    assert rig.calls("snapshot") == []
    assert rig.bus.of(Quarantined) == []
