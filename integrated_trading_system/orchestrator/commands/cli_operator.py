"""The operator's commands on the command line: their arguments, and their answers as tables or as JSON."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from integrated_trading_system.drivers.operator import Answer, Command
from integrated_trading_system.orchestrator.commands.operating import OperatorOptions, exit_code, operate
from integrated_trading_system.orchestrator.options import Exit

COMMANDS: Final = {
    Command.STATUS: "how the running platform is",
    Command.HALT: "stop trading now; only `resume` lifts it, also after a restart",
    Command.RESUME: "lift a halt, the restriction to reducing, and latches",
    Command.REDUCE: "only plans that reduce risk; only `resume` lifts it, also after a restart",
    Command.CANCEL_ALL: "cancel our open orders; trading goes on",
    Command.ORDERS: "our open orders",
    Command.POSITIONS: "positions, balances and profit",
}

ORDERS: Final = (
    *("instrument", "account", "side", "quantity", "filled", "price", "order_type", "time_in_force", "status"),
    *("age_ms", "strategy", "client_order_id", "reason"),
)
EXTERNAL: Final = (
    *("instrument", "account", "side", "quantity", "remaining", "price", "venue_order_id", "client_order_id"),
)
POSITIONS: Final = ("instrument", "account", "quantity", "average_price", "mark", "realised", "fees")


def add_operator_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """One sub-command each."""
    for command, text in COMMANDS.items():
        parser = commands.add_parser(command.value, help=text, description=f"Of a running platform: {text}.")
        parser.add_argument("--config", metavar="FILE", help="what it was started with; default config/dev.yaml")
        parser.add_argument("--set", action="append", default=[], metavar="key.path=value", help="overrides a setting")
        parser.add_argument("--state-dir", type=Path, metavar="DIR", help="its state directory, instead of --config")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
        if command in (Command.HALT, Command.REDUCE):
            parser.add_argument("--reason", required=command is Command.HALT, default="", metavar="TEXT", help="why")
        if command is Command.CANCEL_ALL:
            parser.add_argument("--external", action="store_true", help="orders on our accounts that are not ours, too")
        if command is Command.RESUME:
            parser.add_argument("--offline", action="store_true", help="nothing runs: lift it all for the next start")
            parser.add_argument("--confirm", metavar="RUN-OR-REASON", help="with --offline: what is meant")


def run_operator_command(parsed: argparse.Namespace) -> Exit:
    """Ask, show, and say by the exit code whether it was done."""
    options = OperatorOptions(
        command=Command(parsed.command),
        config=parsed.config,
        overrides=tuple(parsed.set),
        state_dir=parsed.state_dir,
        reason=getattr(parsed, "reason", ""),
        offline=getattr(parsed, "offline", False),
        confirm=getattr(parsed, "confirm", None),
        external=getattr(parsed, "external", False),
    )
    answer = operate(options)
    if parsed.json:
        print(msgspec.json.encode(answer).decode())
    elif "error" in answer:
        print(f"its: {_plain(answer['error'])}", file=sys.stderr)
    else:
        _show(options.command, answer)
    if answer.get("audited") is False:
        print("its: this command is not in the audit file; the log of the platform says why", file=sys.stderr)
    return exit_code(answer)


def _show(command: Command, answer: Answer) -> None:
    match command:
        case Command.STATUS:
            _table("status", ("", ""), _status_rows(answer), heads=False)
        case Command.ORDERS:
            rows = answer["orders"]
            _table(f"{len(rows)} open orders", ORDERS, ([row[name] for name in ORDERS] for row in rows))
            if shadow := answer.get("withheld"):
                title = f"{shadow['count']} orders would have been sent, the latest:"
                _table(title, ORDERS, ([row[name] for name in ORDERS] for row in shadow["orders"]))
            if others := answer["external"]:
                rows = ([order[name] for name in EXTERNAL] for order in others)
                _table(f"{len(others)} EXTERNAL orders: open on our accounts, and not ours", EXTERNAL, rows)
        case Command.POSITIONS:
            _show_positions(answer)
        case _:
            print(_plain(answer["said"]))


def _show_positions(answer: Answer) -> None:
    rows = answer["positions"]
    _table("positions", POSITIONS, ([row[name] for name in POSITIONS] for row in rows))
    balances = [(account, *held) for account, assets in answer["balances"].items() for held in assets.items()]
    _table("balances", ("account", "asset", "amount"), balances)
    _table(f"profit in {answer['currency']}", ("", ""), answer["pnl"].items(), heads=False)


def _status_rows(answer: Answer) -> Iterable[tuple[str, Any]]:
    orders, audit = answer["orders"], answer["audit"]
    yield "trading", answer["trading"] + (f": {answer['reason']}" if answer["reason"] else "")
    yield "state", f"{answer['state']}, mode {answer['mode']}, up {answer['uptime_seconds']:.0f} s"
    yield "instance", f"run {answer['run']}, process {answer['pid']}, {answer['state_dir']}"
    yield "orders", ", ".join(f"{count} {name}" for name, count in orders.items())
    yield "plans", f"{answer['plans']} in flight"
    yield "exposure", f"{_short(answer['exposure'])} of {_short(answer['exposure_max'])} {answer['currency']}"
    yield "losses", f"{_short(answer['lost_today'])} today, drawdown {_short(answer['drawdown'])}"
    yield "profit", _text(answer["pnl"])
    for name in ("external_open", "circuits_open", "venues_blocked", "alarms"):
        if answer[name]:
            yield name.replace("_", " "), answer[name]
    altered = ", ".join(map(str, audit["altered"]))
    yield "audit", f"altered in line {altered}" if altered else f"{audit['lines']} lines before this run, unaltered"


def _table(title: str, heads_of: Sequence[str], rows: Iterable[Sequence[Any]], *, heads: bool = True) -> None:
    """Rich on a terminal, columns of text elsewhere."""
    cells = [[_plain(_text(cell)) for cell in row] for row in rows]
    names = [name.replace("_", " ") for name in heads_of]
    if sys.stdout.isatty():
        table = Table(title=title, title_justify="left", show_header=heads)
        for name in names:
            table.add_column(name)
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    shown = [names, *cells] if heads else cells
    widths = [max((len(row[place]) for row in shown), default=0) for place in range(len(names))]
    print(f"# {title}")
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(amount)}" for name, amount in value.items())
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return "" if value is None else _short(str(value))


def _short(text: str) -> str:
    """An amount with at most eight decimals; whatever is none, as it is. `--json` has every digit."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return text
    exponent = amount.as_tuple().exponent
    return text if not isinstance(exponent, int) or exponent >= -8 else f"{amount:.8f}".rstrip("0").rstrip(".")


def _plain(text: str) -> str:
    """Names of instruments and texts of venues are not ours: they may not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
