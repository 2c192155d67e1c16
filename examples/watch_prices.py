"""Prices of two simulated venues for a few seconds: python examples/watch_prices.py."""

import asyncio

from integrated_trading_system import DataType, MarketDataFeeder, Ticker

CONFIG = {
    "market_data_feeder": {
        "binance": {"enabled": False, "symbols": ["BTCUSDT"]},  # False: use simulated data
        "bybit:linear": {"enabled": False, "symbols": ["BTCUSDT"]},
        "enable_historical_storage": False,
        "buffer_size": 1000,
    }
}


async def watch(tickers: int = 200, state_dir: str = "data/examples") -> dict[str, dict[str, float]]:
    """Until so many tickers came; the statistics then."""
    feeder = MarketDataFeeder({**CONFIG["market_data_feeder"], "state_dir": state_dir})
    enough = asyncio.Event()
    seen = 0

    async def on_ticker(ticker: Ticker) -> None:
        nonlocal seen
        seen += 1
        if seen % 20 == 1:
            print(f"{ticker.exchange:<13}{ticker.symbol}  {ticker.bid:10.2f} / {ticker.ask:10.2f}")
        if seen >= tickers:
            enough.set()

    feeder.add_callback(DataType.TICKER, on_ticker)
    async with feeder:
        await enough.wait()
        return feeder.get_performance_stats()


if __name__ == "__main__":
    for name, figures in asyncio.run(watch()).items():
        print(f"{name}: {figures['message_count']} messages, {figures['avg_latency_ms']:.2f} ms on average")
