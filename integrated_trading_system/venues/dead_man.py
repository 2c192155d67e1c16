"""A venue's dead-man timer: it cancels what is open unless it is told in time that we are alive."""

from collections.abc import Sequence
from typing import Protocol

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import WeightedRequest


class DeadMan(Protocol):
    """Requests are unsigned. Being told again begins the countdown anew; a countdown of 0 stops it."""

    @property
    def per_instrument(self) -> bool:
        """False: one timer holds for the whole account, whoever placed its orders."""

    def arm(self, instruments: Sequence[Instrument], after: Nanos) -> tuple[WeightedRequest, ...]:
        """Cancel what is open in these instruments (or on the account) after so long; 0: never."""

    def refused(self, reply: HttpReply) -> str:
        """Why the venue did not do it; empty where it did."""
