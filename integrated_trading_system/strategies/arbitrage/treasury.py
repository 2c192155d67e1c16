"""The detector's eye on its capital: what flows where and what was missed, and the advice that follows from it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import Asset, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO, from_float
from integrated_trading_system.domain.opportunity import RebalanceAdvised
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.strategies.arbitrage.conversion import Rates
from integrated_trading_system.strategies.arbitrage.inventory import Inventory
from integrated_trading_system.strategies.arbitrage.rebalancing import Flows, Place, advise
from integrated_trading_system.strategies.strategy import StrategySetup


class Treasury:
    """Spot venues only: what lies at a derivatives venue is margin, and no flow of ours says how much it needs."""

    def __init__(
        self, setup: StrategySetup, settings: ArbitrageSettings, rates: Rates, inventory: Inventory, since: Nanos
    ) -> None:
        """Nothing was missed yet."""
        self._setup = setup
        self._costs = {Asset(asset): cost for asset, cost in settings.transfer_costs.items()}
        self._rates = rates
        self._inventory = inventory
        self._flows = Flows(since)

    def fill(self, fill: Fill, instrument: Instrument) -> None:
        """Money went one way, the asset the other."""
        if instrument.kind is not Kind.SPOT or self._setup.accounts.get(instrument.venue) != fill.account:
            return
        sign = fill.side.sign
        self._flows.move((instrument.venue, instrument.base), fill.quantity * instrument.multiplier * sign)
        self._flows.move((instrument.venue, instrument.quote), -sign * instrument.notional(fill.price, fill.quantity))

    def miss(self, instrument: Instrument, side: Side, edge: Decimal) -> None:
        """There was too little to buy with, or to sell."""
        if instrument.kind is Kind.SPOT:
            asset = instrument.quote if side is Side.BUY else instrument.base
            self._flows.miss((instrument.venue, asset), edge)

    def advice(self, instruments: Mapping[InstrumentId, Instrument], now: Nanos) -> Iterator[RebalanceAdvised]:
        """One for each asset of which something should be moved."""
        places: dict[Asset, dict[VenueId, Decimal | None]] = {}
        for name in self._setup.comparison.instruments:
            one = instruments.get(name)
            if one is None or one.kind is not Kind.SPOT or one.venue not in self._setup.accounts:
                continue
            places.setdefault(one.base, {})[one.venue] = self._price(one)
            places.setdefault(one.quote, {})[one.venue] = self._rates.rate(one.quote)
        for asset, venues in places.items():
            found = self._advise(asset, venues, now)
            if found is not None:
                yield found

    def _advise(self, asset: Asset, venues: Mapping[VenueId, Decimal | None], now: Nanos) -> RebalanceAdvised | None:
        where: list[Place] = [(venue, asset) for venue in venues]
        stocks = [self._flows.stock(place, free, now) for place in where if (free := self._free(place)).is_finite()]
        cost = self._costs.get(asset, ZERO)
        move = advise(stocks, cost)
        worth = None if move is None else venues[move.source]
        if move is None or worth is None:
            return None
        self._flows.advised(where)
        return RebalanceAdvised(
            strategy=self._setup.name,
            comparison=self._setup.comparison.name,
            asset=asset,
            source=move.source,
            target=move.target,
            quantity=move.quantity,
            dry_in=move.dry_in,
            cost=cost * worth,
            missed=move.missed,
            pays=move.missed > cost * worth,
            at=now,
        )

    def _free(self, place: Place) -> Decimal:
        return self._inventory.free(*place)

    def _price(self, instrument: Instrument) -> Decimal | None:
        """What a unit of its base is worth in the Comparison's currency."""
        bids = self._setup.books.depth(instrument.instrument, Side.SELL, 1)
        rate = self._rates.rate(instrument.quote)
        return from_float(bids[0][0]) * rate if bids and rate is not None else None
