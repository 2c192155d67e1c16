"""Runs the suite against every venue of the catalog, or against the folder that --venue names.

`python -m pytest tests/conformance --venue mypackage.myvenue` takes its traffic from `mypackage.myvenue_traffic`.
"""

import pytest

from tests.conformance.subjects import Subject, of_catalog, of_folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--venue", action="append", help="a venue's folder as a module, instead of those of the catalog")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames:
        found = subjects(metafunc.config.getoption("--venue", default=None))
        metafunc.parametrize("subject", found, ids=[each.name for each in found], scope="session")


def subjects(modules: list[str] | None) -> list[Subject]:
    if not modules:
        return list(of_catalog())
    return [subject for module in modules for subject in of_folder(module, f"{module}_traffic")]
