"""Trade with real orders on the exchanges of `_exchanges.py`; print how long each took. See `tick_to_order.py`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import uvloop

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.http import HttpCall, HttpReply
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted
from integrated_trading_system.domain.link import FrameReceived, Tag
from integrated_trading_system.drivers import journal
from integrated_trading_system.oms.records import PlanIntended, decode, kind_of
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator

SYNC = "synced"
"""The journal as it is; anything else: written, and not synced."""


class Watch:
    """Between the drivers and the core: notes the time at four places. Times are those of the run, nanoseconds."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.now = orchestrator.now
        self.frame = 0
        self.plans: dict[str, int] = {}
        """By client order id: when the frame came that made the plan."""
        self.calls: dict[Any, int] = {}
        self.samples: dict[str, list[int]] = {"intended": [], "durable": [], "handed over": [], "on the wire": []}
        self._appended: dict[int, int] = {}
        loop = orchestrator._loop
        self._tell, loop.tell = loop.tell, self.tell
        performers = loop._performers
        for kind, of in ((JournalAppend, self.append), (HttpCall, self.call)):
            performers[kind] = self.before(of, performers[kind])

    @staticmethod
    def before(note: Any, perform: Any) -> Any:
        def both(effect: Any) -> None:
            note(effect)
            perform(effect)

        return both

    def tell(self, actor: Any, message: Any) -> None:
        if isinstance(message, FrameReceived):
            self.frame = message.received_at
        elif isinstance(message, HttpReply) and message.call in self.calls:
            self.samples["on the wire"].append(message.sent_at - self.calls.pop(message.call))
        elif isinstance(message, JournalCommitted):
            for sequence in [one for one in self._appended if one <= message.sequence]:
                self.samples["durable"].append(self.now() - self._appended.pop(sequence))
        self._tell(actor, message)

    def append(self, effect: JournalAppend) -> None:
        if kind_of(effect.record) == "plan":
            record = decode(effect.record)
            assert isinstance(record, PlanIntended)
            self.samples["intended"].append(self.now() - self.frame)
            self._appended[effect.sequence] = self.frame
            self.plans.update(dict.fromkeys((order.client_order_id for order in record.orders), self.frame))

    def call(self, call: HttpCall) -> None:
        if call.tag is Tag.ORDER:
            text = call.request.query + call.request.body
            for name in [one for one in self.plans if f"{one}" in text]:
                began = self.plans.pop(name)
                self.samples["handed over"].append(self.now() - began)
                self.calls[call.call] = began


async def run(folder: Path, accounts: list[str], how: str, orders: int) -> dict[str, list[int]]:
    if how != SYNC:
        journal._sync = lambda _: None
    settings = PlatformSettings.model_validate_json((folder / "live.json").read_text())
    settings = settings.model_copy(
        update={
            "state_dir": folder / f"state-{how}-{os.getpid()}",
            "storage": settings.storage.model_copy(update={"enabled": False}),
        }
    )
    orchestrator = Orchestrator(settings, RunOptions(confirm_live=tuple(accounts)))
    await orchestrator.start()
    watch = Watch(orchestrator)
    for _ in range(400):
        if len(watch.samples["on the wire"]) >= orders:
            break
        await orchestrator.wait(0.1)
    outcome = await orchestrator.stop()
    if outcome.halted:
        raise SystemExit(f"it was halted: {outcome.picture['risk']['reason']}")
    return watch.samples


if __name__ == "__main__":
    place, named, how, count = sys.argv[1:]
    print(json.dumps(uvloop.run(run(Path(place), json.loads(named), how, int(count)))))
