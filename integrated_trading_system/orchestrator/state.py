"""The one start path: lock the state directory, count this run, read the journal."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from integrated_trading_system import __version__
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.health import TradingState, TradingStateChanged
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import StateLock
from integrated_trading_system.orchestrator.platform import Recovered

JOURNAL = "journal"
HALTED = "halted"


@dataclass(frozen=True)
class State:
    """What a run holds of its state directory until it ends."""

    folder: Path
    lock: StateLock
    journal: Journal
    recovered: Recovered

    def halt(self, reason: str) -> None:
        """Remember over restarts that trading is halted. Where the disk refuses, that is logged: we halt anyway."""
        try:
            (self.folder / HALTED).write_text(reason + "\n", encoding="utf-8")
        except OSError as error:
            logger.error("{}: cannot be written: {}; the halt ends with this run", self.folder / HALTED, error.strerror)

    def lift(self) -> None:
        """Somebody lifted the halt: the next run is to start trading, too."""
        (self.folder / HALTED).unlink(missing_ok=True)

    def release(self) -> None:
        """Let another instance start. The journal is closed by whoever owns it."""
        self.lock.release()


class HaltMarker:
    """A ref: the marker follows the trading state in the very turn in which that changes, whatever ends the run."""

    def __init__(self, state: State) -> None:
        """In this state directory."""
        self._state = state

    def tell(self, message: TradingStateChanged, /) -> None:
        """Write it or remove it."""
        if message.state is TradingState.HALTED:
            self._state.halt(message.reason)
        else:
            self._state.lift()


def take_state(settings: PlatformSettings) -> State:
    """Lock, count, read. Raises Refused where another instance runs, JournalUnavailable where the disk fails us.

    Simulated venues are new at every start, accounts and orders with them; so in dev mode the journal
    of the run before is put aside: it speaks of an exchange that is no more.
    """
    folder = settings.state_dir
    lock = StateLock(folder)
    try:
        path = folder / JOURNAL
        if settings.mode is Mode.DEV and path.exists():
            path.replace(folder / f"{JOURNAL}.before-{lock.fence}")
            _forget_old(folder)
        journal = Journal.open(path, __version__, configuration_hash(settings))
    except BaseException:
        lock.release()
        raise
    marker = folder / HALTED
    halted = marker.read_text(encoding="utf-8").strip() if marker.is_file() else None
    if settings.mode is Mode.DEV and halted is not None:
        marker.unlink()
        halted = None
    records = journal.records
    return State(folder, lock, journal, Recovered(records=records, halted=halted, run=lock.fence))


def configuration_hash(settings: PlatformSettings) -> str:
    """Of everything that was set; the references to secrets, never the secrets."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()


def _forget_old(folder: Path) -> None:
    """Keep the journals of the last few simulated runs."""
    old = sorted(folder.glob(f"{JOURNAL}.before-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in old[:-5]:
        path.unlink()
