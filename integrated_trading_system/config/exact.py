"""Numbers that mean money are exact: whole numbers or quoted decimals, never binary fractions.

``0.1`` in a file is already no longer a tenth when it is read; ``"0.1"`` is. Basis points are
measures, not money: there the shortest text of a fraction is what was meant.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from integrated_trading_system.domain.money import from_float, parse_decimal


def _exact(value: Any) -> Any:
    """The number; raises ValueError for a fraction without quotes, and for what is no plain number."""
    if isinstance(value, float):
        raise ValueError(f'amounts are exact: write it in quotes, "{value}"')
    return _plain(value)


def _shortest(value: Any) -> Any:
    """The number; a fraction is taken as it was written."""
    return from_float(value) if isinstance(value, float) else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected a number, found true or false")
    if isinstance(value, str):
        return parse_decimal(value)
    return Decimal(value) if isinstance(value, int) else value


Amount = Annotated[Decimal, BeforeValidator(_exact), Field(gt=0)]
"""A positive amount or quantity."""
Bps = Annotated[Decimal, BeforeValidator(_shortest), Field(ge=0, le=10_000)]
"""Basis points: 1 is a hundredth of a percent."""
