"""The `run` command: real time on a live loop, or dev mode in virtual time."""

import asyncio
import os
import signal
import sys

import uvloop

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.orchestrator.commands.guarding import guard_of
from integrated_trading_system.orchestrator.options import Exit, RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.shown.display import Display, choose_display
from integrated_trading_system.orchestrator.shown.report import exit_code, finish
from integrated_trading_system.orchestrator.virtual import run_virtual


def run(options: RunOptions) -> Exit:
    """Run the platform; the exit code."""
    settings = options.settings()
    if options.speed == "max":
        return run_virtual(settings, options)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run_live(settings, options))


async def _run_live(settings: PlatformSettings, options: RunOptions) -> Exit:
    orchestrator = Orchestrator(settings, options)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):  # before the start: one that comes while it starts counts as well
        loop.add_signal_handler(number, orchestrator.request_stop)
    guard = guard_of(settings, options, os.getpid())
    if guard is not None:
        guard.start()  # before there are threads
    try:
        await orchestrator.start()
    except BaseException:
        if guard is not None:
            guard.farewell()
        raise
    if guard is not None:
        guard.begin()
    display: Display = choose_display(orchestrator.platform, live=options.ui and sys.stdout.isatty())
    task = asyncio.create_task(display.run(orchestrator.now))
    try:
        await orchestrator.wait(options.duration_s)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outcome = await orchestrator.stop()
    if guard is not None:
        guard.farewell()
    finish(outcome, options.summary, settings.state_dir / f"fills-{orchestrator.state.recovered.run}.csv")
    return exit_code(outcome)
