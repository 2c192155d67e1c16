"""Client order ids: deterministic, alphanumeric, never used twice.

An id is the run number (the fence) and the order's number within the run. Two runs, or two
processes by mistake, never share a fence, so they never share an id, even when a journal was lost.
The shortest rule among the venues is 18 letters and digits (Kraken's free text, OKX's alphabet);
Backpack takes a 32-bit number.
"""

from collections.abc import Mapping
from typing import Final

from integrated_trading_system.domain.ids import ClientOrderId, VenueId

TEXT_LENGTH_MAX: Final = 18


class IdentifiersExhausted(Exception):
    """This run has no unused client order id left that the venue would take. Start anew for a new fence."""


class ClientOrderIds:
    """Issues ids for one run. One counter serves all venues, so no two orders of ours look alike."""

    def __init__(self, fence: int, rules: Mapping[VenueId, int], fence_bits: int) -> None:
        """`rules`: 0 for a venue that takes text, else the largest whole number it takes."""
        assert fence > 0, "the fence counts starts"
        self._fence = fence
        self._rules = rules
        self._fence_bits = fence_bits
        self._issued = 0

    def issue(self, venue: VenueId) -> ClientOrderId:
        """The next id; raises IdentifiersExhausted."""
        number = self._issued + 1
        number_max = self._rules.get(venue, 0)
        text = self._numeric(number, number_max) if number_max else f"its{self._fence:x}z{number:x}"
        if len(text) > TEXT_LENGTH_MAX:
            raise IdentifiersExhausted(f"{text} is longer than {TEXT_LENGTH_MAX}")
        self._issued = number
        return ClientOrderId(text)

    def lacks(self, venue: VenueId, count: int) -> str:
        """Why so many more could not be issued there; empty if they can.

        Asked before a plan begins, so that what repairs it never lacks an id.
        """
        number_max = self._rules.get(venue, 0)
        if not number_max:
            return ""
        try:
            self._numeric(self._issued + count, number_max)
        except IdentifiersExhausted as error:
            return f"{venue} takes no more orders of this run, client order ids: {error}; a restart gives new ones"
        return ""

    def _numeric(self, number: int, number_max: int) -> str:
        """Fence in the high bits, order in the low ones."""
        order_bits = number_max.bit_length() - self._fence_bits
        if order_bits < 1 or number >> order_bits:
            raise IdentifiersExhausted(f"order {number} of this run does not fit into {max(order_bits, 0)} bits")
        value = self._fence << order_bits | number
        if value > number_max:
            raise IdentifiersExhausted(f"start {self._fence} does not fit into {self._fence_bits} bits")
        return str(value)
