"""Two accounts on one simulated venue, two strategies that each trade their own: everybody owns what is theirs."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.domain.ids import AccountId, VenueId, venue_of_account
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.dev import build_world
from integrated_trading_system.orchestrator.platform import OMS, PMS, RISK, Platform, Recovered, connector_name
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.venues import VENUES, listings
from integrated_trading_system.simulation.virtual import Crashed, MemoryStore, VirtualDriver
from tests.support.virtual_platform import START, STREAMS, VirtualPlatform, dev_settings

CHEAP = {"taker_fee_bps": Decimal(1), "maker_fee_bps": Decimal(0)}
MAIN = (AccountId("binance:spot/main"), AccountId("bybit:linear/main"))
FURTHER = (AccountId("binance:spot/second"), AccountId("bybit:linear/second"))


def settings_of(folder: Path, strategy: str = "arbitrage", **changes: Any) -> Any:
    """The strategy `frugal` trades on the second accounts, which pay less."""
    venues = {
        name: {"symbols": ["BTCUSDT"], "streams": STREAMS, "taker_fee_bps": fee, "accounts": {"second": CHEAP}}
        for name, fee in (("binance:spot", 10), ("bybit:linear", 5))
    }
    strategies = [
        {"name": "arb", "strategy": strategy, "comparison": "btc"},
        {"name": "frugal", "strategy": strategy, "comparison": "btc", "accounts": dict.fromkeys(venues, "second")},
    ]
    return dev_settings(folder, venues=venues, strategies=strategies, **changes)


def at_venue(virtual: VirtualPlatform, account: AccountId) -> Account:
    return virtual.world.exchanges[venue_of_account(account)].bank.accounts[str(account)]


def bps_of(fills: list[Fill]) -> Decimal:
    """What was paid of what was traded; a fee in BTC by the price of its fill."""
    fees = sum((one.fee.amount * (one.price if one.fee.asset == "BTC" else 1) for one in fills), ZERO)
    return fees / sum((one.price * one.quantity for one in fills), ZERO) * 10_000


@pytest.mark.parametrize("seed", [3, 7])
def test_each_strategy_trades_its_own_account_and_the_ledger_is_all_wallets(seed: int, tmp_path: Path) -> None:
    virtual = VirtualPlatform(settings_of(tmp_path, seed=seed))
    virtual.run(40.0)
    for actor in (RISK, OMS):
        virtual.platform.system.tell(actor, Shutdown("nothing new"))
    virtual.run(20.0)
    view = virtual.platform.system.view(PMS)
    recovered = Recovered(records=tuple(virtual.store.records))
    paid: dict[AccountId, Decimal] = {}
    assert len(virtual.platform.account_settings) == 4
    for account in virtual.platform.account_settings:
        there = at_venue(virtual, account)
        held = {asset: wallet.free + wallet.locked for asset, wallet in there.wallets.items()}
        assert view.expected[str(account)] == held
        fills = [fill for fill in recovered.fills if fill.account == account]
        assert len(fills) > 3
        executed = Counter((one.client_id, one.quantity, one.price, one.fee) for one in there.executions.values())
        assert executed == Counter((one.client_order_id, one.quantity, one.price, one.fee.amount) for one in fills)
        owners = {recovered.owners[fill.client_order_id].strategy for fill in fills}
        assert owners == {"frugal" if account in FURTHER else "arb"}
        paid[account] = bps_of(fills)
    assert view.external == {}
    assert [round(paid[account], 2) for account in (*MAIN, *FURTHER)] == [10, 5, 1, 1]


class Lives:
    """The same two strategies, each making one trade of two legs, killed at chosen boundaries and started again."""

    def __init__(self, folder: Path, *crash_at: int) -> None:
        self.settings = settings_of(folder, strategy="tests.support.one_trade:OneTrade")
        self.boundaries: list[str] = []
        self.crash_at = crash_at
        self.store = MemoryStore()
        self.lives = 0
        self.now = START
        self.platform = self._wired()
        self.world = build_world(self.settings, self.platform, self.now)
        while not self._live():
            self.world.drop_core(self.driver.now)
            self.now = Nanos(self.driver.now + SECOND)
            self.world.run(self.now)
            self.platform = self._wired()

    def _wired(self) -> Platform:
        self.lives += 1
        return wire(self.settings, Recovered(records=tuple(self.store.records), run=self.lives))

    def _live(self) -> bool:
        """Up to the end, or to the next crash."""
        system = self.platform.system
        self.world.connect_core(system.tell, self.platform.gate)
        system.start(self.now)
        self.driver = VirtualDriver(system, self.world, self.store, self._on_boundary)
        try:
            self.driver.run(Nanos(START + 15 * SECOND))
        except Crashed:
            return False
        return True

    def _on_boundary(self, place: str) -> None:
        self.boundaries.append(place)
        if len(self.boundaries) - 1 in self.crash_at:
            raise Crashed

    def check(self) -> None:
        """Nothing is open; every account's fills and money are the exchange's; nothing was placed twice."""
        oms, pms = (self.platform.system.view(name) for name in (OMS, PMS))
        assert (oms.open, oms.plans, oms.reconciled) == (0, 0, True)
        assert pms.external == {}
        fills = Recovered(records=tuple(self.store.records)).fills
        for account in self.platform.account_settings:
            there = self.world.exchanges[venue_of_account(account)].bank.accounts[str(account)]
            executed = Counter((one.client_id, one.quantity, one.fee) for one in there.executions.values())
            own = (fill for fill in fills if fill.account == account)
            assert executed == Counter((one.client_order_id, one.quantity, one.fee.amount) for one in own)
            held = {asset: wallet.free + wallet.locked for asset, wallet in there.wallets.items()}
            assert pms.expected[str(account)] == held
            assert len({one.client_id for one in there.executions.values()}) <= 1, "one order was meant"


def test_killed_at_any_boundary_both_accounts_own_what_is_theirs(tmp_path: Path) -> None:
    whole = Lives(tmp_path)
    whole.check()
    assert whole.platform.system.view(OMS).filled == 4
    places = [index for index, place in enumerate(whole.boundaries) if place.endswith("place")]
    assert len(places) == 8
    for boundary in range(places[0] - 3, places[-1] + 6):
        killed = Lives(tmp_path, boundary)
        assert killed.lives == 2, boundary
        killed.check()


@pytest.mark.parametrize("venue", sorted(set(VENUES) - {"binance:coinm"}))
def test_every_venue_has_a_stream_and_an_answer_for_each_account(venue: str, tmp_path: Path) -> None:
    name = VenueId(venue)
    symbol = listings(name)[0].symbol
    group = {venue: {"symbols": [symbol], "streams": ["quotes"], "accounts": {"second": CHEAP}}}
    virtual = VirtualPlatform(dev_settings(tmp_path, venues=group, comparisons=[], strategies=[]))
    virtual.run(15.0)
    system = virtual.platform.system
    links = system.view(connector_name(name)).links
    users = {str(link) for link, state in links.items() if "#user." in link and state is LinkState.LIVE}
    assert users == {f"{venue}#user.1", f"{venue}#user.second.1"}
    oms, pms = system.view(OMS), system.view(PMS)
    assert (oms.reconciled, oms.unanswered, oms.requests_failed) == (True, 0, 0)
    assert {account for account, held in pms.expected.items() if held} == {f"{venue}/main", f"{venue}/second"}
