"""What the position management says was earned is what the exchanges' own wallets moved by, to the last decimal."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.ids import Asset, venue_of
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import HOUR, SECOND, Nanos
from integrated_trading_system.orchestrator.platform import OMS, PMS, RISK
from integrated_trading_system.simulation.exchange.accounts import Account
from tests.support import virtual_platform
from tests.support.virtual_platform import VirtualPlatform, dev_settings

PERPETUAL = "binance:usdm:BTCUSDT"


class Books:
    """A run, and what its accounts held before."""

    def __init__(self, virtual: VirtualPlatform) -> None:
        self.virtual = virtual
        self.pms: Any = virtual.platform.system.actor(PMS)
        self._before = {venue: self._held(self._account(venue)) for venue in virtual.platform.venues}

    def run(self, seconds: float) -> None:
        self.virtual.run(seconds)
        for actor in (RISK, OMS):
            self.virtual.platform.system.tell(actor, Shutdown("nothing new"))
        self.virtual.run(20.0)

    def earned(self) -> Decimal:
        """By what the wallets moved, and what the positions would bring, at the prices of the position management."""
        total = ZERO
        for venue in self.virtual.platform.venues:
            account = self._account(venue)
            moved = self._held(account)
            moved.subtract(self._before[venue])
            for asset, amount in moved.items():
                total += amount * (self.pms.valuation.rate(Asset(asset)) or ZERO)
            for holding in self.pms.ledger:
                instrument = holding.instrument
                position = account.positions.get(instrument.symbol)
                if venue_of(instrument.instrument) == venue and instrument.kind is not Kind.SPOT and position:
                    value = position.quantity * instrument.multiplier * self.pms.valuation.mid(instrument.instrument)
                    total += value - position.cost * (1 if position.quantity > 0 else -1)
        return total

    def _account(self, venue: Any) -> Account:
        return self.virtual.world.exchanges[venue].bank.accounts[str(self.virtual.platform.accounts[venue])]

    @staticmethod
    def _held(account: Account) -> Counter[str]:
        held: Any = {asset: wallet.free + wallet.locked for asset, wallet in account.wallets.items()}
        return Counter(held)


@pytest.mark.parametrize("seed", [1, 7])
def test_realised_and_unrealised_less_fees_is_what_the_wallets_moved_by(seed: int, tmp_path: Path) -> None:
    books = Books(VirtualPlatform(dev_settings(tmp_path, seed=seed)))
    books.run(40.0)
    performance = books.pms.performance()
    equity, profit = performance.equity, performance.profit
    assert books.pms.ledger.fills > 20
    assert equity.realised + equity.unrealised - equity.fees == equity.total == books.earned()
    assert books.pms.view().external == {}
    for cut in (profit.by_plan, profit.by_strategy, profit.by_venue, profit.by_instrument):
        assert sum(cut.values()) == equity.total
    assert set(profit.by_strategy) == {"arb-btc"}
    assert len(profit.by_plan) > performance.plans.traded // 2 > 5


def test_funding_is_no_flow_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty seconds before the venues' positions pay each other."""
    monkeypatch.setattr(virtual_platform, "START", Nanos(virtual_platform.START + 8 * HOUR - 20 * SECOND))
    spot = virtual_platform.SPOT
    settings = dev_settings(
        tmp_path,
        seed=3,
        venues={
            name: {"symbols": ["BTCUSDT"], "streams": virtual_platform.STREAMS}
            for name in ("binance:spot", "binance:usdm")
        },
        comparisons=[{"name": "btc", "currency": "USDT", "members": [spot, PERPETUAL]}],
    )
    books = Books(VirtualPlatform(settings))
    books.run(40.0)
    view, performance = books.pms.view(), books.pms.performance()
    assert view.funding.get("USDT", ZERO) != 0
    assert view.external == {}
    assert performance.equity.total == books.earned()
    assert performance.equity.funding == view.funding["USDT"]
    for cut in (performance.profit.by_plan, performance.profit.by_strategy, performance.profit.by_venue):
        assert sum(cut.values()) == performance.equity.total
