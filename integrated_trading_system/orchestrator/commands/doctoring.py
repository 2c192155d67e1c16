"""The `doctor` command: looks at configuration, state folder and venues, and says what helps. Changes nothing."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from integrated_trading_system.config.load import find, load
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.errors import ConfigurationError, JournalUnavailable
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import lock_holder
from integrated_trading_system.orchestrator.claim import mode_of
from integrated_trading_system.orchestrator.doctor.doctor import Examination, confirmation, examine
from integrated_trading_system.orchestrator.doctor.finding import Finding, Verdict, failures
from integrated_trading_system.orchestrator.marks import read_marks
from integrated_trading_system.orchestrator.options import DEFAULT_CONFIG, Exit
from integrated_trading_system.orchestrator.platform import Recovered
from integrated_trading_system.orchestrator.shown.report import say
from integrated_trading_system.orchestrator.state import JOURNAL
from integrated_trading_system.orchestrator.wiring import wire

MEGABYTE: Final = 1_000_000
FREE_MIN: Final = 100 * MEGABYTE
"""With less on the disk the journal would soon be full, and trading halted."""
FREE_WANTED: Final = 1_000 * MEGABYTE


@dataclass(frozen=True)
class DoctorOptions:
    """What was asked for."""

    config: str | None = None
    overrides: tuple[str, ...] = ()
    confirm_live: tuple[str, ...] = ()
    as_json: bool = False


def doctor(options: DoctorOptions) -> Exit:
    """Look, and say it; 0 where nothing forbids a start, else 3."""
    findings, mode = list[Finding](), ""
    accounts: dict[str, str] = {}
    try:
        settings = load(PlatformSettings, find(options.config or DEFAULT_CONFIG), list(options.overrides))
        recovered, looked = _state(settings)
        platform = wire(settings, recovered)
    except (ConfigurationError, JournalUnavailable) as error:
        findings.append(Finding("configuration", "read", Verdict.FAIL, str(error), "correct it"))
    else:
        mode = settings.mode.value
        findings.append(Finding("configuration", "read", Verdict.OK, f"mode {mode}, {len(platform.venues)} venues"))
        findings += looked
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found: Examination = runner.run(examine(platform, recovered.owners.keys(), os.environ))
        findings += found.findings
        accounts = dict(found.accounts)
        if settings.mode is Mode.LIVE:
            findings.append(_confirmation(found, options.confirm_live))
    _show(findings, mode, accounts, as_json=options.as_json)
    return Exit.REFUSED if failures(findings) else Exit.OK


def _confirmation(found: Examination, named: tuple[str, ...]) -> Finding:
    """Without a name given, what would have to be: that is for whoever starts it, not a fault."""
    told = confirmation(found.accounts, named)
    known = found.accounts and all(found.accounts.values())
    if told.verdict is Verdict.OK or named or not known:
        return told
    return Finding(told.subject, told.check, Verdict.WARN, "to be named at the start", told.remedy)


# -- the state folder --------------------------------------------------------------------------------


def _state(settings: PlatformSettings) -> tuple[Recovered, list[Finding]]:
    """What a run would start from, and what is to be said of it. Raises JournalUnavailable."""
    folder = settings.state_dir
    if not folder.exists():
        return Recovered(), [Finding("state", "folder", Verdict.OK, f"{folder} will be made"), _disk(folder)]
    findings = [_folder(folder), _lock(folder), _disk(folder), *_mode(folder, settings.mode)]
    path = folder / JOURNAL
    records = Journal.read(path) if path.exists() and settings.mode is not Mode.DEV else ()
    recovered = Recovered(records=records)
    findings.append(Finding("state", "journal", Verdict.OK, f"{len(records)} records, {len(recovered.owners)} orders"))
    if settings.mode is not Mode.DEV:
        for mark, why in read_marks(folder).items():
            findings.append(Finding("state", mark, Verdict.WARN, f"{mark}: {why}", "lift it with `resume`"))
    return recovered, findings


def _folder(folder: Path) -> Finding:
    status = folder.stat()
    if status.st_uid != os.geteuid():
        seen = f"{folder} belongs to user {status.st_uid}"
        return Finding("state", "folder", Verdict.FAIL, seen, "run as that user, or choose another folder")
    if status.st_mode & 0o077:
        return Finding("state", "folder", Verdict.FAIL, f"{folder} is open to others", f"run: chmod 700 {folder}")
    return Finding("state", "folder", Verdict.OK, f"{folder}, for its owner only")


def _lock(folder: Path) -> Finding:
    if holder := lock_holder(folder):
        seen = f"in use by process {holder}"
        return Finding("state", "lock", Verdict.WARN, seen, "a second run of this folder would be refused")
    return Finding("state", "lock", Verdict.OK, "free")


def _mode(folder: Path, mode: Mode) -> list[Finding]:
    noted = mode_of(folder)
    if noted in ("", mode.value):
        return []
    seen = f"{folder} is of mode {noted}, this configuration of mode {mode.value}"
    return [Finding("state", "mode", Verdict.FAIL, seen, "choose another state_dir")]


def _disk(folder: Path) -> Finding:
    """Of the nearest folder that there is."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    verdict = Verdict.FAIL if free < FREE_MIN else Verdict.WARN if free < FREE_WANTED else Verdict.OK
    remedy = "" if verdict is Verdict.OK else "make room: a full disk halts trading"
    return Finding("state", "disk", verdict, f"{free // MEGABYTE} MB free", remedy)


# -- what is shown -----------------------------------------------------------------------------------


def _show(findings: list[Finding], mode: str, accounts: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        checks = [
            {"subject": one.subject, "check": one.check, "verdict": one.verdict, "seen": one.seen, "remedy": one.remedy}
            for one in findings
        ]
        tree: dict[str, Any] = {"ok": not failures(findings), "mode": mode, "accounts": accounts, "checks": checks}
        say(msgspec.json.format(msgspec.json.encode(tree), indent=2).decode())
        return
    width = max(len(f"{one.subject} {one.check}") for one in findings)
    for one in findings:
        about = f"{one.subject} {one.check}".ljust(width)
        seen = _plain("; ".join(one.seen.splitlines()))
        say(f"{one.verdict.value:<5} {about}  {seen}" + (f"  -> {one.remedy}" if one.remedy else ""))
    counts = [(verdict, sum(one.verdict is verdict for one in findings)) for verdict in Verdict]
    say(", ".join(f"{count} {verdict.value}" for verdict, count in counts))


def _plain(text: str) -> str:
    """Venues' texts are not ours: they may not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
