"""Candles and rolling figures of public trades."""

from decimal import Decimal

from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, HOUR, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.events import TradeHappened
from integrated_trading_system.simulation.exchange.tape import Bar, Tape
from tests.support.exchange import START, numbers

FOREVER = Nanos(10**20)
ZERO = Nanos(0)
MIDNIGHT = Nanos(START - START % DAY)


def trade(number: int, price: int, at: int, side: Side = Side.BUY) -> TradeHappened:
    return TradeHappened(
        symbol="BTCUSDT",
        trade_id=number,
        price=Decimal(price),
        quantity=Decimal(2),
        side=side,
        buyer_order_id=1,
        seller_order_id=2,
        sequence=number,
        time=Nanos(at),
    )


def filled_tape() -> Tape:
    tape = Tape(Decimal(100), Decimal(1))
    for number, (price, at) in enumerate([(101, 0), (99, 20), (105, 61), (104, 190)], 1):
        tape.add(trade(number, price, MIDNIGHT + at * SECOND, Side.SELL if number == 2 else Side.BUY))
    return tape


def test_a_minute_knows_its_prices_and_volumes() -> None:
    first = filled_tape().bars(MINUTE, Nanos(MIDNIGHT + 200 * SECOND), ZERO, FOREVER, 10)[0]
    assert (first.open, first.high, first.low, first.close) == numbers(101, 101, 99, 99)
    assert (first.volume, first.quote_volume, first.taker_volume) == numbers(4, 400, 2)
    assert (first.trades, first.first_trade, first.last_trade) == (2, 1, 2)


def test_a_minute_without_trades_is_flat_at_the_last_price() -> None:
    bars = filled_tape().bars(MINUTE, Nanos(MIDNIGHT + 300 * SECOND), ZERO, FOREVER, 10)
    assert [(bar.opened_at - MIDNIGHT) // MINUTE for bar in bars] == [0, 1, 2, 3, 4, 5]
    assert [(bar.open, bar.close, Decimal(bar.trades)) for bar in bars[4:]] == [numbers(104, 104, 0)] * 2


def test_longer_intervals_are_put_together_from_minutes() -> None:
    now = Nanos(MIDNIGHT + 300 * SECOND)
    bar = filled_tape().bars(HOUR, now, ZERO, FOREVER, 10)[0]
    assert (bar.open, bar.high, bar.low, bar.close) == numbers(101, 105, 99, 104)
    assert bar.trades == 4
    assert filled_tape().current(HOUR, now) == bar


def test_a_start_gives_the_oldest_bars_and_no_start_the_newest() -> None:
    tape, now = filled_tape(), Nanos(MIDNIGHT + 300 * SECOND)
    assert [bar.opened_at for bar in tape.bars(MINUTE, now, MIDNIGHT, FOREVER, 2)] == [MIDNIGHT, MIDNIGHT + MINUTE]
    assert [bar.opened_at for bar in tape.bars(MINUTE, now, ZERO, FOREVER, 1)] == [MIDNIGHT + 5 * MINUTE]


def test_a_day_forgets_what_is_older() -> None:
    tape = filled_tape()
    day = tape.day(Nanos(MIDNIGHT + HOUR))
    assert (day.open, day.high, day.low, day.close) == numbers(101, 105, 99, 104)
    assert day.trades == 4
    later = tape.day(Nanos(MIDNIGHT + DAY))
    assert later.high == 105
    assert later.trades == 2
    assert tape.day(Nanos(MIDNIGHT + DAY + 10 * MINUTE)).trades == 0


def test_history_continues_into_the_first_trade() -> None:
    tape = Tape(Decimal(100), Decimal(1))
    price = Decimal(98)
    tape.preload([Bar(opened_at=Nanos(MIDNIGHT - MINUTE), open=price, high=price, low=price, close=price, trades=5)])
    tape.add(trade(1, 99, MIDNIGHT + SECOND))
    bars = tape.bars(MINUTE, Nanos(MIDNIGHT + SECOND), ZERO, FOREVER, 10)
    assert [(bar.open, bar.close, Decimal(bar.trades)) for bar in bars] == [numbers(98, 98, 5), numbers(99, 99, 1)]


def test_a_sampled_price_moves_the_candle_and_counts_for_nothing_else() -> None:
    tape = Tape(Decimal(100), Decimal(1))
    for price, at in [(103, 0), (98, 30), (101, 59), (102, 61)]:
        tape.sample(Decimal(price), Nanos(MIDNIGHT + at * SECOND))
    first, second = tape.bars(MINUTE, Nanos(MIDNIGHT + 62 * SECOND), ZERO, FOREVER, 10)
    assert (first.open, first.high, first.low, first.close) == numbers(100, 103, 98, 101)
    assert (second.open, second.close) == numbers(101, 102)
    assert (first.volume, first.quote_volume, Decimal(first.trades)) == numbers(0, 0, 0)
