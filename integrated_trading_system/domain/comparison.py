"""Which instruments may be compared, and how their quote currencies convert. USD, USDT and USDC differ."""

from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.ids import Asset, InstrumentId
from integrated_trading_system.domain.money import ONE
from integrated_trading_system.domain.time import Nanos


class Conversion(Struct, frozen=True, kw_only=True):
    """How one unit of `asset` is valued in the Comparison's currency.

    Either by the mid price of `book`, or by a stated `rate`; where both are given the rate
    holds only while the book agrees with it within `depeg_bps_max`.
    """

    asset: Asset
    rate: Decimal | None = None
    book: InstrumentId | None = None
    depeg_bps_max: Decimal = Decimal(50)


class Member(Struct, frozen=True, kw_only=True):
    """One instrument of a Comparison. `multiplier`: base units of the Comparison in one of its base units."""

    instrument: InstrumentId
    multiplier: Decimal = ONE


class Comparison(Struct, frozen=True, kw_only=True):
    """Instruments that stand for the same thing, valued in one currency."""

    name: str
    currency: Asset
    members: tuple[Member, ...]
    conversions: tuple[Conversion, ...] = ()

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Its members' instruments, in order."""
        return tuple(member.instrument for member in self.members)

    @property
    def conversion_books(self) -> tuple[InstrumentId, ...]:
        """The instruments whose mid prices value its quote currencies, in order."""
        return tuple(conversion.book for conversion in self.conversions if conversion.book is not None)


class PegChanged(Struct, frozen=True, kw_only=True, tag=True):
    """A stated rate and its book no longer agree within the limit (`holds` False), or agree again."""

    comparison: str
    asset: Asset
    rate: Decimal
    mid: Decimal
    holds: bool
    at: Nanos
