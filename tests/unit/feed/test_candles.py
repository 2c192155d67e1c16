"""Candles of several intervals from one stream of trades."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.intervals import INTERVALS, opened_at
from integrated_trading_system.domain.market import Candle, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import HOUR, MILLISECOND, MINUTE, SECOND, Nanos
from tests.support.candles import CandleRig

BTC = InstrumentId("toy:spot:BTC")
START = Nanos(1_700_000_040 * SECOND)
"""A full minute."""


def trade(at: float, price: float = 100.0, quantity: float = 1.0, late: float = 0.0) -> Trade:
    """`at` seconds after the start, received `late` seconds after that."""
    venue_time = Nanos(START + round(at * SECOND))
    received_at = Nanos(venue_time + round(late * SECOND))
    return Trade(BTC, str(at), price, quantity, Side.BUY, venue_time, received_at)


def rig(*intervals: str) -> CandleRig:
    return CandleRig(*intervals, start=START)


def prices(candle: Candle) -> tuple[float, float, float, float]:
    return candle.open, candle.high, candle.low, candle.close


def test_a_candle_holds_its_trades() -> None:
    maker = rig("1m")
    maker.trades([trade(1, 100, 0.1), trade(2, 103, 0.2), trade(3, 99, 0.3), trade(59.999, 101, 0.4), trade(60, 5, 7)])
    (candle,) = maker.closed("1m")
    assert prices(candle) == (100, 103, 99, 101)
    assert (candle.opened_at, candle.trades, candle.volume) == (START, 4, 1.0)
    assert candle.quote_volume == 100.7
    assert candle.made
    assert candle.closed


def test_a_candle_is_closed_by_the_clock_when_nothing_trades_any_more() -> None:
    maker = rig("1m")
    maker.trades([trade(1)])
    maker.run(START + MINUTE + SECOND)
    assert maker.closed("1m") == []
    maker.run(START + MINUTE + 3 * SECOND)
    assert [candle.trades for candle in maker.closed("1m")] == [1]


def test_a_minute_without_trades_is_flat_at_the_last_price() -> None:
    maker = rig("1m")
    maker.trades([trade(1, 100), trade(2, 98), trade(121, 97)])
    _, flat = maker.closed("1m")
    assert prices(flat) == (98, 98, 98, 98)
    assert (flat.trades, flat.volume, flat.opened_at) == (0, 0.0, START + MINUTE)


def test_nothing_is_made_before_the_first_trade() -> None:
    maker = rig("1m")
    maker.run(START + HOUR)
    assert maker.published.messages == []


def test_running_candles_are_told_once_a_second_while_they_change() -> None:
    maker = rig("1m", "1h")
    maker.trades([trade(0.1, 100), trade(0.2, 101)])
    maker.run(START + 5 * SECOND)
    assert [(candle.trades, candle.close) for candle in maker.running("1m")] == [(2, 101)]
    assert [(candle.trades, candle.close) for candle in maker.running("1h")] == [(2, 101)]


def test_longer_candles_are_the_sum_of_the_short_ones() -> None:
    maker = rig("1m", "5m")
    maker.trades(trade(10 * number, 100 + number % 7, 0.001) for number in range(60))
    short, long = maker.closed("1m"), maker.closed("5m")
    assert long
    for candle in long:
        parts = [part for part in short if opened_at("5m", part.opened_at) == candle.opened_at]
        assert candle.trades == sum(part.trades for part in parts)
        assert candle.high == max(part.high for part in parts)
        assert candle.low == min(part.low for part in parts)
        assert (candle.open, candle.close) == (parts[0].open, parts[-1].close)


def test_the_first_candle_is_not_complete_and_the_next_one_is() -> None:
    maker = rig("1m", "3m")
    maker.trades(trade(10 * number) for number in range(60))
    assert [candle.complete for candle in maker.closed("1m")] == [False, *[True] * 8]
    assert [candle.complete for candle in maker.closed("3m")] == [False, True, True]


def test_a_cut_of_the_last_link_leaves_the_candles_incomplete_in_which_it_lasted() -> None:
    maker = rig("1m")
    maker.link(LinkState.LIVE, BTC, START)
    maker.trades([trade(1), trade(61), trade(121)])
    maker.link(LinkState.DOWN, BTC, Nanos(START + 130 * SECOND))
    maker.run(START + 200 * SECOND)
    maker.link(LinkState.LIVE, BTC, Nanos(START + 200 * SECOND))
    maker.trades([trade(201), trade(241), trade(301)])
    assert [candle.complete for candle in maker.closed("1m")] == [False, True, False, False, True]


def test_a_link_that_replaces_another_leaves_no_gap() -> None:
    maker = rig("1m")
    maker.link(LinkState.LIVE, BTC, START, "market-0.1")
    maker.trades([trade(1), trade(61)])
    maker.link(LinkState.LIVE, BTC, Nanos(START + 70 * SECOND), "market-0.2")
    maker.link(LinkState.DOWN, BTC, Nanos(START + 71 * SECOND), "market-0.1")
    maker.trades([trade(121)])
    assert [candle.complete for candle in maker.closed("1m")] == [False, True]


def test_a_trade_that_comes_after_its_candle_was_closed_is_counted_and_its_longer_candle_not_complete() -> None:
    maker = rig("1m", "3m")
    maker.trades([trade(1), trade(241), trade(301)])
    assert maker.view().late == 0
    maker.trades([trade(299, 500, late=40)])
    assert maker.view().late == 1
    maker.trades([trade(600)])
    assert all(candle.high < 500 for candle in maker.published.of(Candle))
    cut = opened_at("3m", START + 299 * SECOND)
    assert [candle.complete for candle in maker.closed("3m") if candle.opened_at == cut] == [False]


def test_trades_without_a_venue_time_are_placed_by_their_arrival() -> None:
    maker = rig("1m")
    received_at = Nanos(START + 61 * SECOND)
    maker.trades([Trade(BTC, "1", 100.0, 1.0, Side.BUY, Nanos(0), received_at)])
    maker.run(START + 2 * MINUTE + 3 * SECOND)
    assert [candle.opened_at for candle in maker.closed("1m")] == [START + MINUTE]


@given(
    steps=st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=4_000_000),
            st.decimals(min_value="0.0001", max_value=100_000, places=4),
            st.decimals(min_value="0.0001", max_value=1000, places=4),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_every_interval_says_what_its_trades_say_exactly(steps: list[tuple[int, Decimal, Decimal]]) -> None:
    """Against plain arithmetic with fractions, per candle."""
    maker = CandleRig(*INTERVALS, start=START)
    at, trades = int(START), []
    for number, (wait, price, quantity) in enumerate(steps):
        at += wait * MILLISECOND
        time = Nanos(at)
        trades.append(Trade(BTC, str(number), float(price), float(quantity), Side.BUY, time, time))
    maker.trades(trades)
    maker.run(at + HOUR)
    for interval in INTERVALS:
        for candle in maker.closed(interval):
            mine = [
                (step, one) for step, one in zip(steps, trades, strict=True)
                if opened_at(interval, one.venue_time) == candle.opened_at
            ]  # fmt: skip
            assert candle.trades == len(mine)
            assert candle.volume == float(sum(Fraction(step[2]) for step, _ in mine))
            assert candle.quote_volume == float(sum(Fraction(step[1]) * Fraction(step[2]) for step, _ in mine))
            if mine:
                told = [one.price for _, one in mine]
                assert prices(candle) == (told[0], max(told), min(told), told[-1])
