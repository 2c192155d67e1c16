"""The platform as a library: started, ready, stopped, by `async with` or by hand."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from loguru import logger

from integrated_trading_system.config.load import find, load
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.facade.desk import Desk
from integrated_trading_system.orchestrator import orchestrator
from integrated_trading_system.orchestrator.options import DEFAULT_CONFIG, RunOptions
from integrated_trading_system.orchestrator.platform import RISK
from integrated_trading_system.orchestrator.shown.outcome import Outcome

T = TypeVar("T")

READY_SECONDS = 15.0
STEP_SECONDS = 0.02


class Orchestrator(orchestrator.Orchestrator):
    """Starts, supervises and stops everything.

    async with Orchestrator("config/dev.yaml", ["seed=3"]) as platform:
        orders = OrderManagementSystem(platform)
    """

    def __init__(
        self,
        config: PlatformSettings | Path | str = DEFAULT_CONFIG,
        overrides: Sequence[str] = (),
        options: RunOptions | None = None,
    ) -> None:
        """A configuration file (looked for as named, then in ``config/``) with ``key.path=value`` over it, or settings.

        Raises ConfigurationError or Refused; nothing is opened yet.
        """
        settings = (
            config if isinstance(config, PlatformSettings) else load(PlatformSettings, find(str(config)), overrides)
        )
        super().__init__(settings, options)
        self._running = False
        self._before_stop: list[Callable[[], None]] = []

    @property
    def running(self) -> bool:
        """Between start and stop."""
        return self._running

    async def start(self) -> None:
        """Start everything; see `initialize` for when it can trade. Raises as the core's does."""
        await super().start()
        self._running = True
        self.desk = Desk(self, self.state.recovered.run)

    async def initialize(self, timeout_s: float = READY_SECONDS) -> None:
        """Start, and wait until trading is ACTIVE and every subscribed instrument has a believed price.

        Raises Refused where trading is not ACTIVE in time (the platform goes on trying); instruments that
        are silent then are only warned of.
        """
        if not self._running:
            await self.start()
        if await self.until(lambda: self._active() and not self.silent(), timeout_s):
            return
        if not self._active():
            risk = self.platform.system.view(RISK)
            raise Refused(f"not ready after {timeout_s:g} s: trading is {risk.trading.value} {risk.reason}".rstrip())
        logger.warning("no believed price within {:g} s of {}", timeout_s, ", ".join(self.silent()))

    def silent(self) -> list[str]:
        """Subscribed instruments without a believed price now."""
        platform = self.platform
        return [instrument for instrument in platform.streams if platform.books.top(instrument) is None]

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until it holds between two turns; False where it does not in time."""
        steps = int(timeout_s / STEP_SECONDS)
        for _ in range(steps):
            if condition():
                return True
            await asyncio.sleep(STEP_SECONDS)
        return condition()

    async def answer(self, future: asyncio.Future[T]) -> T:
        """Wait for it as long as the core runs; raises Refused where that ends first."""
        ended = asyncio.ensure_future(self._loop.ended.wait())
        try:
            await asyncio.wait((future, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if not future.done():
            raise Refused("the platform ended before the answer came; what became of it is in the journal")
        return future.result()

    def before_stop(self, action: Callable[[], None]) -> None:
        """Have this done when the platform stops, before anything else is."""
        self._before_stop.append(action)

    async def stop(self, reason: str = "stopped") -> Outcome:
        """Stop in order; what the run came to."""
        for action in reversed(self._before_stop):
            action()
        self._before_stop.clear()
        self._running = False
        return await super().stop(reason)

    async def __aenter__(self) -> Self:
        try:
            await self.initialize()
        except BaseException:
            if self._running:
                await self.stop("not ready")
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running:
            await self.stop()

    def _active(self) -> bool:
        return bool(self.platform.system.view(RISK).trading is TradingState.ACTIVE)


TradingOrchestrator = Orchestrator
