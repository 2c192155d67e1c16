"""A thousand resting orders and a halt: the venues' own limits hold, and in the end nothing of ours is open."""

from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.health import Halt, TradingState
from integrated_trading_system.domain.http import HttpCall, HttpReply
from integrated_trading_system.domain.ids import PlanId, StrategyId, VenueId
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.domain.plan import ApprovedPlan, HedgePolicy, Leg, Plan
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.platform import OMS, RISK
from integrated_trading_system.simulation.exchange.orders import NewOrder
from integrated_trading_system.simulation.exchange.orders import Order as PlacedOrder
from tests.support.collector import Collector
from tests.support.virtual_platform import VirtualPlatform, dev_settings

ORDERS = 1_000
COINS = ("BTC", "ETH", "SOL", "BNB", "XRP")
SYMBOLS = {
    "binance:spot": "{}USDT",
    "binance:usdm": "{}USDT",
    "bybit:linear": "{}USDT",
    "okx:spot": "{}-USDT",
    "backpack:spot": "{}_USDC",
}
PER_SECOND = {"binance:spot": 9, "binance:usdm": 18, "bybit:linear": 9, "okx:spot": 25, "backpack:spot": 12}
"""Orders that the venue takes."""


class Crowd:
    """A platform on one venue, with a thousand orders of ours in five books."""

    def __init__(self, folder: Path, venue: str, orders: int = ORDERS) -> None:
        symbols = [SYMBOLS[venue].format(coin) for coin in COINS]
        self.virtual = VirtualPlatform(
            dev_settings(
                folder,
                venues={venue: {"symbols": symbols, "streams": ["quotes"]}},
                comparisons=[],
                strategies=[],
                simulation={"updates_per_second": 0.2},
            )
        )
        self.venue = VenueId(venue)
        self.system, self.world = self.virtual.platform.system, self.virtual.world
        self.exchange = self.world.exchanges[self.venue]
        self.account = self.exchange.bank.accounts[str(self.virtual.platform.accounts[self.venue])]
        self.calls: list[HttpCall] = []
        self.refusals: list[HttpReply] = []
        self.news = Collector()
        self.system.bus.subscribe(InstrumentsListed, self.news)
        self._listen()
        self._place(orders)

    def _listen(self) -> None:
        perform = self.world.perform

        def noted(effect: Effect, now: Nanos) -> None:
            if isinstance(effect, HttpCall):
                self.calls.append(effect)
            perform(effect, now)

        def told(actor: Any, message: Any) -> None:
            if isinstance(message, HttpReply) and refused(message):
                self.refusals.append(message)
            self.system.tell(actor, message)

        self.world.perform = noted  # type: ignore[method-assign]  # what is noted is done
        self.world.connect_core(told)

    def _place(self, orders: int) -> None:
        """As fast as the venue takes them."""
        for _ in range(120):
            self.virtual.run(0.5)
            if self.system.view(RISK).trading is TradingState.ACTIVE:
                break
        (listed,) = self.news.of(InstrumentsListed)
        for number in range(orders):
            self.system.tell(OMS, ApprovedPlan(plan=self._plan(number, listed.instruments), approved_at=self.now))
            if number % PER_SECOND[self.venue] == PER_SECOND[self.venue] - 1:
                self.virtual.run(1.1)
        self.virtual.run(11)
        assert len(self.account.open) == orders == self.system.view(OMS).open
        self.calls.clear()

    def _plan(self, number: int, instruments: tuple[Instrument, ...]) -> Plan:
        of = instruments[number % len(instruments)]
        middle = self.exchange.symbols[of.symbol].listing.reference_price
        price = of.round_price(middle * 9 / 10, Side.BUY)
        least = max(of.quantity_min, of.lot)
        quantity = least
        while of.refusal(price, quantity) is not None:
            quantity *= 2
        leg = Leg(
            instrument=of.instrument,
            account=self.virtual.platform.accounts[self.venue],
            side=Side.BUY,
            quantity=quantity,
            price=price,
            worst_price=price,
            unwind_price=price,
            time_in_force=TimeInForce.GTC,
        )
        return Plan(
            plan_id=PlanId(f"rests-{number}"),
            strategy=StrategyId("test"),
            legs=(leg,),
            policy=HedgePolicy.CANCEL,
            hedge_orders_max=0,
            created_at=self.now,
            submit_by=Nanos(self.now + SECOND),
            hedge_by=Nanos(self.now + SECOND),
        )

    @property
    def now(self) -> Nanos:
        return self.virtual.now

    def place_by_hand(self) -> int:
        """An order of somebody else on our account; seen by the OMS a minute later at most."""
        order = next(iter(self.account.open.values()))
        placed = self.exchange.place(
            self.account,
            NewOrder(
                symbol=order.symbol,
                side=Side.BUY,
                order_type=order.order_type,
                quantity=order.quantity,
                price=order.price,
                client_id="by-hand",
            ),
            self.exchange.now,
        )
        self.virtual.run(61)
        self.calls.clear()
        assert isinstance(placed, PlacedOrder), placed
        return placed.order_id

    def halt(self, seconds_max: int) -> int:
        """How many seconds until nothing of ours is open, at the venue and for us."""
        self.system.tell(RISK, Halt("test", "test"))
        for second in range(1, seconds_max + 1):
            self.virtual.run(1)
            if self.system.view(OMS).open == 0:
                return second
        raise AssertionError(f"{self.system.view(OMS).open} orders are still open after {seconds_max} s")

    def cancels(self) -> dict[str, int]:
        purposes = [call.purpose for call in self.calls if call.purpose.startswith("cancel")]
        return {purpose: purposes.count(purpose) for purpose in dict.fromkeys(purposes)}


def refused(reply: HttpReply) -> bool:
    """Whether a limit of the venue was broken."""
    words = (b'"retCode":10006', b'"50011"', b"Rate limit", b"too frequent", b"TOO_MANY", b'"10006"')
    return reply.status in (429, 418, 403) or any(word in reply.body for word in words)


@pytest.mark.parametrize(
    ("venue", "calls"),
    [
        ("binance:spot", {"cancel_all": 5}),
        ("binance:usdm", {"cancel_all": 5}),
        ("bybit:linear", {"cancel_all": 5}),
        ("okx:spot", {"cancel_batch": 50}),
        ("backpack:spot", {"cancel_all": 5}),
    ],
)
def test_a_halt_takes_a_thousand_orders_away_within_the_venues_limits(
    tmp_path: Path, venue: str, calls: dict[str, int]
) -> None:
    crowd = Crowd(tmp_path, venue)
    crowd.refusals.clear()
    crowd.halt(30)
    assert not crowd.account.open
    assert crowd.refusals == []
    assert crowd.cancels() == calls


def test_where_somebody_else_has_an_order_only_ours_are_cancelled_in_batches(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, "binance:usdm", ORDERS - len(COINS))
    by_hand = crowd.place_by_hand()
    crowd.refusals.clear()
    crowd.halt(30)
    assert list(crowd.account.open) == [by_hand]
    assert crowd.refusals == []
    assert crowd.cancels() == {"cancel_batch": 100}
    (external,) = crowd.system.view(OMS).external_orders
    assert (external.client_order_id, external.side, external.remaining) == (
        "by-hand",
        Side.BUY,
        crowd.account.open[by_hand].quantity,
    )
