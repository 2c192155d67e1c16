"""What every test may ask for: real recordings, and property tests that never depend on the clock."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parents[1]

# No profile has a deadline: a slow machine is no failure. `ci` draws the same examples every time.
settings.register_profile("dev", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, max_examples=200, print_blob=True)
# For tests that are meant to fail: an example that shows the mistake is enough, making it small is for people.
settings.register_profile("mutant", parent=settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate))
settings.register_profile("nightly", parent=settings.get_profile("dev"), max_examples=5_000, print_blob=True)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if in_ci() else "dev"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sums of what tests counted with `record_property("explored", {…})`: a claim to have tried all says how much."""
    sums: dict[str, Counter[str]] = {}
    took: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for name, counted in getattr(report, "user_properties", ()):
            if name == "explored":
                test = report.nodeid.partition("[")[0]
                sums.setdefault(test, Counter()).update(counted)
                took[test] += round(report.duration)
    for test, counts in sums.items():
        words = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        terminalreporter.write_line(f"{test}: {words} in {took[test]} s of one core")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Real exchange traffic, kept outside the repository because of its size; `ITS_RECORDINGS` says where."""
    folder = Path(os.environ.get("ITS_RECORDINGS") or ROOT.parent / "shared" / "recordings")
    if not folder.is_dir():
        reason = f"there are no recordings in {folder}; set ITS_RECORDINGS"
        if in_ci():
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
