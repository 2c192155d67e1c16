"""Links of a whole platform in virtual time: cut, silent, late, replaced, refused; and streams that come and go."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    LinkChanged,
    LinkState,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import ActorName, InstrumentId, LinkId, VenueId, symbol_of, venue_of
from integrated_trading_system.domain.link import LinkClosed, OpenLink
from integrated_trading_system.domain.market import DataType, PolledQuote, Quote, Trade
from integrated_trading_system.domain.streams import Stream, Subscribe, Unsubscribe
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.platform import FEED, OMS, SUBSCRIPTIONS, connector_name
from integrated_trading_system.simulation.faults import Fault, Happening
from integrated_trading_system.simulation.latency import Latency
from integrated_trading_system.venues.binance.session import BinanceSession
from integrated_trading_system.venues.bybit.session import BybitSession
from integrated_trading_system.venues.venue import LinkPlan
from tests.support.collector import Collector
from tests.support.virtual_platform import PERP, SPOT, STREAMS, VirtualPlatform, dev_settings

BINANCE, BYBIT = VenueId("binance:spot"), VenueId("bybit:linear")
BOTH = (InstrumentId(SPOT), InstrumentId(PERP))


class Bench:
    """A platform, every connection that it asked for, and what it told."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.virtual = VirtualPlatform(dev_settings(folder, **changes))
        self.system = self.virtual.platform.system
        self.world = self.virtual.world
        self.news = Collector()
        self.opened: list[tuple[Nanos, VenueId]] = []
        for kind in (BookStateChanged, LinkChanged, Trade, Quote, PolledQuote, VenueBlocked):
            self.system.bus.subscribe(kind, self.news)
        perform = self.world.perform

        def noted(effect: Effect, now: Nanos) -> None:
            if isinstance(effect, OpenLink):
                self.opened.append((now, effect.venue))
            perform(effect, now)

        self.world.perform = noted  # type: ignore[method-assign]  # what is noted is done

    @property
    def now(self) -> Nanos:
        return self.virtual.now

    def run(self, seconds: float) -> None:
        self.virtual.run(seconds)

    def state(self, instrument: InstrumentId) -> BookState:
        return self.virtual.platform.books.state(instrument)

    def valid(self) -> bool:
        return all(self.state(instrument) is BookState.VALID for instrument in BOTH)

    def seconds_until_valid(self) -> float:
        for tenths in range(1, 600):
            self.run(0.1)
            if self.valid():
                return tenths / 10
        raise AssertionError("never")

    def strike(self, fault: Fault, venue: VenueId, seconds: float = 0) -> None:
        self.world._strike(Happening(fault, venue, Nanos(int(seconds * SECOND))), self.now)

    def tell(self, actor: ActorName, message: Any) -> None:
        self.system.tell(actor, message)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.run(5)
    assert made.valid()
    made.opened.clear()
    made.news.take()
    return made


# -- cut -----------------------------------------------------------------------------------------


def test_a_venue_whose_links_are_all_cut_is_back_in_five_seconds(bench: Bench) -> None:
    bench.world.cut(BYBIT, bench.now)
    bench.run(0)
    assert bench.state(InstrumentId(PERP)) is BookState.STALE
    assert bench.seconds_until_valid() <= 5


def test_however_often_links_are_cut_a_venue_sees_at_most_one_attempt_a_second(bench: Bench) -> None:
    for number in range(120):
        bench.world.cut(BINANCE if number % 3 else BYBIT, bench.now)
        bench.run(0.25)
    for venue in (BINANCE, BYBIT):
        times = [at for at, opened in bench.opened if opened == venue]
        assert len(times) > 3
        assert min(later - at for at, later in pairwise(times)) >= SECOND
    bench.run(31)
    assert bench.valid()


def test_after_an_outage_the_books_are_proven_within_five_seconds_of_the_first_connection(bench: Bench) -> None:
    bench.strike(Fault.OUTAGE, BYBIT, 45)
    bench.run(45)
    bench.news.take()
    while not bench.valid():
        bench.run(0.1)
        assert bench.now < 20_000 * 86_400 * SECOND + 200 * SECOND
    connected = min(changed.at for changed in bench.news.of(LinkChanged) if changed.state is LinkState.LOGON)
    assert bench.now - connected <= 5 * SECOND


# -- silent --------------------------------------------------------------------------------------


def test_half_open_links_are_found_and_replaced_within_six_seconds(bench: Bench) -> None:
    bench.strike(Fault.SILENCE, BINANCE)
    began = bench.now
    bench.run(4)
    assert bench.opened == []
    bench.run(2.5)
    (at, venue), *_ = bench.opened
    assert venue == BINANCE
    assert at - began <= 6.5 * SECOND
    assert bench.seconds_until_valid() <= 5


# -- late ----------------------------------------------------------------------------------------


def test_while_everything_is_late_nothing_stale_is_believed_and_afterwards_all_is_well(bench: Bench) -> None:
    usual, bench.world._latency = bench.world._latency, Latency(base=Nanos(15 * SECOND), jitter=Nanos(0))
    bench.run(8)
    assert {bench.state(instrument) for instrument in BOTH} == {BookState.STALE}
    plans = bench.system.view(OMS).plans
    bench.run(30)
    assert bench.system.view(OMS).plans <= plans
    bench.world._latency = usual
    bench.run(60)
    assert bench.valid()


# -- replaced ------------------------------------------------------------------------------------


def test_replacing_links_loses_and_repeats_no_trade_and_no_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for session in (BinanceSession, BybitSession):
        market_link = session.market_link

        def short(*arguments: Any, made: Any = market_link) -> LinkPlan:
            plan: LinkPlan = made(*arguments)
            return replace(plan, lifetime=Nanos(7 * SECOND))

        monkeypatch.setattr(session, "market_link", short)
    bench = Bench(tmp_path)
    bench.run(5)
    bench.news.take()
    before = {instrument: trades_made(bench, instrument) for instrument in BOTH}
    bench.run(60)
    for venue in (BINANCE, BYBIT):
        view = bench.system.view(connector_name(venue))
        assert view.rollovers >= 5
        assert view.reconnects == 0
    assert bench.news.of(BookStateChanged) == []
    for instrument in BOTH:
        ids = [trade.trade_id for trade in bench.news.of(Trade) if trade.instrument == instrument]
        assert len(ids) == len(set(ids)) > 50
        on_the_way = 3
        assert abs(len(ids) - (trades_made(bench, instrument) - before[instrument])) <= on_the_way
    numbers = [int(trade.trade_id) for trade in bench.news.of(Trade) if trade.instrument == SPOT]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def trades_made(bench: Bench, instrument: InstrumentId) -> int:
    """By the exchange's own count."""
    return bench.world.exchanges[venue_of(instrument)].symbols[symbol_of(instrument)].last_trade_id


# -- refused for good ----------------------------------------------------------------------------

US = VenueId("binance:us")


def test_a_venue_that_refuses_us_for_good_is_left_alone_and_its_fallback_takes_over(tmp_path: Path) -> None:
    venues = {
        "binance:spot": {"symbols": ["BTCUSDT"], "streams": STREAMS, "fallback": "binance:us"},
        "binance:us": {"symbols": ["BTCUSDT"], "streams": STREAMS},
        "bybit:linear": {"symbols": ["BTCUSDT"], "streams": STREAMS},
    }
    bench = Bench(tmp_path, venues=venues)
    instead = InstrumentId("binance:us:BTCUSDT")
    bench.run(5)
    assert bench.valid()
    assert {venue for _, venue in bench.opened} == {BINANCE, BYBIT}
    assert instead not in bench.virtual.platform.streams
    (link, *_) = [link for link in bench.system.view(connector_name(BINANCE)).links if "market" in link]
    bench.opened.clear()
    bench.tell(connector_name(BINANCE), LinkClosed(LinkId(link), "http-451", bench.now))
    bench.run(60)
    assert [fact.reason for fact in bench.news.of(VenueBlocked)] == ["http-451"]
    assert {venue for _, venue in bench.opened} == {US}
    assert bench.state(InstrumentId(SPOT)) is BookState.STALE
    assert bench.state(instead) is BookState.VALID
    assert instead in bench.virtual.platform.streams


# -- prices while the stream is down -------------------------------------------------------------


def test_while_no_stream_comes_prices_are_shown_and_not_believed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    dialect = bench.world._dialects[BYBIT]
    monkeypatch.setattr(dialect, "connect", lambda *_: False)
    bench.world.cut(BYBIT, bench.now)
    bench.run(10)
    polled = bench.news.of(PolledQuote)
    assert len(polled) >= 5
    assert {one.instrument for one in polled} == {PERP}
    assert bench.virtual.platform.buffers.latest(InstrumentId(PERP), DataType.QUOTES) == (polled[-1].quote,)
    assert bench.state(InstrumentId(PERP)) is BookState.STALE
    monkeypatch.undo()
    bench.run(31)
    assert bench.valid()
    bench.news.take()
    bench.run(5)
    assert bench.news.of(PolledQuote) == []


# -- streams that come and go --------------------------------------------------------------------

ETH = InstrumentId("binance:spot:ETHUSDT")
KINDS = (DataType.QUOTES, DataType.TRADES, DataType.DEPTH)


def streams_of(instrument: InstrumentId) -> tuple[Stream, ...]:
    return tuple(Stream(instrument, kind) for kind in KINDS)


@pytest.mark.parametrize(
    ("venue", "symbols"),
    [
        ("binance:spot", ("BTCUSDT", "ETHUSDT")),
        ("binance:usdm", ("BTCUSDT", "ETHUSDT")),
        ("bybit:linear", ("BTCUSDT", "ETHUSDT")),
        ("bybit:spot", ("BTCUSDT", "ETHUSDT")),
        ("backpack:spot", ("BTC_USDC", "ETH_USDC")),
    ],
)
def test_a_stream_is_stopped_with_its_last_consumer_and_comes_back_with_the_next(
    tmp_path: Path, venue: str, symbols: tuple[str, str]
) -> None:
    venues = {venue: {"symbols": list(symbols), "streams": [kind.value for kind in KINDS]}}
    bench = Bench(tmp_path, venues=venues, comparisons=[], strategies=[])
    kept, gone = (InstrumentId(f"{venue}:{symbol}") for symbol in symbols)
    bench.run(5)
    assert bench.state(gone) is bench.state(kept) is BookState.VALID
    reconnects = len(bench.opened)
    bench.tell(SUBSCRIPTIONS, Subscribe("a", streams_of(gone)))
    bench.tell(SUBSCRIPTIONS, Unsubscribe("config", streams_of(gone)))
    bench.run(3)
    assert bench.state(gone) is BookState.VALID
    bench.tell(SUBSCRIPTIONS, Unsubscribe("a", streams_of(gone)))
    bench.run(3)
    assert gone not in bench.system.view(FEED).instruments
    ignored = sum(bench.system.view(connector_name(VenueId(venue))).ignored.values())
    bench.news.take()
    bench.run(10)
    assert [trade for trade in bench.news.of(Trade) if trade.instrument == gone] == []
    assert sum(bench.system.view(connector_name(VenueId(venue))).ignored.values()) == ignored
    assert bench.state(kept) is BookState.VALID
    bench.tell(SUBSCRIPTIONS, Subscribe("b", streams_of(gone)))
    bench.run(6)
    assert bench.state(gone) is bench.state(kept) is BookState.VALID
    assert len(bench.opened) == reconnects


def test_a_book_alone_may_go_and_its_quotes_stay(tmp_path: Path) -> None:
    venues = {"binance:spot": {"symbols": ["ETHUSDT"], "streams": [kind.value for kind in KINDS]}}
    bench = Bench(tmp_path, venues=venues, comparisons=[], strategies=[])
    bench.run(5)
    bench.tell(SUBSCRIPTIONS, Unsubscribe("config", (Stream(ETH, DataType.DEPTH),)))
    bench.run(5)
    assert bench.state(ETH) is BookState.VALID
    assert bench.virtual.platform.books.top(ETH) is not None
    bench.tell(SUBSCRIPTIONS, Subscribe("a", (Stream(ETH, DataType.DEPTH),)))
    bench.run(5)
    assert bench.state(ETH) is BookState.VALID


def test_a_restarted_connector_goes_on_with_what_was_wanted_last(tmp_path: Path) -> None:
    venues = {"binance:spot": {"symbols": ["BTCUSDT", "ETHUSDT"], "streams": [kind.value for kind in KINDS]}}
    bench = Bench(tmp_path, venues=venues, comparisons=[], strategies=[])
    bench.run(5)
    bench.tell(SUBSCRIPTIONS, Unsubscribe("config", streams_of(ETH)))
    bench.run(2)
    bench.tell(connector_name(BINANCE), "no message that it knows")
    bench.run(8)
    assert bench.system.restarts()[connector_name(BINANCE)] == 1
    assert bench.state(InstrumentId(SPOT)) is BookState.VALID
    assert ETH not in bench.system.view(FEED).instruments
