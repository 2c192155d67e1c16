"""The command line: what can be asked, and which exit code answers.

0 ok · 1 anything unforeseen · 2 usage or configuration · 3 refused (mode, keys, permissions, a second
instance) · 4 halted by risk · 5 a replay differs
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from integrated_trading_system import __version__
from integrated_trading_system.domain.errors import (
    ConfigurationError,
    JournalUnavailable,
    PlatformError,
    Refused,
    ReplayDiffers,
)
from integrated_trading_system.domain.history import HistoryKind
from integrated_trading_system.domain.intervals import INTERVALS
from integrated_trading_system.drivers.operator import Command
from integrated_trading_system.orchestrator.commands.cli_operator import add_operator_commands, run_operator_command
from integrated_trading_system.orchestrator.commands.cli_recover import (
    RECOVER,
    add_recover_command,
    run_recover_command,
)
from integrated_trading_system.orchestrator.commands.cli_simulate import (
    SIMULATE,
    add_simulate_command,
    run_simulate_command,
)
from integrated_trading_system.orchestrator.options import LEVELS, Exit, RunOptions

OPERATOR_COMMANDS = tuple(command.value for command in Command)
COMMANDS = ("run", "record", "replay", "load", "doctor", "exchange", RECOVER, SIMULATE, *OPERATOR_COMMANDS)
EXIT_CODES = "Exit codes: 0 ok, 1 unforeseen, 2 usage or configuration, 3 refused, 4 halted, 5 replay differs."


def main(arguments: Sequence[str]) -> int:
    """Run one command; never raises."""
    words = list(arguments)
    if not words or words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        words.insert(0, "run")
    try:
        parsed = _parser().parse_args(words)
        return int(_dispatch(parsed))
    except SystemExit as stop:  # argparse: 0 after --help and --version, 2 after a usage error
        return int(stop.code or 0)
    except ReplayDiffers as error:
        return _say(error, Exit.DIFFERS)
    except Refused as error:
        return _say(error, Exit.REFUSED)
    except (ConfigurationError, JournalUnavailable) as error:
        return _say(error, Exit.CONFIGURATION)
    except PlatformError as error:
        return _say(error, Exit.UNFORESEEN)
    except KeyboardInterrupt:
        return Exit.OK


def _dispatch(parsed: argparse.Namespace) -> int:
    """Imports what the command needs and nothing else, so that an error is told at once."""
    if parsed.command in OPERATOR_COMMANDS:
        return run_operator_command(parsed)
    if parsed.command == RECOVER:
        return run_recover_command(parsed)
    if parsed.command == SIMULATE:
        return run_simulate_command(parsed)
    if parsed.command == "exchange":
        from integrated_trading_system.orchestrator.commands.exchange import serve

        return serve(parsed.venue, parsed.flavour, parsed.host, parsed.port, parsed.seed)
    if parsed.command == "load":
        from integrated_trading_system.orchestrator.commands.loading import LoadOptions, load_history

        asked = (parsed.venue, parsed.symbols, parsed.interval, parsed.days, HistoryKind(parsed.kind))
        return load_history(LoadOptions(*asked, parsed.config, tuple(parsed.set), parsed.log_level))
    if parsed.command == "doctor":
        from integrated_trading_system.orchestrator.commands.doctoring import DoctorOptions, doctor

        named = tuple(parsed.confirm_live)
        return doctor(DoctorOptions(parsed.config, tuple(parsed.set), named, as_json=parsed.json))
    options = RunOptions(
        config=parsed.config,
        overrides=tuple(parsed.set),
        duration_s=getattr(parsed, "duration", None),
        speed=getattr(parsed, "speed", "1"),
        seed=getattr(parsed, "seed", None),
        summary=parsed.summary,
        record=parsed.record,
        log_level=parsed.log_level,
        ui=not parsed.no_ui,
        confirm_live=tuple(getattr(parsed, "confirm_live", ())),
        providers=getattr(parsed, "provider", ()),
        symbols=getattr(parsed, "symbols", ()),
        listen_only=parsed.command == "record",
    )
    if parsed.command == "replay":
        from integrated_trading_system.orchestrator.commands.replaying import replay

        return replay(parsed.sources, options)
    from integrated_trading_system.orchestrator.commands.running import run

    return run(options)


def _say(error: Exception, code: Exit) -> int:
    for line in str(error).splitlines():
        print(f"its: {line}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="integrated_trading_system",
        description="Cross-exchange arbitrage: run it on simulated venues, replay captures, trade on paper.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _version(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the platform (the default command)")
    _common(run)
    run.add_argument("--duration", type=_positive, metavar="SECONDS", help="stop in order after this long")
    run.add_argument("--speed", choices=("1", "max"), default="1", help="max: dev mode in virtual time")
    run.add_argument("--seed", type=int, metavar="N", help="seed of everything random; overrides the file's")
    _listening(run)
    _confirming(run)
    record = commands.add_parser(
        "record", help="record what venues send, trading nothing: for a bug report, or a replay"
    )
    record.add_argument("record", type=Path, metavar="FILE", help="where to; `replay FILE` reproduces it")
    _common(record, recordable=False)
    _listening(record)
    record.add_argument("--duration", type=_positive, metavar="SECONDS", help="stop in order after this long")
    replay = commands.add_parser("replay", help="play captures, or reproduce one of our own recordings")
    replay.add_argument("sources", nargs="+", metavar="SOURCE", help="VENUE:FLAVOUR=PATH, or a recording's path")
    _common(replay)
    replay.add_argument("--speed", choices=("max", "1", "10"), default="max", help="pace of captures")
    _load(commands.add_parser("load", help="load candles or funding rates of the past into the database, by REST"))
    _doctor(commands.add_parser("doctor", help="whether a run could start: configuration, state, venues, keys"))
    exchange = commands.add_parser("exchange", help="serve a simulated exchange over HTTP and WebSocket")
    exchange.add_argument("--venue", required=True, metavar="VENUE", help="binance, bybit, backpack, okx or kraken")
    exchange.add_argument("--flavour", metavar="FLAVOUR", help="as in venue:flavour; by default the venue's own")
    exchange.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    exchange.add_argument("--port", type=_port, default=0, metavar="N", help="0: a free one, which is printed")
    exchange.add_argument("--seed", type=int, default=7, metavar="N", help="of its market")
    add_recover_command(commands, _positive)
    add_simulate_command(commands)
    add_operator_commands(commands)
    parser.epilog = f"{EXIT_CODES}\n\nWithout a command:\n\n{run.format_help()}"
    return parser


def _load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--venue", required=True, metavar="VENUE:FLAVOUR", help="whose, as in binance:spot")
    parser.add_argument("--symbols", required=True, type=_words, metavar="A,B", help="in the venue's own spelling")
    parser.add_argument("--interval", choices=INTERVALS, default="1m", help="of the candles; default 1m")
    parser.add_argument("--days", type=_positive, default=7.0, metavar="N", help="so many days back; default 7")
    parser.add_argument("--kind", choices=[kind.value for kind in HistoryKind], default="candles", help="of what")
    parser.add_argument("--config", default=None, metavar="FILE", help="default config/feed.yaml: live data, no keys")
    parser.add_argument("--set", action="append", default=[], metavar="key.path=value", help="overrides a setting")
    parser.add_argument("--log-level", choices=LEVELS, help="default WARNING")
    _version(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default=None, metavar="FILE", help="default config/dev.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="key.path=value", help="overrides a setting")
    parser.add_argument("--json", action="store_true", help="for programs")
    _confirming(parser)
    _version(parser)


def _confirming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--confirm-live",
        type=_words,
        action="extend",
        default=[],
        metavar="ACCOUNT",
        help="needed for mode: live: the account of each venue's key, by the venue's own id (several with commas)",
    )


def _version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", action="version", version=f"integrated_trading_system {__version__}")


def _listening(parser: argparse.ArgumentParser) -> None:
    words = "listen to these venues instead (several with commas, or all), on their live data, and trade nothing"
    parser.add_argument("--provider", type=_words, default=(), metavar="NAME", help=words)
    parser.add_argument(
        "--symbols", type=_words, default=(), metavar="A,B", help="with --provider: of those that list them"
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _common(parser: argparse.ArgumentParser, *, recordable: bool = True) -> None:
    parser.add_argument("--config", default=None, metavar="FILE", help="default config/dev.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="key.path=value", help="overrides a setting")
    parser.add_argument("--summary", type=Path, metavar="FILE.json", help="write the end-of-run summary as JSON")
    if recordable:
        parser.add_argument("--record", type=Path, metavar="FILE", help="record the run so that it can be reproduced")
    parser.add_argument("--log-level", choices=LEVELS, help="overrides the file's")
    parser.add_argument("--no-ui", action="store_true", help="plain lines instead of the live view")
    _version(parser)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        message = f"expected a positive number, not {text}"
        raise argparse.ArgumentTypeError(message)
    return value


def _port(text: str) -> int:
    """Outside these the system would take another one without a word."""
    if not text.isdecimal() or int(text) > 65_535:
        message = f"expected a port from 0 to 65535, not {text}"
        raise argparse.ArgumentTypeError(message)
    return int(text)
