"""The paper account, whatever is asked of it: it takes what the book shows, once, and its money adds up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.execution import (
    BalancesReported,
    Fill,
    OrderAccepted,
    OrderDone,
    OrderRejected,
)
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
)
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed, Kind
from integrated_trading_system.domain.market import Level
from integrated_trading_system.domain.money import ZERO, round_down
from integrated_trading_system.domain.order import (
    OrderRequest,
    OrderStatus,
    OrderType,
    QueryBalances,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.pms.ledger import Ledger, Purse
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.observed import ObservedBooks
from integrated_trading_system.simulation.paper import PaperAccount, PaperTerms
from tests.support.collector import Collector

VENUE, ACCOUNT, NAME = VenueId("binance:spot"), AccountId("binance:spot/main"), ActorName("paper")
LOT, TICK = Decimal("0.1"), Decimal(1)
LATENCY = Nanos(5 * MILLISECOND)
START = {Asset("USDT"): Decimal(202), Asset("BTC"): Decimal(2)}


def instrument(kind: Kind) -> Instrument:
    base, quote = Asset("BTC"), Asset("USDT")
    return Instrument(
        instrument=InstrumentId("binance:spot:X"),
        venue=VENUE,
        symbol="X",
        base=base,
        quote=quote,
        settle=base if kind is Kind.INVERSE else quote,
        kind=kind,
        tick=TICK,
        lot=LOT,
        multiplier=Decimal(10) if kind is Kind.INVERSE else Decimal(1),
    )


class Market:
    """Levels as the venue shows them. No size is ever shown twice, so that every update is a change."""

    def __init__(self) -> None:
        self._levels: dict[tuple[Side, int], float] = {}
        self._taken: dict[tuple[Side, int], Decimal] = {}
        self._updates = 0

    def show(self, side: Side, distance: int, lots: int) -> None:
        """A level `distance` ticks from 100, of about so many lots; none with 0. `side` is that of our order."""
        self._updates += 1
        price = 100 + distance * side.sign
        self._levels.pop((side, price), None)
        self._taken.pop((side, price), None)
        if lots:
            self._levels[side, price] = lots / 10 + self._updates / 1_000

    def depth(self, _: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        mine = [(float(price), size) for (of, price), size in self._levels.items() if of is side]
        return tuple(sorted(mine, key=lambda level: level[0] * side.sign)[:limit])

    def left(self, side: Side, limit: Decimal) -> Decimal:
        """What an order could still take within its limit, in whole lots of each level."""
        return sum((one for _, one in self._within(side, limit)), ZERO)

    def _within(self, side: Side, limit: Decimal) -> list[tuple[int, Decimal]]:
        return [
            (price, round_down(Decimal(str(size)) - self._taken.get((side, price), ZERO), LOT))
            for (of, price), size in self._levels.items()
            if of is side and (limit - price) * side.sign >= 0
        ]

    def take(self, side: Side, fill: Fill) -> None:
        """Note it; fails where more is taken than was shown since the last update."""
        key = (side, int(fill.price))
        self._taken[key] = self._taken.get(key, ZERO) + fill.quantity
        assert self._taken[key] <= Decimal(str(self._levels[key]))


@dataclass
class Desk:
    """One paper account and who asks of it."""

    kind: Kind
    fee_bps: Decimal
    recovered: tuple[Fill, ...] = ()
    market: Market = field(default_factory=Market)

    def __post_init__(self) -> None:
        self.listed = instrument(self.kind)
        self.out = Collector()
        self.system = System()
        terms = PaperTerms(latency=LATENCY, taker_fee_bps=self.fee_bps, balances=START)
        books = ObservedBooks(self.market)
        self.system.spawn(NAME, lambda: PaperAccount(VENUE, ACCOUNT, terms, books, self.out, self.recovered))
        self.system.start(Nanos(SECOND))
        self.ask(InstrumentsListed(VENUE, (self.listed,)))
        self._orders = len(self.recovered)

    def ask(self, message: Any) -> list[Any]:
        """All answers to one message."""
        self.out.take()
        self.system.tell(NAME, message)
        self.system.run(self.system.now)
        for _ in range(3):
            self.system.run(Nanos(self.system.now + LATENCY))
        return self.out.take()

    def submit(self, side: Side, price: int, lots: int, **changes: Any) -> tuple[OrderRequest, list[Any]]:
        self._orders += 1
        request = OrderRequest(
            client_order_id=ClientOrderId(f"order-{self._orders}"),
            instrument=self.listed.instrument,
            account=ACCOUNT,
            side=side,
            order_type=changes.get("order_type", OrderType.LIMIT),
            price=Decimal(price),
            quantity=lots * LOT,
            time_in_force=changes.get("time_in_force", TimeInForce.IOC),
            strategy=StrategyId("s"),
            plan_id=PlanId("p"),
            leg=0,
            post_only=changes.get("post_only", False),
        )
        return request, self.ask(SubmitOrder(request, Nanos(self.system.now + SECOND)))

    def report(self) -> BalancesReported:
        (report,) = self.ask(QueryBalances(ACCOUNT))
        assert isinstance(report, BalancesReported)
        return report


sides = st.sampled_from(Side)
updates = st.tuples(st.just("show"), sides, st.integers(1, 4), st.integers(0, 20))
orders = st.tuples(
    st.just("order"),
    sides,
    st.integers(0, 5),
    st.integers(1, 30),
    st.sampled_from([TimeInForce.IOC, TimeInForce.IOC, TimeInForce.FOK]),
)
stories = st.lists(st.one_of(updates, orders), min_size=4, max_size=40)
"""Levels 1 to 4 ticks from 100 change; orders reach 0 to 5 ticks from 100, on their own side of it."""
fees = st.sampled_from([Decimal(0), Decimal("7.5"), Decimal(-1)])


def play(desk: Desk, story: list[Any], check: Callable[[OrderRequest, list[Any]], None]) -> list[Fill]:
    """Tell the story; `check` sees every order with its answers. All fills."""
    fills: list[Fill] = []
    for what, *arguments in story:
        if what == "show":
            desk.market.show(*arguments)
            continue
        side, reach, lots, duration = arguments
        request, answers = desk.submit(side, 100 + reach * side.sign, lots, time_in_force=duration)
        check(request, answers)
        mine = [answer for answer in answers if type(answer) is Fill]
        for fill in mine:
            desk.market.take(side, fill)
        fills += mine
    return fills


@given(stories, fees)
def test_an_order_takes_what_is_left_within_its_limit_and_nothing_else(story: list[Any], fee: Decimal) -> None:
    """What was consumed stays consumed until the venue changes the level; what it shows anew can be taken again."""
    desk = Desk(Kind.LINEAR, fee)

    def check(request: OrderRequest, answers: list[Any]) -> None:
        fills = [answer for answer in answers if type(answer) is Fill]
        filled = sum((fill.quantity for fill in fills), ZERO)
        left = desk.market.left(request.side, request.price)
        if request.time_in_force is TimeInForce.FOK:
            assert filled == (request.quantity if left >= request.quantity else ZERO)
        else:
            assert filled == min(request.quantity, left)
        assert all((request.price - fill.price) * request.side.sign >= 0 for fill in fills)
        prices = [fill.price * request.side.sign for fill in fills]
        assert prices == sorted(prices), "best first"
        assert all(fill.quantity > 0 and fill.quantity % LOT == 0 for fill in fills)

    play(desk, story, check)


@given(stories, fees, st.sampled_from(Kind))
def test_every_order_is_answered_to_its_end_once(story: list[Any], fee: Decimal, kind: Kind) -> None:
    def check(request: OrderRequest, answers: list[Any]) -> None:
        if type(answers[0]) is OrderRejected:
            assert len(answers) == 1
            return
        first, *fills, last = answers
        assert type(first) is OrderAccepted
        assert type(last) is OrderDone
        assert last.venue_filled == sum((fill.quantity for fill in fills), ZERO)
        whole = last.venue_filled == request.quantity
        assert last.status is (OrderStatus.FILLED if whole else OrderStatus.EXPIRED)
        assert {answer.client_order_id for answer in answers} == {request.client_order_id}

    play(Desk(kind, fee), story, check)


def ignore(_: OrderRequest, __: list[Any]) -> None: ...


@given(stories, fees, st.sampled_from(Kind))
def test_balances_and_positions_are_those_of_an_independent_ledger(story: list[Any], fee: Decimal, kind: Kind) -> None:
    """What the account reports is where it began, and what its fills did by the ledger of the platform."""
    desk, ledger = Desk(kind, fee), Ledger()
    for fill in play(desk, story, ignore):
        ledger.book(fill, desk.listed)
    report = desk.report()
    assert report.complete
    assert {one.asset: one.free + one.locked for one in report.balances} == {
        asset: amount + ledger.flow(Purse(VENUE, ACCOUNT, asset)) for asset, amount in START.items()
    }
    held = {one.instrument.instrument: one.quantity for one in ledger if one.quantity}
    assert {one.instrument: one.quantity for one in report.positions} == ({} if kind is Kind.SPOT else held)


@given(stories, fees)
def test_a_spot_account_never_owes(story: list[Any], fee: Decimal) -> None:
    desk = Desk(Kind.SPOT, fee)
    for index in range(len(story)):
        play(desk, story[index : index + 1], ignore)
        assert all(balance.free >= 0 for balance in desk.report().balances)


@given(stories, stories, fees, st.sampled_from(Kind))
def test_the_next_run_has_the_same_money_and_never_repeats_a_trade_id(
    story: list[Any], later: list[Any], fee: Decimal, kind: Kind
) -> None:
    before = Desk(kind, fee)
    fills = play(before, story, ignore)
    after = Desk(kind, fee, recovered=tuple(fills))
    one, other = before.report(), after.report()
    assert (other.balances, other.positions) == (one.balances, one.positions)
    fills += play(after, later, ignore)
    assert len({fill.trade_id for fill in fills}) == len(fills)


def test_a_buy_with_the_last_money_is_refused_when_its_fee_is_not_covered() -> None:
    for fee, last in ((Decimal("7.5"), OrderRejected), (ZERO, OrderDone)):
        desk = Desk(Kind.SPOT, fee)
        desk.market.show(Side.BUY, 1, 30)
        _, answers = desk.submit(Side.BUY, 101, 20)  # for 202, which is all there is
        assert type(answers[-1]) is last


def test_orders_that_would_rest_are_refused_by_name() -> None:
    desk = Desk(Kind.SPOT, ZERO)
    desk.market.show(Side.BUY, 1, 10)
    for changes in ({"time_in_force": TimeInForce.GTC}, {"post_only": True}):
        _, answers = desk.submit(Side.BUY, 105, 1, **changes)
        assert [type(answer) for answer in answers] == [OrderRejected]
        assert "do not rest" in answers[0].reason
    _, answers = desk.submit(Side.BUY, 105, 1, order_type=OrderType.MARKET, time_in_force=TimeInForce.GTC)
    assert type(answers[-1]) is OrderDone
