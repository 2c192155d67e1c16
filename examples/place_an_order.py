"""Orders on a simulated venue: python examples/place_an_order.py (from the top of the repository)."""

import asyncio

from integrated_trading_system import (
    Orchestrator,
    OrderManagementSystem,
    OrderOutcome,
    PositionManagementSystem,
    RiskManager,
)


async def trade(*overrides: str) -> list[OrderOutcome]:
    """Buy, rest an order and cancel it, ask too much, close: what became of each."""
    quiet = ("strategies=[]", "http.enabled=false", "log.level=WARNING")
    async with Orchestrator("dev.yaml", [*quiet, *overrides]) as platform:
        oms, pms, risk = OrderManagementSystem(platform), PositionManagementSystem(platform), RiskManager(platform)
        bought = await oms.place_market_order("BTCUSDT", "buy", "0.01")
        position = pms.get_position("BTCUSDT")
        assert position is not None
        profit = position.calculate_unrealized_pnl(bought.average_price + 100)
        print(f"{position.id}: {position.quantity:f} at {position.average_price:.2f}; 100 higher it earns {profit:.2f}")

        resting = await oms.place_limit_order("BTCUSDT", "buy", "0.01", bought.average_price - 300)
        assert resting.client_order_id is not None
        cancelled = await oms.cancel_order(resting.client_order_id)
        too_much = await oms.place_market_order("BTCUSDT", "buy", 1000)
        print(f"a thousand: {too_much.status}, {too_much.code}: {too_much.reason}")

        exposure = risk.calculate_exposure("BTCUSDT", bought.average_price)
        print(f"exposure {exposure:.2f} of {risk.max_exposure_limit}")
        closed = await risk.trigger_position_reduction("BTCUSDT")
        return [bought, cancelled, too_much, *closed]


if __name__ == "__main__":
    for outcome in asyncio.run(trade()):
        print(f"{outcome.status:<10}{outcome.filled:f} at {outcome.average_price:.2f} {outcome.reason}")
