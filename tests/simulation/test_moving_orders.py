"""A strategy that moves its resting order, through risk, order management and the simulated venue and back."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.order import Order, OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.plan import AmendRefused, PlanDenied, PlanFinished
from integrated_trading_system.orchestrator.platform import OMS
from integrated_trading_system.simulation.exchange.orders import OrderState
from integrated_trading_system.strategies.strategy import Strategy
from tests.support.collector import Collector
from tests.support.virtual_platform import PERP, SPOT, VirtualPlatform, dev_settings

MOVES = 4


class Mover(Strategy):
    """Bids two percent below the market, and a tick more each time that its bid stands in the book."""

    subscriptions: ClassVar[tuple[type, ...]] = (Quote,)
    moves = 0
    begun = False

    def on_quote(self, quote: Quote) -> None:
        instrument = self.setup.comparison.instruments[0]
        if self.begun or self.trading is not TradingState.ACTIVE or quote.instrument != instrument:
            return
        if instrument in self.instruments:
            self.begun = True
            plan = self.order(instrument, Side.BUY, Decimal("0.01"), quote.bid * 0.98, time_in_force=TimeInForce.GTC)
            (leg,) = plan.legs
            tick = self.instruments[instrument].tick
            self.propose(replace(plan, legs=(replace(leg, worst_price=leg.price + (MOVES - 1) * tick),)))

    def on_plan_denied(self, denied: PlanDenied) -> None:
        self.begun = False  # the book was not proven yet

    def on_order(self, order: Order) -> None:
        if order.status is OrderStatus.WORKING and self.moves < MOVES:
            self.moves += 1
            tick = self.instruments[order.request.instrument].tick
            self.amend(order.request.plan_id, order.request.price + tick)


@pytest.mark.parametrize(("instrument", "other"), [(SPOT, PERP), (PERP, SPOT)])
def test_an_order_is_moved_as_far_as_its_worst_price_and_never_stands_twice(
    tmp_path: Path, instrument: str, other: str
) -> None:
    virtual = VirtualPlatform(
        dev_settings(
            tmp_path,
            comparisons=[{"name": "btc", "currency": "USDT", "members": [instrument, other]}],
            strategies=[
                {"name": "mover", "strategy": "tests.simulation.test_moving_orders:Mover", "comparison": "btc"}
            ],
            risk={"collar_bps_max": Decimal(500), "envelope_bps_max": Decimal(500)},
        )
    )
    heard = Collector()
    for kind in (AmendRefused, PlanFinished):
        virtual.platform.system.bus.subscribe(kind, heard)
    venue = VenueId(instrument.rpartition(":")[0])
    exchange = virtual.world.exchanges[venue]
    account = exchange.bank.accounts[str(virtual.platform.accounts[venue])]
    most = 0
    for _ in range(200):
        virtual.run(0.1)
        most = max(most, len(account.open))
    view = virtual.platform.system.view(OMS)
    over = sorted((order for order in account.closed.values()), key=lambda order: order.order_id)
    (last,) = account.open.values()
    assert most == 1, "never two of them in the book"
    assert [order.state for order in over] == [OrderState.CANCELLED] * (MOVES - 1)
    steps = [order.price for order in (*over, last)]
    assert [later - earlier for earlier, later in pairwise(steps)] == [exchange.symbols[last.symbol].listing.tick] * (
        MOVES - 1
    )
    assert "worst price" in heard.of(AmendRefused)[0].reason, "the last wish went beyond the envelope"
    assert heard.of(PlanFinished) == []
    assert (view.open, view.plans, view.submitted) == (1, 1, MOVES)
