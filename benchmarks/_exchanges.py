"""Two simulated exchanges on loopback ports, in a process of their own, until standard input is closed.

Started by `tick_to_order.py` and `recovery.py`. Writes to the folder that it is given the configurations with which
they can be traded on: `live.json` with real orders (and keys in files), `paper.json` without.
"""

import asyncio
import json
import sys
from pathlib import Path

from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.market import MarketSettings
from tests.support.live import confirmed, keys_of, live_settings
from tests.support.served import ServedMarket, paper_settings

VENUES = ("binance:spot", "bybit:linear")
RESTLESS = MarketSettings(dislocation_every=Nanos(200 * MILLISECOND), dislocation_bps=(30.0, 60.0))
"""A difference worth trading about five times a second."""


async def serve(folder: Path) -> None:
    async with ServedMarket(*VENUES, account="demo", settings=RESTLESS) as served:
        for mode, settings in (
            ("live", live_settings(folder, served)),
            ("paper", paper_settings(folder / "state", served.ports)),
        ):
            tree = json.loads(settings.model_dump_json(exclude_unset=True))
            if mode == "live":
                for venue, references in keys_of(folder / "keys", served).items():
                    tree["venues"][venue].update(references)  # a dump shows no reference to a key
            (folder / f"{mode}.json").write_text(json.dumps(tree))
        print(json.dumps(confirmed(served)), flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(serve(Path(sys.argv[1])))
