"""The command `recover`: take the start path, halted; cancel, ask until all is known, say what was found, and end.

It is what a person runs after a crash, and what a watchdog runs after it killed a process that hung. It takes
the same lock, journal and questions as every start. Trading stays halted: not one new order leaves.
"""

import asyncio
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
import uvloop

from integrated_trading_system.config.outputs import OutputSettings
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.order import Order
from integrated_trading_system.oms.view import OrderManagementView
from integrated_trading_system.orchestrator.commands.inspecting import Report, inspect, lines_of
from integrated_trading_system.orchestrator.options import Exit, RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import OMS, PMS
from integrated_trading_system.orchestrator.shown.report import say
from integrated_trading_system.orchestrator.state import State, take_state

TIMEOUT_S: Final = 180.0
"""Longer than any venue's receive window: by then what can be proven is."""
POLL_ACTIVE_MS: Final = 1_000
POLL_IDLE_MS: Final = 5_000
STEP_SECONDS: Final = 0.05


@dataclass(frozen=True)
class RecoverOptions:
    """One `recover` as it was asked for."""

    run: RunOptions
    dry_run: bool = False
    reason: str = "recover"
    put_journal_aside: bool = False
    timeout_s: float = TIMEOUT_S
    as_json: bool = False


def recover(options: RecoverOptions) -> Exit:
    """0 where nothing is open any more and all is known (dry run: where a start would trade), 4 otherwise."""
    settings = options.run.settings()
    if options.dry_run:
        report = inspect(settings)
        _tell(report, lines_of(report), options)
        return Exit.HALTED if report["halted"] is not None or report["would_halt"] else Exit.OK
    state = take_state(settings, options.reason, put_aside=options.put_journal_aside)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(_recover(settings, state, options))
    _tell(report, _lines(report), options)
    return Exit.OK if report["recovered"] else Exit.HALTED


async def _recover(settings: PlatformSettings, state: State, options: RecoverOptions) -> Report:
    orchestrator = Orchestrator(_quiet(settings), options.run, taken=state)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, orchestrator.request_stop)
    await orchestrator.start()
    try:
        before = _view(orchestrator)
        orchestrator.tell(OMS, Shutdown(options.reason))  # cancels whatever is open, until none is
        waiting = asyncio.create_task(orchestrator.wait(options.timeout_s))
        over: set[asyncio.Task[None]] = set()
        while not over and not is_recovered(_view(orchestrator)):
            over, _ = await asyncio.wait({waiting}, timeout=STEP_SECONDS)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    finally:
        after, external = _view(orchestrator), orchestrator.platform.system.view(PMS).external
        outcome = await orchestrator.stop(options.reason)
    failed = None if outcome.failure is None else f"{outcome.failure.actor}: {outcome.failure.error}"
    return {
        "recovered": is_recovered(after) and failed is None,
        "halted": state.recovered.halted,
        "run": state.recovered.run,
        "reconciled": after.reconciled,
        "failed": failed,
        "open_before": before.open,
        "open": [_order(order) for order in after.orders],
        "external_open": after.external_open,
        "unanswered": after.unanswered,
        "plans": after.plans,
        "fills_found": after.fills - before.fills,
        "cancelled": after.cancelled - before.cancelled,
        "filled": after.filled - before.filled,
        "never_accepted": after.rejected + after.expired - before.rejected - before.expired,
        "from_outside": {
            account: {asset: str(amount) for asset, amount in assets.items()} for account, assets in external.items()
        },
        "notes": list(state.notes),
    }


def is_recovered(view: OrderManagementView) -> bool:
    """Whether every venue has answered everything, and nothing is open there, of ours or of others."""
    return view.reconciled and not (view.open or view.external_open or view.plans)


def _quiet(settings: PlatformSettings) -> PlatformSettings:
    """Nothing that could fail beside what has to be done: no port, no database, no strategy. And no patience."""
    oms = settings.oms
    return settings.model_copy(
        update={
            "strategies": (),
            "outputs": OutputSettings(),
            "http": settings.http.model_copy(update={"enabled": False}),
            "storage": settings.storage.model_copy(update={"enabled": False}),
            "oms": oms.model_copy(
                update={
                    "poll_active_ms": min(oms.poll_active_ms, POLL_ACTIVE_MS),
                    "poll_idle_ms": min(oms.poll_idle_ms, POLL_IDLE_MS),
                }
            ),
        }
    )


def _view(orchestrator: Orchestrator) -> OrderManagementView:
    view: OrderManagementView = orchestrator.platform.system.view(OMS)
    return view


def _order(order: Order) -> Report:
    request = order.request
    return {
        "client_order_id": request.client_order_id,
        "instrument": request.instrument,
        "side": request.side.value,
        "quantity": str(request.quantity),
        "filled": str(order.filled),
        "status": order.status.value,
        "reason": order.reason,
    }


def _lines(report: Report) -> Iterable[str]:
    yield from report["notes"]
    yield f"run            {report['run']}, trading halted: {report['halted']}"
    yield f"venues         {'all answered everything' if report['reconciled'] else 'NOT all have answered everything'}"
    yield (
        f"orders         {report['open_before']} were open: {report['cancelled']} cancelled, {report['filled']} filled,"
        f" {report['never_accepted']} never accepted or expired; {report['fills_found']} fills found"
    )
    for order in report["open"]:
        yield (
            f"  still open: {order['client_order_id']} {order['status']}, {order['side']} {order['quantity']}"
            f" (filled {order['filled']}) {order['instrument']}: {order['reason'] or 'no answer'}"
        )
    if report["external_open"]:
        yield f"  {report['external_open']} open orders are not ours; oms.cancel_external=true would cancel them"
    for account, assets in report["from_outside"].items():
        yield f"outside        {account}: " + ", ".join(f"{amount} {asset}" for asset, amount in assets.items())
    if report["failed"] is not None:
        yield f"failed         {report['failed']}"
    if report["recovered"]:
        yield f"recovered      nothing is open; lift the halt with: resume --offline --confirm {report['run']}"
    else:
        yield "NOT recovered  run it again, and look at the venues by hand"


def _tell(report: Report, lines: Iterable[str], options: RecoverOptions) -> None:
    if options.as_json:
        say(msgspec.json.encode(report).decode())
        return
    for line in lines:
        say("".join(character if character.isprintable() else "?" for character in line))
