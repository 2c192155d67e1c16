"""Run dev mode until the first synchronised snapshot, say so, stop. Started by `startup.py`."""

import asyncio
import sys
import time

import uvloop

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator


class First:
    """Told beside the strategies."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def tell(self, _snapshot: object, /) -> None:
        self.came.set()


async def run(state_dir: str) -> None:
    overrides = (f"state_dir={state_dir}", "http.enabled=false", "log.level=ERROR")
    settings = RunOptions(overrides=overrides).settings()
    orchestrator = Orchestrator(settings)
    first = First()
    await orchestrator.start()
    for comparison in orchestrator.platform.comparisons:
        synchronizer = orchestrator.platform.system.actor(ActorName(f"synchronizer.{comparison.name}"))
        synchronizer._strategies = (*synchronizer._strategies, first)
    await asyncio.wait_for(first.came.wait(), 60)
    print(time.process_time(), flush=True)
    await orchestrator.stop()


uvloop.run(run(sys.argv[1]))
