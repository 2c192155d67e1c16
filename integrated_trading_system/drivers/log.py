"""The log: lines for people on stderr, and one JSON object a line in a file.

Writing is the work of a thread of its own: a full disk, a stuck terminal or a broken sink costs
lines, which are counted, and never the trading loop. Secrets are struck out before a line is queued.
"""

from __future__ import annotations  # loguru's Message and Record exist for type checkers only

import atexit
import logging
import os
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec
from loguru import logger

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.drivers.redaction import Redactor

if TYPE_CHECKING:
    from loguru import Message, Record

LINES_WAITING_MAX: Final = 10_000
"""Lines that wait for stderr and the file; more are dropped and counted."""

MESSAGE_CHARACTERS_MAX: Final = 8_000

CLOSE_SECONDS: Final = 2.0
"""How long `close` waits for a sink that does not take its lines."""

_SHARED_LEVELS: Final = ("INFO", "WARNING", "ERROR", "CRITICAL")

# Names of instruments and texts of venues are not ours: they may not forge lines or steer a terminal.
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))} | {9: "\t", 10: "\\n"}


class LogWriter:
    """Lines on their way out. Putting one never waits and never raises."""

    def __init__(self, stream: TextIO | None, file: Path | None) -> None:
        """`stream` None: stderr as it is at each line. Raises ConfigurationError where the file cannot be written."""
        self._stream = stream
        self._file = -1 if file is None else _open(file)
        self._queue: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        self.dropped = 0
        """Lines that found no room to wait."""
        self.failed = 0
        """Lines that a sink did not take."""
        self._thread = Thread(target=self._serve, name="log", daemon=True)
        self._thread.start()

    def put(self, text: str, entry: dict[str, Any]) -> None:
        """One line, as text and as an object."""
        if self._queue.qsize() >= LINES_WAITING_MAX:
            self.dropped += 1
            return
        self._queue.put((text, msgspec.json.encode(entry, enc_hook=str) if self._file >= 0 else b""))

    def close(self) -> None:
        """Write what waits, and end. Harmless when called again."""
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)
        atexit.unregister(self.close)

    def _serve(self) -> None:
        reported = 0
        while (line := self._queue.get()) is not None:
            text, entry = line
            if self.dropped > reported:
                text = f"({self.dropped - reported} lines were dropped here)\n{text}"
                reported = self.dropped
            self._write(text, entry)
        if self._file >= 0:
            os.close(self._file)

    def _write(self, text: str, entry: bytes) -> None:
        stream = self._stream or sys.stderr
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self.failed += 1
        if entry:
            try:
                os.write(self._file, entry + b"\n")
            except OSError:
                self.failed += 1


def configure_log(
    level: str, file: Path | None, secrets: Iterable[str] = (), stream: TextIO | None = None
) -> LogWriter:
    """Send loguru and the standard library's logging through one redacting writer; the caller closes it.

    `stream` is stderr unless given. Raises ConfigurationError where the file cannot be written.
    """
    writer = LogWriter(stream, file)
    atexit.register(writer.close)
    redact = Redactor(secrets)

    def strike_out(record: Record) -> None:
        """For every sink, also one that somebody else adds."""
        record["message"] = redact(record["message"])
        record["extra"] = {name: redact.value(name, value) for name, value in record["extra"].items()}

    def take(message: Message) -> None:
        try:
            writer.put(*_render(message.record, redact))
        except Exception:  # noqa: BLE001 - whatever is wrong with a line, it must not reach the one who logged it
            writer.failed += 1

    logger.remove()
    logger.configure(patcher=strike_out)
    logger.add(take, level=level, format=lambda _: "", backtrace=False, diagnose=False, catch=True)
    logging.basicConfig(handlers=[_Intercept(logging.INFO)], level=logging.INFO, force=True)
    return writer


class _Intercept(logging.Handler):
    """What libraries log, from INFO up: below that, several of them show whole requests with their signatures."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's malformed log call must not fail the library
            text = str(record.msg)
        level = record.levelname if record.levelname in _SHARED_LEVELS else record.levelno
        logger.bind(source=record.name).opt(exception=record.exc_info).log(level, "{}", text)


def _render(record: Record, redact: Redactor) -> tuple[str, dict[str, Any]]:
    """The line as text and as an object, without secrets."""
    at = record["time"].astimezone(UTC).isoformat(timespec="milliseconds")
    extra = dict(record["extra"])
    source = extra.pop("source", record["name"])
    message = record["message"][:MESSAGE_CHARACTERS_MAX].translate(_CONTROL)
    entry: dict[str, Any] = {"time": at, "level": record["level"].name, "source": source, "message": message, **extra}
    text = f"{at} {record['level'].name:<8}{source}: {message}"
    if extra:
        text += " " + " ".join(f"{name}={value}" for name, value in extra.items()).translate(_CONTROL)
    if record["exception"] is not None and record["exception"].value is not None:
        # The standard traceback: source lines, and not the values of local variables.
        trace = redact("".join(traceback.format_exception(record["exception"].value)))
        entry["exception"] = trace
        text += "\n" + trace.rstrip()
    return text + "\n", entry


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"log.file {file}: cannot be written: {error.strerror}") from None
