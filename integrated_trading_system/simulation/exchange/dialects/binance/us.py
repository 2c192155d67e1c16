"""Binance.US, server side: Binance spot of an earlier year, with listenKeys and with weights of its own."""

from typing import Any, Final

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.http import Route, Security, millis
from integrated_trading_system.simulation.exchange.dialects.binance.listen_keys import ListenKeys
from integrated_trading_system.simulation.exchange.dialects.binance.spot import BinanceSpot
from integrated_trading_system.simulation.exchange.dialects.binance.spot_feed import SpotQueries
from integrated_trading_system.simulation.exchange.dialects.binance.spot_trading import SpotTrading

PATH: Final = "/api/v3/userDataStream"


class BinanceUs(BinanceSpot):
    """Speaks Binance.US. An account's events come bare on ``/ws/<listenKey>``."""

    weight_max = 1200

    def routes(
        self, market: SpotQueries, trading: SpotTrading
    ) -> tuple[dict[tuple[str, str], Route], dict[str, Route]]:
        self._keys = ListenKeys(self.exchange.seed, self.call_at, self._expired, named=True)
        rest, methods = super().routes(market, trading)
        rest |= {
            ("GET", "/api/v3/exchangeInfo"): Route(market.exchange_info, 10),
            ("GET", "/api/v3/depth"): Route(market.depth, _depth_weight),
            ("GET", "/api/v3/trades"): Route(market.trades, 1),
            ("GET", "/api/v3/aggTrades"): Route(market.aggregate_trades, 1),
            ("GET", "/api/v3/klines"): Route(market.klines, 1),
            ("POST", PATH): Route(self._keys.create, 1, Security.KEY),
            ("PUT", PATH): Route(self._keys.keep_alive, 1, Security.KEY),
            ("DELETE", PATH): Route(self._keys.delete, 1, Security.KEY),
        }
        return rest, methods

    def tell(self, account: str, event: dict[str, Any]) -> None:
        key = self._keys.key_of(account)
        if key is not None:
            self._streams.publish(key, event)

    def _expired(self, key: str, now: Nanos) -> None:
        at = millis(self.venue_time(now))
        self._streams.publish(key, {"e": "listenKeyExpired", "E": at, "listenKey": key})


def _depth_weight(params: dict[str, str]) -> int:
    """1 up to 100 levels, 5 up to 500, 10 up to 1000, 50 beyond."""
    text = params.get("limit", "100")
    limit = int(text) if text.isdigit() else 100
    return 1 if limit <= 100 else 5 if limit <= 500 else 10 if limit <= 1000 else 50
