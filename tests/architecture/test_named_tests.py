"""docs/reliability.md says what is shown by which test: every row is there, and every test that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = re.findall(r"`(tests/\S+\.py)::(\w+)`", PAGE)
SECTIONS = re.split(r"^###? ", PAGE, flags=re.MULTILINE)[1:]


@cache
def named_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_every_test_that_the_page_names_exists(path: str) -> None:
    assert [name for file, name in NAMED if file == path and name not in named_in(path)] == []


def test_every_row_of_the_network_faults_is_shown_by_a_test() -> None:
    shown = {section.split(" ")[0] for section in SECTIONS if "::test_" in section}
    assert shown >= {f"N{number}" for number in range(1, 16)}


def test_every_test_of_the_market_faults_is_named() -> None:
    named = set(NAMED)
    for path in sorted((ROOT / "tests" / "simulation").glob("test_market_*.py")):
        name = path.relative_to(ROOT).as_posix()
        assert {test for test in named_in(name) if (name, test) not in named} == set()
