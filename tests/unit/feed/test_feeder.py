"""Quotes and trades through the feeder: what is believed is told, the rest is held back and counted."""

from decimal import Decimal
from math import nan

import pytest

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    ClockEstimated,
    ClockSample,
    FeedStale,
    LinkState,
    Quarantined,
)
from integrated_trading_system.domain.ids import Asset, InstrumentId, VenueId
from integrated_trading_system.domain.inputs import ClockReading
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed, Kind
from integrated_trading_system.domain.market import Candle, DataType, Quote, Statistics, Trade
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.feed.statistics import StreamView
from tests.support.feed_rig import BTC, START, VENUE, FeedRig, link, ms, quote, trade


@pytest.fixture
def rig() -> FeedRig:
    return FeedRig()


def listed(tick: str, *, name: InstrumentId = BTC, inferred: bool = False) -> InstrumentsListed:
    btc, usd = Asset("BTC"), Asset("USD")
    found = Instrument(
        instrument=name,
        venue=VENUE,
        symbol="BTC",
        base=btc,
        quote=usd,
        settle=usd,
        kind=Kind.SPOT,
        tick=Decimal(tick),
        lot=Decimal(1),
        inferred=inferred,
    )
    return InstrumentsListed(VENUE, (found,))


# -- quotes --------------------------------------------------------------------------------------


def test_a_first_good_quote_makes_the_instrument_valid_and_is_told(rig: FeedRig) -> None:
    message = quote(1)
    rig.tell(message)
    changed = BookStateChanged(BTC, BookState.VALID, "", START)
    assert rig.synchronizer.messages == [changed, message]
    assert rig.bus.messages == [changed, message]
    assert rig.books.top(BTC) == message
    assert rig.buffers.latest(BTC, DataType.QUOTES) == (message,)


def test_ordinary_quotes_are_told_in_order(rig: FeedRig) -> None:
    messages = [quote(number, number, bid=100.0 - number % 3) for number in range(1, 9)]
    rig.tell(*messages)
    assert rig.synchronizer.of(Quote) == rig.bus.of(Quote) == messages
    assert rig.view.instruments[BTC].streams == {DataType.QUOTES: StreamView(delivered=8)}


@pytest.mark.parametrize("bad", [dict(bid=nan), dict(bid=102.0), dict(bid_size=0.0), dict(bid=1e11, ask=2e11)])
def test_a_quote_that_cannot_be_believed_is_quarantined_and_withdraws_the_one_before(
    rig: FeedRig, bad: dict[str, float]
) -> None:
    rig.tell(quote(1))
    rig.forget()
    rig.tell(quote(2, 1, **bad))
    (changed,) = rig.synchronizer.messages
    assert (changed.state, rig.books.state(BTC), rig.books.top(BTC)) == (BookState.SUSPECT, BookState.SUSPECT, None)
    (quarantined,) = rig.bus.of(Quarantined)
    assert (quarantined.venue, quarantined.detail, quarantined.reason) == (VENUE, BTC, changed.reason)
    rig.tell(quote(3, 2))
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.synchronizer.messages[-1] == quote(3, 2)
    assert rig.view.venues[VENUE].quarantined_by_reason == {changed.reason: 1}
    assert rig.view.quarantine == (quarantined,)


def test_a_quote_older_than_the_last_is_refused_but_takes_nothing_away(rig: FeedRig) -> None:
    rig.tell(quote(5), quote(4, 1))
    assert [message.reason for message in rig.bus.of(Quarantined)] == ["sequence"]
    assert rig.books.top(BTC) == quote(5)


def test_a_quote_that_comes_twice_is_told_once(rig: FeedRig) -> None:
    rig.tell(quote(5), quote(5))
    assert rig.bus.of(Quote) == [quote(5)]
    assert rig.view.instruments[BTC].streams[DataType.QUOTES] == StreamView(
        delivered=1, conflated=1, reasons={"nothing new": 1}
    )


def test_a_market_that_really_jumped_comes_back_after_having_been_stale(rig: FeedRig) -> None:
    rig.tell(quote(1))
    rig.tell(*(quote(2 + at, 10 + at * 100, bid=200.0, ask=201.0) for at in range(60)))
    assert [fact.instrument for fact in rig.bus.of(FeedStale)] == [BTC]
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.bus.of(Quote)[-1].bid == 200.0
    assert rig.bus.of(Quote)[1].received_at >= ms(5_000)


def test_a_price_that_walks_is_no_jump(rig: FeedRig) -> None:
    prices = [100.0 * 1.05**step for step in range(40)]
    rig.tell(*(quote(1 + step, step, bid=price, ask=price * 1.001) for step, price in enumerate(prices)))
    assert rig.bus.of(Quarantined) == []


def test_a_price_off_the_tick_is_refused_unless_the_tick_was_guessed(rig: FeedRig) -> None:
    rig.tell(listed("0.5"), listed("7", name=InstrumentId("toy:spot:ETH")), quote(1), quote(2, bid=100.25))
    assert [message.reason for message in rig.bus.of(Quarantined)] == ["tick"]
    rig.tell(listed("0.5", inferred=True), quote(3, bid=100.25))
    assert rig.books.state(BTC) is BookState.VALID


def test_without_validation_only_what_cannot_be_is_refused() -> None:
    rig = FeedRig(settings=FeedSettings(enable_validation=False))
    rig.tell(quote(1), quote(2, 1, bid=1e11, ask=2e11), quote(3, 60_000, venue_time=ms(0)), quote(4, 60_001, bid=nan))
    assert [message.reason for message in rig.bus.of(Quarantined)] == ["price"]


# -- time ----------------------------------------------------------------------------------------


def test_a_quote_that_was_long_on_its_way_is_refused(rig: FeedRig) -> None:
    rig.tell(quote(1), quote(2, 5_000, venue_time=ms(0)))
    assert [message.reason for message in rig.bus.of(Quarantined)] == ["age"]


def test_a_recorder_whose_clock_is_behind_makes_no_quote_come_from_the_future(rig: FeedRig) -> None:
    rig.tell(*(quote(number, number, venue_time=ms(number + 1_272)) for number in range(1, 50)))
    assert len(rig.bus.of(Quote)) == 49
    assert rig.view.venues[VENUE].clock_offset_ms == pytest.approx(1_272)


def test_the_estimate_of_the_clock_is_told_to_synchronizers_and_everyone_within_a_second(rig: FeedRig) -> None:
    rig.tell(quote(1, venue_time=ms(7)))
    rig.run(ms(1_000))
    estimated = ClockEstimated(VENUE, Nanos(7 * MILLISECOND), Nanos(20 * MILLISECOND), ms(1_000))
    assert rig.synchronizer.of(ClockEstimated) == rig.bus.of(ClockEstimated) == [estimated]


def test_an_answer_about_the_time_is_told_at_once(rig: FeedRig) -> None:
    rig.tell(ClockSample(VENUE, ms(50), ms(0), ms(20)))
    (estimated,) = rig.bus.of(ClockEstimated)
    assert (estimated.offset, estimated.uncertainty) == (40 * MILLISECOND, 10 * MILLISECOND)


def test_quotes_without_time_are_placed_by_their_arrival_less_the_ordinary_delay(rig: FeedRig) -> None:
    clock = rig.clocks.of(VENUE)
    for number in range(1, 20):
        rig.tell(trade(str(number), number * 10, venue_time=ms(number * 10 - (2 if number == 1 else 5))))
        rig.tell(quote(number, number * 10, venue_time=Nanos(0)))
    rig.run(ms(1_100))
    assert clock.delay == 3 * MILLISECOND
    rig.tell(quote(99, 1_200, venue_time=Nanos(0)))
    rig.tell(quote(100, 1_210, venue_time=Nanos(0)))
    assert clock.reach == ms(1_207)
    assert clock.uncertainty == 23 * MILLISECOND


def test_each_venue_has_its_own_delay() -> None:
    other = InstrumentId("other:spot:BTC")
    rig = FeedRig({BTC: (DataType.QUOTES,), other: (DataType.QUOTES,)})
    rig.tell(quote(1, venue_time=Nanos(0)), trade("1", 9, venue_time=ms(0)), trade("2", 50, instrument=other))
    for number in range(3, 9):
        rig.tell(trade(str(number), 60, venue_time=ms(44)))
    rig.run(ms(1_000))
    assert (rig.clocks.of(VENUE).delay, rig.clocks.of(VenueId("other:spot")).delay) == (7 * MILLISECOND, 0)


def test_a_message_stamped_far_ahead_moves_no_clock(rig: FeedRig) -> None:
    rig.tell(quote(1), quote(2, 1, venue_time=ms(10**9)), trade("1", 2, venue_time=ms(10**9)))
    assert [message.reason for message in rig.bus.of(Quarantined)] == ["future", "future"]
    assert rig.view.venues[VENUE].clock_offset_ms == 0


def test_the_drift_of_the_wall_clock_is_seen(rig: FeedRig) -> None:
    rig.tell(ClockReading(Nanos(START + 5), START), ClockReading(Nanos(START + SECOND), START))
    assert rig.view.wall_clock_drift_ms == pytest.approx(1_000, abs=0.001)


# -- trades and the rest -------------------------------------------------------------------------


def test_a_trade_is_told_once_whichever_link_brings_it(rig: FeedRig) -> None:
    rig.tell(trade("7"), trade("7", 3), trade("8"))
    assert [message.trade_id for message in rig.bus.of(Trade)] == ["7", "8"]
    assert rig.buffers.latest(BTC, DataType.TRADES, 9) == (trade("7"), trade("8"))
    assert rig.view.instruments[BTC].streams[DataType.TRADES] == StreamView(
        delivered=2, conflated=1, reasons={"duplicate": 1}
    )


def test_trades_are_remembered_for_long_enough(rig: FeedRig) -> None:
    rig.tell(*(trade(str(number)) for number in range(3_000)), trade("1000"))
    assert rig.view.instruments[BTC].streams[DataType.TRADES].conflated == 1


def test_a_late_trade_is_still_a_trade(rig: FeedRig) -> None:
    rig.tell(trade("1"), trade("2", 15_000, venue_time=ms(0)))
    assert len(rig.bus.of(Trade)) == 2


def test_a_trade_that_cannot_be_believed_is_quarantined_and_the_quotes_stay(rig: FeedRig) -> None:
    rig.tell(quote(1), trade("1", price=1e9), trade("2", price=nan), trade("3"))
    assert [message.reason for message in rig.bus.of(Quarantined)] == ["jump", "price"]
    assert [message.trade_id for message in rig.bus.of(Trade)] == ["3"]
    assert rig.books.state(BTC) is BookState.VALID


def test_statistics_and_candles_are_passed_on(rig: FeedRig) -> None:
    candle = Candle(BTC, "1m", START, 1.0, 2.0, 0.5, 1.5, 9.0, 3, True, START)
    figures = Statistics(BTC, 100.0, 1.0, 2.0, 3.0, START, START)
    rig.tell(candle, figures)
    assert rig.buffers.latest(BTC, DataType.CANDLES) == (candle,)
    assert rig.buffers.latest(BTC, DataType.STATISTICS) == (figures,)
    assert rig.view.instruments[BTC].messages == 2


def test_what_the_codec_could_not_believe_is_counted_but_not_published_again(rig: FeedRig) -> None:
    rig.tell(Quarantined(VENUE, "json", "no object", b"[]", START))
    view = rig.view.venues[VENUE]
    assert (view.messages, view.events, view.quarantined_by_reason) == (1, 0, {"json": 1})
    assert rig.bus.messages == []


def test_an_instrument_that_nobody_announced_is_taken_in(rig: FeedRig) -> None:
    eth = InstrumentId("toy:spot:ETH")
    rig.tell(quote(1, instrument=eth), trade("1", instrument=eth))
    assert rig.books.state(eth) is BookState.VALID


# -- silence and links ---------------------------------------------------------------------------


def test_silence_makes_an_instrument_stale_exactly_when_its_limit_is_reached(rig: FeedRig) -> None:
    rig.tell(quote(1, 300))
    rig.run(Nanos(ms(5_300) - 1))
    assert rig.books.state(BTC) is BookState.VALID
    rig.run(ms(5_300))
    assert rig.bus.of(FeedStale) == [FeedStale(BTC, Nanos(5 * SECOND), ms(5_300))]
    assert rig.synchronizer.of(BookStateChanged)[-1].state is BookState.STALE
    rig.run(ms(60_000))
    assert len(rig.bus.of(FeedStale)) == 1
    rig.tell(quote(2, 60_001))
    assert rig.books.state(BTC) is BookState.VALID
    rig.run(ms(70_000))
    assert (len(rig.bus.of(FeedStale)), rig.view.instruments[BTC].silences) == (2, 2)


def test_an_instrument_that_never_says_anything_is_stale(rig: FeedRig) -> None:
    rig.run(ms(5_000))
    assert len(rig.bus.of(FeedStale)) == 1


def test_trades_do_not_keep_quotes_alive(rig: FeedRig) -> None:
    rig.tell(quote(1), *(trade(str(second), second * 1_000) for second in range(1, 7)))
    assert rig.books.state(BTC) is BookState.STALE


def test_where_only_trades_are_wanted_they_are_the_sign_of_life() -> None:
    rig = FeedRig({BTC: (DataType.TRADES,)})
    rig.tell(*(trade(str(second), second * 1_000) for second in range(1, 7)))
    assert rig.bus.of(FeedStale) == []
    rig.run(ms(11_000))
    assert len(rig.bus.of(FeedStale)) == 1
    assert rig.bus.of(BookStateChanged) == []
    assert rig.view.books == {}


def test_a_lost_link_makes_its_instruments_stale_in_the_same_turn(rig: FeedRig) -> None:
    rig.tell(link(LinkState.LIVE), quote(1))
    rig.tell(link(LinkState.DOWN))
    assert rig.books.state(BTC) is BookState.STALE
    assert rig.synchronizer.messages[-1].state is BookState.STALE
    rig.tell(quote(2, 1), trade("1", 1))
    assert rig.books.state(BTC) is BookState.STALE
    streams = rig.view.instruments[BTC].streams
    assert streams[DataType.QUOTES] == StreamView(delivered=1, dropped=1, reasons={"link down": 1})
    assert streams[DataType.TRADES] == StreamView(delivered=1)  # it stays a fact


def test_a_link_that_is_back_begins_anew_even_at_a_lower_sequence(rig: FeedRig) -> None:
    rig.tell(link(LinkState.LIVE), quote(100), link(LinkState.DOWN))
    rig.tell(link(LinkState.CONNECT, number=2), link(LinkState.SUBSCRIBE, number=2))
    assert rig.books.state(BTC) is BookState.SYNCING
    rig.tell(quote(1, 10), link(LinkState.LIVE, number=2))
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.view.venues[VENUE].reconnects == 1


def test_a_rollover_that_connects_before_it_cuts_is_not_noticed(rig: FeedRig) -> None:
    rig.tell(link(LinkState.LIVE), quote(1))
    rig.forget()
    for state in (LinkState.CONNECT, LinkState.SUBSCRIBE, LinkState.LIVE):
        rig.tell(link(state, number=2))
    rig.tell(quote(2, 1), quote(2, 1), trade("1", 1), trade("1", 1))
    rig.tell(link(LinkState.DRAIN), link(LinkState.DOWN), quote(3, 2))
    assert rig.synchronizer.messages == [quote(2, 1), quote(3, 2)]
    assert rig.bus.of(Trade) == [trade("1", 1)]
    assert rig.bus.of(BookStateChanged) == []


def test_after_a_restart_nothing_is_believed_until_it_is_heard_again(rig: FeedRig) -> None:
    rig.tell(quote(5))
    rig.forget()
    rig.restart()
    assert rig.books.state(BTC) is BookState.SYNCING
    assert [changed.state for changed in rig.synchronizer.of(BookStateChanged)] == [BookState.SYNCING]
    rig.tell(quote(1, 1))
    assert rig.books.top(BTC) == quote(1, 1)
