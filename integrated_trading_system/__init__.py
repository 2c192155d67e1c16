"""Cross-exchange arbitrage: one sans-I/O machine, its drivers, and its simulators.

The names of the library face (`Orchestrator`, `MarketDataFeeder` …) are imported when they are first used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_FACE = {
    "ArbitrageDetector": "detector",
    "DataType": "data",
    "CoinConfig": "coins",
    "FeedStatus": "market_feed",
    "MarketDataFeeder": "feeder",
    "MarketDataService": "service",
    "MarketFeed": "market_feed",
    "OrderBook": "data",
    "OrderManagementSystem": "orders",
    "OrderOutcome": "desk",
    "Orchestrator": "platform",
    "PositionManagementSystem": "positions",
    "PriceTick": "coins",
    "RiskManager": "risk",
    "SubscriptionManager": "service",
    "Ticker": "data",
    "TradeEvent": "coins",
    "TradingOrchestrator": "platform",
}

__all__ = ["__version__", *_FACE]  # noqa: PLE0604 - the names are strings; types are in the stub beside this file


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"{__name__}.facade.{_FACE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
