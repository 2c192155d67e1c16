"""An older program does not touch what a newer one has written: it would half understand it.

A journal says which version opened it last. Going back is therefore a decision, never an accident:
the newer version is run again, or the journal is put aside and the venues are asked.
"""

import re
from typing import Final

from integrated_trading_system.domain.errors import JournalUnavailable
from integrated_trading_system.drivers.blocks import SCHEMA, Opened

_VERSION: Final = re.compile(r"v?(\d+(?:\.\d+)*)(?:[-._]?(dev|a|b|rc|post)\.?(\d*))?", re.ASCII)
_STAGES: Final = ("dev", "a", "b", "rc", None, "post")


def refuse_downgrade(name: str, last: Opened, ours: Opened) -> None:
    """Raises JournalUnavailable, naming both versions, where `last` is newer than `ours` in code or in records."""
    if last.records <= ours.records and not newer(last.code_version, ours.code_version):
        return
    raise JournalUnavailable(
        f"journal {name}: version {last.code_version} (form {last.schema}, records {last.records}) opened it last, and"
        f" this is version {ours.code_version} (form {SCHEMA}, records {ours.records}): run version"
        f" {last.code_version} or a newer one, or start from the venues: recover --put-journal-aside (docs/recovery.md)"
    )


def newer(theirs: str, ours: str) -> bool:
    """Whether `theirs` came out after `ours`, as versions of Python packages go; what is no version counts as newer."""
    if theirs == ours:
        return False
    there, here = _key(theirs), _key(ours)
    return there is None or here is None or there > here


def _key(version: str) -> tuple[tuple[int, ...], int, int] | None:
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    release = [int(part) for part in found[1].split(".")]
    while release and not release[-1]:
        release.pop()
    return tuple(release), _STAGES.index(found[2]), int(found[3] or 0)
