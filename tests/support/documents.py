"""The pages of docs/ that are made from the code: `python -m tests.support.documents` writes them."""

import ast
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from integrated_trading_system.config.reference import reference
from integrated_trading_system.risk.limits import DENIAL_CODES
from integrated_trading_system.strategies.arbitrage import missed
from tests.conformance.capabilities import venues

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"

DENIALS: Final = """\
# Why something was not traded

Two gates say no, each with a code. Both are counted in the summary under `opportunities.rejected`, shown in the
terminal view, and published: `OpportunityMissed` by the strategy, `PlanDenied` by risk.

## The arbitrage strategy: opportunities missed

A difference was there before costs, and no plan was made of it. The first reason that applies is given.

{missed}
## Risk: plans denied

A plan was made and held against `risk/limits.py`; the first "no" is the answer. In the summary these codes begin with
`risk:`.

{denied}"""


def denial_codes() -> str:
    """docs/denial-codes.md."""
    return DENIALS.format(missed=table(misses()), denied=table(DENIAL_CODES.items()))


def misses() -> list[tuple[str, str]]:
    """Each member of Miss with the sentence below it, which Python does not keep."""
    (definition,) = ast.parse(inspect.getsource(missed.Miss)).body
    assert isinstance(definition, ast.ClassDef)
    found = []
    for line, below in zip(definition.body, definition.body[1:], strict=False):
        match line, below:
            case (
                ast.Assign(value=ast.Constant(value=str(code))),
                ast.Expr(value=ast.Constant(value=str(sentence))),
            ):
                found.append((code, sentence))
            case _:
                pass
    return found


def table(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(["| code | meaning |\n|---|---|\n", *(f"| `{code}` | {meaning} |\n" for code, meaning in rows)])


PAGES: Final[dict[str, Callable[[], str]]] = {
    "configuration.md": reference,
    "denial-codes.md": denial_codes,
    "venues.md": venues,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
