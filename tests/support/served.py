"""Simulated venues on real ports: in this process with one market in common, or as processes that can be killed."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.exchange_server import ExchangeServer
from integrated_trading_system.drivers.loop import Clock
from integrated_trading_system.orchestrator.signers import simulated_credentials
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import Dialect, ServerRequest
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.venues import build_dialect, build_exchange, listings

ROOT = Path(__file__).resolve().parents[2]
STEP = 0.02
"""Seconds between two looks at a condition."""
PATIENCE = 60.0
"""Seconds after which a condition is given up; far beyond what any machine needs."""

LIVELY = MarketSettings(dislocation_every=Nanos(SECOND), dislocation_bps=(30.0, 60.0))


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for the condition; fails with `what` was waited for."""
    for _ in range(int(PATIENCE / STEP)):
        if condition():
            return
        await asyncio.sleep(STEP)
    raise AssertionError(f"waited in vain: {what}")


class ServedMarket:
    """Some venues on ports of their own, all with the same prices."""

    def __init__(
        self,
        *venues: str,
        symbols: tuple[str, ...] = ("BTCUSDT",),
        seed: int = 7,
        settings: MarketSettings = LIVELY,
        front: Callable[[Dialect], Dialect] = lambda dialect: dialect,
        account: str = "",
        clock_offset: Nanos | None = None,
        further: str = "",
    ) -> None:
        """`front` may put something between the network and a venue.

        `account` has a key and money on each, and so has `further`.
        """
        self._clock = Clock()
        start = self._clock.now()
        market = Market(seed, start, settings)
        self.servers: dict[str, ExchangeServer[ServerRequest]] = {}
        self.ports: dict[str, int] = {}
        self.accounts: dict[str, Account] = {}
        self.further: dict[str, Account] = {}
        self.exchanges: dict[str, Exchange] = {}
        for name in venues:
            venue = VenueId(name)
            if account:
                self.accounts[name] = _account(venue, account, seed)
            if further:
                self.further[name] = _account(venue, further, seed)
            ours = [by_venue[name] for by_venue in (self.accounts, self.further) if name in by_venue]
            exchange = build_exchange(venue, listings(venue, symbols), ours, market, start)
            self.exchanges[name] = exchange
            dialect = front(build_dialect(venue, exchange, clock_offset))
            self.servers[name] = ExchangeServer(dialect, ServerRequest, self._clock.now)

    async def __aenter__(self) -> Self:
        self.ports = {name: await server.start() for name, server in self.servers.items()}
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(server.stop() for server in self.servers.values()))


def _account(venue: VenueId, name: str, seed: int) -> Account:
    credentials = simulated_credentials(venue, AccountId(name), seed)
    return Account(
        name,
        dict.fromkeys(("USDT", "USDC"), Decimal(1_000_000)) | {"BTC": Decimal(20)},
        api_key=credentials.api_key,
        secret=credentials.api_secret,
        passphrase=credentials.passphrase,
    )


class ServedProcess:
    """A venue in a process of its own, which may be killed and started again on the same port."""

    def __init__(self, venue: str, port: int) -> None:
        self.venue = venue
        self.port = port
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it listens."""
        name, _, flavour = self.venue.partition(":")
        words = [sys.executable, "-m", "integrated_trading_system", "exchange", "--venue", name, "--flavour", flavour]
        self._process = subprocess.Popen(
            [*words, "--port", str(self.port)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise AssertionError(f"{self.venue} did not start: {self._process.communicate()}")

    def kill(self) -> None:
        """As an out-of-memory killer would: nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def paper_settings(state_dir: Path, ports: dict[str, int], **changes: Any) -> PlatformSettings:
    """Paper mode against venues on these ports, one Comparison of BTCUSDT, the arbitrage strategy."""
    venues = {
        name: {
            "symbols": ["BTCUSDT"],
            "taker_fee_bps": 5,
            "rest_url": f"http://127.0.0.1:{port}",
            "ws_url": f"ws://127.0.0.1:{port}",
        }
        for name, port in ports.items()
    }
    tree: dict[str, Any] = {
        "mode": "paper",
        "state_dir": state_dir,
        "venues": venues,
        "comparisons": [{"name": "btc", "currency": "USDT", "members": [f"{name}:BTCUSDT" for name in ports]}],
        "strategies": [{"name": "arb-btc", "comparison": "btc", "settings": {"cool_down_ms": 0}}],
        "paper": {"latency_ms": 5},
        "oms": {"poll_active_ms": 200, "poll_idle_ms": 200},
        "pms": {"external_after_ms": 2_000},
        "http": {"enabled": False},
        "log": {"level": "ERROR"},
    }
    return PlatformSettings.model_validate({**tree, **changes})
