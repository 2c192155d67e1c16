"""What an operator's command does to a running platform, and what it is answered.

Each command that changes something is an ordinary input of the run, told to the actor whose matter it
is, so a recording has it like every other. The answer says what became of it, not what was asked for.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from loguru import logger
from msgspec import to_builtins

from integrated_trading_system.config.platform import Mode
from integrated_trading_system.domain.errors import JournalUnavailable, Refused
from integrated_trading_system.domain.health import Halt, Reduce, Resume, TradingState
from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId, VenueOrderId
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.order import CancelOrder, CancelOrders, Order, OrderStatus
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.drivers.audit import AUDIT, AuditDriver, AuditEntry, AuditFile
from integrated_trading_system.drivers.operator import (
    READS,
    SOCKET,
    Answer,
    Command,
    OperatorServer,
    Peer,
    Problem,
    Request,
    problem,
)
from integrated_trading_system.drivers.port import Port
from integrated_trading_system.orchestrator.platform import OMS, PMS, RISK, Platform
from integrated_trading_system.orchestrator.shown.status import PlatformStatus
from integrated_trading_system.orchestrator.state import State

CONFIRM_SECONDS: Final = 2.0
"""How long a command waits to see that it was done."""
CANCEL_SECONDS: Final = 3.0
"""How long `cancel-all` waits for the venues."""
STEP_SECONDS: Final = 0.01

_Name: TypeAlias = tuple[InstrumentId, ClientOrderId, VenueOrderId | str]
"""Of an open order: by our id, and one of others by the venue's as well."""


async def open_operations(platform: Platform, state: State, status: PlatformStatus, port: Port) -> Callable[[], None]:
    """Answer operators from now on, until what is returned is called.

    Where there can be no socket (a file system without them), that is logged, and the run goes on; with
    real money it is Refused: nobody could reach it.
    """
    try:
        file = AuditFile(state.folder / AUDIT)
    except JournalUnavailable as error:
        return _without(platform, str(error))
    if file.verdict.altered:
        logger.error("{}: altered in line {}", file.path, ", ".join(map(str, file.verdict.altered)))
    audit = AuditDriver(file)
    server = OperatorServer(state.folder / SOCKET, Operations(platform, state, status, port, audit).answer)
    try:
        await server.start()
    except Refused as error:
        audit.close()
        return _without(platform, str(error))

    def close() -> None:
        server.close()
        audit.close()

    return close


def _without(platform: Platform, why: str) -> Callable[[], None]:
    if platform.settings.mode is Mode.LIVE:
        raise Refused(f"{why}; without it nobody could halt the run")
    logger.error("{}; there are no operator commands in this run", why)
    return lambda: None


class Operations:
    """Every command, carried out and audited."""

    def __init__(
        self, platform: Platform, state: State, status: PlatformStatus, port: Port, audit: AuditDriver
    ) -> None:
        self._platform = platform
        self._state = state
        self._status = status
        self._port = port
        self._audit = audit

    async def answer(self, request: Request, peer: Peer) -> Answer:
        """Carry it out; what to answer.

        What makes us safer is done first and audited then. A resume is audited first: where that fails, nobody resumes.
        """
        before = self._trading
        if request.command is Command.RESUME:
            if self._ending:
                return await self._done(request, peer, before, problem(Problem.REFUSED, "the platform is stopping"))
            if not await self._note(request, peer, "asked", before, "to be carried out"):
                return problem(Problem.REFUSED, "the audit file cannot be written; nothing was resumed")
        return await self._done(request, peer, before, await self._perform(request, peer))

    async def _done(self, request: Request, peer: Peer, before: str, answer: Answer) -> Answer:
        outcome = answer.get("error") or answer.get("said", "answered")
        return {**answer, "audited": await self._note(request, peer, "done", before, outcome)}

    async def _note(self, request: Request, peer: Peer, stage: str, before: str, outcome: str) -> bool:
        entry = AuditEntry(
            at=self._port.now(),
            uid=peer.uid,
            pid=peer.pid,
            command=request.command.value,
            reason=request.reason,
            stage=stage,
            before=before,
            after=self._trading,
            outcome=outcome,
            run=self._state.recovered.run,
        )
        return await self._audit.note(entry, changes=request.command not in READS)

    # -- commands --------------------------------------------------------------------------------

    async def _perform(self, request: Request, peer: Peer) -> Answer:
        by = f"operator, uid {peer.uid}"
        match request.command:
            case Command.STATUS:
                return self._status_answer()
            case Command.ORDERS:
                return self._orders_answer()
            case Command.POSITIONS:
                return self._positions_answer()
            case Command.CANCEL_ALL:
                return await self._cancel_all(external=request.external)
            case Command.HALT:
                return await self._tell_risk(Halt(request.reason, by), lambda view: view.trading is TradingState.HALTED)
            case Command.REDUCE:
                reason = request.reason or "an operator said so"
                return await self._tell_risk(Reduce(reason, by), lambda view: bool(view.reason))
            case Command.RESUME:
                return await self._tell_risk(Resume(by), lambda view: not view.reason)

    async def _tell_risk(self, message: Input, told: Callable[[Any], bool]) -> Answer:
        self._port.tell(RISK, message)
        for _ in range(int(CONFIRM_SECONDS / STEP_SECONDS)):
            await asyncio.sleep(STEP_SECONDS)  # at least one turn of the core
            if told(self._platform.system.view(RISK)):
                break
        view = self._platform.system.view(RISK)
        said = f"trading {view.trading.value}" + (f": {view.reason}" if view.reason else "")
        answer = {"trading": view.trading.value, "reason": view.reason, "said": said}
        if told(view):
            return {"ok": True, **answer}
        return {**answer, **problem(Problem.FAILED, f"not confirmed within {CONFIRM_SECONDS:.0f} s; {said}")}

    async def _cancel_all(self, *, external: bool) -> Answer:
        """Cancel what is open now, each order again as often as a halt would, and wait for the venues.

        An order that is not sent yet is cancelled once it is.
        """
        left = self._open(external=external)
        wanted = set(left)
        told: dict[_Name, Nanos] = {}
        retry = self._platform.settings.oms.cancel_retry_ms * MILLISECOND
        for _ in range(int(CANCEL_SECONDS / STEP_SECONDS)):
            now = self._port.now()
            due = {name: cancel for name, cancel in left.items() if cancel and now - told.get(name, -retry) >= retry}
            told |= dict.fromkeys(due, now)
            for account in dict.fromkeys(cancel.account for cancel in due.values()):
                cancels = tuple(cancel for cancel in due.values() if cancel.account == account)
                self._port.tell(OMS, CancelOrders(account, cancels))
            if not left:
                break
            await asyncio.sleep(STEP_SECONDS)
            left = {name: cancel for name, cancel in self._open(external=external).items() if name in wanted}
        names = [ours or theirs for _, ours, theirs in left]
        others = self._platform.system.view(OMS).external_open
        said = f"{len(wanted)} orders were open, {len(wanted) - len(left)} of them are not any more"
        answer = {"asked": len(wanted), "open": names, "external_open": others, "said": said}
        if not left:
            return {"ok": True, **answer}
        return {**answer, **problem(Problem.FAILED, f"{said}; not confirmed by their venues yet: {', '.join(names)}")}

    def _open(self, *, external: bool) -> dict[_Name, CancelOrder | None]:
        """What is open now and what would cancel it: nothing yet where it was not sent."""
        view = self._platform.system.view(OMS)
        orders: dict[_Name, CancelOrder | None] = {}
        for order in view.orders:
            request = order.request
            cancel = CancelOrder(request.client_order_id, request.instrument, request.account, order.venue_order_id)
            sent = order.status is not OrderStatus.INTENDED
            orders[request.instrument, request.client_order_id, ""] = cancel if sent else None
        if external:
            orders |= {(of.instrument, of.client_order_id, of.venue_order_id): of.cancel for of in view.external_orders}
        return orders

    # -- what is shown ---------------------------------------------------------------------------

    def _status_answer(self) -> Answer:
        system = self._platform.system
        oms, risk, pms = system.view(OMS), system.view(RISK), system.view(PMS)
        return {
            "ok": True,
            **to_builtins(self._status.health()),
            "run": self._state.recovered.run,
            "pid": os.getpid(),
            "state_dir": str(self._state.folder),
            "reconciled": oms.reconciled,
            "orders": {name: getattr(oms, name) for name in ("open", "unknown", "submitted", "filled", "rejected")},
            "external_open": oms.external_open,
            "plans": oms.plans,
            "exposure": str(risk.worst.total),
            "exposure_max": str(risk.exposure_max),
            "lost_today": str(risk.lost_today),
            "drawdown": str(risk.drawdown),
            "currency": pms.equity.currency,
            "pnl": {name: str(amount) for name, amount in pms.pnl.items()},
            "audit": {"lines": self._audit.verdict.lines, "altered": list(self._audit.verdict.altered)},
        }

    def _orders_answer(self) -> Answer:
        """Every order of ours that is not over, and those of others."""
        view, withheld = self._platform.system.view(OMS), self._platform.withheld
        answer = {"ok": True, "orders": [self._row(order) for order in view.orders]}
        answer |= {"external_open": view.external_open, "external": to_builtins(view.external_orders)}
        if self._platform.settings.mode is Mode.SHADOW:
            rows = [self._row(order) for order in withheld.latest]
            answer["withheld"] = {"orders": rows, "count": withheld.orders}
        return answer

    def _row(self, order: Order) -> dict[str, Any]:
        request = order.request
        return {
            "client_order_id": request.client_order_id,
            "venue_order_id": order.venue_order_id,
            "instrument": request.instrument,
            "account": request.account,
            "side": request.side.value,
            "order_type": request.order_type.value,
            "time_in_force": request.time_in_force.value,
            "price": str(request.price),
            "quantity": str(request.quantity),
            "filled": str(order.filled),
            "status": order.status.value,
            "age_ms": (self._port.now() - order.created_at) // MILLISECOND,
            "strategy": request.strategy,
            "plan_id": request.plan_id,
            "reason": order.reason,
        }

    def _positions_answer(self) -> Answer:
        """Every instrument that was traded, and what every account holds."""
        view = self._platform.system.view(PMS)
        rows = []
        for position in view.positions:
            quote = self._platform.books.top(position.instrument)
            mark = None if quote is None else (from_float(quote.bid) + from_float(quote.ask)) / 2
            rows.append(
                {
                    "instrument": position.instrument,
                    "account": position.account,
                    "quantity": str(position.quantity),
                    "average_price": str(position.average_price),
                    "mark": None if mark is None else str(mark),
                    "realised": str(position.realised),
                    "fees": {asset: str(amount) for asset, amount in position.fees.items()},
                    "changed_at": position.changed_at,
                }
            )
        balances = {
            account: {asset: str(amount) for asset, amount in assets.items()}
            for account, assets in view.balances.items()
        }
        pnl = {name: str(amount) for name, amount in view.pnl.items()}
        return {"ok": True, "positions": rows, "balances": balances, "pnl": pnl, "currency": view.equity.currency}

    @property
    def _trading(self) -> str:
        trading: TradingState = self._platform.system.view(RISK).trading
        return trading.value

    @property
    def _ending(self) -> bool:
        return self._status.stopping or self._platform.system.escalated is not None
