"""What the simulated venues tell of the past and of mark prices, read by the codecs that read the real ones."""

from typing import Final

import pytest

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import CallId, InstrumentId, LinkId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.intervals import opened_at
from integrated_trading_system.domain.market import BookSnapshot, Candle, DataType, FundingRate, MarkPrice
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import HOUR, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import Dialect, ServerRequest
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.venues import build_dialect, build_exchange, listings
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import WeightedRequest
from integrated_trading_system.venues.venue import Venue, VenueEvent
from tests.support import backpack, binance, bybit
from tests.support.exchange import START

SYMBOLS: Final = {
    "binance:spot": "BTCUSDT",
    "binance:us": "BTCUSDT",
    "binance:testnet": "BTCUSDT",
    "binance:usdm": "BTCUSDT",
    "binance:coinm": "BTCUSD_PERP",
    "bybit:linear": "BTCUSDT",
    "bybit:spot": "BTCUSDT",
    "backpack:spot": "BTC_USDC",
    "backpack:perp": "BTC_USDC_PERP",
}
CONTRACTS: Final = ("binance:usdm", "binance:coinm", "bybit:linear", "backpack:perp")
SPOT: Final = tuple(name for name in SYMBOLS if name not in CONTRACTS)
FOLDERS: Final = {"binance": binance, "bybit": bybit, "backpack": backpack}
QUIET: Final = MarketSettings(events_per_second=0.5, levels=3, history_minutes=40)


class Side:
    """A simulated venue, and the platform's folder that speaks to it."""

    def __init__(self, name: str, *, market: bool = True, clock_offset: int = 0) -> None:
        venue, (folder, _, flavour) = VenueId(name), name.partition(":")
        listed = listings(venue, [SYMBOLS[name]])
        self.now = START
        self.exchange: Exchange = build_exchange(venue, listed, [], Market(3, START, QUIET) if market else None, START)
        self.dialect: Dialect = build_dialect(venue, self.exchange, Nanos(clock_offset))
        self.venue: Venue = FOLDERS[folder].venue(flavour)
        (asked,) = self.venue.market.instruments()
        ((self.instrument, *_), _) = self.venue.market.decode_instruments(self.ask(asked))
        self.venue.codec.list([self.instrument])

    @property
    def history(self) -> History:
        assert self.venue.history is not None
        return self.venue.history

    def ask(self, asked: WeightedRequest | None) -> HttpReply:
        assert asked is not None
        path = "/" + asked.request.url.split("/", 3)[3]
        request = ServerRequest(method="GET", path=path, query=asked.request.query, headers={}, body=b"")
        reply = self.dialect.http(request, self.now)
        return HttpReply(
            call=CallId("call"),
            status=reply.status,
            headers={},
            body=reply.body,
            sent_at=self.now,
            received_at=self.now,
        )

    def candles(self, interval: str, start: int, end: int, price: CandlePrice) -> tuple[Candle, ...]:
        asked = self.history.candles(self.instrument, interval, Nanos(start), Nanos(end), price)
        return self.history.decode_candles(self.instrument, interval, self.ask(asked))

    def funding(self, start: int, end: int) -> tuple[FundingRate, ...]:
        asked = self.history.funding(self.instrument, Nanos(start), Nanos(end))
        return self.history.decode_funding(self.instrument, self.ask(asked))

    def wait(self, time: int) -> None:
        self.now = Nanos(self.now + time)
        self.dialect.run(self.now)

    def hear(self, *kinds: DataType) -> list[VenueEvent]:
        """Everything that half a minute of these streams tells."""
        streams = [Stream(self.instrument.instrument, kind) for kind in kinds]
        instruments: dict[InstrumentId, Instrument] = {self.instrument.instrument: self.instrument}
        for plan in allocate(self.venue.session, streams, instruments):
            path = "/" + plan.url.partition("://")[2].partition("/")[2]
            assert self.dialect.connect(LinkId(plan.name), path, "", self.now)
            for frame in plan.subscribe:
                self.dialect.receive(LinkId(plan.name), frame.data, self.now)
        self.wait(30 * SECOND)
        frames = [outgoing.frame for outgoing in self.dialect.take() if outgoing.frame is not None]
        return [event for frame in frames for event in self.venue.codec.decode(frame, self.now)]


@pytest.mark.parametrize("name", SYMBOLS)
def test_candles_come_as_asked_for_and_follow_one_another(name: str) -> None:
    side = Side(name)
    side.wait(3 * MINUTE)
    start = opened_at("1m", START) - 10 * MINUTE
    candles = side.candles("1m", start, start + 13 * MINUTE, CandlePrice.TRADES)
    traded = [candle for candle in candles if candle.volume]
    assert [candle.opened_at for candle in traded][:10] == [start + at * MINUTE for at in range(10)]
    assert all(candle.low <= min(candle.open, candle.close) <= candle.high for candle in candles)
    assert all(candle.closed for candle in candles)
    assert all(0 < candle.quote_volume / candle.volume / candle.close < 1.1 for candle in traded)


@pytest.mark.parametrize("name", SYMBOLS)
def test_longer_candles_hold_the_shorter_ones_and_the_last_is_open(name: str) -> None:
    side = Side(name)
    side.wait(MINUTE)
    start = opened_at("15m", START) - 15 * MINUTE
    whole = side.candles("15m", start, start + 30 * MINUTE, CandlePrice.TRADES)
    parts = side.candles("1m", start, start + 15 * MINUTE, CandlePrice.TRADES)
    assert [candle.closed for candle in whole] == [True, False]
    assert (whole[0].open, whole[0].close) == (parts[0].open, parts[-1].close)
    assert whole[0].high == max(part.high for part in parts)
    assert whole[0].volume == pytest.approx(sum(part.volume for part in parts))


@pytest.mark.parametrize("name", SYMBOLS)
def test_every_interval_that_is_offered_is_answered_from_its_own_beginning_on(name: str) -> None:
    side = Side(name)
    side.wait(MINUTE)
    for interval in side.history.intervals:
        begin = opened_at(interval, side.now)
        (*_, newest) = side.candles(interval, begin, side.now + SECOND, CandlePrice.TRADES)
        assert (newest.opened_at, newest.interval, newest.closed) == (begin, interval, False)
        before = Nanos(begin - 1)
        past = side.candles(interval, opened_at(interval, before), begin, CandlePrice.TRADES)
        assert all(candle.closed and candle.opened_at == opened_at(interval, before) for candle in past)


@pytest.mark.parametrize("name", CONTRACTS)
def test_candles_of_the_mark_price_stay_near_the_traded_ones_and_have_no_volume(name: str) -> None:
    side = Side(name)
    side.wait(3 * MINUTE)
    start = opened_at("1m", START) - 5 * MINUTE
    marks = side.candles("1m", start, start + 8 * MINUTE, CandlePrice.MARK)
    assert [candle.opened_at for candle in marks] == [start + at * MINUTE for at in range(8)]
    assert all(candle.volume == candle.quote_volume == candle.trades == 0 for candle in marks)
    assert all(candle.closed for candle in marks)
    reference = float(side.exchange.symbols[SYMBOLS[name]].listing.reference_price)
    assert all(abs(price / reference - 1) < 0.05 for candle in marks for price in (candle.high, candle.low))
    assert any(candle.high > candle.low for candle in marks[-3:])


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_rates_that_were_paid_are_told_and_no_other(name: str) -> None:
    side = Side(name, market=False)
    first = side.exchange.next_funding
    assert first is not None
    side.wait(first - START + 20 * HOUR)
    rates = side.funding(START, side.now)
    assert [rate.funding_at for rate in rates] == [first, first + 8 * HOUR, first + 16 * HOUR]
    assert {rate.rate for rate in rates} == {float(side.exchange.rules.funding_rate)}


@pytest.mark.parametrize("name", CONTRACTS)
def test_mark_price_and_funding_come_by_stream_as_they_hold_here(name: str) -> None:
    side = Side(name)
    told = side.hear(DataType.MARK_PRICE, DataType.FUNDING)
    marks = [event for event in told if isinstance(event, MarkPrice)]
    rates = [event for event in told if isinstance(event, FundingRate)]
    symbol = side.exchange.symbols[SYMBOLS[name]]
    assert marks
    assert rates
    assert abs(marks[-1].mark_price / float(symbol.mark_price) - 1) < 0.01
    assert abs(marks[-1].index_price / float(symbol.index_price) - 1) < 0.01
    assert {(rate.rate, rate.funding_at) for rate in rates} == {
        (float(side.exchange.rules.funding_rate), side.exchange.next_funding)
    }


@pytest.mark.parametrize("name", SYMBOLS)
def test_every_stream_that_is_asked_for_together_is_told(name: str) -> None:
    side = Side(name)
    told = {type(event).__name__ for event in side.hear(*DataType)}
    assert told >= {"Quote", "BookDelta", "Statistics", "Candle"}
    assert ("MarkPrice" in told) == ("FundingRate" in told) == (side.instrument.kind is not Kind.SPOT)
    assert "Quarantined" not in told


@pytest.mark.parametrize("name", SPOT)
def test_spot_pays_no_funding(name: str) -> None:
    side = Side(name)
    assert side.exchange.next_funding is None
    assert side.history.funding_per_page == 0


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_book_by_rest_is_the_book(name: str) -> None:
    side = Side(name)
    side.wait(SECOND)
    reply = side.ask(side.venue.market.snapshot(side.instrument))
    snapshot = side.venue.market.decode_snapshot(side.instrument, reply)
    assert isinstance(snapshot, BookSnapshot)
    depth = side.exchange.depth(SYMBOLS[name], 1000)
    assert snapshot.bids == [(float(price), float(size)) for price, size in depth.bids]
    assert snapshot.asks == [(float(price), float(size)) for price, size in depth.asks]
    assert len(snapshot.bids) >= 3
