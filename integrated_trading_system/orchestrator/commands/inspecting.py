"""What a start would find and do: read from the state directory alone, nothing written, nobody asked.

Everything here is what the journal says. What happened at the venues since, only a start can tell.
"""

import time
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from integrated_trading_system import __version__
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.ids import AccountId, InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.drivers.blocks import SCHEMA, Contents, Opened
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import FENCE, lock_holder
from integrated_trading_system.drivers.versions import refuse_downgrade
from integrated_trading_system.oms.desk import proof_after
from integrated_trading_system.oms.memory import Memory, remember
from integrated_trading_system.oms.progress import excess, traded
from integrated_trading_system.oms.records import VERSION, Started, decode, last_fence
from integrated_trading_system.oms.state import InFlight, State, Tracked, replay
from integrated_trading_system.orchestrator.data_wiring import DataWiring
from integrated_trading_system.orchestrator.marks import HALTED, LATCHED, REDUCING, read_marks
from integrated_trading_system.orchestrator.state import JOURNAL, configuration_hash
from integrated_trading_system.runtime.system import System

Report = dict[str, Any]

SAME: Final = "the same"
OTHER: Final = "another"


def inspect(settings: PlatformSettings) -> Report:
    """Everything. Raises Refused where an instance runs, and JournalUnavailable where a start would."""
    folder = settings.state_dir
    if holder := lock_holder(folder):
        raise Refused(f"process {holder} runs on {folder}: ask it (status, orders, positions), or stop it first")
    now = Nanos(time.time_ns())
    path = folder / JOURNAL
    contents = Journal.look(path) if path.exists() else Contents((), (), 0, 0, b"")
    if contents.runs:
        refuse_downgrade(str(path), contents.runs[-1], Opened(SCHEMA, __version__, "", now, VERSION))
    records = tuple(map(decode, contents.records))
    state = replay(records, settings.oms.orders_kept_max, settings.oms.trades_kept_max)
    memory = remember(records)
    run = max(_counted(folder), last_fence(contents.records))
    statuses = {name: tracked.order.status for name, tracked in state.open.items()}
    state.apply(Started(fence=run + 1, at=now))  # as the start itself will
    marks = read_marks(folder)
    start = _Start(settings, now, marks.get(HALTED))
    orders = [start.order(tracked, statuses[name]) for name, tracked in state.open.items()]
    report: Report = {
        "state_dir": str(folder),
        "mode": settings.mode.value,
        "last_run": run,
        **{mark: marks.get(mark) for mark in (HALTED, REDUCING, LATCHED)},
        "journal": _journal(path, contents, settings),
        "orders": orders,
        "plans": [start.plan(of) for of in state.plans.values()],
        "positions": _positions(memory),
        "accounts": _accounts(memory),
        "counts": {name: getattr(state.counts, name) for name in type(state.counts).__struct_fields__},
    }
    stranded = [order for order in orders if order["account"] not in start.accounts]
    report["would_halt"] = [
        f"{order['client_order_id']} is open on {order['account']}, which is not configured" for order in stranded
    ]
    report["steps"] = list(_steps(report, start, state))
    return report


class _Start:
    """What the next start knows before it asks anybody."""

    def __init__(self, settings: PlatformSettings, now: Nanos, halted: str | None) -> None:
        data = DataWiring(settings, System())
        self.accounts = data.traded
        self._windows = data.receive_windows
        self._settings = settings.oms
        self._now = now
        self._cancels = halted is not None and settings.oms.cancel_on_halt

    def order(self, tracked: Tracked, status: OrderStatus) -> Report:
        """`status`: before the start."""
        order, request = tracked.order, tracked.order.request
        return {
            "venue": venue_of(request.instrument),
            "instrument": request.instrument,
            "account": request.account,
            "side": request.side.value,
            "quantity": str(request.quantity),
            "filled": str(order.filled),
            "price": str(request.price),
            "status": status.value,
            "age_ms": (self._now - order.created_at) // MILLISECOND,
            "strategy": request.strategy,
            "plan_id": request.plan_id,
            "client_order_id": request.client_order_id,
            "venue_order_id": order.venue_order_id,
            "then": "; ".join(self._then(tracked)),
        }

    def plan(self, of: InFlight) -> Report:
        """What it did, and what it may still do."""
        nets = traded(of.plan, of.orders)
        left = (of.plan.hedge_by - self._now) / SECOND
        return {
            "plan_id": of.plan.plan_id,
            "strategy": of.plan.strategy,
            "legs": [
                {
                    "instrument": leg.instrument,
                    "side": leg.side.value,
                    "planned": str(leg.quantity),
                    "traded": str(nets[index]),
                    "ahead": str(excess(of.plan, nets, index)),
                }
                for index, leg in enumerate(of.plan.legs)
            ],
            "open_orders": sum(tracked.open for tracked in of.orders),
            "then": f"repaired for {left:.0f} s more, then closed with its residual"
            if left > 0 and not self._cancels
            else "closed with its residual once its orders are proven over",
        }

    def _then(self, tracked: Tracked) -> Iterable[str]:
        order = tracked.order
        venue = venue_of(order.request.instrument)
        if (account := order.request.account) not in self.accounts:
            yield f"trading halts: {account} is not configured; configure it, or look there by hand"
            return
        proof = proof_after(order, self._windows.get(venue), self._settings)
        yield "cancelled, again and again, until the venue confirms it" if self._cancels else "looked for at the venue"
        if order.status is OrderStatus.WORKING:
            yield "where the venue has it no more, it is over as soon as its fills are owned"
        elif proof is None:
            yield f"{venue} takes requests of any age: not found proves nothing, it stays UNKNOWN until the venue tells"
        else:
            left = max(0.0, (proof - self._now) / SECOND)
            yield f"UNKNOWN; not found is proof {left:.1f} s after the start"


def _journal(path: Path, contents: Contents, settings: PlatformSettings) -> Report:
    found: Report = {"path": str(path), "exists": path.exists(), "bytes": contents.size, "torn": contents.torn}
    found |= {"records": len(contents.records), "runs": len(contents.runs), "last": None}
    if contents.runs:
        last = contents.runs[-1]
        found["last"] = {
            "code_version": last.code_version,
            "form": last.schema,
            "records": last.records,
            "opened_at": last.at,
            "configuration": SAME if last.config_hash == configuration_hash(settings) else OTHER,
        }
    return found


def _positions(memory: Memory) -> list[Report]:
    held: dict[tuple[InstrumentId, AccountId], Decimal] = {}
    for fill in memory.fills:
        key = (fill.instrument, fill.account)
        held[key] = held.get(key, ZERO) + fill.side.sign * fill.quantity
    return [{"instrument": key[0], "account": key[1], "quantity": str(amount)} for key, amount in held.items()]


def _accounts(memory: Memory) -> list[Report]:
    """What fills moved of each asset is not here: that needs the instruments, and they are the venues'."""
    purses: dict[tuple[VenueId, AccountId, str], dict[str, Decimal]] = {}
    for (venue, account, asset), amount in memory.openings.items():
        purses.setdefault((venue, account, asset), {})["opening"] = amount
    for fill in memory.fills:
        purse = purses.setdefault((venue_of(fill.instrument), fill.account, fill.fee.asset), {})
        purse["fees"] = purse.get("fees", ZERO) + fill.fee.amount
    for paid in memory.funding:
        purse = purses.setdefault((paid.venue, paid.account, paid.asset), {})
        purse["funding"] = purse.get("funding", ZERO) + paid.amount
    return [
        {"venue": venue, "account": account, "asset": asset}
        | {name: str(of.get(name, ZERO)) for name in ("opening", "fees", "funding")}
        for (venue, account, asset), of in purses.items()
    ]


def _steps(report: Report, start: _Start, state: State) -> Iterable[str]:
    yield f"lock {report['state_dir']} and count run {report['last_run'] + 1}"
    if report["mode"] == Mode.DEV.value:
        yield "put the journal aside: simulated venues are new at every start, and nothing below is looked at"
    torn = report["journal"]["torn"]
    yield f"read {report['journal']['records']} records" + (f", cut off {torn} bytes never confirmed" if torn else "")
    unknown = sum(tracked.order.status is OrderStatus.UNKNOWN for tracked in state.open.values())
    yield f"reserve {len(state.open)} open orders ({unknown} of them UNKNOWN) and {len(state.plans)} plans in flight"
    yield f"connect to {', '.join(start.accounts) or 'nobody'}; ask for balances, open orders, these orders, and fills"
    yield "book every fill that is missing, and what came from outside"
    if report["would_halt"]:
        yield f"halt: {'; '.join(report['would_halt'])}"
    elif report["halted"] is not None:
        yield f"stay HALTED ({report['halted']}) until somebody resumes, and cancel what is open"
    elif report["reducing"] is not None:
        yield f"trade only what reduces ({report['reducing']}) until somebody resumes, once every venue has answered"
    else:
        yield "trade, once every venue has answered everything (trading active: reconciled)"


def _counted(folder: Path) -> int:
    try:
        text = (folder / FENCE).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return 0
    return int(text) if text.isdecimal() else 0


def lines_of(report: Report) -> Iterable[str]:
    """For people."""
    journal, last = report["journal"], report["journal"]["last"]
    yield f"state          {report['state_dir']}, mode {report['mode']}, last run {report['last_run']}"
    if not journal["exists"]:
        yield f"journal        none at {journal['path']}: the next start is the first"
    else:
        torn = f"{journal['torn']} torn bytes at its end" if journal["torn"] else "nothing torn"
        yield f"journal        {journal['records']} records in {journal['bytes']:,} bytes, chain unbroken, {torn}"
    if last is not None:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(last["opened_at"] / SECOND))
        yield (
            f"last opened    {when} by version {last['code_version']} (form {last['form']}, records {last['records']}),"
            f" with {last['configuration']} configuration"
        )
    yield f"trading        {'halted: ' + report['halted'] if report['halted'] is not None else f'no {HALTED} marker'}"
    for mark in (REDUCING, LATCHED):
        if report[mark] is not None:
            yield f"{mark:14} {report[mark]}"
    yield f"orders         {len(report['orders'])} open, {report['counts']['fills']} fills booked so far"
    for order in report["orders"]:
        yield (
            f"  {order['client_order_id']} {order['status']} for {order['age_ms'] / 1_000:.1f} s: {order['side']}"
            f" {order['quantity']} (filled {order['filled']}) {order['instrument']} at {order['price']}"
        )
        yield f"    then: {order['then']}"
    yield f"plans          {len(report['plans'])} in flight"
    for plan in report["plans"]:
        legs = ", ".join(
            f"{leg['side']} {leg['traded']} of {leg['planned']} {leg['instrument']}"
            + (f" ({leg['ahead']} unhedged)" if Decimal(leg["ahead"]) else "")
            for leg in plan["legs"]
        )
        yield f"  {plan['plan_id']} of {plan['strategy']}: {legs}"
        yield f"    then: {plan['then']}"
    yield "positions      by the fills in the journal"
    for position in report["positions"]:
        yield f"  {position['instrument']} on {position['account']}: {position['quantity']}"
    yield "accounts       at first and from outside; fees paid; funding received"
    for of in report["accounts"]:
        yield f"  {of['account']} {of['asset']}: {of['opening']}; {of['fees']}; {of['funding']}"
    yield "a start would"
    for number, step in enumerate(report["steps"], 1):
        yield f"  {number}. {step}"
