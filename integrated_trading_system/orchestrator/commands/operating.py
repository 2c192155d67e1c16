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
from integrated_trading_system.drivers.lock import FENCE, StateLock
from integrated_trading_system.drivers.operator import SOCKET, Answer, Command, Problem, Request, address
from integrated_trading_system.orchestrator.marks import lift_marks, read_marks
from integrated_trading_system.orchestrator.options import DEFAULT_CONFIG, Exit

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
    external: bool = False

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
        answer = ask(folder, Request(options.command, options.reason, options.external))
    except Nobody:
        if options.command is Command.RESUME and (marks := read_marks(folder)):
            raise Nobody(_how_to_lift(folder, marks)) from None
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
    """Lift a halt, a restriction to reducing and all latches while nothing runs, for somebody who knows of them.

    Raises Refused where a platform runs, where nothing waits for an operator, and where `confirm` is neither
    the reason of one of them nor the number of the last run.
    """
    marks = read_marks(folder)
    if not marks:
        raise Nobody(f"{folder}: no platform is running there, and nothing waits to be lifted")
    if confirm is None or confirm.strip() not in (*marks.values(), str(_last_run(folder))):
        raise Nobody(_how_to_lift(folder, marks))
    with StateLock(folder):
        if read_marks(folder) != marks:
            raise Refused(f"{folder}: something else waits there by now; look again")
        audit = AuditFile(folder / AUDIT)
        try:
            # On disk before the marks go: a halt that nobody seems to have lifted is worse than one that still stands.
            audit.append(_entry(marks))
        except OSError as error:
            raise PlatformError(f"{audit.path}: {error.strerror}; {_told(marks)} still") from None
        finally:
            audit.close()
        lift_marks(folder)
    return {"ok": True, "said": f"lifted: {_told(marks)}; the next start trades"}


def _entry(marks: dict[str, str]) -> AuditEntry:
    return AuditEntry(
        at=Nanos(time.time_ns()),
        uid=os.getuid(),
        pid=os.getpid(),
        command=Command.RESUME.value,
        reason=_told(marks),
        stage="done",
        before=", ".join(marks),
        after="not running",
        outcome="lifted while nothing ran",
        run=0,
    )


def _told(marks: dict[str, str]) -> str:
    return "; ".join(f"{mark} ({text})" for mark, text in marks.items())


def _last_run(folder: Path) -> int:
    text = (folder / FENCE).read_text(encoding="ascii").strip() if (folder / FENCE).is_file() else ""
    return int(text) if text.isdecimal() else 0


def _how_to_lift(folder: Path, marks: dict[str, str]) -> str:
    return (
        f"{folder}: no platform is running there; since run {_last_run(folder)} or before: {_told(marks)}\n"
        "start it and `resume`, or lift that now, for its next start: "
        f"resume --offline --confirm {_last_run(folder)}"
    )
