"""Puts one mistake into the code and sees whether the tests that are meant to notice it do.

The mistake lives in a forked process only: the code of the functions that it changes is exchanged there, so every
reference to them, imported by whatever name, makes the mistake. What was imported before the fork need not be
imported again, which makes a mutant cost little more than its tests.
"""

import importlib
import inspect
import os
import sys
import tempfile
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

import pytest
from hypothesis import settings
from msgspec import Struct
from msgspec.structs import replace

ROOT: Final = Path(__file__).resolve().parents[2]


class Mutant(Struct, frozen=True):
    """One broken variant of the platform."""

    claim: str
    """What is wrong, as a sentence."""
    module: str
    """Below the package."""
    before: str
    """Occurs once in the module's source."""
    after: str
    killers: tuple[str, ...]
    """The tests that must fail, as pytest names them, below ``tests/``. No other test is run."""


NONE: Final = Mutant("nothing is wrong", "", "", "", ())


def pass_without(killers: tuple[str, ...]) -> str:
    """The report of these tests if one fails, or cannot be run, although nothing is wrong; empty if all pass."""
    with tempfile.TemporaryFile("w+b") as said:
        code = _forked(replace(NONE, killers=killers), said.fileno())
        said.seek(0)
        return said.read().decode(errors="replace") if code else ""


def survives(mutant: Mutant) -> str:
    """The report of its killers if every one of them passes; empty if one fails, as it should."""
    with tempfile.TemporaryFile("w+b") as said:
        code = _forked(mutant, said.fileno())
        said.seek(0)
        report = said.read().decode(errors="replace")
    if code == int(pytest.ExitCode.OK):
        return report or "its tests pass"
    assert code == int(pytest.ExitCode.TESTS_FAILED), f"the tests did not run (exit {code}):\n{report}"
    return ""


def put_in(mutant: Mutant) -> int:
    """Make the mistake in this process; how many functions and tables it changed."""
    module = importlib.import_module(f"integrated_trading_system.{mutant.module}")
    source = inspect.getsource(module)
    found = source.count(mutant.before)
    assert found == 1, f"{mutant.claim}: found {found} times in {mutant.module}: {mutant.before!r}"
    broken = ModuleType(module.__name__)
    broken.__file__ = module.__file__
    exec(compile(source.replace(mutant.before, mutant.after), str(module.__file__), "exec"), broken.__dict__)
    return sum(_exchange(module, name, value, vars(broken).get(name)) for name, value in list(vars(module).items()))


# -- inside ----------------------------------------------------------------------------------------


def _forked(mutant: Mutant, output: int) -> int:
    if mutant.module:
        importlib.import_module(f"integrated_trading_system.{mutant.module}")  # once, for all that are forked from here
    child = os.fork()
    if child == 0:
        code = int(pytest.ExitCode.INTERNAL_ERROR)
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            _find_but_do_not_shrink()
            assert not mutant.module or put_in(mutant), f"{mutant.claim}: nothing changed"
            code = int(pytest.main(_arguments(mutant)))
        except BaseException as error:  # noqa: BLE001 - the child must end here, whatever happens
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _find_but_do_not_shrink() -> None:
    """In the tests that are not imported yet as well."""
    os.environ["HYPOTHESIS_PROFILE"] = "mutant"
    settings.load_profile("mutant")


def _arguments(mutant: Mutant) -> list[str]:
    quiet = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--no-header"]
    return [*quiet, f"--rootdir={ROOT}", *(f"{ROOT}/tests/{killer}" for killer in mutant.killers)]


def _exchange(owner: Any, name: str, value: Any, broken: Any) -> int:
    """Let what the module made of its source be what it makes of the broken one; what was imported stays."""
    if isinstance(value, FunctionType):
        return _exchange_code(value, broken) if value.__module__ == owner.__name__ else 0
    if isinstance(value, type):
        if value.__module__ != owner.__name__ or not isinstance(broken, type):
            return 0
        theirs = vars(broken)
        return sum(_exchange_member(part, theirs.get(key)) for key, part in list(vars(value).items()))
    if name.isupper() and type(value) is type(broken) and repr(value) != repr(broken):
        if isinstance(value, dict):  # others may have imported the table itself
            value.clear()
            value.update(broken)
        setattr(owner, name, broken)
        return 1
    return 0


def _exchange_member(value: Any, broken: Any) -> int:
    if isinstance(value, staticmethod | classmethod):
        return _exchange_code(value.__func__, getattr(broken, "__func__", None))
    if isinstance(value, property):
        return _exchange_code(value.fget, getattr(broken, "fget", None))
    return _exchange_code(value, broken) if isinstance(value, FunctionType) else 0


def _exchange_code(ours: Any, broken: Any) -> int:
    if not isinstance(ours, FunctionType) or not isinstance(broken, FunctionType) or ours.__code__ == broken.__code__:
        return 0
    ours.__code__ = broken.__code__
    ours.__defaults__ = broken.__defaults__
    ours.__kwdefaults__ = broken.__kwdefaults__
    return 1
