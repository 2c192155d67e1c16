"""A whole dev platform in virtual time: simulated Binance and Bybit, run for as long as a test wants."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.time import DAY, SECOND, Nanos
from integrated_trading_system.orchestrator.dev import DevWorld, build_world
from integrated_trading_system.orchestrator.platform import Platform, Recovered
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.virtual import MemoryStore, VirtualDriver

START = Nanos(20_000 * DAY)
SPOT, PERP = "binance:spot:BTCUSDT", "bybit:linear:BTCUSDT"
STREAMS = ["quotes", "trades", "depth", "statistics"]


def dev_settings(state_dir: Path, **changes: Any) -> PlatformSettings:
    """Two venues, one Comparison, the arbitrage strategy, frequent dislocations; nothing is stored or served."""
    tree: dict[str, Any] = {
        "mode": "dev",
        "state_dir": state_dir,
        "venues": {
            "binance:spot": {"symbols": ["BTCUSDT"], "streams": STREAMS},
            "bybit:linear": {"symbols": ["BTCUSDT"], "streams": STREAMS, "taker_fee_bps": Decimal("5.5")},
        },
        "comparisons": [{"name": "btc", "currency": "USDT", "members": [SPOT, PERP]}],
        "strategies": [{"name": "arb-btc", "comparison": "btc"}],
        "simulation": {"dislocation_every_s": 1.0, "dislocation_bps": 60.0},
        "storage": {"enabled": False},
        "http": {"enabled": False},
        "log": {"level": "ERROR"},
    }
    return PlatformSettings.model_validate({**tree, **changes})


class VirtualPlatform:
    """Moves only when a test says so."""

    def __init__(self, settings: PlatformSettings, start: Nanos | None = None) -> None:
        start = START if start is None else start
        self.platform: Platform = wire(settings, Recovered())
        self.world: DevWorld = build_world(settings, self.platform, start)
        self.world.connect_core(self.platform.system.tell)
        self.platform.system.start(start)
        self.store = MemoryStore()
        self._driver = VirtualDriver(self.platform.system, self.world, self.store)

    @property
    def now(self) -> Nanos:
        return self._driver.now

    def run(self, seconds: float) -> None:
        self._driver.run(Nanos(self.now + int(seconds * SECOND)))
