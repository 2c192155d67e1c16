"""What all checks look at: a plan, what is known when it is asked, and what was set."""

from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import Purse
from integrated_trading_system.domain.ids import Asset, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.risk.codes import Denial
from integrated_trading_system.risk.exposure import NOTHING, Key
from integrated_trading_system.risk.funds import margins, needs, spends
from integrated_trading_system.risk.rates import sent_by
from integrated_trading_system.risk.repetition import Content, Shape, content_of, shape_of
from integrated_trading_system.risk.state import RiskState
from integrated_trading_system.risk.worth import Line


class Priced:
    """A leg, and the newest of what is known of its instrument."""

    __slots__ = ("ask", "bid", "instrument", "leg", "limit", "quote", "rate", "touch", "venue")

    def __init__(self, leg: Leg, line: Line, instrument: Instrument) -> None:
        """Of the line as it is now."""
        self.leg = leg
        self.instrument = instrument
        self.venue: VenueId = line.venue
        self.quote: Quote | None = line.quote
        self.bid, self.ask = line.bid, line.ask
        self.rate = line.rate
        self.limit = leg.price if leg.follows is None else leg.worst_price
        """The worst price at which its orders trade; a follower's orders go up to the end of its envelope."""
        self.touch = line.ask if leg.side is Side.BUY else line.bid
        """The best price that it could hit."""

    @property
    def crosses(self) -> bool:
        """Whether its orders trade at once."""
        if self.leg.order_type is OrderType.MARKET:
            return True
        return self.limit >= self.touch if self.leg.side is Side.BUY else self.limit <= self.touch


class Case:
    """One plan before the checks. The plan's shape has been found sound."""

    def __init__(self, plan: Plan, state: RiskState, limits: RiskSettings) -> None:
        """As of `state.now`."""
        self.plan = plan
        self.state = state
        self.limits = limits
        self.reducing = state.exposure.reduces(plan.legs)
        """Whether every leg brings its position nearer to nothing, whatever becomes of everything in flight."""
        self.shape: Shape = shape_of(plan)
        """By which it is recognised when it is repeated."""
        self.content: Content = content_of(plan)
        """By which it is recognised when it is the very same."""
        self.orders, self.messages = sent_by(plan)
        """How many it may send at most."""

    @cached_property
    def legs(self) -> tuple[Priced, ...]:
        """Its legs with prices. Not before it is known that every instrument is listed."""
        priced = []
        for leg in self.plan.legs:
            line = self.state.worths.look(leg.instrument)
            assert line is not None, "checked: it is listed"
            assert line.instrument is not None, "checked: it is listed"
            priced.append(Priced(leg, line, line.instrument))
        return tuple(priced)

    @cached_property
    def growth(self) -> "Growth":
        """What the plan adds to the sums. Its own instruments are at the newest prices, others as at the last look."""
        return Growth(self.plan, self.state)

    @cached_property
    def spends(self) -> list[tuple[Purse, Decimal]]:
        """What its spot legs take."""
        return spends(self.plan, self.state)

    @property
    def needs(self) -> list[tuple[Purse, Decimal]]:
        """What of that has to be there beforehand."""
        follows = any(leg.follows is not None for leg in self.plan.legs)
        return needs(self.plan, self.state) if follows else self.spends

    @cached_property
    def binds(self) -> list[tuple[Purse, Decimal]]:
        """What its derivative legs bind."""
        return margins(self.plan, self.state, self.limits)


class Growth:
    """By how much each worst case grows with a plan, all its legs in flight together; in the reporting currency."""

    __slots__ = ("assets", "instruments", "own", "total", "venues")

    def __init__(self, plan: Plan, state: RiskState) -> None:
        """Every instrument is listed, priced and has a rate."""
        exposure, lines, strategy = state.exposure, state.worths.lines, plan.strategy
        self.instruments: dict[InstrumentId, Decimal] = {}
        self.venues: dict[VenueId, Decimal] = {}
        self.assets: dict[Asset, tuple[Decimal, Decimal]] = {}
        self.own = self.total = ZERO
        for key, (up, down) in _moves(plan).items():
            line = lines[key[0]]
            unit, venue = line.unit, line.venue
            assert line.instrument is not None, "checked: it is listed"
            asset = line.instrument.base
            grown = exposure.holdings.get(key, NOTHING).growth(up, down) * unit
            self.total += grown
            self.own += exposure.by_strategy.get((strategy, *key), NOTHING).growth(up, down) * unit
            self.instruments[line.name] = self.instruments.get(line.name, ZERO) + grown
            self.venues[venue] = self.venues.get(venue, ZERO) + grown
            high, low = self.assets.get(asset, (ZERO, ZERO))
            self.assets[asset] = (high + up * unit, low - down * unit)


def _moves(plan: Plan) -> dict[Key, tuple[Decimal, Decimal]]:
    """How far up and down the plan may move each holding: several legs in one instrument count together."""
    moves: dict[Key, tuple[Decimal, Decimal]] = {}
    for leg in plan.legs:
        key = (leg.instrument, leg.account)
        up, down = moves.get(key, (ZERO, ZERO))
        moves[key] = (up + leg.quantity, down) if leg.side is Side.BUY else (up, down + leg.quantity)
    return moves


Check: TypeAlias = Callable[[Case], Denial | None]
"""One question. None: nothing against it."""


def above(what: str, found: Decimal, limit: Decimal) -> str:
    """For the detail of a denial."""
    return f"{what}: {plain(found)} is more than {plain(limit)}"
