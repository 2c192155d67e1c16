"""The one start path: lock the state directory, count this run, read the journal."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from integrated_trading_system import __version__
from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.errors import JournalDamaged, JournalUnavailable
from integrated_trading_system.drivers.blocks import REMEDY
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import StateLock, sync_folder
from integrated_trading_system.oms.compaction import compacted
from integrated_trading_system.oms.records import VERSION, kind_of, last_fence
from integrated_trading_system.orchestrator.claim import claim
from integrated_trading_system.orchestrator.marks import HALTED, Marks, lift_marks, put_mark, read_halt
from integrated_trading_system.orchestrator.platform import Recovered

JOURNAL = "journal"
OTHER_CONFIGURATION = "the configuration is not that of the run before"


@dataclass(frozen=True)
class State:
    """What a run holds of its state directory until it ends."""

    folder: Path
    lock: StateLock
    journal: Journal
    recovered: Recovered
    marks: Marks
    notes: tuple[str, ...] = ()
    """What somebody who starts it should be told."""

    def halt(self, reason: str) -> None:
        """Remember over restarts that trading is halted. Where the disk refuses, that is logged: we halt anyway."""
        put_mark(self.folder, HALTED, reason)

    def release(self) -> None:
        """Let another instance start. The journal is closed by whoever owns it."""
        self.lock.release()


def take_state(settings: PlatformSettings, halt: str | None = None, *, put_aside: bool = False) -> State:
    """Lock, count, read. Raises Refused for a folder in use or of another mode, JournalUnavailable for a bad disk.

    Simulated venues are new at every start, accounts and orders with them; so in dev mode the journal
    of the run before is put aside: it speaks of an exchange that is no more. `put_aside` does that in any mode.
    `halt`: a reason; trading is halted before anything else is done, and whatever becomes of the rest.
    """
    folder = settings.state_dir
    lock = StateLock(folder)
    try:
        claim(folder, settings.mode)
        if settings.mode is Mode.DEV:
            lift_marks(folder)
            _put_aside(folder, "before", lock.fence)
            _forget_old(folder, "before", keep=5)
        if halt is not None and read_halt(folder) is None:
            put_mark(folder, HALTED, halt)
        if put_aside:
            _put_aside(folder, "aside", lock.fence)
        return _read(settings, lock)
    except BaseException:
        lock.release()
        raise


def configuration_hash(settings: PlatformSettings) -> str:
    """Of everything that was set; the references to secrets, never the secrets."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()


def _read(settings: PlatformSettings, lock: StateLock) -> State:
    folder = settings.state_dir
    configuration = configuration_hash(settings)
    journal = Journal.open(folder / JOURNAL, __version__, configuration, VERSION)
    try:
        notes = []
        if journal.torn:
            notes.append(f"{journal.path}: {journal.torn} bytes of an unfinished commit were cut off")
        if journal.last is not None and journal.last.config_hash != configuration:
            notes.append(OTHER_CONFIGURATION)
        notes += _compact(journal, settings.oms, lock.fence)
        lock.outrun(last_fence(journal.records))
        marks = Marks(folder)
        recovered = Recovered(
            records=journal.records,
            halted=marks.halted,
            reducing=marks.reducing,
            latched=marks.latched,
            run=lock.fence,
        )
        assert recovered.memory is not None  # read now: what is damaged is told before anything is connected
    except BaseException as error:
        journal.close()
        if isinstance(error, JournalDamaged):
            raise JournalDamaged(f"journal {journal.path}: {error}; {REMEDY}") from None
        raise
    return State(folder, lock, journal, recovered, marks, tuple(notes))


def _compact(journal: Journal, settings: OmsSettings, run: int) -> list[str]:
    """One snapshot for all records, where that is worth it. What was read is the journal until the new one is proven.

    A disk that has no room for it does not keep us from starting.
    """
    records, before = journal.records, sum(map(len, journal.records))
    held = len(records[0]) if records and kind_of(records[0]) == "snapshot" else 0
    if before - held <= max(settings.journal_compact_bytes, held):
        return []
    line = compacted(records, settings.orders_kept_max, settings.trades_kept_max)
    if line is None:
        return [f"{journal.path}: not compacted, for a start from less would not be the same; please report this"]
    kept = journal.path.with_name(f"{JOURNAL}.compacted-{run}")
    try:
        journal.rewrite((line,), kept)
    except OSError as error:
        return [f"{journal.path}: not compacted: {error.strerror}"]
    _forget_old(journal.path.parent, "compacted", keep=1)
    return [f"{journal.path}: compacted from {before:,} to {len(line):,} bytes; it was kept as {kept.name}"]


def _put_aside(folder: Path, why: str, run: int) -> None:
    """The journal under another name; nothing of it is lost."""
    path = folder / JOURNAL
    try:
        if path.exists():
            path.replace(folder / f"{JOURNAL}.{why}-{run}")
            sync_folder(folder)
    except OSError as error:
        raise JournalUnavailable(f"{path}: cannot be put aside: {error.strerror}") from None


def _forget_old(folder: Path, why: str, keep: int) -> None:
    """Keep the newest that were put aside for this reason."""
    old = sorted(folder.glob(f"{JOURNAL}.{why}-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in old[:-keep]:
        path.unlink()
