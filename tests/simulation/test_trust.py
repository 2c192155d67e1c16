"""Feeds that fail while the whole platform trades: who is followed, who is not decided on, what is never told."""

from pathlib import Path
from typing import Any

from integrated_trading_system.domain.health import BookState, FeedReliable, FeedUnreliable, Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.link import FrameReceived
from integrated_trading_system.domain.opportunity import Opportunity
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.preferred import PreferredQuote, PreferredTrade, SourceChanged
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.platform import BREAKER, connector_name
from tests.support.collector import Collector
from tests.support.virtual_platform import PERP, SPOT, VirtualPlatform, dev_settings

BYBIT = VenueId("bybit:linear")
GROUP = {"name": "BTC", "sources": [PERP, SPOT], "return_after_ms": 5_000}
NEWS = (SourceChanged, PreferredQuote, PreferredTrade, FeedUnreliable, FeedReliable, Opportunity, Order)


class Followed:
    """A platform with a group of sources; whatever is told of a source is held against its book at that moment."""

    def __init__(self, folder: Path, **breaker: Any) -> None:
        breaker = {"calm_ms": 3_000, **breaker}
        settings = dev_settings(folder, failover=[GROUP], breaker=breaker)
        self.virtual = VirtualPlatform(settings)
        self.news = Collector()
        self.wrong: list[Any] = []
        self._followed: InstrumentId | None = None
        bus = self.virtual.platform.system.bus
        for kind in NEWS:
            bus.subscribe(kind, self)

    def tell(self, message: Any, /) -> None:
        self.news.tell(message)
        if isinstance(message, SourceChanged):
            self._followed = message.source
        if isinstance(message, PreferredQuote | PreferredTrade):
            told = message.quote if isinstance(message, PreferredQuote) else message.trade
            believed = self.virtual.platform.books.state(told.instrument) is BookState.VALID
            if told.instrument != self._followed or not believed:
                self.wrong.append(message)

    def run(self, seconds: float) -> None:
        self.virtual.run(seconds)

    def followed(self) -> InstrumentId | None:
        return self._followed

    def run_until_valid(self, instrument: str) -> None:
        for _ in range(1_000):
            self.run(0.1)
            if self.virtual.platform.books.state(InstrumentId(instrument)) is BookState.VALID:
                return
        raise AssertionError(f"{instrument} is not VALID again")

    def outage(self, venue: VenueId, seconds: float) -> Nanos:
        """When it began."""
        began = self.virtual.now
        self.virtual.world.outage(venue, began, Nanos(int(seconds * SECOND)))
        return began


def test_the_backup_is_followed_within_a_second_and_the_preferred_one_again_after_its_return(tmp_path: Path) -> None:
    platform = Followed(tmp_path)
    platform.run(10)
    assert platform.followed() == PERP
    platform.news.take()
    began = platform.outage(BYBIT, 20)
    platform.run(60)
    left, returned = platform.news.of(SourceChanged)
    assert (left.source, left.previous) == (SPOT, PERP)
    assert left.at - began < SECOND
    told = [one.quote.instrument for one in platform.news.of(PreferredQuote)]
    assert set(told) == {SPOT, PERP}
    assert (returned.source, returned.previous) == (PERP, SPOT)
    assert returned.at - began > 25 * SECOND
    assert platform.wrong == []


def test_a_feed_that_is_away_too_long_is_told_unreliable_and_nothing_is_decided_on_it_until_it_was_calm(
    tmp_path: Path,
) -> None:
    platform = Followed(tmp_path)
    platform.run(10)
    assert platform.news.of(Opportunity)
    platform.news.take()
    platform.outage(BYBIT, 10)
    platform.run(60)
    (opened,) = platform.news.of(FeedUnreliable)
    (closed,) = platform.news.of(FeedReliable)
    assert opened.instrument == closed.instrument == PERP
    decided = [one.at for one in platform.news.of(Opportunity)]
    assert not [at for at in decided if opened.at <= at < closed.at]
    assert any(at >= closed.at for at in decided)
    assert platform.wrong == []


def test_a_feed_that_flaps_is_not_traded_on_although_its_book_is_valid_in_between(tmp_path: Path) -> None:
    platform = Followed(tmp_path, down_after_ms=60_000, doubts_max=4, doubts_window_ms=300_000)
    platform.run(10)
    for _ in range(4):
        platform.virtual.world.cut(BYBIT, platform.virtual.now)
        platform.run_until_valid(PERP)
    circuit = platform.virtual.platform.system.view(BREAKER)[PERP]
    assert circuit.open
    assert "4 times" in circuit.reason
    assert platform.followed() == SPOT
    assert platform.wrong == []


def test_without_any_source_nothing_is_told(tmp_path: Path) -> None:
    platform = Followed(tmp_path)
    platform.run(10)
    for venue in (BYBIT, VenueId("binance:spot")):
        platform.outage(venue, 5)
    platform.run(0.5)
    platform.news.take()
    platform.run(3)
    assert platform.followed() is None
    assert [*platform.news.of(PreferredQuote), *platform.news.of(PreferredTrade)] == []
    platform.run(30)
    assert platform.followed() is not None
    assert platform.wrong == []


def test_a_price_that_is_not_believed_is_kept_as_the_bytes_that_the_venue_sent(tmp_path: Path) -> None:
    virtual = VirtualPlatform(dev_settings(tmp_path))
    system, heard = virtual.platform.system, Collector()
    virtual.run(10)
    system.bus.subscribe(Quarantined, heard)
    connector = connector_name(VenueId("binance:spot"))
    link = next(link for link in system.view(connector).links if "market" in link)
    frame = (
        b'{"stream":"btcusdt@bookTicker","data":{"u":9000000000,"s":"BTCUSDT","b":"1.00","B":"1","a":"1.01","A":"1"}}'
    )
    system.tell(connector, FrameReceived(link, frame, virtual.now))
    virtual.run(0.001)
    (kept,) = heard.of(Quarantined)
    assert kept.frame == frame
    assert kept.reason == "jump"
