"""What things are worth in the reporting currency: stated rates first, then mid prices of VALID books."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from integrated_trading_system.config.pms import PmsSettings
from integrated_trading_system.domain.book import BookReader
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import Asset, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ONE, ZERO, from_float
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import LegOutcome, PlanFinished
from integrated_trading_system.domain.position import Equity
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.pms.ledger import Ledger

YOUNG: Final = Nanos(MINUTE)
"""A fill told later than this traded at prices that no book shows any more."""


class Valuation:
    """Prices as last seen: a book that is being proven again keeps its last good mid price."""

    def __init__(
        self, settings: PmsSettings, books: BookReader, instruments: Mapping[InstrumentId, Instrument]
    ) -> None:
        """`instruments` may grow later."""
        self.currency = Asset(settings.currency)
        self._stated = {Asset(asset): rate for asset, rate in settings.rates.items()}
        self._named = {Asset(asset): InstrumentId(book) for asset, book in settings.conversion_books.items()}
        self._books = books
        self._instruments = instruments
        self._mids: dict[InstrumentId, Decimal] = {}

    def mid(self, instrument: InstrumentId) -> Decimal | None:
        """Half way between best bid and best ask; None before the first."""
        asks = self._books.depth(instrument, Side.BUY, 1)
        bids = self._books.depth(instrument, Side.SELL, 1)
        if asks and bids:
            self._mids[instrument] = (from_float(asks[0][0]) + from_float(bids[0][0])) / 2
        return self._mids.get(instrument)

    def rate(self, asset: Asset) -> Decimal | None:
        """Value of one unit in the reporting currency; None where nobody says."""
        if asset == self.currency:
            return ONE
        if (stated := self._stated.get(asset)) is not None:
            return stated
        if (named := self._named.get(asset)) is not None:
            return self.mid(named)
        for instrument in self._instruments.values():
            direct = instrument.kind is Kind.SPOT and instrument.base == asset and instrument.quote == self.currency
            if direct and (price := self.mid(instrument.instrument)) is not None:
                return price
        return None

    def rate_then(self, asset: Asset, fill: Fill, instrument: Instrument, now: Nanos) -> Decimal | None:
        """What a unit of the asset was worth when the fill traded; None where nobody knows any more.

        A stated rate is for ever, and the fill says itself what its base asset was worth. A book says what an asset
        is worth now, which is an answer only as long as the fill is young.
        """
        if asset == self.currency or asset in self._stated:
            return self.rate(asset)
        if instrument.kind is Kind.SPOT and asset == instrument.base != instrument.quote:
            quoted = self.rate_then(instrument.quote, fill, instrument, now)
            if quoted is not None:
                return fill.price * quoted
        return self.rate(asset) if now - (fill.venue_time or fill.received_at) <= YOUNG else None

    def equity(self, ledger: Ledger, now: Nanos) -> Equity:
        """All holdings together. Positions without any price yet are counted at cost."""
        sums = Sum(self)
        realised = unrealised = funding = fees = apart = ZERO
        for asset, paid in ledger.fees:
            fees += paid.worth
            apart += sums.value(asset, paid.apart)
            if paid.valued and (rate := self.rate(asset)) is not None:
                unrealised -= paid.valued * rate - paid.worth
        for asset, amount in ledger.funding.items():
            funding += sums.value(asset, amount)
        for holding in ledger:
            realised += sums.value(holding.profit_asset, holding.realised)
            if holding.quantity:
                mid = self.mid(holding.instrument.instrument)
                if mid is None:
                    sums.unpriced[holding.instrument.base] = None
                else:
                    unrealised += sums.value(holding.profit_asset, holding.unrealised(mid))
        return Equity(
            currency=self.currency,
            realised=realised,
            unrealised=unrealised,
            fees=fees,
            total=realised + unrealised - fees - apart + funding,
            unpriced=tuple(sums.unpriced),
            at=now,
            fees_apart=apart,
            funding=funding,
        )


class Sum:
    """Adds up values, and remembers what had none."""

    def __init__(self, valuation: Valuation) -> None:
        """Nothing added."""
        self._valuation = valuation
        self.unpriced: dict[Asset, None] = {}

    def value(self, asset: Asset, amount: Decimal) -> Decimal:
        """The amount in the reporting currency; 0 for an asset without a rate."""
        if not amount:
            return ZERO
        rate = self._valuation.rate(asset)
        if rate is None:
            self.unpriced[asset] = None
            return ZERO
        return amount * rate


def realised_edge(
    finished: PlanFinished, instruments: Mapping[InstrumentId, Instrument], valuation: Valuation
) -> tuple[Decimal, Decimal, tuple[Asset, ...]]:
    """What the plan brought after fees, the fees, and the assets without a rate.

    What is left of an asset is worth the mid price of the leg that has too much of it. What one leg brings and
    another is paid with, as in a round trip, is netted first: it has one rate, not one for each place.
    """
    sums = Sum(valuation)
    brought = fees = ZERO
    paid_with = {instruments[leg.instrument].quote for leg in finished.legs}
    flows: dict[Asset, Decimal] = {}
    apart: list[LegOutcome] = []
    for leg in finished.legs:
        base, quote = instruments[leg.instrument].base, instruments[leg.instrument].quote
        flows[quote] = flows.get(quote, ZERO) + leg.flow
        if base in paid_with:
            flows[base] = flows.get(base, ZERO) + _units(leg)
        else:
            apart.append(leg)
        for fee in leg.fees_paid:
            fees += sums.value(fee.asset, fee.amount)
    brought += sum((sums.value(asset, amount) for asset, amount in flows.items()), ZERO)
    for legs in _by_asset(apart, instruments):
        brought += _left(legs, instruments, valuation, sums)
    return brought - fees, fees, tuple(sums.unpriced)


def _by_asset(
    legs: Sequence[LegOutcome], instruments: Mapping[InstrumentId, Instrument]
) -> Iterable[Sequence[LegOutcome]]:
    """Legs that trade the same thing: two that match in base units, by whatever name, or those of one base."""
    if len(legs) == 2 and legs[0].planned * legs[0].multiplier == legs[1].planned * legs[1].multiplier:
        return (legs,)
    by_base: dict[Asset, list[LegOutcome]] = {}
    for leg in legs:
        by_base.setdefault(instruments[leg.instrument].base, []).append(leg)
    return by_base.values()


def _left(
    legs: Sequence[LegOutcome], instruments: Mapping[InstrumentId, Instrument], valuation: Valuation, sums: Sum
) -> Decimal:
    """What these legs left of their asset, in the reporting currency."""
    units = sum((_units(leg) for leg in legs), ZERO)
    if not units:
        return ZERO
    leg = max(legs, key=lambda leg: _units(leg) * units)
    instrument = instruments[leg.instrument]
    price = valuation.mid(leg.instrument) or leg.average_price
    return sums.value(instrument.quote, instrument.notional(price, units / leg.multiplier))


def _units(leg: LegOutcome) -> Decimal:
    """Signed base units."""
    return leg.side.sign * leg.filled * leg.multiplier
