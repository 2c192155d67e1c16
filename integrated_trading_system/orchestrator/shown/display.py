"""What people see while the platform runs: a live screen in a terminal, a line every few seconds elsewhere."""

import asyncio
import contextlib
import io
import sys
from collections import deque
from collections.abc import Callable
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.screen import progress_line
from integrated_trading_system.drivers.terminal import render
from integrated_trading_system.orchestrator.platform import Platform
from integrated_trading_system.orchestrator.shown.dashboard import Dashboard
from integrated_trading_system.orchestrator.shown.report import say

LINE_SECONDS = 5.0
SCREEN_SECONDS = 0.5
"""Drawing a screen takes some 30 ms, in which the core waits."""
LOG_LINES_SHOWN = 6
LOG_LINES_KEPT = 200


class Display(Protocol):
    """Shows the platform until it is cancelled."""

    async def run(self, now: Callable[[], Nanos]) -> None:
        """`now` is the time of the run; this call is its beginning."""


def choose_display(platform: Platform, *, live: bool) -> Display:
    """The live screen, or plain lines."""
    return LiveDisplay(platform) if live else LineDisplay(platform)


class LineDisplay:
    """One line every five seconds."""

    def __init__(self, platform: Platform, out: TextIO | None = None) -> None:
        """To standard output unless told otherwise."""
        self._platform = platform
        self._out = out

    async def run(self, now: Callable[[], Nanos]) -> None:
        """Until cancelled."""
        dashboard = Dashboard(self._platform, now())
        while True:
            await asyncio.sleep(LINE_SECONDS)
            say(progress_line(dashboard.look(now())), self._out)


class LiveDisplay:
    """The whole terminal, twice a second.

    Log lines that would go to the same terminal go to its foot, and to stderr when it is over.
    """

    def __init__(self, platform: Platform, console: Console | None = None) -> None:
        """On the process's own terminal unless told otherwise."""
        self._platform = platform
        self._console = console or Console(file=sys.stdout)

    async def run(self, now: Callable[[], Nanos]) -> None:
        """Until cancelled."""
        dashboard = Dashboard(self._platform, now())
        pane = LogPane()
        shared = contextlib.redirect_stderr(pane) if sys.stderr.isatty() else contextlib.nullcontext()
        live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False)
        try:
            with shared, live:
                while True:
                    log = pane.newest(LOG_LINES_SHOWN)
                    width, height = self._console.size
                    live.update(render(dashboard.look(now()), width, log, height), refresh=True)
                    await asyncio.sleep(SCREEN_SECONDS)
        finally:
            sys.stderr.write(pane.text())


class LogPane(io.TextIOBase):
    """Stands where stderr was, while the screen belongs to somebody else. Written to from the log's thread."""

    def __init__(self) -> None:
        """Empty."""
        self._lines: deque[str] = deque(maxlen=LOG_LINES_KEPT)

    def write(self, text: str) -> int:
        """Keep the newest lines."""
        self._lines.extend(text.splitlines())
        return len(text)

    def newest(self, count: int) -> list[str]:
        """At most `count`, oldest first."""
        return list(self._lines.copy())[-count:]

    def text(self) -> str:
        """All that was kept."""
        return "".join(f"{line}\n" for line in self._lines.copy())
