"""Two accounts on every venue, real orders over real sockets: both are looked at, named, and traded."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.orchestrator.doctor.doctor import examine
from integrated_trading_system.orchestrator.doctor.finding import Verdict
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import PMS, Recovered
from integrated_trading_system.orchestrator.shown.outcome import Outcome
from integrated_trading_system.orchestrator.shown.summary import summarise
from integrated_trading_system.orchestrator.wiring import wire
from tests.integration.test_paper_over_sockets import balanced
from tests.support.live import ACCOUNT, confirmed, key_of, live_settings
from tests.support.served import ServedMarket, until

VENUES = ("binance:spot", "bybit:linear")
SECOND = "demo-two"


def settings_of(folder: Path, served: ServedMarket, **changes: Any) -> Any:
    """One strategy on the first accounts, one on the second ones."""
    venues = {
        venue: {"accounts": {"second": {"taker_fee_bps": 1, **key_of(folder, venue, account)}}}
        for venue, account in served.further.items()
    }
    strategies = [
        {"name": "one", "comparison": "btc", "settings": {"cool_down_ms": 0}},
        {
            "name": "two",
            "comparison": "btc",
            "settings": {"cool_down_ms": 0},
            "accounts": dict.fromkeys(VENUES, "second"),
        },
    ]
    return live_settings(folder, served, **{"venues": venues, "strategies": strategies} | changes)


async def run_until_all_traded(run: Orchestrator) -> Outcome:
    """Start, wait until every account has traded and the ledger agrees, stop."""

    def traded() -> set[str]:
        return {position.account for position in run.platform.system.view(PMS).positions}

    await run.start()
    try:
        await until(lambda: len(traded()) == 2 * len(VENUES) and balanced(run), "trades on every account")
    finally:
        outcome = await run.stop()
    return outcome


async def test_both_accounts_are_examined_and_confirmed_and_each_strategy_trades_its_own(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT, further=SECOND) as served:
        settings = settings_of(tmp_path, served)
        told = await examine(wire(settings, Recovered()), frozenset(), {})
        (first,), (second,) = confirmed(served), {str(account.number) for account in served.further.values()}
        assert told.accounts == {
            name: number for venue in VENUES for name, number in ((venue, first), (f"{venue}/second", second))
        }
        run = Orchestrator(settings, RunOptions(confirm_live=(first, second)))
        outcome = await run_until_all_traded(run)
        summary = summarise(outcome)
        assert summary["ledger"]["external"] == {}
        for name, accounts in (("main", served.accounts), ("second", served.further)):
            for venue, account in accounts.items():
                booked = summary["ledger"]["expected"][f"{venue}/{name}"]
                wallets = {asset: account.wallets[asset].free + account.wallets[asset].locked for asset in booked}
                assert {asset: Decimal(str(amount)) for asset, amount in booked.items()} == wallets
                own = [fill for fill in outcome.fills.fills if fill.account == f"{venue}/{name}"]
                assert len(own) == len(account.executions) > 0


async def test_on_paper_every_account_is_an_account_of_its_own(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT, further=SECOND) as served:
        settings = settings_of(tmp_path, served, mode="paper")
        run = Orchestrator(settings)
        outcome = await run_until_all_traded(run)
    assert not outcome.halted
    view = run.platform.system.view(PMS)
    assert view.external == {}
    spent = {account: view.balances[account][Asset("USDT")] for account in view.expected}
    assert set(spent) == {f"{venue}/{name}" for venue in VENUES for name in ("main", "second")}
    assert len(set(spent.values())) == 4, "each pays its own fees out of its own stake"


async def test_an_account_that_is_not_named_is_not_traded(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT, further=SECOND) as served:
        run = Orchestrator(settings_of(tmp_path, served), RunOptions(confirm_live=confirmed(served)))
        with pytest.raises(Refused, match=f"binance:spot/second is account {served.further[VENUES[0]].number}"):
            await run.start()


async def test_an_account_that_a_strategy_decides_with_needs_a_key(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT) as served:
        venues: dict[str, Any] = {venue: {"accounts": {"second": {}}} for venue in VENUES}
        told = await examine(wire(settings_of(tmp_path, served, venues=venues), Recovered()), frozenset(), {})
    missing = [one for one in told.findings if one.check == "key" and one.verdict is Verdict.FAIL]
    assert {one.subject for one in missing} == {f"{venue}/second" for venue in VENUES}
    assert "set venues.bybit:linear.accounts.second.api_key and api_secret" in missing[-1].remedy


async def test_one_account_under_two_names_is_refused(tmp_path: Path) -> None:
    """Its money and its orders would be counted twice."""
    async with ServedMarket("binance:spot", account=ACCOUNT) as served:
        (account,) = served.accounts.values()
        venues = {"binance:spot": {"accounts": {"again": key_of(tmp_path / "again", "again", account)}}}
        (tmp_path / "again").mkdir(exist_ok=True)
        changes: dict[str, Any] = {"comparisons": [], "strategies": []}
        told = await examine(wire(live_settings(tmp_path, served, venues=venues, **changes), Recovered()), [], {})
    (found,) = [one for one in told.findings if one.verdict is Verdict.FAIL]
    assert (found.subject, found.check) == ("binance:spot/again", "account")
    assert found.seen == f"{account.number}, which is the account of binance:spot, too"
