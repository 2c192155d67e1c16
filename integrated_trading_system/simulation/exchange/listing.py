"""What a simulated venue lists, and its rules that differ from other venues'."""

from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ONE, ZERO


class Listing(Struct, frozen=True, kw_only=True):
    """One tradable symbol. Limits of 0 mean that there is none.

    The decimals of tick and lot together stay below 13, so that every product and sum in the ledger
    fits the 28 digits of the default Decimal context: bookkeeping is exact in any thread.
    """

    symbol: str
    base: str
    quote: str
    settle: str
    kind: Kind = Kind.SPOT
    tick: Decimal
    lot: Decimal
    quantity_min: Decimal = ZERO
    quantity_max: Decimal = ZERO
    notional_min: Decimal = ZERO
    price_band: Decimal = ZERO
    """A limit price may leave the mark price by this fraction (0.2: a fifth); 0 switches the check off."""
    multiplier: Decimal = ONE
    """Base units (LINEAR) or quote units (INVERSE) in one contract."""
    reference_price: Decimal
    """Where the market opens, in quote units."""

    @property
    def price_decimals(self) -> int:
        """Digits after the point of a price on the tick."""
        return _decimals(self.tick)

    @property
    def quantity_decimals(self) -> int:
        """Digits after the point of a quantity on the lot."""
        return _decimals(self.lot)

    def notional(self, price: Decimal, quantity: Decimal) -> Decimal:
        """Worth of `quantity` in quote units."""
        return quantity * self.multiplier if self.kind is Kind.INVERSE else quantity * self.multiplier * price


class Rules(Struct, frozen=True, kw_only=True):
    """Where venues differ in what the engine itself does. Errors and shapes are the dialect's business."""

    maker_bps: Decimal
    taker_bps: Decimal
    """Basis points of the traded value; negative is a rebate."""
    fee_in_received_asset: bool = True
    """Spot: a buy pays in base, a sell in quote. False: always quote. (Derivatives pay in the settle asset.)"""
    post_only_refused: bool = True
    """A post-only order that would take is refused; False: accepted, then cancelled."""
    fill_or_kill_refused: bool = False
    """A fill-or-kill order that cannot trade whole is refused; False: accepted, then expired."""
    client_id_unique: bool = True
    """A client order id in use by an open order of the account is refused."""
    client_id_once: bool = False
    """A client order id is refused for ever after, also once its order is closed."""
    self_trade_ends_maker: bool = False
    """An account that would trade with itself loses its resting order; False, and for a fill-or-kill order: the
    incoming one."""
    leverage: Decimal = Decimal(20)
    """Of derivative positions, unless the account sets its own."""
    open_orders_max: int = 200
    """Per account and symbol."""
    funding_rate: Decimal = Decimal("0.0001")
    """What longs pay shorts at each funding, of the position's value at the mark price."""


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
