"""What the paper account holds: balances and derivative positions, moved by its own fills and nothing else.

The arithmetic is that of the simulated exchange: a position is kept by its cost, and a part that is
closed books its profit in the settle asset at once.
"""

from collections.abc import Mapping
from decimal import Decimal

from integrated_trading_system.domain.execution import Balance, Fill, VenuePosition
from integrated_trading_system.domain.ids import Asset, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import BPS, ONE, ZERO
from integrated_trading_system.domain.order import OrderRequest, Side
from integrated_trading_system.simulation.exchange.accounts import CENT, Position


class Holdings:
    """One account on one venue."""

    def __init__(self, balances: Mapping[Asset, Decimal], taker_fee_bps: Decimal) -> None:
        """`balances`: before its first fill."""
        self._rate = taker_fee_bps / BPS
        self._balances: dict[Asset, Decimal] = dict(balances)
        self._positions: dict[InstrumentId, tuple[Instrument, Position]] = {}

    def book(self, fill: Fill, instrument: Instrument) -> None:
        """Spot moves base and quote, a derivative its position; both pay their fee."""
        signed = fill.quantity * fill.side.sign
        value = _value(instrument, fill.price, fill.quantity)
        if instrument.kind is Kind.SPOT:
            self._move(instrument.base, signed * instrument.multiplier)
            self._move(instrument.quote, -value * fill.side.sign)
        else:
            instrument, position = self._positions.setdefault(fill.instrument, (instrument, Position(ONE)))
            gain = position.trade(signed, value, inverse=instrument.kind is Kind.INVERSE)
            self._move(instrument.settle, gain)
        self._move(fill.fee.asset, -fill.fee.amount)

    def fee(self, instrument: Instrument, price: Decimal, quantity: Decimal) -> Decimal:
        """Of a fill, in the settle asset (quote, for spot); eight decimals, as on the venues."""
        return (_value(instrument, price, quantity) * self._rate).quantize(CENT)

    def lacks(self, request: OrderRequest, instrument: Instrument) -> Asset | None:
        """Of what a spot order at its limit needs more than there is, fee included; None when it is covered.

        Margin is not simulated: a derivative order is always covered.
        """
        if instrument.kind is not Kind.SPOT:
            return None
        asset, needed = instrument.base, request.quantity * instrument.multiplier
        if request.side is Side.BUY:
            asset = instrument.quote
            needed = _value(instrument, request.price, request.quantity) * (ONE + max(ZERO, self._rate))
        return asset if self._balances.get(asset, ZERO) < needed else None

    def balances(self) -> tuple[Balance, ...]:
        """Everything, by name of the asset. Nothing is ever locked: no order rests."""
        return tuple(Balance(asset, amount, ZERO) for asset, amount in sorted(self._balances.items()))

    def positions(self) -> tuple[VenuePosition, ...]:
        """Those that are open, in order of their first fill."""
        return tuple(_shown(*held) for held in self._positions.values() if held[1].quantity)

    def _move(self, asset: Asset, amount: Decimal) -> None:
        self._balances[asset] = self._balances.get(asset, ZERO) + amount


def _shown(instrument: Instrument, position: Position) -> VenuePosition:
    contracts = abs(position.quantity) * instrument.multiplier
    entry = contracts / position.cost if instrument.kind is Kind.INVERSE else position.cost / contracts
    return VenuePosition(instrument.instrument, position.quantity, entry.quantize(CENT))


def _value(instrument: Instrument, price: Decimal, quantity: Decimal) -> Decimal:
    """In the settle asset (quote, for spot)."""
    if instrument.kind is Kind.INVERSE:
        return (quantity * instrument.multiplier / price).quantize(CENT)
    return quantity * instrument.multiplier * price
