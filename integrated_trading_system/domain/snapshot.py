"""Quotes of several venues that were true at the same time, within a stated bound."""

from typing import final

from msgspec import Struct

from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.time import Nanos


@final
class SynchronizedSnapshot(Struct, frozen=True, gc=False, tag=True):
    """The quotes of a Comparison whose corrected venue times lie within the tolerance window.

    `changed` indexes the quote that caused this snapshot; only pairs with it are new. `bound` is
    how far apart in time any two of the quotes can really be: spread of the corrected times plus
    the clock uncertainties of the venues concerned.
    """

    comparison: str
    quotes: tuple[Quote, ...]
    changed: int
    bound: Nanos
    at: Nanos
