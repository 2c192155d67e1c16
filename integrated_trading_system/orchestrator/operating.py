"""The operator's side of the socket: find the running instance, ask it one thing, and what to do where none runs."""

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from integrated_trading_system.config.load import find, load
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.errors import PlatformError, Refused
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.audit import AUDIT, AuditEntry, AuditFile
from integrated_trading_system.drivers.lock import FENCE, StateLock, sync_folder
from integrated_trading_system.drivers.operator import SOCKET, Answer, Command, Problem, Request, address
from integrated_trading_system.orchestrator.options import DEFAULT_CONFIG, Exit
from integrated_trading_system.orchestrator.state import HALTED

ANSWER_SECONDS: Final = 15.0
"""Longer than a platform that is well needs for anything."""
BUSY_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 << 20


class Nobody(Refused):
    """No platform runs on this state directory."""


@dataclass(frozen=True)
class OperatorOptions:
    """One command as it was asked for."""

    command: Command
    config: str | None = None
    overrides: tuple[str, ...] = ()
    state_dir: Path | None = None
    reason: str = ""
    offline: bool = False
    confirm: str | None = None

    def folder(self) -> Path:
        """The state directory of the instance that is meant. Raises ConfigurationError."""
        if self.state_dir is not None:
            return self.state_dir
        return load(PlatformSettings, find(self.config or DEFAULT_CONFIG), list(self.overrides)).state_dir


def operate(options: OperatorOptions) -> Answer:
    """The answer. Raises Refused where nobody runs or the platform refuses, PlatformError where it could not do it."""
    folder = options.folder()
    if options.offline:
        return lift_offline(folder, options.confirm)
    try:
        answer = ask(folder, Request(options.command, options.reason))
    except Nobody:
        if options.command is Command.RESUME and (reason := _halted(folder)) is not None:
            raise Nobody(_how_to_lift(folder, reason)) from None
        raise
    if answer.get("problem") == Problem.REFUSED:
        raise Refused(answer["error"])
    return answer


def exit_code(answer: Answer) -> Exit:
    """0 where it was done."""
    if answer.get("ok"):
        return Exit.OK
    return Exit.CONFIGURATION if answer.get("problem") == Problem.REQUEST else Exit.UNFORESEEN


def ask(folder: Path, request: Request) -> Answer:
    """What the instance on this state directory answers; where too many ask, ask again. Raises Nobody, Refused."""
    line = msgspec.json.encode(request) + b"\n"
    until = time.monotonic() + BUSY_SECONDS
    while True:
        answer = _exchange(folder / SOCKET, line)
        if answer.get("problem") != Problem.BUSY or time.monotonic() > until:
            return answer
        time.sleep(0.1)


def _exchange(path: Path, line: bytes) -> Answer:
    try:
        with address(path) as place, socket.socket(socket.AF_UNIX) as ours:
            ours.settimeout(ANSWER_SECONDS)
            ours.connect(place)
            with suppress(BrokenPipeError):  # refused before it was heard: the answer says why
                ours.sendall(line)
            raw = _read(ours)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise Nobody(f"no platform is running on {path.parent}; --config, --set or --state-dir name another") from None
    except TimeoutError:
        raise PlatformError(
            f"{path}: no answer within {ANSWER_SECONDS:.0f} s: the process hangs, or is stopped"
        ) from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    try:
        answer: Answer = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PlatformError(f"{path}: the answer was cut off; ask for the status") from None
    return answer


def _read(ours: socket.socket) -> bytes:
    """Until the other side closes."""
    received = bytearray()
    while len(received) <= ANSWER_BYTES_MAX:
        try:
            some = ours.recv(1 << 16)
        except ConnectionResetError:
            break
        if not some:
            break
        received += some
    return bytes(received)


# -- while nobody runs ---------------------------------------------------------------------------


def lift_offline(folder: Path, confirm: str | None) -> Answer:
    """Remove the mark of a halt while nothing runs, for somebody who shows that they know which halt it is.

    Raises Refused where a platform runs, where there is no halt, and where `confirm` is neither its
    reason nor the number of the last run.
    """
    reason = _halted(folder)
    if reason is None:
        raise Nobody(f"{folder}: no platform is running there, and trading is not halted")
    if confirm is None or confirm.strip() not in (reason, str(_last_run(folder))):
        raise Nobody(_how_to_lift(folder, reason))
    with StateLock(folder):
        if _halted(folder) != reason:
            raise Refused(f"{folder}: trading is halted for another reason by now; look again")
        audit = AuditFile(folder / AUDIT)
        try:
            # On disk before the mark goes: a halt that nobody seems to have lifted is worse than one that still stands.
            audit.append(_entry(reason))
        except OSError as error:
            raise PlatformError(f"{audit.path}: {error.strerror}; the halt still stands") from None
        finally:
            audit.close()
        (folder / HALTED).unlink()
        sync_folder(folder)
    return {"ok": True, "said": f"the halt is lifted ({reason}); the next start trades"}


def _entry(reason: str) -> AuditEntry:
    return AuditEntry(
        at=Nanos(time.time_ns()),
        uid=os.getuid(),
        pid=os.getpid(),
        command=Command.RESUME.value,
        reason=reason,
        stage="done",
        before="halted",
        after="not running",
        outcome="lifted while nothing ran",
        run=0,
    )


def _halted(folder: Path) -> str | None:
    """Why trading is halted there; None where it is not."""
    try:
        return (folder / HALTED).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Refused(f"{folder / HALTED}: {error.strerror}") from None


def _last_run(folder: Path) -> int:
    text = (folder / FENCE).read_text(encoding="ascii").strip() if (folder / FENCE).is_file() else ""
    return int(text) if text.isdecimal() else 0


def _how_to_lift(folder: Path, reason: str) -> str:
    return (
        f"{folder}: no platform is running there, and trading is halted since run {_last_run(folder)}: {reason}\n"
        "start it and `resume`, or lift the halt now, for its next start: "
        f"resume --offline --confirm {_last_run(folder)}"
    )
