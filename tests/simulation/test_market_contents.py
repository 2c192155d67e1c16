"""What venues say, doubled, swapped, lost, outdated, wrong or unreadable, over the whole platform (N9 to N11, N13).

Nothing of it is ever published or decided on (`WatchedMarket.wrong`), nothing raises, everything is accounted for.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.health import (
    BookBroken,
    BookState,
    BookStateChanged,
    Gap,
    LinkChanged,
    LinkState,
    Quarantined,
)
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.orchestrator.platform import connector_name
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.faults import Fault
from integrated_trading_system.simulation.garbage import GARBLES
from tests.support.false_frames import CHANGES, Alter, Liar, changed, of_another_symbol
from tests.support.watched_market import SYMBOLS, WatchedMarket

ALL = tuple(SYMBOLS)
BY_REST = ("binance:spot", "binance:usdm", "binance:coinm", "backpack:spot")
"""Where a book begins with a snapshot by REST."""
WIRES = ("binance:spot", "binance:usdm", "bybit:linear", "backpack:spot", "okx:spot", "kraken:spot")
"""One venue of each codec."""

NOTHING = ("null", "missing", "zero")
"""Where a venue says so of a side of its book that is empty, the quote is one-sided and no mistake."""
ERRORS: dict[str, Alter] = {
    "binance": lambda _: b'{"error":{"code":-1,"msg":"no"}}',
    "bybit": lambda _: b'{"success":false,"ret_msg":"no","op":"subscribe"}',
    "okx": lambda _: b'{"event":"error","code":"60012","msg":"no"}',
    "kraken": lambda _: b'{"method":"subscribe","success":false,"error":"no"}',
    "backpack": lambda _: b'{"id":null,"error":{"code":4005,"message":"no"}}',
}


def one_sided(market: WatchedMarket, venue: str) -> int:
    return int(market.system.view(connector_name(VenueId(venue))).ignored.get("one-sided", 0))


def began(folder: Path, *venues: str, **changes: Any) -> WatchedMarket:
    market = WatchedMarket(folder, venues, **changes)
    market.begin()
    return market


# -- N9: doubled, swapped, lost, numbered anew ---------------------------------------------------


def test_doubled_swapped_and_lost_frames_cost_their_books_alone_and_only_for_a_moment(tmp_path: Path) -> None:
    market = began(tmp_path, *ALL)
    rates = dict.fromkeys((Fault.DATA_TWICE, Fault.DATA_SWAPPED, Fault.DATA_LOST), 0.01)
    happened = market.suffer(20, rates)
    assert set(happened) == {fault.value for fault in rates}
    assert market.seconds_until_valid() <= 10, "a book that had more than three gaps is asked for more slowly"
    gaps = market.news.of(Gap)
    assert {gap.instrument.partition(":")[0] for gap in gaps} == {"binance", "bybit", "backpack", "okx"}
    assert all(gap.expected != gap.received for gap in gaps)
    assert market.news.of(BookBroken), "Kraken's books have no numbers: their checksums show what is lost"
    assert market.audit() == []


def test_frames_that_come_twice_change_nothing(tmp_path: Path) -> None:
    market = began(tmp_path, *ALL)
    assert market.suffer(10, {Fault.DATA_TWICE: 0.05})[Fault.DATA_TWICE.value] > 50
    assert market.news.of(Gap) == []
    assert market.news.of(BookStateChanged) == []
    assert market.audit() == []


@pytest.mark.parametrize("venue", ["bybit:linear", "bybit:spot", "okx:spot", "okx:swap"])
def test_a_venue_that_numbers_anew_goes_on(tmp_path: Path, venue: str) -> None:
    market = began(tmp_path, venue)
    dialect: Any = market.world._dialects[VenueId(venue)]
    for _ in range(3):
        dialect.restart_books(SYMBOLS[venue], market.now)
        market.run(1)
    assert market.seconds_until_valid() <= 5
    assert market.news.of(LinkChanged) == [], "one book is no reason to connect anew"
    assert market.audit() == []


# -- N10: books by REST that are not the ones that were asked for --------------------------------


def test_a_book_out_of_a_cache_proves_nothing(tmp_path: Path) -> None:
    market = began(tmp_path, *BY_REST)
    happened = market.suffer(40, {Fault.BOOK_STALE: 0.7, Fault.LINKS_CUT: 0.5})
    assert happened[Fault.BOOK_STALE.value] > 5
    assert market.seconds_until_valid() <= 35, "after three tries they are asked for ever more rarely"
    assert market.audit() == []


@pytest.mark.parametrize(
    ("venue", "symbols"),
    [("binance:spot", ("BTCUSDT", "ETHUSDT")), ("binance:usdm", ("BTCUSDT", "ETHUSDT"))],
)
def test_the_book_of_another_symbol_is_found_out(tmp_path: Path, venue: str, symbols: tuple[str, str]) -> None:
    market = began(tmp_path, venue, symbols={venue: symbols})
    dialect: Any = market.world._dialects[VenueId(venue)]
    mistaken = 0

    def http(request: ServerRequest, now: Any, honest: Any = dialect.http) -> ServerReply:
        nonlocal mistaken
        if request.path.endswith("/depth") and symbols[0] in request.query and mistaken < 2:
            mistaken += 1
            request = replace(request, query=request.query.replace(*symbols))
        reply: ServerReply = honest(request, now)
        return reply

    dialect.http = http
    market.cut(venue)
    market.run(8)
    assert mistaken == 2
    assert market.seconds_until_valid() <= 5
    assert market.audit() == []


# -- N11: checksums ------------------------------------------------------------------------------


def wrong_checksum(frame: bytes) -> bytes | None:
    found = re.search(rb'"type":"update".*"checksum":(\d+)', frame)
    return frame[: found.start(1)] + b"%d" % (int(found[1]) ^ 1) + frame[found.end(1) :] if found else None


def wrong_size(frame: bytes) -> bytes | None:
    found = re.search(rb'"type":"update".*"qty":(\d+\.\d*[1-9])\d*\}', frame) if b'"book"' in frame else None
    return frame[: found.start(1)] + b"7777.77777000"[: len(found[1])] + frame[found.end(1) :] if found else None


@pytest.mark.parametrize("alter", [wrong_checksum, wrong_size])
def test_a_book_whose_checksum_fails_is_not_told_until_it_is_proven_anew(tmp_path: Path, alter: Alter) -> None:
    market = began(tmp_path, "kraken:spot")
    liar = Liar(market, "kraken:spot")
    liar.instead = alter
    while not market.news.of(BookBroken):
        market.run(0.01)
        assert market.now < market.world.exchanges[VenueId("kraken:spot")].now + 60 * SECOND
    assert len(liar.told) == 1
    (instrument,) = market.instruments
    assert market.state(instrument) is not BookState.VALID
    (broken,) = market.news.of(BookBroken)
    assert (broken.instrument, broken.reason) == (instrument, "checksum")
    assert market.seconds_until_valid() <= 5
    assert market.system.view(connector_name(VenueId("kraken:spot"))).checksums[instrument].failed == 1
    assert market.news.of(LinkChanged) == []
    assert market.audit() == []


# -- N13: what cannot be believed ----------------------------------------------------------------


def told_once(market: WatchedMarket, liar: Liar, alter: Alter) -> bytes:
    """Have the liar tell one such frame, and wait until it has arrived."""
    before = len(liar.told)
    liar.instead = alter
    for _ in range(200):
        if len(liar.told) > before:
            break
        market.run(0.05)
    market.run(0.5)
    return liar.told[before]


@pytest.mark.parametrize("venue", WIRES)
def test_what_cannot_be_read_is_kept_with_its_bytes_and_a_reason(tmp_path: Path, venue: str) -> None:
    market = began(tmp_path, venue, of_venues={"quarantine_per_minute_max": 1_000})
    liar = Liar(market, venue)
    for name, garble in GARBLES.items():
        market.news.take()
        frame = told_once(market, liar, garble)
        kept = [one for one in market.news.of(Quarantined) if one.frame == frame]
        assert [bool(one.reason and one.detail) for one in kept] == [True], name
        market.seconds_until_valid(10)
    assert market.audit() == []


@pytest.mark.parametrize("venue", WIRES)
def test_best_prices_that_cannot_be_are_named_and_never_told(tmp_path: Path, venue: str) -> None:
    market = began(tmp_path, venue, of_venues={"quarantine_per_minute_max": 1_000})
    liar = Liar(market, venue)
    for kind in CHANGES:
        market.news.take()
        empty = one_sided(market, venue)
        told_once(market, liar, changed(kind, venue, 65_000))
        reasons = [one.reason for one in market.news.of(Quarantined)]
        reasons += ["one-sided"] * (one_sided(market, venue) - empty)
        assert len(reasons) == 1, (kind, reasons)
        assert reasons != ["one-sided"] or kind in NOTHING, kind
        assert market.wrong == [], kind
        market.seconds_until_valid(10)
    assert market.audit() == []


@pytest.mark.parametrize("venue", WIRES)
def test_what_is_about_nothing_that_we_asked_for_is_counted_and_changes_nothing(tmp_path: Path, venue: str) -> None:
    market = began(tmp_path, venue)
    liar = Liar(market, venue)
    others: list[Alter] = [of_another_symbol(venue), lambda _: b"{}", lambda _: b'{"e":"news","data":[]}']
    for number, alter in enumerate(others, start=1):
        told_once(market, liar, alter)
        view = market.system.view(connector_name(VenueId(venue)))
        assert sum(view.ignored.values()) + sum(view.quarantined.values()) >= number
        market.seconds_until_valid(10)
    assert market.news.of(LinkChanged) == []
    assert market.audit() == []


@pytest.mark.parametrize("venue", WIRES)
def test_an_error_out_of_nowhere_costs_a_reconnect_at_most(tmp_path: Path, venue: str) -> None:
    market = began(tmp_path, venue)
    liar = Liar(market, venue)
    at = market.now
    told_once(market, liar, ERRORS[venue.partition(":")[0]])
    view = market.system.view(connector_name(VenueId(venue)))
    assert view.reconnects + sum(view.ignored.values()) + sum(view.quarantined.values()) >= 1
    assert len(market.attempts(venue)) <= 1
    assert market.seconds_until_valid() <= 5
    assert market.now - at <= 16 * SECOND
    assert market.audit() == []


@pytest.mark.parametrize("venue", WIRES)
def test_a_link_that_brings_too_much_of_it_is_replaced_and_its_book_is_back_in_five_seconds(
    tmp_path: Path, venue: str
) -> None:
    market = began(tmp_path, venue)
    at = market.now
    happened = market.suffer(4, {Fault.DATA_GARBLED: 0.9})
    assert happened[Fault.DATA_GARBLED.value] > 20
    view = market.system.view(connector_name(VenueId(venue)))
    assert view.resyncs >= 1
    lost = [one.reason for one in market.news.of(LinkChanged) if one.state is LinkState.DOWN]
    assert "quarantine" in lost
    assert len(market.attempts(venue)) <= 6
    market.seconds_until_valid(45)
    live = max(one.at for one in market.news.of(LinkChanged) if one.state is LinkState.LOGON)
    assert (market.now - max(live, at)) / SECOND <= 5
    assert market.audit() == []


def test_instruments_of_other_venues_do_not_notice(tmp_path: Path) -> None:
    market = began(tmp_path, *WIRES)
    liar = Liar(market, "okx:spot")
    for garble in GARBLES.values():
        told_once(market, liar, garble)
    struck = {one.instrument for one in market.news.of(BookStateChanged)}
    assert struck <= {InstrumentId("okx:spot:BTC-USDT")}
    assert market.audit() == []
