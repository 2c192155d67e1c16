"""Real orders over real sockets, to simulated exchanges: what lets a run start, what does not, what the end must be."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.audit import AUDIT, verify
from integrated_trading_system.drivers.lock import lock_holder
from integrated_trading_system.drivers.operator import Command, Request
from integrated_trading_system.orchestrator.commands.operating import ask
from integrated_trading_system.orchestrator.doctor.doctor import watch_keys
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import PMS, RISK, Recovered, connector_name
from integrated_trading_system.orchestrator.shown.summary import summarise
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.shadow import NOT_SENT
from tests.integration.test_paper_over_sockets import run_until_orders_filled
from tests.support.live import ACCOUNT, Overheard, confirmed, live_settings
from tests.support.raw_server import free_port
from tests.support.served import ServedMarket, until

VENUES = ("binance:spot", "bybit:linear")
UNUSED: dict[str, Any] = {"comparisons": [], "strategies": []}
"""Nothing is compared, so each venue is looked at for itself."""


def run_of(folder: Path, served: ServedMarket, *named: str, **changes: Any) -> Orchestrator:
    return Orchestrator(live_settings(folder, served, **changes), RunOptions(confirm_live=named))


async def refusal(run: Orchestrator) -> str:
    """What the start is refused with; nothing of it stays open, and the refusal is audited."""
    with pytest.raises(Refused) as refused:
        await run.start()
    left = [task for task in asyncio.all_tasks() if "RequestHandler" not in repr(task)]  # the server's own
    assert left == [asyncio.current_task()]
    folder = run.settings.state_dir
    assert lock_holder(folder) == ""
    assert "refused after" in (folder / AUDIT).read_text(encoding="utf-8").splitlines()[-1]
    assert verify(folder / AUDIT).altered == ()
    return str(refused.value)


# -- what may start ----------------------------------------------------------------------------------


async def test_it_trades_with_real_orders_and_its_ledger_is_what_the_exchanges_hold(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT) as served:
        outcome = await run_until_orders_filled(run_of(tmp_path, served, *confirmed(served)), 8)
        summary = summarise(outcome)
        assert not outcome.halted
        assert summary["mode"] == "live"
        assert summary["orders"]["filled"] >= 8
        assert summary["orders"]["open"] == summary["orders"]["unknown"] == 0
        assert summary["ledger"]["external"] == {}
        for venue, account in served.accounts.items():
            booked = summary["ledger"]["expected"][f"{venue}/main"]
            wallets = {asset: account.wallets[asset].free + account.wallets[asset].locked for asset in booked}
            assert {asset: Decimal(str(amount)) for asset, amount in booked.items()} == wallets
            assert account.executions
    assert "allowed after" in (tmp_path / "state" / AUDIT).read_text(encoding="utf-8")


async def test_a_key_of_which_the_venue_tells_nothing_is_taken_once_somebody_has_looked(tmp_path: Path) -> None:
    """Backpack has no request for it; the account then goes by our own name for it."""
    async with ServedMarket("backpack:spot", symbols=("BTC_USDC",), account=ACCOUNT) as served:
        venue: dict[str, Any] = {"symbols": ["BTC_USDC"]}
        said = await refusal(run_of(tmp_path, served, venues={"backpack:spot": venue}, **UNUSED))
        assert "then set venues.backpack:spot.allow_unverified_key: true" in said
        venue["allow_unverified_key"] = True
        run = run_of(tmp_path, served, "backpack:spot/main", venues={"backpack:spot": venue}, **UNUSED)
        await run.start()
        await run.stop()


# -- what may not ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "expected"),
    [((), "--confirm-live: it is missing, but "), (("1", "2"), "--confirm-live: confirmed was 1, 2, but ")],
)
async def test_without_the_right_accounts_named_nothing_starts_and_the_right_ones_are_said(
    tmp_path: Path, named: tuple[str, ...], expected: str
) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT) as served:
        said = await refusal(run_of(tmp_path, served, *named))
        (right,) = confirmed(served)
    assert expected in said
    assert f"binance:spot is account {right}; bybit:linear is account {right}" in said
    assert f"if these are meant: --confirm-live {right}" in said


async def test_a_venue_that_is_decided_on_needs_a_key(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT) as served:
        del served.accounts["bybit:linear"]
        said = await refusal(run_of(tmp_path, served, *confirmed(served)))
    assert "bybit:linear key: none, and a strategy decides on this venue; set venues.bybit:linear.api_key" in said
    assert "binance:spot" not in said


@pytest.mark.parametrize(
    ("venue", "symbol"),
    [
        ("binance:spot", "BTCUSDT"),
        ("binance:usdm", "BTCUSDT"),
        ("bybit:linear", "BTCUSDT"),
        ("okx:spot", "BTC-USDT"),
        ("kraken:spot", "BTC/USDT"),
    ],
)
async def test_a_key_that_can_move_money_away_is_refused(tmp_path: Path, venue: str, symbol: str) -> None:
    async with ServedMarket(venue, symbols=(symbol,), account=ACCOUNT) as served:
        served.accounts[venue].may_withdraw = True
        wanted = {venue: {"symbols": [symbol]}}
        said = await refusal(run_of(tmp_path, served, *confirmed(served), venues=wanted, **UNUSED))
    assert f"{venue} permissions: the key can move money away: " in said
    assert " clock: " not in said
    assert " orders: " not in said
    assert "make a key that can only read and trade" in said


async def test_a_key_that_the_venue_does_not_know_is_refused_without_being_shown(tmp_path: Path) -> None:
    async with ServedMarket("bybit:linear", account=ACCOUNT) as served:
        account = served.accounts["bybit:linear"]
        account.secret = "another one"
        run = run_of(tmp_path, served, *confirmed(served), **UNUSED)
        account.secret = "and again another"
        said = await refusal(run)
    assert "bybit:linear key: not accepted: " in said
    assert account.api_key not in said


@pytest.mark.parametrize("ahead", [1.5, -1.5])
async def test_a_clock_that_is_more_than_a_second_off_is_refused(tmp_path: Path, ahead: float) -> None:
    offset = Nanos(int(ahead * SECOND))
    async with ServedMarket("binance:spot", account=ACCOUNT, clock_offset=offset) as served:
        said = await refusal(run_of(tmp_path, served, *confirmed(served), **UNUSED))
    assert "more than 1 s; set this machine's clock (NTP)" in said


async def test_a_venue_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    async with ServedMarket(*VENUES, account=ACCOUNT) as served:
        elsewhere = {"rest_url": f"http://127.0.0.1:{free_port()}"}
        said = await refusal(run_of(tmp_path, served, *confirmed(served), venues={"binance:spot": elsewhere}))
    assert "binance:spot reach: no answer: refused" in said
    assert "bybit:linear reach" not in said


async def test_symbols_that_are_not_listed_or_not_traded_are_refused(tmp_path: Path) -> None:
    async with ServedMarket("binance:spot", symbols=("BTCUSDT", "ETHUSDT"), account=ACCOUNT) as served:
        served.exchanges["binance:spot"].symbols["ETHUSDT"].trading = False
        wanted = {"binance:spot": {"symbols": ["BTCUSDT", "ETHUSDT", "BTCUSDX"]}}
        said = await refusal(run_of(tmp_path, served, *confirmed(served), venues=wanted, **UNUSED))
    assert "binance:spot symbols: not listed: BTCUSDX" in said
    assert "binance:spot symbols: not trading now: ETHUSDT" in said


async def test_a_flavour_without_trading_cannot_be_decided_on(tmp_path: Path) -> None:
    async with ServedMarket("binance:coinm", symbols=("BTCUSD_PERP",), account=ACCOUNT) as served:
        members = ["binance:coinm:BTCUSD_PERP", "binance:coinm:BTCUSDT"]
        changes = {
            "venues": {"binance:coinm": {"symbols": ["BTCUSD_PERP"]}},
            "comparisons": [{"name": "btc", "currency": "USDT", "members": members}],
        }
        said = await refusal(run_of(tmp_path, served, *confirmed(served), **changes))
    assert "binance:coinm trading: not possible here: only market data of COIN-M is read" in said


# -- while it runs -----------------------------------------------------------------------------------


async def test_a_key_that_gets_a_permission_to_withdraw_while_it_runs_halts_trading(tmp_path: Path) -> None:
    async with ServedMarket("binance:spot", account=ACCOUNT) as served:
        run = run_of(tmp_path, served, *confirmed(served), **UNUSED)
        await run.start()
        try:
            reasons: list[str] = []
            accounts = dict.fromkeys(map(str, run.platform.venues), *confirmed(served))
            watch = asyncio.create_task(watch_keys(run.platform, accounts, {}, reasons.append, every_s=0.0))
            served.accounts["binance:spot"].may_withdraw = True
            await watch
            (reason,) = reasons
            assert reason.startswith("binance:spot permissions: the key can move money away: enableWithdrawals")
            run.distrust(reason)
            await until(lambda: run.platform.system.view(RISK).trading is TradingState.HALTED, "halted")
        finally:
            outcome = await run.stop()
        assert outcome.halted


class Unwell(Overheard):
    """A venue that answers every request by saying that it cannot."""

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        super().http(request, now)
        return ServerReply(status=503, body=b"")


async def test_a_venue_that_is_unwell_is_no_reason_to_distrust_its_key(tmp_path: Path) -> None:
    said: list[str] = []
    async with ServedMarket("binance:spot", account=ACCOUNT, front=lambda dialect: Unwell(dialect, said)) as served:
        platform = wire(live_settings(tmp_path, served, **UNUSED), Recovered())
        reasons: list[str] = []
        accounts = dict.fromkeys(map(str, platform.venues), *confirmed(served))
        watch = asyncio.create_task(watch_keys(platform, accounts, {}, reasons.append, every_s=0.0))
        await until(lambda: len(said) >= 3, "three looks at the keys")
        assert not watch.done()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    assert reasons == []


# -- the shadow --------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyed", [True, False])
async def test_a_shadow_decides_and_journals_like_a_live_run_and_sends_nothing(tmp_path: Path, keyed: bool) -> None:
    """Balances are the real account's where there is a key, else the declared ones."""
    said: list[str] = []
    async with ServedMarket(*VENUES, account=ACCOUNT, front=lambda dialect: Overheard(dialect, said)) as served:
        accounts = dict(served.accounts)
        if not keyed:
            served.accounts.clear()
        run = Orchestrator(live_settings(tmp_path, served, "shadow"))
        await run.start()
        try:
            await until(lambda: run.platform.withheld.orders >= 4, "orders that are not sent")
            await until(lambda: run.platform.withheld.plans >= 2, "their plans over")
            assert run.platform.system.view(RISK).trading.value == "active"
            sent = [run.platform.system.view(connector_name(venue)).requests for venue in run.platform.venues]
            held = run.platform.system.view(PMS).balances["binance:spot/main"]
            told = await asyncio.to_thread(ask, run.settings.state_dir, Request(Command.ORDERS))
        finally:
            outcome = await run.stop()
        assert not any(account.executions or account.closed or account.open for account in accounts.values())
    assert [one for one in said if not one.startswith(("GET ", '{"'))] == []
    assert not [one for one in said if "order." in one.replace("orderbook.", "") and not one.startswith("GET ")]
    assert not any("place" in requests or "cancel" in requests for requests in sent)
    assert held["USDT"] == (1_000_000 if keyed else run.settings.paper.balances["USDT"])
    assert told["withheld"]["count"] >= 4
    assert {row["reason"] for row in told["withheld"]["orders"]} == {NOT_SENT}
    shadow = summarise(outcome)["shadow"]
    assert shadow["orders"] >= 4
    assert Decimal(str(shadow["expected_edge"])) > 0
    assert outcome.picture["orders"]["fills"] == 0
    assert len(run.state.recovered.records) == 0
    assert (tmp_path / "state" / "journal").stat().st_size > 1_000
    assert not outcome.halted
