"""Coins at one price each, from whichever exchange is well: python examples/watch_coins.py."""

import asyncio
from typing import Any

from integrated_trading_system import FeedStatus, MarketFeed, PriceTick

CONFIG = {"mode": "dev", "state_dir": "data/examples"}  # simulated; without `mode` the exchanges' live data


async def watch(ticks: int = 50, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """Until so many prices came; where the feed stands then."""
    feed = MarketFeed(["BTC", "ETH", "SOL"], exchange="bybit", config={**CONFIG, **(config or {})})
    enough = asyncio.Event()
    seen = 0

    def on_price(tick: PriceTick) -> None:
        nonlocal seen
        seen += 1
        if seen % 10 == 1:
            print(f"{tick.coin:<4}{tick.price:12.2f}  {tick.change_24h:+.2f} %")
        if seen >= ticks:
            enough.set()

    async def on_status(status: FeedStatus) -> None:
        print(f"{status.event} {status.coin or status.exchange}: {status.detail}")

    feed.subscribe_price(on_price)
    feed.subscribe_status(on_status)
    async with feed:
        await enough.wait()
        return {**feed.get_status(), "prices": feed.get_all_prices()}


if __name__ == "__main__":
    print(asyncio.run(watch()))
