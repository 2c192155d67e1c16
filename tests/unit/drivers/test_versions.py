"""Which version came after which, and that the older one does not touch the newer one's journal."""

import pytest

from integrated_trading_system.domain.errors import JournalUnavailable
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.blocks import SCHEMA, Opened
from integrated_trading_system.drivers.versions import newer, refuse_downgrade

ORDER = ["0.9", "1.0.dev1", "1.0a1", "1.0a2", "1.0b1", "1.0rc1", "1.0", "1.0.post1", "1.0.1", "1.2", "1.10", "2"]


def opened(version: str, records: int = 2) -> Opened:
    return Opened(SCHEMA, version, "config", Nanos(1), records)


def test_versions_are_ordered_as_those_of_python_packages() -> None:
    for place, version in enumerate(ORDER):
        assert not any(newer(earlier, version) for earlier in ORDER[: place + 1])
        assert all(newer(later, version) for later in ORDER[place + 1 :])


@pytest.mark.parametrize(("one", "other"), [("1.0", "1"), ("1.0.0", "v1.0"), ("1.0-rc1", "1.0rc1")])
def test_two_ways_to_write_a_version_are_one(one: str, other: str) -> None:
    assert not newer(one, other)
    assert not newer(other, one)


def test_what_is_no_version_counts_as_newer() -> None:
    assert newer("nightly", "1.0")
    assert newer("1.0", "nightly")
    assert not newer("nightly", "nightly")


@pytest.mark.parametrize("last", [opened("0.9"), opened("1.0"), opened("1.0", records=1)])
def test_the_same_or_a_newer_program_takes_over(last: Opened) -> None:
    refuse_downgrade("file", last, opened("1.0"))


@pytest.mark.parametrize("last", [opened("1.1"), opened("1.0", records=3), opened("0.9", records=3)])
def test_an_older_program_is_refused_with_both_versions_and_the_remedy(last: Opened) -> None:
    with pytest.raises(JournalUnavailable) as refused:
        refuse_downgrade("file", last, opened("1.0"))
    text = str(refused.value)
    assert f"version {last.code_version} (form {SCHEMA}, records {last.records}) opened it last" in text
    assert f"this is version 1.0 (form {SCHEMA}, records 2): run version {last.code_version} or a newer one" in text
    assert "recover --put-journal-aside" in text
