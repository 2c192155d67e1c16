"""An arbitrage detector to be fed by hand: prices in, the best opportunity out.

It costs and sizes with the core strategy's own functions. What it does not have is what only the core
has: synchronised books, depth, balances. Its opportunities are therefore signals; the strategy
`arbitrage` in the configuration is what trades.
"""

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import permutations
from typing import Final

from msgspec import Struct

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import Asset, InstrumentId, PlanId, StrategyId, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO
from integrated_trading_system.domain.opportunity import Opportunity
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.facade.desk import exact
from integrated_trading_system.strategies.arbitrage.conversion import Unit
from integrated_trading_system.strategies.arbitrage.sizing import Costs, Priced, ladder, matched, priced
from integrated_trading_system.venues import catalog

TAKER_FEE_BPS: Final = Decimal(10)
"""Of an exchange whose fee was not given."""
UNLIMITED: Final = 1e15
STRATEGY: Final = StrategyId("by.hand")


class _Price(Struct, frozen=True):
    """The newest of one exchange."""

    exchange: str
    unit: Unit
    quote: Quote


class ArbitrageDetector:
    """Compares the same symbol on all exchanges it was told of."""

    def __init__(
        self,
        settings: ArbitrageSettings | None = None,
        taker_fee_bps: Mapping[str, Decimal | float] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Fees by exchange as it will be named, in basis points; 10 where none is given. `clock` in seconds."""
        self._settings = settings or ArbitrageSettings()
        self._fees = {name: exact(fee) / BPS for name, fee in (taker_fee_bps or {}).items()}
        self._clock = clock
        self._prices: dict[str, dict[str, _Price]] = {}
        self._detected = 0

    async def update_market_data(self, exchange: str, symbol: str, data: Mapping[str, float]) -> None:
        """The newest prices of a symbol: ``bid`` and ``ask``, or a ``price`` that stands for both.

        ``bid_size`` and ``ask_size`` limit the quantity where they are given; ``volume`` is of 24 hours and does
        not. Raises ConfigurationError for prices that are none.
        """
        bid, ask = float(data.get("bid") or data["price"]), float(data.get("ask") or data["price"])
        if not 0.0 < bid <= ask < float("inf"):
            raise ConfigurationError(f"{exchange} {symbol}: bid {bid} and ask {ask} cannot both be right")
        now = Nanos(int(self._clock() * SECOND))
        instrument = _instrument(exchange, symbol)
        sizes = (float(data.get("bid_size", UNLIMITED)), float(data.get("ask_size", UNLIMITED)))
        quote = Quote(instrument.instrument, bid, sizes[0], ask, sizes[1], 0, Nanos(0), now)
        self._prices.setdefault(symbol, {})[exchange] = _Price(exchange, Unit(instrument, ONE, ONE), quote)

    async def detect_price_arbitrage(self, symbol: str) -> Opportunity | None:
        """The direction that leaves most after both fees; None where none leaves `edge_bps_min`, or prices are old."""
        now = Nanos(int(self._clock() * SECOND))
        age_max = self._settings.quote_age_ms_max * MILLISECOND
        fresh = [price for price in self._prices.get(symbol, {}).values() if now - price.quote.received_at <= age_max]
        found = [
            (result, buy, sell)
            for buy, sell in permutations(fresh, 2)
            if (result := self._price(buy, sell)) is not None
        ]
        if not found:
            return None
        result, buy, sell = max(found, key=lambda one: one[0].edge)
        self._detected += 1
        return self._opportunity(symbol, result, buy, sell, now)

    def _price(self, buy: _Price, sell: _Price) -> Priced | None:
        """What buying here and selling there brings; None where that is too little, or too much to be true."""
        settings = self._settings
        bound = abs(buy.quote.received_at - sell.quote.received_at)
        if (sell.quote.bid / buy.quote.ask - 1.0) * 1e4 > settings.edge_bps_max:
            return None
        costs = Costs(
            buy_fee=self._fees.get(buy.exchange, TAKER_FEE_BPS / BPS),
            sell_fee=self._fees.get(sell.exchange, TAKER_FEE_BPS / BPS),
            decay=Decimal(bound) / MILLISECOND * settings.decay_bps_per_ms / BPS,
            edge_min=settings.edge_bps_min / BPS,
        )
        buys = ladder(buy.quote, Side.BUY, (), buy.unit)
        sells = ladder(sell.quote, Side.SELL, (), sell.unit)
        quantity = min(matched(buys, sells, costs), settings.notional_max / buys[0].value)
        if settings.quantity_max is not None:
            quantity = min(quantity, settings.quantity_max)
        return priced(buys, sells, quantity, costs) if quantity else None

    def _opportunity(self, symbol: str, result: Priced, buy: _Price, sell: _Price, now: Nanos) -> Opportunity:
        return Opportunity(
            plan_id=PlanId(f"{STRATEGY}-{symbol}-{self._detected}"),
            strategy=STRATEGY,
            comparison=symbol,
            buy=buy.quote.instrument,
            sell=sell.quote.instrument,
            quantity=result.quantity,
            buy_price=result.buy_average,
            sell_price=result.sell_average,
            gross_edge=result.gross,
            fees=result.fees,
            slippage=result.slippage,
            edge=result.edge,
            edge_bps=result.edge_bps,
            bound=Nanos(abs(buy.quote.received_at - sell.quote.received_at)),
            at=now,
            decay=result.decay,
        )


def _instrument(exchange: str, symbol: str) -> Instrument:
    """As much as is known of it: no tick, no lot, and whatever the symbol counts in."""
    try:
        venue = catalog.resolve(exchange)
        name = instrument_id(venue, symbol)
    except ConfigurationError:  # an exchange that this platform does not know can be compared all the same
        venue, name = VenueId(exchange), InstrumentId(f"{exchange}:{symbol}")
    asset = Asset("")
    return Instrument(
        instrument=name,
        venue=venue,
        symbol=symbol,
        base=asset,
        quote=asset,
        settle=asset,
        kind=Kind.SPOT,
        tick=ZERO,
        lot=ZERO,
    )
