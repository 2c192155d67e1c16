"""What waits for an operator outlives the run: a halt, the restriction to reducing, latches; a file for each.

Only an operator's Resume lifts them, all together; neither a restart nor the end of their causes does.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from loguru import logger

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.health import Latched, Reduced, Resumed, TradingState, TradingStateChanged
from integrated_trading_system.drivers.lock import sync_folder, write_durably
from integrated_trading_system.runtime.bus import Bus

HALTED: Final = "halted"
REDUCING: Final = "reducing"
LATCHED: Final = "latched"
MARKS: Final = (LATCHED, REDUCING, HALTED)
"""Files beside the journal, each there only while it holds. The strongest is lifted last."""

Told: TypeAlias = TradingStateChanged | Reduced | Latched | Resumed


class Standing:
    """A ref: remembers what stands until an operator resumes."""

    def __init__(self, halted: str | None = None, reducing: str | None = None, latched: Sequence[Latched] = ()) -> None:
        """What stood before."""
        self.halted = halted
        self.reducing = reducing
        self.latched = tuple(latched)

    def follow(self, bus: Bus) -> None:
        """Be told of all that matters, in the very turn."""
        bus.subscribe(TradingStateChanged, self)
        bus.subscribe(Reduced, self)
        bus.subscribe(Latched, self)
        bus.subscribe(Resumed, self)

    def tell(self, message: Told, /) -> None:
        """Of the trading state only a halt matters: STARTING lifts nothing, and REDUCING is told before it is one."""
        match message:
            case TradingStateChanged(state=TradingState.HALTED):
                self.halted = message.reason
                self._stands(HALTED, message.reason)
            case TradingStateChanged():
                pass
            case Reduced():
                self.reducing = message.reason
                self._stands(REDUCING, message.reason)
            case Latched():
                self.latched += (message,)
                self._stands(LATCHED, "\n".join(msgspec.json.encode(one).decode() for one in self.latched))
            case Resumed():
                self.halted, self.reducing, self.latched = None, None, ()
                self._lifted()

    def _stands(self, mark: str, text: str) -> None:
        """Of this kind there is now so much."""

    def _lifted(self) -> None:
        """Nothing stands any more."""


class Marks(Standing):
    """The same on disk. Where that refuses, it is logged: what stands holds for this run anyway."""

    def __init__(self, folder: Path) -> None:
        """What the files say. Raises Refused where one cannot be understood."""
        super().__init__(read_mark(folder, HALTED), read_mark(folder, REDUCING), read_latches(folder))
        self._folder = folder

    def _stands(self, mark: str, text: str) -> None:
        put_mark(self._folder, mark, text)

    def _lifted(self) -> None:
        try:
            lift_marks(self._folder)
        except OSError as error:
            logger.error("{}: cannot be removed: {}; the next start finds it again", error.filename, error.strerror)


def put_mark(folder: Path, mark: str, text: str) -> None:
    """Remember over restarts; what cannot be written is logged."""
    try:
        write_durably(folder / mark, text + "\n")
    except OSError as error:
        logger.error("{}: cannot be written: {}; it ends with this run", folder / mark, error.strerror)


def lift_marks(folder: Path) -> None:
    """The next start trades. Raises OSError."""
    for mark in MARKS:
        (folder / mark).unlink(missing_ok=True)
    sync_folder(folder)


def read_halt(folder: Path) -> str | None:
    """Why trading is halted; None where it is not."""
    return read_mark(folder, HALTED)


def read_mark(folder: Path, mark: str) -> str | None:
    """What the file says; None where it is not there. Raises Refused where it cannot be read."""
    try:
        return (folder / mark).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{folder / mark}: {error}; remove it to lift what it says") from None


def read_latches(folder: Path) -> tuple[Latched, ...]:
    """What earlier runs latched and nobody lifted. Raises Refused where the file cannot be understood."""
    lines = read_mark(folder, LATCHED) or ""
    try:
        return tuple(msgspec.json.decode(line, type=Latched) for line in lines.splitlines())
    except msgspec.MsgspecError as error:
        raise Refused(f"{folder / LATCHED}: {error}; remove it to lift every latch") from None


def read_marks(folder: Path) -> dict[str, str]:
    """Everything that waits for an operator, the strongest first, as it is told to people. Raises Refused."""
    texts = {mark: read_mark(folder, mark) for mark in (HALTED, REDUCING)}
    texts[LATCHED] = ", ".join(f"{one.strategy} in {one.instrument}: {one.reason}" for one in read_latches(folder))
    return {mark: text for mark, text in texts.items() if text is not None and (text or mark != LATCHED)}
