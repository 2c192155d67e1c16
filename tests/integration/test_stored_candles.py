"""What the database keeps of candles, mark prices and funding: the better row, once, through migrations too."""

import sqlite3
from importlib import resources
from itertools import permutations
from pathlib import Path

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.storage import StorageSettings
from integrated_trading_system.domain.history import HistoryKind, HistoryPage
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Candle, FundingRate, Level, MarkPrice
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.drivers.storage import past
from integrated_trading_system.drivers.storage.past import Wanted
from integrated_trading_system.drivers.storage.sqlite import History

BTC = InstrumentId("binance:usdm:BTCUSDT")
START = Nanos(20_000 * DAY)
TOLD = Candle(BTC, "1m", START, 1.0, 4.0, 0.5, 2.0, 3.0, 7, True, Nanos(0), quote_volume=6.0)
"""Closed, by the venue."""
MADE = replace(TOLD, close=2.5, made=True)
RUNNING = replace(TOLD, close=1.5, closed=False)
PARTLY = replace(MADE, close=3.5, complete=False)
HOUR_OF_CANDLES = Wanted(BTC, HistoryKind.CANDLES, "1m", START, Nanos(START + HOUR))


class NoBooks:
    """There are none."""

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        return ()


async def opened(path: Path, *, simulated: bool = False) -> History:
    history = History(StorageSettings(), path, NoBooks(), simulated=simulated)
    await history.open(Nanos(0))
    return history


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "market_data.db"


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def page(*candles: Candle, since: int = 0, minutes: int = 60, kind: HistoryKind = HistoryKind.CANDLES) -> HistoryPage:
    return HistoryPage(
        request="r",
        instrument=BTC,
        kind=kind,
        interval="1m",
        candles=candles,
        since=Nanos(START + since * MINUTE),
        until=Nanos(START + minutes * MINUTE),
        last=True,
        at=Nanos(START + DAY),
    )


# -- the better candle -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations((TOLD, MADE, RUNNING))))
async def test_the_venues_own_closed_candle_stays_in_whatever_order_they_come(
    path: Path, order: tuple[Candle, ...]
) -> None:
    history = await opened(path)
    for candle in order:
        history.outbox.tell(candle)
    await history.close()
    assert rows(path, "SELECT close, closed, made, complete, quote_volume FROM kline_data") == [(2.0, 1, 0, 1, 6.0)]


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        (TOLD, MADE, TOLD),
        (MADE, TOLD, TOLD),
        (TOLD, RUNNING, TOLD),
        (RUNNING, TOLD, TOLD),
        (MADE, RUNNING, MADE),
        (RUNNING, MADE, RUNNING),
        (MADE, PARTLY, MADE),
        (PARTLY, MADE, MADE),
        (TOLD, replace(TOLD, close=9.0), replace(TOLD, close=9.0)),
        (RUNNING, replace(RUNNING, close=9.0), replace(RUNNING, close=9.0)),
    ],
)
async def test_told_goes_before_made_closed_before_open_and_complete_before_partial(
    path: Path, first: Candle, second: Candle, stays: Candle
) -> None:
    history = await opened(path)
    history.outbox.tell(first)
    await history.flush()
    history.outbox.tell(second)
    await history.close()
    assert rows(path, "SELECT close FROM kline_data") == [(stays.close,)]


async def test_candles_made_here_and_open_ones_are_not_told_as_the_venues(path: Path) -> None:
    history = await opened(path)
    history.outbox.tell(TOLD)
    history.outbox.tell(replace(MADE, opened_at=Nanos(START + MINUTE)))
    history.outbox.tell(replace(RUNNING, opened_at=Nanos(START + 2 * MINUTE)))
    assert await past.candles(history, HOUR_OF_CANDLES) == [TOLD]
    await history.close()


# -- pages -----------------------------------------------------------------------------------------


async def test_a_page_is_kept_with_the_time_it_covers(path: Path) -> None:
    history = await opened(path)
    history.outbox.tell(page(TOLD, minutes=20))
    history.outbox.tell(page(since=40))
    assert await past.missing(history, HOUR_OF_CANDLES) == [(START + 20 * MINUTE, START + 40 * MINUTE)]
    assert await past.candles(history, HOUR_OF_CANDLES) == [TOLD]
    await history.close()


async def test_candles_of_the_mark_price_are_apart_from_those_of_trades(path: Path) -> None:
    history = await opened(path)
    mark = replace(TOLD, close=8.0, volume=0.0, trades=0, quote_volume=0.0)
    history.outbox.tell(page(TOLD))
    history.outbox.tell(page(mark, kind=HistoryKind.MARK_CANDLES))
    wanted = Wanted(BTC, HistoryKind.MARK_CANDLES, "1m", START, Nanos(START + HOUR))
    assert await past.candles(history, wanted) == [mark]
    assert await past.candles(history, HOUR_OF_CANDLES) == [TOLD]
    await history.close()


async def test_a_page_is_never_dropped_for_want_of_room(path: Path) -> None:
    history = History(StorageSettings(rows_waiting_max=1), path, NoBooks())
    await history.open(Nanos(0))
    candles = [replace(TOLD, opened_at=Nanos(START + minute * MINUTE)) for minute in range(60)]
    history.outbox.tell(page(*candles))
    assert await past.candles(history, HOUR_OF_CANDLES) == candles
    assert history.outbox.dropped == 0
    await history.close()


async def test_what_was_loaded_from_simulated_venues_is_forgotten_at_the_next_start(path: Path) -> None:
    live = await opened(path)
    later = replace(TOLD, opened_at=Nanos(START + 50 * MINUTE))
    live.outbox.tell(page(TOLD, minutes=30))
    live.outbox.tell(page(later, since=45))
    await live.close()
    simulated = await opened(path, simulated=True)
    assert await past.missing(simulated, HOUR_OF_CANDLES) == [(START, START + HOUR)]
    simulated.outbox.tell(page(replace(TOLD, close=0.0), minutes=40))
    await simulated.close()
    live = await opened(path)
    assert await past.missing(live, HOUR_OF_CANDLES) == [(START, START + 45 * MINUTE)]
    assert await past.candles(live, HOUR_OF_CANDLES) == [later]
    await live.close()


# -- funding and mark prices -----------------------------------------------------------------------


async def test_a_rate_that_was_paid_is_not_replaced_by_one_that_was_expected(path: Path) -> None:
    at = Nanos(START + 8 * HOUR)
    history = await opened(path)
    history.outbox.tell(FundingRate(BTC, 0.1, at, Nanos(0), Nanos(at + 1)))
    history.outbox.tell(FundingRate(BTC, 0.2, at, Nanos(0), Nanos(at - 1)))
    history.outbox.tell(FundingRate(BTC, 0.3, Nanos(at + 8 * HOUR), Nanos(0), Nanos(at + 1)))
    wanted = Wanted(BTC, HistoryKind.FUNDING, "", START, Nanos(START + DAY))
    assert await past.funding(history, wanted) == [FundingRate(BTC, 0.1, at, at, Nanos(0))]
    await history.close()
    assert rows(path, "SELECT rate, paid FROM funding_rates ORDER BY funding_at") == [(0.1, 1), (0.3, 0)]


async def test_a_rate_that_is_told_again_and_again_is_written_once(path: Path) -> None:
    history = await opened(path)
    for second in range(5):
        history.outbox.tell(FundingRate(BTC, 0.1, Nanos(START + HOUR), Nanos(0), Nanos(START + second)))
    assert history.outbox.received == 1
    await history.close()


async def test_one_mark_price_a_second_is_kept_of_each_instrument(path: Path) -> None:
    other = InstrumentId("binance:usdm:ETHUSDT")
    history = await opened(path)
    for step in range(10):
        at = Nanos(START + step * 250 * MILLISECOND)
        history.outbox.tell(MarkPrice(BTC, 100.0 + step, 99.0, at, at))
        history.outbox.tell(MarkPrice(other, 10.0, 0.0, at, at))
    await history.close()
    kept = rows(path, f"SELECT received_at, mark_price, index_price FROM mark_prices WHERE instrument = '{BTC}'")
    assert kept == [(START + second * SECOND, 100.0 + 4 * second, 99.0) for second in range(3)]
    assert rows(path, "SELECT count(*) FROM mark_prices") == [(6,)]


# -- older databases -------------------------------------------------------------------------------


async def test_a_database_of_the_first_version_is_migrated_without_loss(path: Path) -> None:
    scripts = resources.files("integrated_trading_system.drivers.storage") / "migrations"
    connection = sqlite3.connect(path)
    connection.executescript((scripts / "0001_history.sql").read_text(encoding="utf-8"))
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO kline_data VALUES (?, '1m', ?, 1, 4, 0.5, 2, 3, 7, 1)", (BTC, START))
    connection.execute("INSERT INTO trade_data VALUES (?, '1', 1.5, 2.5, 'buy', 5, 5)", (BTC,))
    connection.commit()
    connection.close()
    history = await opened(path)
    assert await past.candles(history, HOUR_OF_CANDLES) == [replace(TOLD, quote_volume=0.0)]
    assert await past.missing(history, HOUR_OF_CANDLES) == [(START, START + HOUR)]
    history.outbox.tell(TOLD)
    assert await past.candles(history, HOUR_OF_CANDLES) == [TOLD]
    await history.close()
    assert rows(path, "SELECT made, complete FROM kline_data") == [(0, 1)]
    assert rows(path, "SELECT trade_id, price FROM trade_data") == [("1", 1.5)]
    assert rows(path, "PRAGMA user_version") == [(3,)]
