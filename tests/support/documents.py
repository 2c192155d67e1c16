"""The pages of docs/ that are made from the code: `python -m tests.support.documents` writes them."""

import ast
import inspect
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final

from integrated_trading_system.config.reference import reference
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.risk.codes import DENIAL_CODES
from integrated_trading_system.risk.kill_switch import REFUSED
from integrated_trading_system.risk.limits import ADMITTED, GROWING_ONLY
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.statistical.strategy import Why
from tests.conformance.capabilities import venues

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"

DENIALS: Final = """\
# Why something was not traded

Two gates say no, each with a code. Both are counted in the summary under `opportunities.rejected`, shown in the
terminal view, and published: `OpportunityMissed` by the strategy, `PlanDenied` by risk.

## Arbitrage, round trips, basis: opportunities missed

A difference was there before costs, and no plan was made of it. The first reason that applies is given.

{missed}
## Pairs: not entered

The pair was apart, and no plan was made of it.

{apart}
## Risk: plans denied

A plan was made and held against `risk/limits.py`; the first "no" is the answer. In the summary these codes begin with
`risk:`. A plan *reduces* when every leg brings its position nearer to nothing, whatever becomes of everything in
flight; such a plan is not asked what is only about growing. It is still priced, sized and paced like any other.

{denied}
## What each trading state lets through

The same for orders that rest and for orders that trade at once: what rests is reserved in full.

{states}
A *rest* is an order of a plan that was approved before: a first order that waited for the disk, a repair, the trade of
a follower. Cancels, queries and data always pass, in every state. A halt also cancels what is open at the venues.

## What is counted

* **Exposure** of an instrument, a venue, a strategy, everything: the worst that can become of it, by size. That is what
  is filled, and all that plans in flight may still add either way, UNKNOWN orders included, until each is finished. A
  plan's own instruments are valued at the newest price, others as at the last look (`look_interval_ms`, every fill).
* **Exposure of an asset**: the same, with long and short netted over venues, spot and derivatives.
* **Loss of the day, drawdown**: realised, less fees, and what is open at its mark. That is the middle of its book while
  that is VALID, else the last such middle, or the price of our own last fill where that is newer.
* **Out of balance**: what all holdings of a strategy that plans several legs at once net to in worth, times the seconds
  since it was last below `unhedged_floor`. Where it pays with what it bought, as in a round trip, that is by asset over
  base and quote of all its fills, less fees: what it is long of, or what it is short of, if that is more. What is only
  ever paid with is cash.
* **Margin**: what derivative legs add to positions, by the stated leverage, of what is free of the settle asset, less
  what plans in flight hold.
* **Market impact**: the average price of the whole quantity, walking the book; what is not shown is taken to trade at
  the limit.
* **Rates**: every window of the length, however aligned; a plan counts with all its repairs until it is finished.
* **Repetition**: plans approved with the same legs, and plans that did not bring a position to half of what was
  planned. What exceeds it is latched, over restarts, until an operator's `resume`.
"""


def denial_codes() -> str:
    """docs/denial-codes.md."""
    return DENIALS.format(missed=table(misses()), apart=table(misses(Why)), denied=denied(), states=states())


def denied() -> str:
    rows = (
        f"| `{code}` | {'pass' if code in GROWING_ONLY else ''} | {text} |\n" for code, text in DENIAL_CODES.items()
    )
    return "".join(["| code | reducing plans | meaning |\n|---|---|---|\n", *rows])


def states() -> str:
    """What risk and the gate make of it, from the tables that they go by."""
    rows = ["| trading state | reducing plans | other plans | rests | cancels |\n|---|---|---|---|---|\n"]
    for state, codes in ADMITTED.items():
        plans = " | ".join("pass" if code is None else f"denied: `{code}`" for code in codes)
        rest, cancel = ("refused" if tag in REFUSED[state] else "pass" for tag in (Tag.ORDER, Tag.CANCEL))
        rows.append(f"| {state.value} | {plans} | {rest} | {cancel} |\n")
    return "".join(rows)


def misses(kind: type[StrEnum] = Miss) -> list[tuple[str, str]]:
    """Each member with the sentence below it, which Python does not keep."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
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
