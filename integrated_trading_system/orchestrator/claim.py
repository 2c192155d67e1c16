"""A state folder belongs to one mode: what was traded on paper is in no real account, and the other way round."""

from pathlib import Path

from integrated_trading_system.config.platform import Mode
from integrated_trading_system.domain.errors import JournalUnavailable, Refused
from integrated_trading_system.drivers.lock import write_durably

MODE = "mode"
REAL = (Mode.SHADOW, Mode.LIVE)
"""Modes that concern real accounts."""
REMEDY = "choose another folder: --set state_dir=FOLDER"


def mode_of(folder: Path) -> str:
    """As noted; empty where no run has noted any. Raises OSError."""
    path = folder / MODE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def claim(folder: Path, mode: Mode) -> None:
    """Note the mode of the first run; raises Refused for a run in another one. The folder is locked."""
    path = folder / MODE
    try:
        noted = mode_of(folder)
        if not noted and mode in REAL and (folder / "journal").exists():
            raise Refused(f"state folder {folder} has a journal of an unknown mode; {REMEDY}")
        if not noted:
            write_durably(path, f"{mode.value}\n")
            return
    except OSError as error:
        raise JournalUnavailable(f"{path}: {error.strerror}") from None
    if noted != mode.value:
        raise Refused(f"state folder {folder} is of mode {noted}, and this run is of mode {mode.value}; {REMEDY}")
