"""Out of balance where a strategy pays with what it bought: by asset, over base and quote of all its spot fills.

ETHBTC bought with bitcoin that BTCUSDT brought is long of ether, and no longer of bitcoin. An asset is *passed on* when
the strategy's plans trade it both as a base and as a quote; what is never a base is cash. Amounts are what really came
in and went out, fees included, because each leg of a round trip is as small as the fee before it left.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import Asset, InstrumentId, StrategyId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.risk.worth import Line


class RoundTrips:
    """Of every strategy, what its fills took in and gave in quote, and paid in fees."""

    def __init__(self, currency: Asset) -> None:
        """`currency`: what is reckoned in, of which nothing is ever out of balance."""
        self._currency = currency
        self._traded: dict[StrategyId, dict[InstrumentId, None]] = {}
        """By plans of several legs."""
        self._flows: dict[StrategyId, dict[InstrumentId, Decimal]] = {}
        """Price times quantity, as the strategy's purse sees it."""
        self._fees: dict[StrategyId, dict[Asset, Decimal]] = {}

    def follow(self, plan: Plan) -> None:
        """Its strategy trades these legs together."""
        if len(plan.legs) > 1:
            self._traded.setdefault(plan.strategy, {}).update(dict.fromkeys(leg.instrument for leg in plan.legs))

    def fill(self, fill: Fill, strategy: StrategyId) -> None:
        """One more of the strategy's, also of earlier runs."""
        flows = self._flows.setdefault(strategy, {})
        paid = fill.side.sign * fill.price * fill.quantity
        flows[fill.instrument] = flows.get(fill.instrument, ZERO) - paid
        if fill.fee.amount:
            fees = self._fees.setdefault(strategy, {})
            fees[fill.fee.asset] = fees.get(fill.fee.asset, ZERO) + fill.fee.amount

    def worths(self, lines: Mapping[InstrumentId, Line]) -> dict[StrategyId, Decimal]:
        """Of strategies that pass assets on: the worth of what they are long of, or of what short, if that is more.

        Long of one asset does not make up for short of another, or half a round trip would look balanced.
        """
        found: dict[StrategyId, Decimal] = {}
        for strategy, names in self._traded.items():
            passed = _passed_on(names, lines)
            if not passed:
                continue
            worths = [
                amount * price
                for asset, amount in self._amounts(strategy, passed, lines).items()
                if asset != self._currency and (price := _price(asset, passed, lines)) is not None
            ]
            found[strategy] = max(
                sum((worth for worth in worths if worth > 0), ZERO),
                -sum((worth for worth in worths if worth < 0), ZERO),
            )
        return found

    def _amounts(
        self, strategy: StrategyId, passed: Mapping[Asset, None], lines: Mapping[InstrumentId, Line]
    ) -> dict[Asset, Decimal]:
        """What its fills left of each asset that is not cash."""
        amounts = dict.fromkeys(passed, ZERO)
        flows = self._flows.get(strategy, {})
        for name, line in lines.items():
            instrument, position = line.instrument, line.positions.get(strategy, ZERO)
            if instrument is None:
                continue
            if position:
                amounts[instrument.base] = amounts.get(instrument.base, ZERO) + _base(instrument, position, line)
            if instrument.quote in passed and instrument.kind is Kind.SPOT and name in flows:
                amounts[instrument.quote] += flows[name] * instrument.multiplier
        for asset, paid in self._fees.get(strategy, {}).items():
            if asset in amounts:
                amounts[asset] -= paid
        return amounts


def _passed_on(names: Iterable[InstrumentId], lines: Mapping[InstrumentId, Line]) -> dict[Asset, None]:
    """Assets that are the base of one of these instruments and the quote of another; spot, for only that delivers."""
    listed = [
        line.instrument for name in names if (line := lines.get(name)) is not None and line.instrument is not None
    ]
    bases = {one.base for one in listed}
    return {one.quote: None for one in listed if one.kind is Kind.SPOT and one.quote in bases}


def _base(instrument: Instrument, position: Decimal, line: Line) -> Decimal:
    """Base units; of INVERSE at the line's price."""
    if instrument.kind is not Kind.INVERSE:
        return position * instrument.multiplier
    return position * instrument.multiplier / line.mark if line.mark else ZERO


def _price(
    asset: Asset, passed: Mapping[Asset, None], lines: Mapping[InstrumentId, Line], seen: tuple[Asset, ...] = ()
) -> Decimal | None:
    """Worth of a unit, one for all places: where it is sold for cash, else by way of what it is sold for."""
    chained: Decimal | None = None
    for line in lines.values():
        instrument = line.instrument
        if instrument is None or instrument.base != asset or line.mark is None:
            continue
        if instrument.quote not in passed and line.rate is not None:
            return line.mark * line.rate
        if chained is None and instrument.quote in passed and instrument.quote not in seen:
            rate = _price(instrument.quote, passed, lines, (*seen, asset))
            chained = None if rate is None else line.mark * rate
    return chained
