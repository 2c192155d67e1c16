"""The names at the top of the package: all there, none imported before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import integrated_trading_system

FACE = [name for name in integrated_trading_system.__dir__() if not name.startswith("__")]


@pytest.mark.parametrize("name", FACE)
def test_every_name_is_there(name: str) -> None:
    assert getattr(integrated_trading_system, name).__name__ in (name, "Orchestrator")


def test_the_orchestrator_has_two_names() -> None:
    assert integrated_trading_system.TradingOrchestrator is integrated_trading_system.Orchestrator


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = integrated_trading_system.Nonsense  # type: ignore[attr-defined]  # that is the point


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    program = "import sys, integrated_trading_system; print([m for m in sys.modules if m.startswith('integrated_')])"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "['integrated_trading_system']"


def test_the_stub_names_exactly_what_is_there() -> None:
    stub = Path(integrated_trading_system.__file__).with_suffix(".pyi")
    imports = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom)]
    assert sorted(alias.name for node in imports for alias in node.names) == sorted(FACE)
