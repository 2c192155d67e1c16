"""Best prices of just those symbols that are needed: python examples/best_prices.py."""

import asyncio
from typing import Any

from integrated_trading_system import MarketDataService, SubscriptionManager

CONFIG = {"mode": "dev", "state_dir": "data/examples"}  # simulated; without `mode` live data of Binance USD-M


async def follow(config: dict[str, Any] | None = None) -> dict[str, dict[str, float]]:
    """The prices of what was needed, first and then."""
    prices: dict[str, dict[str, float]] = {}
    async with MarketDataService({**CONFIG, **(config or {})}) as service:
        manager = SubscriptionManager(service)
        for positions, algorithms in ((["BTCUSDT"], ["ETHUSDT"]), ([], ["ETHUSDT"])):
            manager.update_required_symbols(positions, algorithms)  # starts what is new, stops what is not needed
            for symbol in manager.required:
                while (top := service.get_l1(symbol)) is None:  # noqa: ASYNC110 - until the book is proven
                    await asyncio.sleep(0.02)
                prices[symbol] = top
                print(f"{symbol:<8}{top['bid']:12.2f} / {top['ask']:.2f}")
            print("streams:", ", ".join(service.symbols))
    return prices


if __name__ == "__main__":
    asyncio.run(follow())
