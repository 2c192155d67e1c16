"""Run dev mode in virtual time, kill the core at a chosen boundary, and start it again from its journal."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.dev import DevWorld, build_world
from integrated_trading_system.orchestrator.platform import OMS, PMS, RISK, Platform, Recovered
from integrated_trading_system.orchestrator.virtual import VIRTUAL_START
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.virtual import Crashed, MemoryStore, VirtualDriver

DOWN = Nanos(3 * SECOND)
SETTLE = Nanos(40 * SECOND)
END = Nanos(15 * SECOND)

VENUES = {"binance:spot": {"symbols": ["BTCUSDT"]}, "bybit:linear": {"symbols": ["BTCUSDT"]}}


def settings(seed: int = 7, **strategy: Any) -> PlatformSettings:
    """Two venues, one Comparison, one strategy; by default the one that trades once."""
    instruments = [f"{venue}:{symbol}" for venue, of in VENUES.items() for symbol in of["symbols"]]
    chosen = {"name": "once", "strategy": "tests.support.one_trade:OneTrade", "comparison": "btc"} | strategy
    return PlatformSettings.model_validate(
        {
            "mode": "dev",
            "seed": seed,
            "venues": VENUES,
            "comparisons": [{"name": "btc", "currency": "USDT", "members": instruments}],
            "strategies": [chosen],
        }
    )


@dataclass
class Story:
    """A run that may die several times."""

    settings: PlatformSettings
    crash_at: tuple[int, ...] = ()
    """Boundaries, counted over all lives, at which the core dies."""
    boundaries: list[str] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)
    lives: int = 0
    now: Nanos = VIRTUAL_START

    def tell(self, seconds: float) -> "Story":
        """Let so much time pass in the first life, then enough for everything to settle."""
        self._live(Nanos(int(seconds * SECOND)))
        while self.died:
            self.world.drop_core(self.now)
            self.now = Nanos(self.now + DOWN)
            self.world.run(self.now)
            self._live(SETTLE)
        return self

    def _live(self, time: Nanos) -> None:
        self.lives += 1
        self.died = False
        recovered = Recovered(records=tuple(self.store.records), run=self.lives)
        self.platform: Platform = wire(self.settings, recovered)
        if self.lives == 1:
            self.world: DevWorld = build_world(self.settings, self.platform, self.now)
        system = self.platform.system
        self.world.connect_core(system.tell, self.platform.gate)
        system.start(self.now)
        driver = VirtualDriver(system, self.world, self.store, self._on_boundary)
        try:
            driver.run(Nanos(self.now + time))
            for actor in (RISK, OMS):
                system.tell(actor, Shutdown("the story ends"))
            driver.run(Nanos(driver.now + END))
        except Crashed:
            self.died = True
        self.now = max(driver.now, self.now)

    def _on_boundary(self, place: str) -> None:
        self.boundaries.append(place)
        if len(self.boundaries) - 1 in self.crash_at:
            raise Crashed

    # -- the audit -----------------------------------------------------------------------------

    def audit(self) -> list[str]:
        """Everything that does not hold; empty is well."""
        problems: list[str] = []
        oms = self.platform.system.view(OMS)
        if self.platform.system.escalated is not None:
            problems.append(f"an actor failed: {self.platform.system.escalated}")
        if oms.open or oms.plans:
            problems.append(f"not settled: {oms.open} orders, {oms.plans} plans")
        owned = {(fill.instrument, fill.trade_id): fill for fill in Recovered(tuple(self.store.records)).fills}
        for venue in self.platform.venues:
            problems += self._audit_venue(venue, {key: fill for key, fill in owned.items() if key[0].startswith(venue)})
        return problems

    def _audit_venue(self, venue: VenueId, owned: dict[Any, Any]) -> list[str]:
        exchange = self.world.exchanges[venue]
        account = exchange.bank.accounts[str(self.platform.accounts[venue])]
        problems = []
        executions = {str(one.trade_id): one for one in exchange.executions(account)}
        ours = {trade_id: fill for (_, trade_id), fill in owned.items()}
        if len(executions) != len(ours):
            problems.append(f"{venue}: {len(executions)} executions, {len(ours)} owned fills")
        if sum((one.quantity for one in executions.values()), Decimal(0)) != sum(
            (fill.quantity for fill in ours.values()), Decimal(0)
        ):
            problems.append(f"{venue}: quantities differ")
        client_ids = [order.client_id for order in exchange.orders(account)]
        if len(set(client_ids)) != len(client_ids):
            problems.append(f"{venue}: an order was placed twice: {client_ids}")
        problems += self._audit_money(venue, account)
        return problems

    def _audit_money(self, venue: VenueId, account: Any) -> list[str]:
        """The ledger's balances are the exchange's, to the last digit."""
        ledger = self.platform.system.view(PMS).expected
        problems = []
        for view in account.balances():
            expected = ledger.get(f"{self.platform.accounts[venue]}", {}).get(view.asset)
            held = view.free + view.locked
            if expected is not None and expected != held:
                problems.append(f"{venue}: {view.asset} is {held}, the ledger says {expected}")
        return problems
