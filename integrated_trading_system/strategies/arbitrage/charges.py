"""What a trade between two instruments must bear, apart from the books: fees, funding, conversion, time.

A discount for paying fees in another asset (BNB, say) counts only while the account has enough of it, valued
by the Comparison's conversion for that asset; otherwise the whole fee does.
"""

from collections.abc import Mapping
from decimal import Decimal

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import BPS, ONE, ZERO
from integrated_trading_system.domain.time import HOUR, MILLISECOND, Nanos
from integrated_trading_system.strategies.arbitrage.conversion import Rates
from integrated_trading_system.strategies.arbitrage.inventory import Inventory
from integrated_trading_system.strategies.arbitrage.sizing import Costs
from integrated_trading_system.strategies.funding import FundingRates
from integrated_trading_system.strategies.strategy import Fees, StrategySetup


class Charges:
    """Of one detector."""

    def __init__(self, setup: StrategySetup, settings: ArbitrageSettings, rates: Rates, inventory: Inventory) -> None:
        """Raises ConfigurationError where a venue's fees are missing, or the rate of the asset they are paid in."""
        self._settings = settings
        self._comparison = setup.comparison
        self._fees = _fees_of(setup)
        self._rates = rates
        self._inventory = inventory
        self._edge_min = settings.edge_bps_min / BPS
        self._conversion = settings.conversion_cost_bps / BPS
        self._holding = Nanos(int(settings.holding_hours * HOUR))
        self.funding = FundingRates()

    def lowest(self, instrument: InstrumentId, *, maker: bool = False) -> Decimal:
        """The fee with its discount, as a part of the notional: what the fast check reckons with."""
        fees = self._fees[venue_of(instrument)]
        return (fees.maker_bps if maker else fees.taker_bps) / BPS * (ONE - fees.discount)

    def fee(self, instrument: InstrumentId, now: Nanos, *, maker: bool = False) -> Decimal:
        """The fee as it will be charged: whole, where the asset that it is paid in does not last for it."""
        fees = self._fees[venue_of(instrument)]
        whole = (fees.maker_bps if maker else fees.taker_bps) / BPS
        if fees.asset is None or not fees.discount or whole <= 0:
            return whole
        rate = self._rates.rate(fees.asset)
        if rate is None or self._rates.refusal(fees.asset, now) is not None:
            return whole
        reduced = whole * (ONE - fees.discount)
        free = self._inventory.free(venue_of(instrument), fees.asset)
        return reduced if free * rate >= self._settings.notional_max * reduced else whole

    def expected_funding(self, buy: Instrument, sell: Instrument, now: Nanos) -> Decimal | None:
        """What is paid, less received, while the position stands; None where a perpetual's rate is not known."""
        if not self._holding:
            return ZERO
        until = Nanos(now + self._holding)
        total = ZERO
        for instrument, sign in ((buy, 1), (sell, -1)):
            if instrument.kind is Kind.SPOT:
                continue
            paid = self.funding.expected(instrument.instrument, now, until)
            if paid is None:
                return None
            total += sign * paid
        return total

    def conversion(self, buy: Instrument, sell: Instrument) -> Decimal:
        """For legs in another quote currency than the Comparison's."""
        return self._conversion * sum(one.quote != self._comparison.currency for one in (buy, sell))

    def costs(
        self, buy: Instrument, sell: Instrument, bound: Nanos, now: Nanos, resting: InstrumentId | None = None
    ) -> Costs | None:
        """Everything; None where the funding is not known. The order in `resting` pays the maker's fee."""
        funding = self.expected_funding(buy, sell, now)
        if funding is None:
            return None
        return Costs(
            buy_fee=self.fee(buy.instrument, now, maker=buy.instrument == resting),
            sell_fee=self.fee(sell.instrument, now, maker=sell.instrument == resting),
            decay=Decimal(bound) / MILLISECOND * self._settings.decay_bps_per_ms / BPS,
            edge_min=self._edge_min,
            funding=funding,
            conversion=self.conversion(buy, sell),
        )


def _fees_of(setup: StrategySetup) -> Mapping[VenueId, Fees]:
    comparison: Comparison = setup.comparison
    convertible = {comparison.currency, *(conversion.asset for conversion in comparison.conversions)}
    for venue in dict.fromkeys(venue_of(instrument) for instrument in comparison.instruments):
        if venue not in setup.fees:
            raise ConfigurationError(f"strategy {setup.name}: no fees are known for {venue}")
        asset = setup.fees[venue].asset
        if asset is not None and asset not in convertible:
            raise ConfigurationError(
                f"strategy {setup.name}: {venue} takes its fees in {asset}; "
                f"give comparison {comparison.name} a conversion for {asset} (a rate or a book)"
            )
    return setup.fees
