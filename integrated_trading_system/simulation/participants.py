"""Who trades on a simulated venue when nobody else does: a market maker and a crowd of takers.

They are accounts of the exchange like any other and go through the same matching; only they may owe.
"""

from heapq import heappush, heapreplace
from typing import Final

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ZERO, from_float, round_down
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.time import MILLISECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.coins import in_dollars
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.orders import NewOrder, Order
from integrated_trading_system.simulation.exchange.tape import Bar
from integrated_trading_system.simulation.market import Dislocations, Market

BPS: Final = 10_000


def populate(exchange: Exchange, market: Market, venue: VenueId) -> None:
    """Give the exchange its market: history, a full book at the start, and participants from then on."""
    exchange.attach(Participants(exchange, market, venue))


class Ladder:
    """The market maker's quotes in one symbol: a ladder of prices that the fair price climbs.

    Rung k stands at a fixed price, so a small move of the fair price touches only the best rungs.
    Rungs are `level_bps` apart on average, each off its place by its own constant, for looks.
    """

    def __init__(self, exchange: Exchange, state: SymbolState, market: Market, venue: VenueId, maker: Account) -> None:
        self._exchange = exchange
        self._listing = state.listing
        self._settings = market.settings
        self._maker = maker
        self._sizes = market.random(venue, self._listing.symbol, "sizes")
        reference, tick = float(self._listing.reference_price), float(self._listing.tick)
        self._tick = tick
        self._gap = max(1, round(reference * self._settings.level_bps / BPS / tick))
        """Ticks between two rungs."""
        lot = self._listing.notional(self._listing.reference_price, state.listing.lot)
        lots = self._settings.level_notional / float(lot * in_dollars(self._listing.quote))
        self._lots = max(1.0, lots)
        """Of an average level."""
        self._bids: dict[int, Order] = {}
        self._asks: dict[int, Order] = {}
        """By rung."""
        self._best = (0, 0)

    def follow(self, fair: float, now: Nanos) -> None:
        """Quote around this price."""
        half = fair * self._settings.spread_bps / (2 * BPS)
        bid, ask = self._rung_below(fair - half), self._rung_above(fair + half)
        levels = self._settings.levels
        if (bid, ask) != self._best:
            self._best = (bid, ask)
            self._withdraw(self._bids, bid - levels + 1, bid, now)
            self._withdraw(self._asks, ask, ask + levels - 1, now)
        for depth in range(levels):
            self._keep(Side.BUY, self._bids, bid - depth, depth, now)
            self._keep(Side.SELL, self._asks, ask + depth, depth, now)

    def refresh(self, side: Side, depth: int, now: Nanos) -> None:
        """Quote another quantity at one level."""
        rungs, rung = (self._bids, self._best[0] - depth) if side is Side.BUY else (self._asks, self._best[1] + depth)
        order = rungs.pop(rung, None)
        if order is not None and order.is_open:
            self._exchange.cancel(self._maker, order.order_id, now)
            self._quote(side, rungs, rung, depth, now)

    def lots(self, share: float) -> int:
        """A random number of lots, this share of a level on average; at least one."""
        return max(1, int(self._lots * share * self._sizes.expovariate(1.0)))

    def _keep(self, side: Side, rungs: dict[int, Order], rung: int, depth: int, now: Nanos) -> None:
        order = rungs.get(rung)
        if order is None or not order.is_open:
            self._quote(side, rungs, rung, depth, now)

    def _quote(self, side: Side, rungs: dict[int, Order], rung: int, depth: int, now: Nanos) -> None:
        price = self._listing.tick * self._ticks(rung)
        quantity = max(self._listing.quantity_min, self._listing.lot * self.lots(0.7 + 0.06 * depth))
        order = self._exchange.place(
            self._maker, NewOrder(symbol=self._listing.symbol, side=side, price=price, quantity=quantity), now
        )
        if isinstance(order, Order):
            rungs[rung] = order

    def _withdraw(self, rungs: dict[int, Order], lowest: int, highest: int, now: Nanos) -> None:
        for rung in [rung for rung in rungs if not lowest <= rung <= highest]:
            order = rungs.pop(rung)
            if order.is_open:
                self._exchange.cancel(self._maker, order.order_id, now)

    def _ticks(self, rung: int) -> int:
        """Price of a rung; strictly increasing."""
        return rung * self._gap + rung * rung * 7_919 % self._gap

    def _rung_below(self, price: float) -> int:
        ticks = price / self._tick
        rung = int(ticks // self._gap)
        return rung if self._ticks(rung) <= ticks else rung - 1

    def _rung_above(self, price: float) -> int:
        ticks = price / self._tick
        rung = int(ticks // self._gap)
        while self._ticks(rung) < ticks:
            rung += 1
        return rung


class Crowd:
    """One symbol's market: when something happens next, and what."""

    def __init__(
        self, exchange: Exchange, state: SymbolState, market: Market, venue: VenueId, accounts: tuple[Account, Account]
    ) -> None:
        maker, self._takers = accounts
        self._exchange = exchange
        self._state = state
        self._market = market
        self._random = market.random(venue, state.listing.symbol, "flow")
        self._lag = market.lag(venue)
        self._noise = 0.0
        self._reference = float(state.listing.reference_price)
        self._dislocations = Dislocations(
            market.random(venue, state.listing.base, "dislocations"), market.start, market.settings
        )
        self._ladder = Ladder(exchange, state, market, venue, maker)
        self._ladder.follow(self._fair(market.start), market.start)

    def next_event(self, now: Nanos) -> Nanos:
        """When the next one is."""
        pause = self._random.expovariate(self._market.settings.events_per_second) * SECOND
        return Nanos(now + max(MILLISECOND // 10, int(pause)))

    def act(self, now: Nanos) -> None:
        """Somebody trades, or the market maker changes its quotes. Always draws the same number of times."""
        random, settings = self._random, self._market.settings
        kind, side_draw, depth_draw, noise_draw = (
            random.random(),
            random.random(),
            random.random(),
            random.gauss(0.0, 1.0),
        )
        self._noise = 0.95 * self._noise + 0.31 * settings.noise_bps * noise_draw
        side = Side.BUY if side_draw < 0.5 else Side.SELL
        if kind < settings.trade_share:
            listing = self._state.listing
            quantity = max(listing.quantity_min, listing.lot * self._ladder.lots(0.25))
            request = NewOrder(symbol=listing.symbol, side=side, order_type=OrderType.MARKET, quantity=quantity)
            self._exchange.place(self._takers, request, now)
        else:
            self._ladder.follow(self._fair(now), now)
            self._ladder.refresh(side, int(settings.levels * depth_draw * depth_draw), now)

    def _fair(self, now: Nanos) -> float:
        """The fair price as it is seen here."""
        listing = self._state.listing
        fair = self._market.fair(listing.base, listing.quote, Nanos(now - self._lag)) * self._reference
        self._state.index_price = round_down(from_float(round(fair, 8)), listing.tick)
        return fair * (1.0 + (self._noise + self._dislocations.bps(now)) / BPS)


class Participants:
    """The `Flow` of one exchange."""

    def __init__(self, exchange: Exchange, market: Market, venue: VenueId) -> None:
        accounts = (Account("market-maker", {}, unlimited=True), Account("crowd", {}, unlimited=True))
        for account in accounts:
            exchange.admit(account)
        self._crowds: list[Crowd] = []
        self._due: list[tuple[Nanos, int]] = []
        for index, state in enumerate(exchange.symbols.values()):
            _preload(state, market)
            crowd = Crowd(exchange, state, market, venue, accounts)
            self._crowds.append(crowd)
            heappush(self._due, (crowd.next_event(market.start), index))

    def deadline(self) -> Nanos | None:
        return self._due[0][0] if self._due else None

    def step(self) -> None:
        now, index = self._due[0]
        crowd = self._crowds[index]
        crowd.act(now)
        heapreplace(self._due, (crowd.next_event(now), index))


def _preload(state: SymbolState, market: Market) -> None:
    """Candles from before the start that end at the reference price; every venue has the same ones."""
    settings, listing = market.settings, state.listing
    random = market.random("history", listing.base, listing.quote)
    tick, lot, dollars = float(listing.tick), float(listing.lot), float(in_dollars(listing.quote))
    deviation = settings.volatility_bps / BPS * 60**0.5
    minute = market.start - market.start % MINUTE
    volume_mean = 60 * settings.events_per_second * settings.trade_share * 0.25 * settings.level_notional
    close = float(listing.reference_price)
    bars: list[Bar] = []
    for back in range(1, settings.history_minutes + 1):
        opened = close / (1.0 + deviation * random.gauss(0.0, 1.0))
        high = max(opened, close) * (1.0 + deviation * abs(random.gauss(0.0, 0.5)))
        low = min(opened, close) * (1.0 - deviation * abs(random.gauss(0.0, 0.5)))
        worth = float(listing.multiplier) if listing.kind is Kind.INVERSE else close * dollars
        volume = listing.lot * round(volume_mean * random.uniform(0.5, 1.5) / worth / lot)
        prices = [listing.tick * round(price / tick) for price in (opened, high, low, close)]
        bar = Bar(
            opened_at=Nanos(minute - back * MINUTE), open=prices[0], high=prices[1], low=prices[2], close=prices[3]
        )
        value = state.tape.value(prices[3], volume) if listing.kind is Kind.INVERSE else volume * prices[3]
        bar.volume, bar.quote_volume = volume, value
        bar.taker_volume, bar.taker_quote_volume = volume / 2, value / 2
        bar.trades = random.randint(100, 300)
        bars.append(bar)
        close = opened
    state.tape.preload(bars[::-1])
    if state.marks is not None:
        told = [
            Bar(opened_at=bar.opened_at, open=bar.open, high=bar.high, low=bar.low, close=bar.close) for bar in bars
        ]
        state.marks.preload(told[::-1])
    state.tape.last_quantity = listing.lot if bars else ZERO
