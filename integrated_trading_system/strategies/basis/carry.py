"""What holding spot against its perpetual brings, and when it is over: arithmetic without state."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from integrated_trading_system.config.basis import BasisSettings
from integrated_trading_system.domain.comparison import Member
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO, from_float
from integrated_trading_system.domain.plan import Leg
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.strategies.arbitrage.conversion import Unit
from integrated_trading_system.strategies.arbitrage.sizing import Rung

YEAR_HOURS = Decimal(8_760)


class Exit(StrEnum):
    """Why a position is closed."""

    EARNED = "earned"
    """Basis and funding still to come are worth no more than what was set."""
    TIME = "time"
    """It was held as long as was set."""
    STOP = "stop"
    """The basis grew against it."""


class Carry(Struct, frozen=True):
    """Of an entry at the best prices, as parts of the notional."""

    basis: Decimal
    funding: Decimal
    """Received until the end of the holding time."""
    costs: Decimal
    """Fees of both ways, and both spreads at the exit."""

    @property
    def net(self) -> Decimal:
        """What is left over the holding time."""
        return self.basis + self.funding - self.costs

    def annual_pct(self, holding_hours: float) -> float:
        """The same as a yearly rate."""
        return float(self.net * YEAR_HOURS / Decimal(repr(holding_hours)) * 100)


def entry(spot: Quote, perpetual: Quote, funding: Decimal, fees: Decimal) -> Carry:
    """Buy spot at the ask, sell the perpetual at the bid. `fees`: of both legs, one way."""
    basis = from_float(perpetual.bid) / from_float(spot.ask) - ONE
    return Carry(basis, funding, 2 * fees + spread(spot) + spread(perpetual))


def spread(quote: Quote) -> Decimal:
    """As a part of the price."""
    return from_float(quote.ask) / from_float(quote.bid) - ONE


def wanted(settings: BasisSettings) -> Decimal:
    """The least net carry, whichever of the two settings asks for more."""
    yearly = Decimal(repr(settings.annual_pct_min)) / 100 * Decimal(repr(settings.holding_hours)) / YEAR_HOURS
    return max(settings.carry_bps_min / BPS, yearly)


def over(
    spot: Quote,
    perpetual: Quote,
    entered: Decimal,
    since: Nanos,
    funding_left: Decimal,
    settings: BasisSettings,
    now: Nanos,
) -> Exit | None:
    """Whether to sell spot at the bid and buy the perpetual back at the ask. `entered`: the basis at the entry."""
    basis = from_float(perpetual.ask) / from_float(spot.bid) - ONE
    if now - since >= settings.holding_hours * HOUR:
        return Exit.TIME
    if basis - entered > settings.stop_bps / BPS:
        return Exit.STOP
    if basis + funding_left <= settings.exit_bps / BPS:
        return Exit.EARNED
    return None


def unit_of(instrument: Instrument, member: Member) -> Unit:
    """In the Comparison's terms, quoted in its currency."""
    return Unit(instrument, instrument.multiplier * member.multiplier, ONE / member.multiplier)


def refused(units: tuple[Unit, Unit], legs: tuple[Leg, ...]) -> bool:
    """Whether a venue would refuse one of these orders."""
    return any(unit.instrument.refusal(leg.price, leg.quantity) for unit, leg in zip(units, legs, strict=True))


def depth(rungs: Sequence[Rung]) -> Decimal:
    """Base units of the Comparison."""
    return sum((rung.quantity for rung in rungs), ZERO)
