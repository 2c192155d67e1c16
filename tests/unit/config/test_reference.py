"""The pages made from the code say what the code says."""

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.reference import reference
from integrated_trading_system.risk.codes import DENIAL_CODES, Code
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.statistical.strategy import Why
from tests.support.documents import DOCS, PAGES, misses


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_up_to_date(name: str) -> None:
    """After a change: python -m tests.support.documents."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_top_level_setting_is_on_the_page() -> None:
    assert [name for name in PlatformSettings.model_fields if f"| `{name}` |" not in reference()] == []


def test_a_setting_is_told_with_type_limits_default_and_reason() -> None:
    lines = reference().splitlines()
    assert "| `notional_max` | amount | `1000` | Of one leg of one plan. |" in lines
    assert "| `port` | whole number, ≥ 0, ≤ 65,535 | `8891` | TCP port; 0 takes any that is free. |" in lines
    assert any(line.startswith("| `name` | text, not empty | required |") for line in lines)


def test_every_code_and_every_reason_has_a_meaning() -> None:
    assert list(DENIAL_CODES) == list(Code)
    assert [code for code, _ in misses()] == [member.value for member in Miss]
    assert [code for code, _ in misses(Why)] == [member.value for member in Why]
