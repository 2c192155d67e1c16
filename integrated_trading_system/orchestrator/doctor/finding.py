"""What a look at one thing found: whether it is as it must be, what was seen, and what helps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SHOWN_MAX: Final = 5
"""Instruments or orders named in one line."""


class Verdict(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One line of what `doctor` says."""

    subject: str
    """What was looked at: ``configuration``, ``state``, a venue, an account."""
    check: str
    verdict: Verdict
    seen: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.subject} {self.check}: {self.seen}" + (f"; {self.remedy}" if self.remedy else "")


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """Those that forbid a start with real orders."""
    return [finding for finding in findings if finding.verdict is Verdict.FAIL]


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    return ", ".join(names[:SHOWN_MAX]) + more
