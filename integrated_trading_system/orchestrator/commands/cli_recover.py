"""The command `recover` on the command line."""

import argparse
from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.orchestrator.options import LEVELS, Exit, RunOptions

RECOVER: Final = "recover"


def add_recover_command(commands: Any, positive: Callable[[str], float]) -> None:
    """Among the others."""
    about = "after a crash: with trading halted, cancel what is open and find out what happened, then end"
    parser: argparse.ArgumentParser = commands.add_parser(RECOVER, help=about, description=f"{about}.")
    parser.add_argument("--config", metavar="FILE", help="what the platform is run with; default config/dev.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="key.path=value", help="overrides a setting")
    parser.add_argument("--dry-run", action="store_true", help="say what a start would find and do; change nothing")
    parser.add_argument("--reason", type=_reason, default=RECOVER, metavar="TEXT", help="of the halt, which stays")
    parser.add_argument(
        "--put-journal-aside",
        action="store_true",
        help="start from the venues alone: the journal is damaged, or of a newer version; it is kept, and not read",
    )
    parser.add_argument("--timeout", type=positive, metavar="SECONDS", help="give up after; default 180")
    parser.add_argument("--log-level", choices=LEVELS, help="overrides the file's")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")


def run_recover_command(parsed: argparse.Namespace) -> Exit:
    """As it was asked for. 0: nothing is open and all is known; 4: something is left, or stays halted (dry run)."""
    from integrated_trading_system.orchestrator.commands.recovering import TIMEOUT_S, RecoverOptions, recover

    options = RecoverOptions(
        run=RunOptions(config=parsed.config, overrides=tuple(parsed.set), log_level=parsed.log_level),
        dry_run=parsed.dry_run,
        reason=parsed.reason,
        put_journal_aside=parsed.put_journal_aside,
        timeout_s=parsed.timeout or TIMEOUT_S,
        as_json=parsed.json,
    )
    return recover(options)


def _reason(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError("expected one line of text")
    return text.strip()
