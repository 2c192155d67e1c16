"""Start the platform on the state directory that it is given, until it trades; print how long. See `recovery.py`."""

import json
import sys
import time
from pathlib import Path

BEGAN = time.perf_counter()

import uvloop  # noqa: E402 - the time of the imports counts

from integrated_trading_system.config.platform import PlatformSettings  # noqa: E402
from integrated_trading_system.domain.health import TradingState  # noqa: E402
from integrated_trading_system.orchestrator.orchestrator import Orchestrator  # noqa: E402
from integrated_trading_system.orchestrator.platform import RISK  # noqa: E402

STEP = 0.001
PATIENCE = 30.0


async def run(settings: PlatformSettings) -> dict[str, float]:
    imported = time.perf_counter()
    orchestrator = Orchestrator(settings)
    await orchestrator.start()
    started = time.perf_counter()
    while (view := orchestrator.platform.system.view(RISK)).trading is not TradingState.ACTIVE:
        if view.trading is TradingState.HALTED or time.perf_counter() - started > PATIENCE:
            raise SystemExit(f"it does not trade: {view.trading}, {view.reason}")
        await orchestrator.wait(STEP)
    active = time.perf_counter()
    cpu = time.process_time()
    await orchestrator.stop()
    return {"imports": imported - BEGAN, "journal": started - imported, "venues": active - started, "cpu": cpu}


if __name__ == "__main__":
    tree = json.loads(Path(sys.argv[1]).read_text())
    tree |= {"state_dir": sys.argv[2], "storage": {"enabled": False}, "strategies": []}
    tree.setdefault("oms", {})["journal_compact_bytes"] = int(sys.argv[3])
    print(json.dumps(uvloop.run(run(PlatformSettings.model_validate(tree)))))
