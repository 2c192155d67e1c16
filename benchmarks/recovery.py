"""From the start of the process until it trades again, with a journal of 10,000 orders, and what compaction saves.

Two simulated exchanges on loopback ports, in another process; paper mode, two instruments. The journal holds 5,000
plans of two legs as a run writes them: intended, handed over, taken, filled and over, and the plan closed. The last
plan is in flight, with two orders of which nothing was heard. Wall time, and `cpu`: the process's own until then.
"""

import shutil
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from statistics import median

import _bench
from _loopback import exchanges, measured
from msgspec.structs import replace

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import ClientOrderId, PlanId, TradeId, VenueOrderId
from integrated_trading_system.domain.order import OrderRequest, OrderStatus, Side
from integrated_trading_system.domain.plan import LegOutcome, PlanFinished
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.oms.compaction import compacted
from integrated_trading_system.oms.records import (
    VERSION,
    FillBooked,
    FillsCovered,
    OrderChanged,
    PlanClosed,
    PlanIntended,
    Record,
    encode,
)

sys.path.insert(0, str(_bench.ROOT))  # the tests are no installed package
from tests.support.left_behind import BUY, SELL, killed_in_a_trade, order

NEVER = 1 << 40
ORDERS = 10_000
KEPT = (50_000, 200_000)


def records(orders: int, at: Nanos) -> list[Record]:
    """The journal of one run that made so many orders and was then killed in the middle of a trade."""
    first, opening, intended, *_, booked = killed_in_a_trade(at)
    assert isinstance(intended, PlanIntended)
    assert isinstance(booked, FillBooked)
    free = replace(booked.fill, fee=replace(booked.fill.fee, amount=Decimal("0.0001")))  # or the fees would halt it
    found: list[Record] = [first, opening]
    for number in range(1, orders // 2):
        now = Nanos(at + number * MILLISECOND)
        found += traded(number, now, intended, free)
    last = orders // 2
    pair = [replace(of, client_order_id=ClientOrderId(f"its1z{2 * last + leg:x}")) for leg, of in enumerate(both())]
    found.append(replace(intended, orders=tuple(pair), at=Nanos(at + last * MILLISECOND)))
    return found


def both() -> tuple[OrderRequest, OrderRequest]:
    return order(1, BUY, Side.BUY), order(2, SELL, Side.SELL)


def traded(number: int, at: Nanos, intended: PlanIntended, fill: Fill) -> list[Record]:
    plan = replace(intended.plan, plan_id=PlanId(f"arb-btc-1-{number + 1}"))
    made = [
        replace(of, client_order_id=ClientOrderId(f"its1z{2 * number + leg:x}"), plan_id=plan.plan_id)
        for leg, of in enumerate(both())
    ]
    found: list[Record] = [replace(intended, plan=plan, orders=tuple(made), at=at)]
    for leg, of in enumerate(made):
        name = VenueOrderId(f"{1_000_000 + 2 * number + leg}")
        change = OrderChanged(
            client_order_id=of.client_order_id,
            status=OrderStatus.SUBMITTED,
            venue_order_id=None,
            venue_filled=fill.quantity - fill.quantity,
            done=None,
            reason="",
            at=at,
        )
        found += [change, replace(change, status=OrderStatus.WORKING, venue_order_id=name)]
        one = replace(fill, client_order_id=of.client_order_id, venue_order_id=name, trade_id=TradeId(name))
        one = replace(one, instrument=of.instrument, account=of.account, side=of.side, quantity=of.quantity)
        found.append(FillBooked(fill=one, at=at))
        found.append(FillsCovered(instrument=of.instrument, until=at))
        found.append(
            replace(
                change,
                status=OrderStatus.FILLED,
                venue_order_id=name,
                venue_filled=of.quantity,
                done=OrderStatus.FILLED,
            )
        )
    legs = tuple(
        LegOutcome(
            instrument=of.instrument,
            side=of.side,
            planned=of.quantity,
            filled=of.quantity,
            average_price=of.price,
            fees=fill.fee.amount,
            flow=of.price,
            fees_paid=(fill.fee,),
        )
        for of in made
    )
    end = PlanFinished(plan_id=plan.plan_id, strategy=plan.strategy, legs=legs, hedge_orders=0, reason="hedged", at=at)
    return [*found, PlanClosed(finished=end)]


def state_of(folder: Path, orders: int, *, small: bool) -> tuple[Path, int]:
    """A state directory with that journal, as it is or compacted; and how large it is."""
    lines = [encode(record) for record in records(orders, Nanos(time.time_ns()))] if orders else []
    if small:
        line = compacted(lines, *KEPT)
        assert line is not None
        lines = [line]
    state = folder / f"{orders}-{small}"
    journal = Journal.open(state / "journal", "0.0.1", "bench", VERSION)
    if lines:
        journal.append(lines)
    journal.close()
    (state / "fence").write_text("1\n")
    return state, (state / "journal").stat().st_size


def main() -> None:
    options = _bench.arguments(__doc__)
    orders, rounds = (100, 1) if options.quick else (ORDERS, 3)
    with tempfile.TemporaryDirectory() as name, exchanges(Path(name)):
        folder = Path(name)
        whole, size = state_of(folder, orders, small=False)
        small, less = state_of(folder, orders, small=True)
        empty, nothing = state_of(folder, 0, small=False)

        def start(state: Path, compact_bytes: int = NEVER) -> dict[str, float]:
            copy = folder / "run"
            shutil.copytree(state, copy)
            try:
                found: dict[str, float] = measured(
                    "_recovered.py", str(folder / "paper.json"), str(copy), str(compact_bytes)
                )
            finally:
                shutil.rmtree(copy)
            return found

        contestants = {
            "no journal": lambda: start(empty),
            f"{orders:,} orders": lambda: start(whole),
            "the same, compacted": lambda: start(small),
            "compacted by this start": lambda: start(whole, 1),
        }
        figures: dict[str, list[dict[str, float]]] = {title: [] for title in contestants}
        for turn in range(rounds + (not options.quick)):
            for title, run in contestants.items():
                found = run()
                if turn or options.quick:
                    figures[title].append(found)
    parts = ("imports", "journal", "venues", "cpu")
    medians = {title: {part: median(one[part] for one in found) for part in parts} for title, found in figures.items()}
    totals = {title: [sum(one[part] for part in parts[:3]) for one in found] for title, found in figures.items()}
    _bench.show(
        f"start of the process to ACTIVE, {rounds} runs, seconds (median)",
        ("", *parts, "whole", "noise"),
        [(title, *medians[title].values(), median(of), _bench.noise(of)) for title, of in totals.items()],
    )
    _bench.show(
        "size of the journal, bytes",
        ("", "bytes", "ratio"),
        [("whole", float(size), 1.0), ("compacted", float(less), less / size)],
    )
    result = {
        "orders": orders,
        "seconds": {title: median(of) for title, of in totals.items()},
        "parts": medians,
        "bytes": {"whole": size, "compacted": less, "empty": nothing},
    }
    _bench.finish(options, result)


if __name__ == "__main__":
    main()
