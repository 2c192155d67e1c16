"""Parts of a sum, at eight decimals like venues book them, that add up to the sum exactly."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar

from integrated_trading_system.domain.money import ZERO

CENT: Final = Decimal("0.00000001")
"""To which profits, and parts of a cost, are rounded."""

Key = TypeVar("Key")


def part(whole: Decimal, quantity: Decimal, of: Decimal) -> Decimal:
    """The share of `quantity` in `whole`; all of it is exactly all of it."""
    return whole if quantity == of else (whole * quantity / of).quantize(CENT)


def split(whole: Decimal, weights: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    """`whole` by signed weights; what rounding leaves goes to the next one. Empty where the weights add up to zero."""
    total = sum(weights.values(), ZERO)
    if not total:
        return {}
    shares: dict[Key, Decimal] = {}
    reached = given = ZERO
    for key, weight in weights.items():
        reached += weight
        upto = part(whole, reached, total)
        shares[key] = upto - given
        given = upto
    return shares
