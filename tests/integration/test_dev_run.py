"""Dev mode in real time, as a user starts it: what can be asked over HTTP, what is kept, and how a halt ends it."""

import asyncio
import csv
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from integrated_trading_system.domain.health import Halt, Resume, TradingState
from integrated_trading_system.orchestrator.options import Exit
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import OMS, RISK
from integrated_trading_system.orchestrator.shown.outcome import Outcome
from integrated_trading_system.orchestrator.shown.report import exit_code
from integrated_trading_system.strategies.arbitrage.missed import Miss
from tests.support.raw_server import free_port
from tests.support.served import ServedMarket, paper_settings, until
from tests.support.virtual_platform import dev_settings

TABLES = ("trade_data", "orders", "fills", "orderbook_snapshots", "symbol_info", "equity")
MONEY = ("price", "quantity", "fee")


def settings_of(state_dir: Path) -> Any:
    """Everything on that is on by default; history and equity often, so that three seconds are enough."""
    return dev_settings(
        state_dir,
        storage={"flush_ms": 100, "book_every_ms": 200},
        pms={"equity_every_ms": 250},
        http={"port": 0},
        oms={"poll_active_ms": 500, "poll_idle_ms": 500},
    )


def rows(path: Path, question: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def trading(orchestrator: Orchestrator) -> TradingState:
    state: TradingState = orchestrator.platform.system.view(RISK).trading
    return state


def submitted(orchestrator: Orchestrator) -> int:
    return int(orchestrator.platform.system.view(OMS).submitted)


def not_traded(orchestrator: Orchestrator) -> int:
    """How often the strategy found a difference and nothing but the trading state kept it from proposing."""
    missed = orchestrator.platform.system.view(orchestrator.platform.strategies["arb-btc"]).missed
    return missed[Miss.TRADING].episodes if Miss.TRADING in missed else 0


class Seen:
    """What one run answered while it ran, and what it left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pages: dict[str, tuple[int, Any]] = {}
        self.outcome: Outcome

    async def ask(self, session: aiohttp.ClientSession, port: int, path: str) -> None:
        async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
            text = await answer.text()
            self.pages[path] = (answer.status, text if path == "/metrics" else await answer.json())


async def run_once(folder: Path) -> Seen:
    """One run, until it has traded, valued itself, and answered."""
    seen = Seen(folder)
    orchestrator = Orchestrator(settings_of(folder))
    await orchestrator.start()
    try:
        await until(lambda: orchestrator.platform.system.view(OMS).filled >= 4, "orders filled")
        path = folder / "market_data.db"
        await until(lambda: all(rows(path, f"SELECT 1 FROM {name}") for name in TABLES), "rows in every table")
        async with aiohttp.ClientSession() as session:
            for page in ("/health", "/metrics", "/latest?symbol=BTCUSDT"):
                await seen.ask(session, orchestrator.http_port, page)
    finally:
        seen.outcome = await orchestrator.stop()
    seen.outcome.fills.write(folder / "fills.csv")
    return seen


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What every test here looks at."""
    return asyncio.run(run_once(tmp_path_factory.mktemp("dev")))


def test_health_says_that_it_trades(seen: Seen) -> None:
    status, page = seen.pages["/health"]
    assert status == 200
    assert page["trading"] == "active"
    assert page["mode"] == "dev"


def test_metrics_have_names_enough_for_a_dashboard(seen: Seen) -> None:
    status, page = seen.pages["/metrics"]
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    assert status == 200
    assert len(names) >= 10


def test_the_latest_quote_and_trade_can_be_asked_for(seen: Seen) -> None:
    status, page = seen.pages["/latest?symbol=BTCUSDT"]
    assert status == 200
    assert 0 < page["quote"]["bid"] < page["quote"]["ask"]
    assert page["trade"]["price"] > 0
    assert {one["venue"] for one in page["venues"]} == {"binance:spot", "bybit:linear"}


@pytest.mark.parametrize("table", TABLES)
def test_history_keeps(seen: Seen, table: str) -> None:
    assert rows(seen.folder / "market_data.db", f"SELECT 1 FROM {table}")


def test_the_fills_file_equals_the_fills_table(seen: Seen) -> None:
    """One line a fill, and every amount the same to the last digit."""
    with (seen.folder / "fills.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    columns = list(lines[0])
    table = rows(seen.folder / "market_data.db", f"SELECT {', '.join(columns)} FROM fills")

    def comparable(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(Decimal(value) if name in MONEY else str(value) for name, value in row.items())

    assert len(lines) == seen.outcome.picture["orders"]["fills"] > 0
    assert sorted(map(comparable, lines)) == sorted(comparable(dict(zip(columns, row, strict=True))) for row in table)


def test_every_order_that_was_sent_is_in_the_orders_table_in_its_last_state(seen: Seen) -> None:
    orders = seen.outcome.picture["orders"]
    found = dict(rows(seen.folder / "market_data.db", "SELECT status, count(*) FROM orders GROUP BY status"))
    assert sum(found.values()) == orders["submitted"]
    assert found.get("filled", 0) == orders["filled"]


def test_a_run_that_was_not_halted_ends_well(seen: Seen) -> None:
    assert exit_code(seen.outcome) is Exit.OK
    assert not (seen.folder / "halted").exists()


async def test_after_a_halt_no_order_leaves_and_the_run_ends_as_halted(tmp_path: Path) -> None:
    orchestrator = Orchestrator(settings_of(tmp_path))
    await orchestrator.start()
    try:
        await until(lambda: submitted(orchestrator) >= 2, "orders submitted")
        orchestrator.tell(RISK, Halt("an operator said so", "operator"))
        await until(lambda: trading(orchestrator) is TradingState.HALTED, "trading halted")
        await until(lambda: orchestrator.platform.system.view(OMS).open == 0, "nothing open")
        before = submitted(orchestrator)
        await until(lambda: not_traded(orchestrator) >= 3, "differences that would have been traded")
        assert submitted(orchestrator) == before
    finally:
        outcome = await orchestrator.stop()
    assert exit_code(outcome) is Exit.HALTED
    assert "an operator said so" in outcome.picture["risk"]["reason"]
    assert "an operator said so" in (tmp_path / "halted").read_text(encoding="utf-8")


async def test_on_paper_a_halt_outlives_the_run_until_an_operator_lifts_it(tmp_path: Path) -> None:
    nowhere = {venue: free_port() for venue in ("binance:spot", "bybit:linear")}
    first = Orchestrator(paper_settings(tmp_path, nowhere))
    await first.start()
    first.tell(RISK, Halt("too strange", "operator"))
    await until(lambda: trading(first) is TradingState.HALTED, "trading halted")
    assert exit_code(await first.stop()) is Exit.HALTED
    async with ServedMarket(*nowhere) as served:
        second = Orchestrator(paper_settings(tmp_path, served.ports))
        await second.start()
        try:
            assert trading(second) is TradingState.HALTED
            await until(lambda: second.platform.system.view(OMS).reconciled, "reconciled")
            assert trading(second) is TradingState.HALTED
            assert "too strange" in second.platform.system.view(RISK).reason
            assert submitted(second) == 0
            second.tell(RISK, Resume("operator"))
            await until(lambda: submitted(second) > 0, "orders again")
        finally:
            outcome = await second.stop()
    assert exit_code(outcome) is Exit.OK
    third = Orchestrator(paper_settings(tmp_path, nowhere))
    await third.start()
    assert trading(third) is TradingState.STARTING
    await third.stop()
