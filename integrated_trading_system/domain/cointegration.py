"""Whether two series move together: the question, its answer, and the test of Engle and Granger that gives it.

1. Least squares of the first series on the second and a constant; what is left over is the residual.
2. An augmented Dickey-Fuller test of the residual, without a constant: the null hypothesis is that it wanders, that
   is, that the two are not cointegrated. How many lagged changes are taken is decided by Akaike's criterion, from none
   up to Schwert's limit of 12 (n / 100)^(1/4), all compared on the same rows.
3. The p-value of its t-statistic. Sources: J. G. MacKinnon, "Critical Values for Cointegration Tests", Queen's
   Economics Department Working Paper 1227 (2010), table 2, and "Approximate Asymptotic Distribution Functions for
   Unit-Root and Cointegration Tests", Journal of Business & Economic Statistics 12 (1994), tables 3 and 4; two
   variables, a constant and no trend.

R. F. Engle and C. W. J. Granger, "Co-integration and Error Correction", Econometrica 55 (1987). Floats, no clock and
no chance: wherever it is worked out, the same series give the same answer.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import erfc, log, sqrt
from operator import mul
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import ActorName

SAMPLES_MIN: Final = 50
SAMPLES_MAX: Final = 5_000
"""With more than this a test takes seconds, and is refused."""

_FIRST, _SECOND = -6.1101, -6.823
"""The critical value at 5 % is -3.33613 + first / rows + second / rows^2 (2010)."""
_BEND: Final = -2.62
_CERTAIN, _HOPELESS = -18.86, 0.92
_LEFT: Final = (2.92, 1.5012, 0.039796)
_RIGHT: Final = (2.1945, 0.64695, -0.29198, -0.042377)
"""Of the asymptotic distribution: polynomials, left and right of the bend, under the normal distribution (1994)."""
_COLLINEAR: Final = 1e-12
"""Part of a column that is left when it is all but a mixture of the others."""


class CointegrationAsked(Struct, frozen=True, kw_only=True, tag=True):
    """Effect: test these series, oldest first. Answered by one CointegrationTold to `actor` with this `request`.

    It may not be answered at all where a process dies or hangs: whoever asks goes on without.
    """

    request: str
    actor: ActorName
    y: tuple[float, ...]
    """What is explained."""
    x: tuple[float, ...]


class Finding(Struct, frozen=True):
    """What the test found."""

    p: float
    """How often series that do not move together look at least as much as if they did."""
    statistic: float
    ratio: float
    """Of the first step: how much of x explains y."""
    lags: int
    rows: int
    """Of the last regression."""


class CointegrationTold(Struct, frozen=True, kw_only=True, tag=True):
    """Input: the answer; or none, and why: ``busy``, ``worker died``, or what an Untestable says."""

    request: str
    found: Finding | None = None
    reason: str = ""


class Untestable(Exception):
    """The series tell nothing, or there is too little or too much of them; the text says which."""


def answer(asked: CointegrationAsked) -> CointegrationTold:
    """What every driver answers, in a worker or on the spot."""
    try:
        return CointegrationTold(request=asked.request, found=engle_granger(asked.y, asked.x))
    except Untestable as error:
        return CointegrationTold(request=asked.request, reason=str(error))


def engle_granger(y: Sequence[float], x: Sequence[float]) -> Finding:
    """Test y on x; raises Untestable."""
    count = len(y)
    if count != len(x):
        raise Untestable("series of unequal length")
    if not SAMPLES_MIN <= count <= SAMPLES_MAX:
        raise Untestable(f"{count} samples, from {SAMPLES_MIN} to {SAMPLES_MAX} are tested")
    ys, xs = _centred(y), _centred(x)
    spread = _dot(xs, xs)
    if not spread > 0.0 or not _dot(ys, ys) > 0.0:
        raise Untestable("a series does not move")
    ratio = _dot(xs, ys) / spread
    residual = [one - ratio * other for one, other in zip(ys, xs, strict=True)]
    if _dot(residual, residual) <= _COLLINEAR * _dot(ys, ys):
        raise Untestable("one series is the other")
    lags = _lags(residual)
    statistic, rows = _dickey_fuller(residual, lags)
    return Finding(p_value(statistic, rows), statistic, ratio, lags, rows)


def p_value(statistic: float, rows: int) -> float:
    """By the asymptotic distribution (1994), moved so that the critical value at 5 % is that of so many rows (2010)."""
    moved = statistic - _FIRST / rows - _SECOND / rows**2
    if moved <= _CERTAIN:
        return 0.0
    if moved >= _HOPELESS:
        return 1.0
    powers = (factor * moved**power for power, factor in enumerate(_LEFT if moved <= _BEND else _RIGHT))
    return erfc(-sum(powers) / sqrt(2.0)) / 2.0


# -- the second step -------------------------------------------------------------------------------


def _lags(residual: Sequence[float]) -> int:
    """The number of lagged changes with the smallest criterion; of equals the smaller."""
    most = int(12.0 * (len(residual) / 100.0) ** 0.25)
    levels, changes, lagged = _columns(residual, most)
    left = _left(changes, _explained(changes, [levels, *lagged]))
    criteria = [len(changes) * log(part / len(changes)) + 2.0 * lags for lags, part in enumerate(left)]
    return criteria.index(min(criteria))


def _dickey_fuller(residual: Sequence[float], lags: int) -> tuple[float, int]:
    """The t-statistic of the level, and how many rows it is taken from."""
    levels, changes, lagged = _columns(residual, lags)
    explained = _explained(changes, [*lagged, levels])
    rows = len(changes)
    return explained[-1] / sqrt(_left(changes, explained)[-1] / (rows - len(explained))), rows


def _left(target: Sequence[float], explained: Sequence[float]) -> list[float]:
    """What is left of the target's sum of squares after each column."""
    whole = _dot(target, target)
    found = [whole - part for part in accumulate(part * part for part in explained)]
    if found[-1] <= _COLLINEAR * whole:
        raise Untestable("the residual repeats itself")
    return found


def _columns(residual: Sequence[float], lags: int) -> tuple[list[float], list[float], list[list[float]]]:
    """Of the rows that have so many lagged changes: the level before, the change, and the changes before it."""
    changes = [after - before for before, after in pairwise(residual)]
    lagged = [changes[lags - lag : len(changes) - lag] for lag in range(1, lags + 1)]
    return list(residual[lags:-1]), changes[lags:], lagged


def _explained(target: Sequence[float], columns: Sequence[Sequence[float]]) -> list[float]:
    """What each column explains of the target beyond those before it, along a direction of length one.

    The solution of L z = X't with the Cholesky factor L of X'X. The squares of the first k are what the first k
    columns explain of the target's sum of squares.
    """
    factor: list[list[float]] = []
    found: list[float] = []
    for column in columns:
        row: list[float] = []
        for before, other in zip(factor, columns, strict=False):
            row.append((_dot(column, other) - _dot(row, before[:-1])) / before[-1])
        whole = _dot(column, column)
        pivot = whole - _dot(row, row)
        if pivot <= _COLLINEAR * whole:
            raise Untestable("the residual repeats itself")
        row.append(sqrt(pivot))
        found.append((_dot(column, target) - _dot(row[:-1], found)) / row[-1])
        factor.append(row)
    return found


def _centred(values: Sequence[float]) -> list[float]:
    first = values[0]
    moved = [one - first for one in values]  # prices are large beside their changes: first keep the digits
    mean = sum(moved) / len(moved)
    return [one - mean for one in moved]


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(map(mul, one, other), 0.0)
