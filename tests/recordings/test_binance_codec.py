"""Real Binance traffic through the codec: every message becomes what independent counts say it is."""

import gzip
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.book import Book
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    Fill,
    Liquidity,
    OrderAccepted,
    OrderDone,
    VenuePosition,
)
from integrated_trading_system.domain.ids import Asset, InstrumentId, TradeId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    FundingRate,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Ignored, VenueEvent
from tests.support import binance

AT = Nanos(7)
FIXTURES = "fixtures_nautilus/binance"
HFT = [
    ("spot", "BTCUSDT", "spot BTCUSDT", "spot/btcusdt_20240808.gz"),
    ("usdm", "BTCUSDT", "usdm BTCUSDT", "usdm/btcusdt_20240808.gz"),
    ("coinm", "BTCUSD_PERP", "cm BTCUSD_PERP", "cm/btcusd_perp_20240808.gz"),
]
TRANSCRIPTS = [
    ("spot", "BINANCE", "NKNUSDT"),
    ("us", "BINANCE_US", "COMPUSDT"),
    ("us", "BINANCE_US", "ZRXUSDT"),
    ("usdm", "BINANCE_FUTURES", "SUSHIUSDT"),
    ("usdm", "BINANCE_FUTURES", "KEEPUSDT"),
]


@pytest.fixture(scope="session")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((recordings / "FACTS.json").read_bytes())
    return found


class Reader:
    """Counts events and keeps one book, by the normalised rules alone."""

    def __init__(self) -> None:
        self.counts: Counter[type] = Counter()
        self.book = Book()
        self.stale = self.applied = self.gaps = 0
        self.tops: dict[int, Any] = {}
        self._buffered: list[BookDelta] = []
        self._quotes: dict[int, Quote] = {}
        self._resume: int | None = None
        self._last: int | None = None

    def read(self, event: VenueEvent) -> None:
        self.counts[type(event)] += 1
        match event:
            case BookDelta() if self._resume is None and self._last is None:
                self._buffered.append(event)
            case BookDelta():
                self._apply(event)
            case Quote():
                self._quotes[event.sequence] = event
            case _:
                pass

    def start(self, snapshot: BookSnapshot) -> None:
        self.book.replace(snapshot.bids, snapshot.asks)
        self._resume = snapshot.resume_from
        for delta in self._buffered:
            self._apply(delta)

    def _apply(self, delta: BookDelta) -> None:
        if self._resume is not None:
            if delta.last_sequence < self._resume:
                self.stale += 1
                return
            assert delta.first_sequence <= self._resume
            self._resume = None
        elif delta.previous_sequence != self._last:
            self.gaps += 1
        self._last = delta.last_sequence
        self.applied += 1
        self.book.apply(delta.bids, delta.asks)
        self.tops[delta.order] = self.book.top

    def agreement(self) -> tuple[int, int]:
        """How many quotes carry the sequence of a delta, and how many of them equal the book then."""
        both = [number for number in self.tops if number in self._quotes]
        quotes = [self._quotes[number] for number in both]
        tops = [(quote.bid, quote.bid_size, quote.ask, quote.ask_size) for quote in quotes]
        return len(both), sum(self.tops[number] == top for number, top in zip(both, tops, strict=True))


@pytest.mark.parametrize(("flavour", "symbol", "name", "path"), HFT)
def test_a_recorded_market_is_decoded_whole(
    recordings: Path, facts: dict[str, Any], flavour: str, symbol: str, name: str, path: str
) -> None:
    fact, venue = facts["hft"][name], binance.venue(flavour)
    instrument = binance.instrument(flavour, symbol)
    venue.codec.list([instrument])
    reader = Reader()
    with gzip.open(recordings / "hft_binance_20240808" / path) as lines:
        for line in lines:
            frame = line.split(b" ", 1)[1].rstrip()
            if frame.startswith(b'{"lastUpdateId"'):
                reader.start(venue.market.decode_snapshot(instrument, binance.reply(frame)))
                continue
            for event in venue.codec.decode(frame, AT):
                reader.read(event)
    messages = fact["messages"]
    depth = next(count for stream, count in messages.items() if stream.startswith("depth"))
    assert reader.counts == {Quote: messages["bookTicker"], Trade: messages["trade"], BookDelta: depth}
    assert (reader.stale, reader.applied, reader.gaps) == (fact["stale_dropped"], fact["applied"], fact["gaps"])
    assert reader.agreement() == (fact["bbo_same_u_checked"], fact["bbo_same_u_equal"])
    assert reader.book.top == tuple(float(number) for number in fact["final_bbo"])
    assert list(reader.book.depth) == fact["final_levels"]


def transcript(path: Path) -> Iterator[bytes]:
    """What was received: ``t: message``."""
    with gzip.open(path) as lines:
        for line in lines:
            if not line.startswith((b"wss:", b"configuration:")):
                yield line.split(b": ", 1)[1].rstrip()


def listed(recordings: Path, flavour: str, source: str) -> dict[str, Instrument]:
    (body, *_) = transcript(recordings / f"cryptofeed/{source}.0.gz")
    instruments, _ = binance.venue(flavour).market.decode_instruments(binance.reply(body))
    return {instrument.symbol: instrument for instrument in instruments}


@pytest.mark.parametrize(("flavour", "source", "symbol"), TRANSCRIPTS)
def test_a_transcript_is_decoded_whole(
    recordings: Path, facts: dict[str, Any], flavour: str, source: str, symbol: str
) -> None:
    fact, venue = facts["cryptofeed"][source][symbol], binance.venue(flavour)
    instrument = listed(recordings, flavour, source)[symbol]
    venue.codec.list([instrument])
    reader = Reader()
    for body in transcript(recordings / f"cryptofeed/{source}.http.0.0.gz"):
        snapshot = venue.market.decode_snapshot(instrument, binance.reply(body))
        if snapshot.last_sequence == fact["snapshot_lastUpdateId"]:
            reader.start(snapshot)
    for frame in transcript(recordings / f"cryptofeed/{source}.ws.1.0.gz"):
        for event in venue.codec.decode(frame, AT):
            reader.read(event)
    del reader.counts[Ignored]
    kinds = {"bookTicker": Quote, "aggTrade": Trade, "depth@100ms": BookDelta, "kline_1m": Candle}
    assert reader.counts == {kinds[stream]: count for stream, count in fact["messages"].items()}
    assert (reader.stale, reader.applied, reader.gaps) == (fact["stale_dropped"], fact["applied"], fact["gaps"])
    assert reader.book.top == tuple(float(number) for number in fact["final_bbo"])


# -- sample messages -----------------------------------------------------------------------------


def sample(recordings: Path, kind: str, flavour: str, symbol: str) -> list[VenueEvent]:
    frame = (recordings / FIXTURES / f"{kind}.json").read_bytes()
    codec = binance.venue(flavour).codec
    codec.list([binance.instrument(flavour, symbol)])
    return list(codec.decode(frame, AT))


BTC = InstrumentId("binance:usdm:BTCUSDT")
SMALL_CANDLE = Candle(
    BTC, "1m", Nanos(1638747660000_000_000), 0.001, 0.0025, 0.0015, 0.002, 1000.0, 100, False, AT, 1.0
)
MARKET_SAMPLES: list[tuple[str, str, VenueEvent]] = [
    ("agg_trade_stream", "BTCUSDT", Trade(BTC, "5933014", 0.001, 100.0, Side.SELL, Nanos(123456785_000_000), AT)),
    ("trade_stream", "BTCUSDT", Trade(BTC, "5933014", 0.001, 100.0, Side.SELL, Nanos(123456785_000_000), AT)),
    (
        "book_ticker_stream",
        "BNBUSDT",
        Quote(
            InstrumentId("binance:usdm:BNBUSDT"),
            25.3519,
            31.21,
            25.3652,
            40.66,
            400900217,
            Nanos(1568014460893_000_000),
            AT,
        ),
    ),
    (
        "depth_update_stream",
        "BTCUSDT",
        BookDelta(BTC, [(0.0024, 10.0)], [(0.0026, 100.0)], 157, 160, 149, 160, Nanos(123456789_000_000), AT),
    ),
    ("kline_stream_open", "BTCUSDT", SMALL_CANDLE),
    ("kline_stream_closed", "BTCUSDT", msgspec.structs.replace(SMALL_CANDLE, low=0.001, closed=True)),
    (
        "ticker_stream",
        "BTCUSDT",
        Statistics(BTC, 16584.6, 122474.816, 2036102085.697464, -0.786, Nanos(1672515782136_000_000), AT),
    ),
]


@pytest.mark.parametrize(("name", "symbol", "event"), MARKET_SAMPLES)
def test_a_sample_of_a_market_stream_has_these_values(
    recordings: Path, name: str, symbol: str, event: VenueEvent
) -> None:
    assert sample(recordings, f"futures/market_data_json/{name}", "usdm", symbol) == [event]


def test_the_sample_of_a_mark_price_tells_the_funding_rate_too(recordings: Path) -> None:
    at = Nanos(1562305380000_000_000)
    assert sample(recordings, "futures/market_data_json/mark_price_stream", "usdm", "BTCUSDT") == [
        MarkPrice(BTC, 11794.15, 11784.62659091, at, AT),
        FundingRate(BTC, 0.00038167, Nanos(1562306400000_000_000), at, AT),
    ]


def account_sample(recordings: Path, folder: str, flavour: str, name: str) -> list[VenueEvent]:
    codec = binance.venue(flavour).user_codec
    assert codec is not None
    codec.list([binance.instrument(flavour, "BTCUSDT")])
    return list(codec.decode((recordings / FIXTURES / folder / "user_data_json" / f"{name}.json").read_bytes(), AT))


def test_samples_of_spot_orders_have_these_values(recordings: Path) -> None:
    def events(name: str) -> list[VenueEvent]:
        return account_sample(recordings, "spot", "spot", name)

    (accepted,) = events("execution_report_new")
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.client_order_id, accepted.venue_order_id) == ("x-TD67BGP9-T0000000000000", "12345678")
    assert accepted.venue_time == 1709654400000_000_000
    fill, filled = events("execution_report_trade")
    assert isinstance(fill, Fill)
    assert (fill.instrument, fill.trade_id) == ("binance:spot:ETHUSDT", TradeId("98765432"))
    assert (fill.side, fill.liquidity) == (Side.BUY, Liquidity.MAKER)
    assert (fill.price, fill.quantity) == (Decimal(2500), Decimal(1))
    assert fill.fee == Money(Decimal("0.001"), Asset("ETH"))
    assert isinstance(filled, OrderDone)
    assert (filled.status, filled.venue_filled) == (OrderStatus.FILLED, Decimal(1))
    (cancelled,) = events("execution_report_canceled")
    assert isinstance(cancelled, OrderDone)
    assert (cancelled.status, cancelled.client_order_id) == (OrderStatus.CANCELLED, "x-TD67BGP9-T0000000000000")
    (expired,) = events("execution_report_expired")
    assert isinstance(expired, OrderDone)
    assert (expired.status, expired.reason) == (OrderStatus.EXPIRED, "INSUFFICIENT_LIQUIDITY")
    (wrapped,) = events("execution_report_wrapped")
    assert isinstance(wrapped, OrderAccepted)
    assert (wrapped.client_order_id, wrapped.venue_order_id) == ("mUvoqJxFIILMdfAW5iGSOW", "4293153")


def test_samples_of_spot_balances_have_these_values(recordings: Path) -> None:
    (flat,) = account_sample(recordings, "spot", "spot", "account_position")
    assert isinstance(flat, BalancesReported)
    assert flat.balances == (
        Balance(Asset("USDT"), Decimal(10_000), Decimal(2_500)),
        Balance(Asset("ETH"), Decimal(5), Decimal(0)),
    )
    (wrapped,) = account_sample(recordings, "spot", "spot", "account_position_wrapped")
    assert isinstance(wrapped, BalancesReported)
    assert wrapped.balances == (Balance(Asset("ETH"), Decimal(10_000), Decimal(0)),)


@pytest.mark.parametrize("name", ["balance_update", "balance_update_wrapped", "list_status_wrapped"])
def test_samples_that_say_nothing_new_are_ignored(recordings: Path, name: str) -> None:
    (event,) = account_sample(recordings, "spot", "spot", name)
    assert isinstance(event, Ignored)


def test_samples_of_futures_orders_have_these_values(recordings: Path) -> None:
    (accepted,) = account_sample(recordings, "futures", "usdm", "order_update_new")
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.client_order_id, accepted.venue_order_id) == ("TEST", "8886774")
    (fill,) = account_sample(recordings, "futures", "usdm", "order_update_trade")
    assert isinstance(fill, Fill)
    assert (fill.trade_id, fill.price, fill.quantity) == ("12345678", Decimal("7100.5"), Decimal("0.001"))
    assert fill.fee == Money(Decimal("0.01"), Asset("USDT"))
    assert (fill.side, fill.liquidity) == (Side.BUY, Liquidity.MAKER)
    for name in ("algo_update_new", "algo_update_canceled"):
        assert account_sample(recordings, "futures", "usdm", name) == [Ignored("ALGO_UPDATE")]


def test_samples_of_futures_accounts_have_these_values(recordings: Path) -> None:
    (update,) = account_sample(recordings, "futures", "usdm", "account_update")
    assert isinstance(update, BalancesReported)
    free, wallet = Decimal("100.12345678"), Decimal("122624.12345678")
    assert update.balances == (Balance(Asset("USDT"), free, wallet - free),)
    assert update.positions == (VenuePosition(BTC, Decimal(0), Decimal(0)),)
    assert update.venue_time == 1564745798939_000_000
    (credits_mode,) = account_sample(recordings, "futures", "usdm", "account_update_bnfcr")
    assert isinstance(credits_mode, BalancesReported)
    assert credits_mode.balances == (Balance(Asset("BNFCR"), Decimal("5001.28983031"), Decimal(0)),)
