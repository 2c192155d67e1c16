"""The whole platform in paper mode against exchanges on real sockets: it trades, it stops in order, it comes back."""

import asyncio
from pathlib import Path

from integrated_trading_system.domain.health import BookState, LinkState, TradingState
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import OMS, PMS, RISK, connector_name
from integrated_trading_system.orchestrator.shown.outcome import Outcome
from integrated_trading_system.orchestrator.shown.summary import summarise
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


def balanced(orchestrator: Orchestrator) -> bool:
    """The account's last report and our own ledger agree, to the last digit; both know every fill."""
    view = orchestrator.platform.system.view(PMS)
    expected = {account: assets for account, assets in view.expected.items() if assets}
    return bool(expected) and all(
        view.balances[account][asset] == amount
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
        await until(lambda: balanced(orchestrator), "the ledger equals the balances")
    finally:
        outcome = await orchestrator.stop()
    return outcome


async def test_it_trades_on_paper_over_real_sockets_and_stops_in_order(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with ServedMarket(*VENUES) as served:
        outcome = await run_until_orders_filled(Orchestrator(paper_settings(tmp_path, served.ports)), 8)
    assert asyncio.all_tasks() == before
    summary = summarise(outcome)
    assert not outcome.halted
    assert {name: book["state"] for name, book in summary["books"].items()} == dict.fromkeys(BOOKS, "valid")
    assert summary["sync"]["snapshots"] > 0
    assert summary["orders"]["filled"] >= 8
    assert summary["orders"]["open"] == summary["orders"]["unknown"] == 0
    assert summary["opportunities"]["executed"] > 0
    assert all(counted["quarantined"] == counted["gaps"] == 0 for counted in summary["venues"].values())
    assert summary["ledger"]["external"] == {}
    assert len(outcome.fills.fills) == summary["orders"]["fills"]


async def test_the_next_run_goes_on_with_the_account_of_the_one_before(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES) as served:
        settings = paper_settings(tmp_path, served.ports)
        one = await run_until_orders_filled(Orchestrator(settings), 4)
        before = one.picture["orders"]["filled"]
        other = await run_until_orders_filled(Orchestrator(settings), before + 4)
    fills = one.fills.fills + other.fills.fills
    assert len({(fill.instrument, fill.trade_id) for fill in fills}) == len(fills)
    assert other.picture["ledger"]["fills"] == len(fills)
    assert other.picture["ledger"]["external"] == {}


async def test_a_venue_that_is_killed_and_comes_back_is_traded_on_again(tmp_path: Path) -> None:
    """Killed as a process: nobody closes a socket in order. It comes back on its port with another book."""
    processes = [ServedProcess(venue, free_port()) for venue in VENUES]
    killed, other = processes
    lost, kept = BOOKS
    try:
        for process in processes:
            process.start()
        before = asyncio.all_tasks()
        settings = paper_settings(tmp_path, {process.venue: process.port for process in processes})
        orchestrator = Orchestrator(settings)
        await orchestrator.start()
        try:
            await until(lambda: valid(orchestrator, lost, kept), "both books VALID")
            killed.kill()
            await until(lambda: not valid(orchestrator, lost), "the lost venue's book believed no longer")
            assert valid(orchestrator, kept)
            assert trading(orchestrator)
            killed.start()
            await until(lambda: valid(orchestrator, lost, kept), "both books VALID again")
            view = orchestrator.platform.system.view(connector_name(VenueId(killed.venue)))
            assert view.reconnects > 0
            assert set(view.links.values()) == {LinkState.LIVE}
            untouched = orchestrator.platform.system.view(connector_name(VenueId(other.venue)))
            assert untouched.reconnects == 0
        finally:
            outcome = await orchestrator.stop()
        assert asyncio.all_tasks() == before
        assert not outcome.halted
    finally:
        for process in processes:
            process.kill()
