"""What a look at one thing found: whether it is as it must be, what was seen, and what helps."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One line of what `doctor` says."""

    subject: str
    """What was looked at: ``configuration``, ``state``, a venue."""
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
