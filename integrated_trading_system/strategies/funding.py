"""What holding a perpetual is expected to cost: the rate announced next, at every payment until it is closed."""

from decimal import Decimal
from typing import Final

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import FundingRate
from integrated_trading_system.domain.money import ZERO, from_float
from integrated_trading_system.domain.time import HOUR, Nanos

INTERVAL: Final = Nanos(8 * HOUR)
"""Between two payments, where the venue's announcements have not told yet."""
SILENT_INTERVALS_MAX: Final = 2
"""A rate whose payment lies further back than this says nothing about the next one."""


class FundingRates:
    """The newest announcement of each perpetual."""

    def __init__(self) -> None:
        """None yet."""
        self._newest: dict[InstrumentId, FundingRate] = {}
        self._intervals: dict[InstrumentId, Nanos] = {}

    def tell(self, rate: FundingRate) -> None:
        """One more. Those of the past, which were asked for, announce nothing."""
        if rate.funding_at <= rate.received_at:
            return
        before = self._newest.get(rate.instrument)
        if before is not None and rate.funding_at > before.funding_at:
            self._intervals[rate.instrument] = Nanos(rate.funding_at - before.funding_at)
        self._newest[rate.instrument] = rate

    def expected(self, instrument: InstrumentId, now: Nanos, until: Nanos) -> Decimal | None:
        """What a long pays from now until then, as a part of the notional; None where no rate is known."""
        newest = self._newest.get(instrument)
        if newest is None:
            return None
        interval = self._intervals.get(instrument, INTERVAL)
        if now - newest.funding_at > SILENT_INTERVALS_MAX * interval:
            return None
        first = int(newest.funding_at)
        if first <= now:
            first += ((now - first) // interval + 1) * interval
        if first > until:
            return ZERO
        return from_float(newest.rate) * (1 + (until - first) // interval)
