"""What can be traded, and the venue's rules for an order in it."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from integrated_trading_system.domain.ids import Asset, InstrumentId, VenueId
from integrated_trading_system.domain.money import ONE, ZERO, round_down, round_up
from integrated_trading_system.domain.order import Side


class Kind(StrEnum):
    """How an instrument settles."""

    SPOT = "spot"
    LINEAR = "linear"
    """A perpetual or future margined and settled in its quote currency."""
    INVERSE = "inverse"
    """A perpetual or future whose contract is worth a fixed amount of quote, settled in base."""


class Instrument(Struct, frozen=True, kw_only=True):
    """One tradable thing on one venue. Steps and limits of 0 mean that there is none."""

    instrument: InstrumentId
    venue: VenueId
    symbol: str
    base: Asset
    quote: Asset
    settle: Asset
    kind: Kind
    tick: Decimal
    lot: Decimal
    quantity_min: Decimal = ZERO
    quantity_max: Decimal = ZERO
    notional_min: Decimal = ZERO
    multiplier: Decimal = ONE
    """Base units (SPOT, LINEAR) or quote units (INVERSE) in one contract."""
    tradable: bool = True
    inferred: bool = False
    """True when tick and lot were guessed from a capture that carried no instrument data."""

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """To the tick, never worse than asked: a buy down, a sell up."""
        return round_down(price, self.tick) if side is Side.BUY else round_up(price, self.tick)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """To the lot, down."""
        return round_down(quantity, self.lot)

    def notional(self, price: Decimal, quantity: Decimal) -> Decimal:
        """Worth of `quantity` in quote units at `price`."""
        return quantity * self.multiplier if self.kind is Kind.INVERSE else quantity * self.multiplier * price

    def refusal(self, price: Decimal, quantity: Decimal) -> str | None:
        """Why the venue would refuse this order by its filters, or None."""
        if not self.tradable:
            return "not-tradable"
        if price <= 0 or (self.tick and price % self.tick):
            return "tick"
        if quantity <= 0 or (self.lot and quantity % self.lot):
            return "lot"
        if quantity < self.quantity_min:
            return "quantity-min"
        if self.quantity_max and quantity > self.quantity_max:
            return "quantity-max"
        if self.notional(price, quantity) < self.notional_min:
            return "notional-min"
        return None


class InstrumentsListed(Struct, frozen=True, tag=True):
    """A venue told us what it lists; only what somebody subscribed to is kept."""

    venue: VenueId
    instruments: tuple[Instrument, ...]
