"""Money is Decimal: exact, parsed strictly, rounded only where a function says so."""

import re
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import Asset

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
BPS: Final = Decimal(10_000)

PRECISION: Final = 50
CONTEXT: Final = Context(prec=PRECISION, traps=[InvalidOperation, DivisionByZero, Overflow])

_DECIMAL: Final = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,24})?", re.ASCII)


class Money(Struct, frozen=True):
    """An amount of one asset."""

    amount: Decimal
    asset: Asset


def use_money_context() -> None:
    """Fix the current Decimal context, so that results do not depend on who called us.

    The context belongs to the thread *and* to the asyncio callback: it is looked at anew at every entry.
    """
    if getcontext().prec != PRECISION:
        setcontext(CONTEXT.copy())


def parse_decimal(text: str) -> Decimal:
    """A plain decimal number; raises ValueError for anything else.

    `Decimal()` itself accepts NaN, Infinity, underscores, other scripts' digits and blanks.
    """
    if _DECIMAL.fullmatch(text) is None:
        message = f"not a plain decimal number: {text[:40]!r}"
        raise ValueError(message)
    return Decimal(text)


def from_float(value: float) -> Decimal:
    """The shortest decimal text of the float, exactly: 0.1 becomes Decimal('0.1')."""
    return Decimal(repr(value))


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `value`. A zero step leaves the value alone."""
    return value if step == 0 else (value / step).to_integral_value(ROUND_FLOOR) * step


def round_up(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `value`. A zero step leaves the value alone."""
    return value if step == 0 else (value / step).to_integral_value(ROUND_CEILING) * step


def plain(value: Decimal) -> str:
    """Text without an exponent and without trailing zeros, as venues expect it."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
