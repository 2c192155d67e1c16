"""What people see while it runs: lines where there is no terminal, the screen where there is one."""

import asyncio
import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from integrated_trading_system.orchestrator.shown import display
from integrated_trading_system.orchestrator.shown.display import LineDisplay, LiveDisplay, LogPane, choose_display
from tests.support.virtual_platform import VirtualPlatform, dev_settings


class Terminal(io.StringIO):
    """Takes text, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(tmp_path: Path) -> VirtualPlatform:
    run = VirtualPlatform(dev_settings(tmp_path))
    run.run(5.0)
    return run


async def shown(chosen: display.Display, run: VirtualPlatform, out: io.StringIO) -> str:
    """Until something was shown; then cancelled."""
    task = asyncio.create_task(chosen.run(lambda: run.now))
    while not out.getvalue():
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return out.getvalue()


def test_a_terminal_gets_the_screen_and_everything_else_gets_lines(run: VirtualPlatform) -> None:
    assert isinstance(choose_display(run.platform, live=True), LiveDisplay)
    assert isinstance(choose_display(run.platform, live=False), LineDisplay)


async def test_a_line_is_written_every_few_seconds(run: VirtualPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "LINE_SECONDS", 0.0)
    out = io.StringIO()
    line = (await shown(LineDisplay(run.platform, out), run, out)).splitlines()[0]
    assert line.startswith("    0.0 s  binance:spot ")
    assert line.endswith("active")


async def test_the_screen_is_left_as_it_was_found(run: VirtualPlatform) -> None:
    out = Terminal()
    console = Console(file=out, width=120, height=40, force_terminal=True)
    text = await shown(LiveDisplay(run.platform, console), run, out)
    assert "ACTIVE" in text
    assert text.startswith("\x1b[?1049h")
    assert "\x1b[?1049l" in text


async def test_log_lines_for_the_same_terminal_wait_until_the_screen_is_gone(
    run: VirtualPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, stderr = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    console = Console(file=out, width=120, height=40, force_terminal=True)
    task = asyncio.create_task(LiveDisplay(run.platform, console).run(lambda: run.now))
    while not out.getvalue():
        await asyncio.sleep(0)
    sys.stderr.write("something happened\n")
    assert stderr.getvalue() == ""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert stderr.getvalue() == "something happened\n"
    assert sys.stderr is stderr


def test_the_pane_keeps_the_newest_lines() -> None:
    pane = LogPane()
    for number in range(display.LOG_LINES_KEPT + 5):
        pane.write(f"line {number}\n")
    assert pane.newest(2) == [f"line {display.LOG_LINES_KEPT + 3}", f"line {display.LOG_LINES_KEPT + 4}"]
    assert len(pane.text().splitlines()) == display.LOG_LINES_KEPT
