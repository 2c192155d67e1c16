"""History is written in whole batches, never grows without bound, and never loses what is ours."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from integrated_trading_system.config.storage import StorageSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.execution import Fill, Liquidity
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    TradeId,
    VenueOrderId,
)
from integrated_trading_system.domain.market import Level, Trade
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.opportunity import EdgeRealised, Opportunity
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, SECOND, Nanos
from integrated_trading_system.drivers.storage.sqlite import History

BTC = InstrumentId("binance:spot:BTCUSDT")


class OneBook:
    """A book with one level a side."""

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        return ((101.0, 2.0),) if side is Side.BUY else ((100.0, 1.0),)


def trade(number: int, at: int = 0) -> Trade:
    return Trade(BTC, str(number), 100.5, 0.25, Side.SELL, Nanos(at), Nanos(at))


def fill(number: int) -> Fill:
    return Fill(
        client_order_id=ClientOrderId("c1"),
        venue_order_id=VenueOrderId("v1"),
        trade_id=TradeId(str(number)),
        instrument=BTC,
        account=AccountId("main"),
        side=Side.BUY,
        price=Decimal("100.50"),
        quantity=Decimal("0.10000001"),
        fee=Money(Decimal("0.00000001"), Asset("BNB")),
        liquidity=Liquidity.TAKER,
        venue_time=Nanos(1),
        received_at=Nanos(2),
    )


async def opened(path: Path, now: int = 0, **settings: int) -> History:
    history = History(StorageSettings.model_validate(settings), path, OneBook())
    await history.open(Nanos(now))
    return history


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_facts_are_found_in_their_tables_after_closing(tmp_path: Path) -> None:
    path = tmp_path / "market_data.db"
    history = await opened(path)
    for number in range(3):
        history.outbox.tell(trade(number))
    history.outbox.tell(fill(1))
    history.note_books([BTC], Nanos(5))
    await history.close()
    assert rows(path, "SELECT count(*), sum(quantity) FROM trade_data") == [(3, 0.75)]
    assert rows(path, "SELECT quantity, fee, fee_asset FROM fills") == [("0.10000001", "0.00000001", "BNB")]
    assert rows(path, "SELECT bids, asks FROM orderbook_snapshots") == [("[[100.0,1.0]]", "[[101.0,2.0]]")]


async def test_what_a_plan_was_to_bring_and_what_it_brought_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "market_data.db"
    history = await opened(path)
    history.outbox.tell(
        Opportunity(
            plan_id=PlanId("p"),
            strategy=StrategyId("arb"),
            comparison="btc",
            buy=BTC,
            sell=BTC,
            quantity=Decimal(1),
            buy_price=Decimal(100),
            sell_price=Decimal(102),
            gross_edge=Decimal(2),
            fees=Decimal("0.5"),
            slippage=Decimal("0.25"),
            edge=Decimal("1.5"),
            edge_bps=150.0,
            bound=Nanos(0),
            at=Nanos(1),
            decay=Decimal("0.125"),
            funding=Decimal("-0.25"),
            conversion=Decimal("-0.125"),
        )
    )
    history.outbox.tell(
        EdgeRealised(
            plan_id=PlanId("p"),
            strategy=StrategyId("arb"),
            expected=Decimal("1.5"),
            realised=Decimal("1.25"),
            fees=Decimal("0.5"),
            residuals=(),
            currency=Asset("USDT"),
            unpriced=(),
            at=Nanos(2),
        )
    )
    await history.close()
    query = "SELECT gross_edge, o.fees, slippage, decay, funding, conversion, edge, realised FROM opportunities o"
    (found,) = rows(path, f"{query} JOIN edges_realised USING (plan_id)")
    gross, *costs, edge, realised = (Decimal(str(one)) for one in found)
    assert gross - sum(costs) == edge == Decimal("1.5")
    assert realised == Decimal("1.25")


async def test_a_fact_told_twice_is_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "market_data.db"
    history = await opened(path)
    history.outbox.tell(fill(1))
    history.outbox.tell(fill(1))
    await history.close()
    assert rows(path, "SELECT count(*) FROM fills") == [(1,)]


async def test_book_snapshots_are_throttled(tmp_path: Path) -> None:
    history = await opened(tmp_path / "market_data.db", book_every_ms=1_000)
    for at in range(5):
        history.note_books([BTC], Nanos(at * SECOND // 2))
    assert history.outbox.received == 3
    await history.close()


async def test_when_too_many_rows_wait_old_market_data_goes_and_fills_stay(tmp_path: Path) -> None:
    path = tmp_path / "market_data.db"
    history = await opened(path, rows_waiting_max=10)
    for number in range(25):
        history.outbox.tell(trade(number))
        history.outbox.tell(fill(number))
    assert history.outbox.dropped == 15
    await history.close()
    assert rows(path, "SELECT count(*) FROM fills") == [(25,)]
    assert rows(path, "SELECT min(CAST(trade_id AS INTEGER)) FROM trade_data") == [(15,)]


async def test_a_failed_batch_is_rolled_back_whole_and_told(tmp_path: Path) -> None:
    path = tmp_path / "market_data.db"
    history = await opened(path)
    history.outbox.add("trade_data", ("x", "1", 1.0, 1.0, "buy", 0, 0))
    history.outbox.add("trade_data", ("x", "2", "not a number", 1.0, "buy", 0, 0))
    await history.flush()
    assert "cannot store TEXT value in REAL column" in history.failure
    await history.close()
    assert rows(path, "SELECT count(*) FROM trade_data") == [(0,)]


async def test_old_market_data_is_removed_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "market_data.db"
    history = await opened(path)
    history.outbox.tell(trade(1, at=1 * DAY))
    history.outbox.tell(trade(2, at=9 * DAY))
    await history.close()
    await (await opened(path, now=10 * DAY, retention_days=5)).close()
    assert rows(path, "SELECT trade_id FROM trade_data") == [("2",)]


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "market_data.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigurationError, match="newer version"):
        await opened(path)


async def test_a_folder_that_cannot_be_written_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"set storage\.path"):
        await opened(tmp_path / "file" / "market_data.db")
