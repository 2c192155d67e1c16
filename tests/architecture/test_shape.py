"""The house rules that no linter knows, checked like any other behaviour."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "integrated_trading_system"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEST_MODULES = sorted((ROOT / "tests").rglob("test_*.py"))
UNIT_TEST_FOLDERS = sorted({path.parent for path in (ROOT / "tests" / "unit").rglob("test_*.py")})
VENUES = sorted(
    folder for folder in PACKAGE.glob("venues/*") if (folder / "__init__.py").exists() and folder.name != "connector"
)

VENUE_FILES = (
    *("__init__", "endpoints", "wire", "symbols", "codec", "user_codec", "session"),
    *("market", "history", "trading", "signing"),
)
SOME_VENUES_FILES = ("account", "cancels", "checksum", "dead_man", "orders")

FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 50

Function = ast.FunctionDef | ast.AsyncFunctionDef
WAITING = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
CATCH_ALL = {"Exception", "BaseException"}

MAY_WAIT = ("drivers/", "orchestrator/", "facade/")
MAY_CATCH_ALL = ("runtime/cell.py", "runtime/system.py", "drivers/")
MAY_PRINT = ("orchestrator/commands/cli", "drivers/terminal")
MAY_APPROVE = ("risk/",)


def place(path: Path) -> str:
    """The path as the reader of a failure wants it."""
    return path.relative_to(ROOT).as_posix()


def outside(*allowed: str) -> list[Path]:
    return [path for path in MODULES if not path.relative_to(PACKAGE).as_posix().startswith(allowed)]


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))))


def called(path: Path, function: str) -> Iterator[str]:
    """Where `function(...)` or `anything.function(...)` is called."""
    for node in nodes(path):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name == function:
                yield f"{place(path)}:{node.lineno}"
            case _:
                pass


def imported(path: Path) -> Iterator[str]:
    for node in nodes(path):
        match node:
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case _:
                pass


def hides_any_failure(handler: ast.ExceptHandler) -> bool:
    """It catches everything and does not raise it again."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    catches_all = any(kind is None or (isinstance(kind, ast.Name) and kind.id in CATCH_ALL) for kind in caught)
    raises = any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))
    return catches_all and not raises


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_file_fits_in_one_reading(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", [*MODULES, *TEST_MODULES], ids=place)
def test_a_file_opens_with_its_idea(path: Path) -> None:
    module = nodes(path)[0]
    assert isinstance(module, ast.Module)
    assert not module.body or ast.get_docstring(module)


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_function_fits_on_one_screen(path: Path) -> None:
    lengths = {
        node.name: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in nodes(path)
        if isinstance(node, Function)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES_MAX} == {}


@pytest.mark.parametrize("folder", VENUES, ids=place)
def test_every_venue_has_the_same_files(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.py")} >= set(VENUE_FILES)


@pytest.mark.parametrize("folder", VENUES, ids=place)
def test_a_file_that_only_some_venues_need_is_named_here(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.py")} <= {*VENUE_FILES, *SOME_VENUES_FILES}


@pytest.mark.parametrize("folder", VENUES, ids=place)
def test_a_venue_knows_no_other_venue(folder: Path) -> None:
    others = tuple(f"integrated_trading_system.venues.{venue.name}." for venue in VENUES if venue != folder)
    assert [name for path in folder.rglob("*.py") for name in imported(path) if f"{name}.".startswith(others)] == []


def test_waiting_happens_only_where_the_world_is() -> None:
    found = [place(path) for path in outside(*MAY_WAIT) if any(isinstance(node, WAITING) for node in nodes(path))]
    assert found == []


def test_only_risk_approves_a_plan() -> None:
    assert [where for path in outside(*MAY_APPROVE) for where in called(path, "ApprovedPlan")] == []


def test_only_the_actor_system_and_drivers_catch_every_exception() -> None:
    found = [
        f"{place(path)}:{node.lineno}"
        for path in outside(*MAY_CATCH_ALL)
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and hides_any_failure(node)
    ]
    assert found == []


def test_only_the_command_line_prints() -> None:
    assert [where for path in outside(*MAY_PRINT) for where in called(path, "print")] == []


@pytest.mark.parametrize("folder", UNIT_TEST_FOLDERS, ids=place)
def test_unit_tests_mirror_the_package(folder: Path) -> None:
    assert (PACKAGE / folder.relative_to(ROOT / "tests" / "unit")).is_dir()


def test_the_lock_names_no_download_address() -> None:
    locks = [ROOT / "requirements.lock", ROOT / "docker" / "requirements.lock"]
    assert [place(lock) for lock in locks if "://" in lock.read_text(encoding="utf-8")] == []


def test_the_image_installs_what_was_tested() -> None:
    tested = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    shipped = (ROOT / "docker" / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert {pinned(line) for line in shipped} <= {pinned(line) for line in tested}


def pinned(line: str) -> str:
    """Without the platforms that it is for: a package that tests alone need may want it everywhere."""
    return line.removesuffix("\\").partition(" ;")[0].strip()
