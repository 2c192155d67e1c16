"""The shared market: fair prices, dislocations, and the participants that make the books."""

from decimal import Decimal
from itertools import pairwise

import pytest

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import MILLISECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.events import BookChanged, ExchangeEvent, TradeHappened
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.listing import Listing
from integrated_trading_system.simulation.market import Dislocations, Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from integrated_trading_system.simulation.venues import listings
from tests.support.exchange import START, Desk, customer, rules

SPOT = VenueId("binance:spot")
CALM = MarketSettings(history_minutes=0, dislocation_every=Nanos(0))


def open_venue(
    market: Market, venue: VenueId = SPOT, symbols: tuple[str, ...] = ("BTCUSDT",), **balances: str
) -> Exchange:
    exchange = Exchange(listings(venue, symbols), rules(), [customer("me", **balances)], start=START)
    populate(exchange, market, venue)
    return exchange


def run(exchange: Exchange, seconds: float, step_ms: int = 1_000) -> list[ExchangeEvent]:
    events: list[ExchangeEvent] = []
    begin = exchange.now
    for step in range(1, int(seconds * 1_000 / step_ms) + 1):
        while exchange.advance(Nanos(begin + step * step_ms * MILLISECOND)):
            events += exchange.take()
    return events


def test_the_fair_price_depends_on_seed_and_time_only() -> None:
    later, sooner = Nanos(START + 60 * SECOND), Nanos(START + 30 * SECOND)
    one, two = Market(1, START), Market(1, START)
    first = [one.fair("ETH", "USDT", sooner), one.fair("ETH", "USDT", later)]
    assert first == [two.fair("ETH", "USDT", later), two.fair("ETH", "USDT", sooner)][::-1]
    assert one.fair("BTC", "USDT", later) == two.fair("BTC", "USDC", later)
    assert one.fair("ETH", "BTC", later) == one.fair("ETH", "USDT", later) / one.fair("BTC", "USDT", later)
    assert one.fair("BTC", "USDT", later) != Market(2, START).fair("BTC", "USDT", later)
    assert one.fair("BTC", "USDT", START) == 1.0
    assert one.fair("USDT", "USD", later) == 1.0


def test_a_venue_that_fell_far_behind_is_told_so() -> None:
    market = Market(1, START)
    market.fair("BTC", "USDT", Nanos(START + 7_200 * SECOND))
    with pytest.raises(LookupError, match="keep pace"):
        market.fair("BTC", "USDT", Nanos(START + SECOND))


def test_dislocations_come_every_few_seconds_and_pass() -> None:
    dislocations = Dislocations(Market(1, START).random("x"), START, MarketSettings())
    seen = [dislocations.bps(Nanos(START + tick * 10 * MILLISECOND)) for tick in range(60_000)]
    active = [bps for bps in seen if bps]
    begun = sum(1 for before, after in zip([0.0, *seen], seen, strict=False) if after and after != before)
    assert all(10 <= abs(bps) <= 40 for bps in active)
    assert 90 <= begun <= 160
    assert 0.1 <= len(active) / len(seen) <= 0.25


def test_the_market_is_the_same_however_often_time_passes() -> None:
    market, other = Market(3, START, CALM), Market(3, START, CALM)
    assert run(open_venue(market), 20, step_ms=4) == run(open_venue(other), 20, step_ms=2_000)


def test_another_venue_first_changes_nothing() -> None:
    alone, together = Market(3, START), Market(3, START)
    usdm = open_venue(together, VenueId("binance:usdm"))
    run(usdm, 10)
    assert run(open_venue(alone), 10) == run(open_venue(together), 10)


def test_a_populated_venue_has_a_full_book_and_lively_trading() -> None:
    exchange = open_venue(Market(3, START, CALM), symbols=("BTCUSDT", "XRPUSDT"))
    events = run(exchange, 20)
    for symbol in exchange.symbols:
        books = [event for event in events if isinstance(event, BookChanged) and event.symbol == symbol]
        trades = [event for event in events if isinstance(event, TradeHappened) and event.symbol == symbol]
        assert 400 <= len(books) <= 800
        assert 30 <= len(trades) <= 150
        assert all(0 < event.top.bid < event.top.ask for event in books)
        depth = exchange.depth(symbol, 50)
        assert 15 <= len(depth.bids) <= 25
        assert 15 <= len(depth.asks) <= 25
    assert exchange.bank.total("BTC") == exchange.bank.total("USDT") == 0


def test_venues_agree_apart_from_noise_and_differ_when_dislocated() -> None:
    def gaps(settings: MarketSettings) -> list[float]:
        market = Market(3, START, settings)
        one, two = open_venue(market), open_venue(market, VenueId("binance:usdm"))
        found = []
        for tick in range(300):
            now = Nanos(START + tick * 100 * MILLISECOND)
            for exchange in (one, two):
                while exchange.advance(now):
                    exchange.take()
            a, b = one.mark_price("BTCUSDT"), two.mark_price("BTCUSDT")
            found.append(abs(float((a - b) / a)) * 10_000)
        return sorted(found)

    calm, wild = gaps(CALM), gaps(MarketSettings(history_minutes=0))
    assert calm[-1] < 8
    assert wild[len(wild) // 2] < 8
    assert wild[-1] > 10


def test_what_a_customer_takes_is_quoted_again() -> None:
    desk = Desk(open_venue(Market(3, START, CALM), USDT="100000000"))
    top = desk.exchange.top("BTCUSDT")
    order = desk.buy("me", str(top.ask_quantity * 3), "66000")
    assert order.filled == order.quantity
    run(desk.exchange, 2)
    assert len(desk.exchange.depth("BTCUSDT", 50).asks) >= 19


def test_a_customers_resting_order_at_a_good_price_gets_filled() -> None:
    desk = Desk(open_venue(Market(3, START, CALM), USDT="100000000"))
    top = desk.exchange.top("BTCUSDT")
    order = desk.buy("me", "0.001", str(top.ask - Decimal("0.01")))
    assert order.is_open
    run(desk.exchange, 10)
    assert order.filled == order.quantity
    assert all(fill.maker for fill in order.executions)


def test_history_ends_where_the_market_opens_and_is_the_same_everywhere() -> None:
    settings = MarketSettings(history_minutes=100)
    one = open_venue(Market(3, START, settings))
    two = open_venue(Market(3, START, settings), VenueId("binance:us"))
    bars = list(one.symbols["BTCUSDT"].tape.minutes)
    assert len(bars) == 100
    assert [bar.opened_at for bar in bars] == [START - START % MINUTE - (100 - n) * MINUTE for n in range(100)]
    assert bars[-1].close == one.symbols["BTCUSDT"].listing.reference_price
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert all(before.close == after.open for before, after in pairwise(bars))
    assert bars == list(two.symbols["BTCUSDT"].tape.minutes)


def test_every_coin_can_be_quoted() -> None:
    listed: list[Listing] = listings(SPOT)
    exchange = Exchange(listed, rules(), [], start=START)
    populate(exchange, Market(3, START, CALM), SPOT)
    for listing in listed:
        top = exchange.top(listing.symbol)
        assert 0 < top.bid < top.ask < top.bid * Decimal("1.002")
        assert listing.price_decimals + listing.quantity_decimals < 13
