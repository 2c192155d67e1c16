"""How a run's end is told: the short summary for people, the files, and the exit code."""

import sys
from pathlib import Path
from typing import Any, TextIO

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.orchestrator.options import Exit
from integrated_trading_system.orchestrator.shown.outcome import Outcome
from integrated_trading_system.orchestrator.shown.summary import summarise, write_summary

REASONS_SHOWN = 5


def finish(outcome: Outcome, summary_path: Path | None, fills_path: Path | None) -> dict[str, Any]:
    """Write the files, print the short summary; the whole summary."""
    summary = summarise(outcome)
    if summary_path is not None:
        write_summary(summary, summary_path)
    if fills_path is not None:
        fills_path.parent.mkdir(parents=True, exist_ok=True)
        outcome.fills.write(fills_path)
        outcome.plans.write(fills_path.with_name(fills_path.name.replace("fills", "plans", 1)))
    show(summary, sys.stdout, fills_path)
    return summary


def say(text: str, out: TextIO | None = None) -> None:
    """One line for people, on standard output unless told otherwise."""
    (out or sys.stdout).write(f"{text}\n")


def show(summary: dict[str, Any], out: TextIO, fills_path: Path | None) -> None:
    """A dozen lines."""
    for line in _lines(summary):
        say(line, out)
    if fills_path is not None:
        say(f"fills          {fills_path}", out)
    say(f"input hash     {summary['input_hash']}", out)
    say(f"output hash    {summary['output_hash']}", out)


def _lines(summary: dict[str, Any]) -> list[str]:
    opportunities, orders, pnl = summary["opportunities"], summary["orders"], summary["pnl"]
    lines = [f"ran            {summary['duration_s']:.1f} s in mode {summary['mode']}, seed {summary['seed']}"]
    for name, venue in summary["venues"].items():
        lines.append(
            f"{name:<14} {venue['messages']} messages, {venue['quarantined']} quarantined, {venue['gaps']} gaps, "
            f"{venue['reconnects']} reconnects, clock {venue['clock_offset_ms']:+.1f} ms"
        )
    for name, book in summary["books"].items():
        lines.append(f"  {name:<28}{book['state']:<9}{book['best_bid']} / {book['best_ask']}")
    sync = summary["sync"]
    lines.append(f"synchronised   {sync['snapshots']} snapshots, skew p99 {sync['skew_ms']['p99']:.1f} ms")
    lines.append(
        f"opportunities  {opportunities['detected']} detected, {opportunities['approved']} approved, "
        f"{opportunities['executed']} executed; edge expected {opportunities['expected_edge']:.4f}, "
        f"realised {opportunities['realised_edge']:.4f}"
    )
    top = sorted(opportunities["rejected"].items(), key=lambda item: (-item[1], item[0]))[:REASONS_SHOWN]
    if top:
        lines.append("  not traded:  " + ", ".join(f"{reason} {number}" for reason, number in top))
    for advised in opportunities["advice"]:
        dry = "" if advised["dry_in_s"] is None else f", which runs dry in {advised['dry_in_s'] / 60:.0f} min"
        lines.append(
            f"capital        {advised['asset']}: move {advised['quantity']:.8g} from {advised['from']} to "
            f"{advised['to']}{dry}; missed there {advised['missed']:.4f}, the transfer costs {advised['cost']:.4f}"
        )
    lines.append(
        f"orders         {orders['submitted']} submitted, {orders['filled']} filled, {orders['expired']} expired, "
        f"{orders['cancelled']} cancelled, {orders['rejected']} rejected, {orders['unknown']} unknown"
    )
    if (shadow := summary.get("shadow")) is not None:
        lines.append(
            f"shadow         {shadow['orders']} orders in {shadow['plans']} plans would have been sent, none was; "
            f"edge expected {shadow['expected_edge']:.4f}"
        )
    for name, position in summary["positions"].items():
        if position["quantity"]:
            lines.append(f"position       {name}: {position['quantity']} at {position['average_price']:.2f}")
    lines.append(
        f"profit         realised {pnl['realised']:.4f}, unrealised {pnl['unrealised']:.4f}, fees {pnl['fees']:.4f}"
        f", total {pnl['total']:.4f}; drawdown {summary['performance']['drawdown']['deepest']:.4f}"
    )
    if summary["failure"]:
        lines.append(f"FAILED         {summary['failure']}")
    elif summary["risk"]["trading"] == TradingState.HALTED.value:
        lines.append(f"HALTED         {summary['risk']['reason']}")
    return lines


def exit_code(outcome: Outcome) -> Exit:
    """4 when trading was halted, by risk or by a failure; 0 otherwise."""
    return Exit.HALTED if outcome.halted else Exit.OK
