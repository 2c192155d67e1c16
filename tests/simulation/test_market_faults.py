"""Networks at their worst between us and every venue that can be simulated, over the whole platform (N4 to N7).

After each fault the books are proven again within five seconds of the first connection, whatever was told
was true at the venue, and every message is accounted for (`WatchedMarket.audit`).
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.health import BookState, BookStateChanged
from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.domain.preferred import SourceChanged
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.platform import FEED, OMS, connector_name
from integrated_trading_system.simulation.exchange.dialect import Outgoing
from integrated_trading_system.simulation.faults import Fault
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.connector.links import links
from integrated_trading_system.venues.venue import LinkPlan
from tests.support.watched_market import SYMBOLS, WatchedMarket

ALL = tuple(SYMBOLS)
WIRES = ("binance:spot", "bybit:linear", "backpack:spot", "okx:spot", "kraken:spot")
"""One of each."""
PAIR = ("bybit:linear", "binance:spot")
GROUP = {"name": "BTC", "sources": [f"{venue}:BTCUSDT" for venue in PAIR], "return_after_ms": 5_000}
LIFETIME = Nanos(7 * SECOND)
"""Instead of 23 h 50 m;"""
CUT_AFTER = Nanos(10 * SECOND)
"""and this instead of 24 h."""


@pytest.fixture
def market(tmp_path: Path) -> WatchedMarket:
    """Every venue."""
    made = WatchedMarket(tmp_path, ALL)
    made.begin()
    return made


@pytest.fixture
def few(tmp_path: Path) -> WatchedMarket:
    """One venue of each wire."""
    made = WatchedMarket(tmp_path, WIRES)
    made.begin()
    return made


@pytest.fixture
def pair(tmp_path: Path) -> WatchedMarket:
    """Two venues, of which the first is followed while it is well."""
    made = WatchedMarket(tmp_path, PAIR, failover=[GROUP])
    made.begin()
    assert made.followed == f"{PAIR[0]}:BTCUSDT"
    return made


# -- N4: the venue ends the connection -----------------------------------------------------------


def shorten_lifetimes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of market links, of every venue, and the time after which one that worked counts as stable."""
    monkeypatch.setattr(links, "STABLE_AFTER", Nanos(5 * SECOND))
    venues = {VenueId(name) for name in ALL}
    for session in {type(catalog.build(name, catalog.endpoints_of(name), f"{name}/a").session) for name in venues}:  # type: ignore[arg-type]

        def short(*arguments: Any, made: Any = session.market_link) -> LinkPlan:
            plan: LinkPlan = made(*arguments)
            return replace(plan, lifetime=LIFETIME)

        monkeypatch.setattr(session, "market_link", short)


def cut_what_is_old(market: WatchedMarket) -> int:
    """The venues cut every market link after its time; how many of these were still in use."""
    cut = 0
    for at, effect in list(market.opened):
        if at + CUT_AFTER <= market.now and "#user." not in effect.link:
            cut += effect.link in market.world._links
            market.world._break(market.now, effect.link, "24 hours")
    return cut


def assert_nothing_is_missing(market: WatchedMarket, begin: Nanos) -> None:
    """Every trade between then and a moment ago was told, once."""
    end = Nanos(market.now - SECOND)
    for instrument in market.instruments:
        told, made = market.quantities(instrument, begin, end)
        assert told == pytest.approx(made), instrument
        assert made > 0, instrument


def test_links_are_replaced_before_the_venue_cuts_them_without_losing_or_repeating_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_lifetimes(monkeypatch)
    market = WatchedMarket(tmp_path, ALL)
    market.run(5)
    assert market.invalid() == []
    market.news.take()
    begin = Nanos(market.now // SECOND * SECOND + SECOND)
    for _ in range(48):
        market.run(0.5)
        assert cut_what_is_old(market) == 0
    for venue in ALL:
        view = market.system.view(connector_name(VenueId(venue)))
        assert (view.rollovers >= 2, view.reconnects) == (True, 0), venue
    assert market.news.of(BookStateChanged) == []
    assert_nothing_is_missing(market, begin)
    assert market.audit() == []


def announcing(venue: str) -> bytes:
    """How the venue says that it is about to close a connection."""
    if venue.startswith("okx"):
        return b'{"event":"notice","code":"64008","msg":"The connection will soon be closed","connId":"a"}'
    return b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'


@pytest.mark.parametrize("venue", ["binance:spot", "binance:us", "okx:spot", "okx:swap"])
def test_a_venue_that_says_it_will_close_is_left_before_it_does(tmp_path: Path, venue: str) -> None:
    market = WatchedMarket(tmp_path, [venue])
    market.begin()
    begin = Nanos(market.now // SECOND * SECOND + SECOND)
    market.run(2)
    dialect: Any = market.world._dialects[VenueId(venue)]
    old = [link for link in market.world._links if "#user." not in link]
    dialect._outgoing += [Outgoing(LinkId(link), announcing(venue)) for link in old]
    market.run(9)
    assert not any(link in market.world._links for link in old)
    market.run(5)
    view = market.system.view(connector_name(VenueId(venue)))
    assert (view.rollovers, view.reconnects) == (len(old), 0)
    assert market.news.of(BookStateChanged) == []
    assert_nothing_is_missing(market, begin)
    assert market.audit() == []


# -- N5: all links at once -----------------------------------------------------------------------


def test_after_a_cut_of_everything_every_book_is_back_in_five_seconds(market: WatchedMarket) -> None:
    began = market.now
    for venue in ALL:
        market.cut(venue)
    market.run(0)
    assert len(market.invalid()) == len(ALL)
    assert market.seconds_from_connection(began) <= 5
    assert market.audit() == []


def test_however_often_everything_is_cut_each_venue_sees_one_attempt_a_second(market: WatchedMarket) -> None:
    for _ in range(100):
        for venue in ALL:
            market.cut(venue)
        market.run(0.25)
    for venue in ALL:
        times = market.attempts(venue)
        gaps = [later - at for at, later in pairwise(times)]
        users = sum("#user." in effect.link for _, effect in market.opened if effect.venue == venue)
        assert len(times) > 3
        assert len([gap for gap in gaps if gap < SECOND]) <= users, venue
        assert len(times) <= 60, "300 in 5 minutes is what Binance allows"
    assert market.seconds_until_valid() <= 35
    assert market.audit() == []


def test_venues_clogged_and_unclogged_in_random_order_all_come_back(market: WatchedMarket) -> None:
    happened = market.suffer(30, {Fault.SWIZZLE: 0.2, Fault.CLOG: 0.1})
    assert set(happened) == {"swizzle", "clog"}
    for venue in ALL:
        assert len(market.attempts(venue)) <= 30
    assert market.seconds_until_valid() <= 5
    assert market.audit() == []


# -- N6: late ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("there", "back"), [(0, 15), (7.5, 7.5), (3, 12)])
def test_while_a_venue_is_late_nothing_of_it_is_decided_on_and_another_is_followed(
    pair: WatchedMarket, there: float, back: float
) -> None:
    (late, _) = pair.instruments
    began = pair.now
    pair.strike(Fault.SLOW, PAIR[0], 25, there=there, back=back)
    pair.run(24)
    assert pair.state(late) is BookState.STALE
    left = pair.news.of(SourceChanged)[0]
    assert left.previous == late
    assert left.at - began <= 6 * SECOND, "nothing says that it is late before its silence does"
    pair.run(1 + there + back)
    assert pair.seconds_until_valid() <= 5
    pair.run(20)
    assert pair.followed == late
    assert pair.snapshots > 500
    assert pair.audit() == []


def test_what_is_late_on_its_way_to_the_venue_is_uncertain_and_not_lost(pair: WatchedMarket) -> None:
    pair.strike(Fault.SLOW, PAIR[0], 15, there=15, back=0)
    pair.run(15)
    assert pair.invalid() == [], "what comes from the venue is on time"
    pair.run(60)
    view = pair.system.view(OMS)
    assert (view.unknown, view.reconciled) == (0, True)
    assert pair.audit() == []


def test_a_venue_that_is_a_little_late_is_compared_only_within_the_stated_bound(pair: WatchedMarket) -> None:
    for late in (0.05, 0.2, 1, 3):
        pair.strike(Fault.SLOW, PAIR[0], 5, there=0, back=late)
        pair.run(5)
    pair.run(5)
    assert pair.system.view(FEED).venues[VenueId(PAIR[0])].latency_us.max > 3_000_000
    assert pair.audit() == []


def test_when_the_followed_venue_is_cut_another_is_followed_within_a_second(pair: WatchedMarket) -> None:
    began = pair.now
    pair.cut(PAIR[0])
    pair.run(1)
    (left,) = pair.news.of(SourceChanged)
    assert left.at - began < SECOND
    assert pair.seconds_from_connection(began) <= 5
    assert pair.audit() == []


# -- N7: we are slow -----------------------------------------------------------------------------


def test_what_arrives_while_we_stand_still_waits_and_nothing_is_lost(few: WatchedMarket) -> None:
    begin = Nanos(few.now // SECOND * SECOND + SECOND)
    few.run(1)
    assert few.stand_still(4) > 300
    few.run(8)
    assert few.invalid() == []
    assert_nothing_is_missing(few, begin)
    boxes = few.system.mailboxes()
    assert sum(box.dropped for box in boxes.values()) == 0
    assert few.audit() == []


def test_after_standing_still_for_a_minute_the_books_are_right_within_five_seconds(few: WatchedMarket) -> None:
    assert few.stand_still(60) > 3_000
    assert few.seconds_until_valid() <= 5
    few.run(10)
    assert few.audit() == []
