"""The whole platform in paper mode against exchanges on real sockets: it trades, it stops in order, it comes back."""

import asyncio
from pathlib import Path
from typing import Any

from integrated_trading_system.domain.health import BookState, LinkState, TradingState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.outcome import Outcome
from integrated_trading_system.orchestrator.platform import OMS, RISK, connector_name
from integrated_trading_system.orchestrator.summary import summarise
from tests.support.raw_server import free_port
from tests.support.served import ServedMarket, ServedProcess, paper_settings, until

VENUES = ("binance:spot", "bybit:linear")
BOOKS = tuple(InstrumentId(f"{venue}:BTCUSDT") for venue in VENUES)


def valid(orchestrator: Orchestrator, *instruments: InstrumentId) -> bool:
    books = orchestrator.platform.books
    return all(books.state(instrument) is BookState.VALID for instrument in instruments)


def trading(orchestrator: Orchestrator) -> bool:
    return bool(orchestrator.platform.system.view(RISK).trading is TradingState.ACTIVE)


def filled(orchestrator: Orchestrator) -> int:
    return int(orchestrator.platform.system.view(OMS).filled)


def balances_equal_the_ledger(summary: dict[str, Any]) -> bool:
    """Every asset that was ever reported, to the last digit."""
    expected, reported = summary["ledger"]["expected"], summary["balances"]
    assert expected
    return all(
        reported[account].get(asset) == amount
        for account, assets in expected.items()
        for asset, amount in assets.items()
    )


async def run_until_orders_filled(orchestrator: Orchestrator, orders: int) -> Outcome:
    """Start, wait for trades, stop; the outcome."""
    await orchestrator.start()
    try:
        await until(lambda: trading(orchestrator), "trading active")
        await until(lambda: valid(orchestrator, *BOOKS), "both books VALID")
        await until(lambda: filled(orchestrator) >= orders, "orders filled on paper")
        assert valid(orchestrator, *BOOKS)
    finally:
        outcome = await orchestrator.stop()
    return outcome


async def test_it_trades_on_paper_over_real_sockets_and_stops_in_order(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with ServedMarket(*VENUES) as served:
        outcome = await run_until_orders_filled(Orchestrator(paper_settings(tmp_path, served.ports)), 4)
    assert asyncio.all_tasks() == before
    summary = summarise(outcome)
    assert not outcome.halted
    assert {name: book["state"] for name, book in summary["books"].items()} == dict.fromkeys(BOOKS, "valid")
    assert summary["sync"]["snapshots"] > 0
    assert summary["orders"]["filled"] >= 4
    assert summary["orders"]["open"] == summary["orders"]["unknown"] == 0
    assert summary["opportunities"]["executed"] > 0
    assert all(counted["quarantined"] == counted["gaps"] == 0 for counted in summary["venues"].values())
    assert summary["ledger"]["external"] == {}
    assert len(outcome.fills.fills) == summary["orders"]["fills"]


async def test_the_next_run_goes_on_with_the_account_of_the_one_before(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES) as served:
        settings = paper_settings(tmp_path, served.ports)
        one = await run_until_orders_filled(Orchestrator(settings), 2)
        other = await run_until_orders_filled(Orchestrator(settings), 2 + one.picture["orders"]["filled"])
    fills = one.fills.fills + other.fills.fills
    assert len({(fill.instrument, fill.trade_id) for fill in fills}) == len(fills)
    assert balances_equal_the_ledger(await asked_again(other))
    assert other.picture["ledger"]["fills"] == len(fills)
