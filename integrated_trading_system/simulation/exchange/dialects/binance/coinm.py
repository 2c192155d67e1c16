"""Binance COIN-M futures, server side, market data only: REST ``/dapi``, streams ``/ws`` and ``/stream``.

Quantities are contracts of so many dollars each; where USD-M tells an amount in quote units, base units are
told here. The platform does not trade there, so nothing that takes a signature is served.
"""

from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import DAY, Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.binance.guard import Guard, Router
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Failure, Route
from integrated_trading_system.simulation.exchange.dialects.binance.streams import Streams
from integrated_trading_system.simulation.exchange.dialects.binance.usdm import (
    MESSAGES_PER_SECOND,
    WEIGHT_MAX,
    depth_weight,
    klines_weight,
)
from integrated_trading_system.simulation.exchange.dialects.binance.usdm_feed import UsdmFeed, UsdmQueries
from integrated_trading_system.simulation.exchange.events import BookChanged, ExchangeEvent, TradeHappened
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.service import VenueService

SPAN_MAX_MS: Final = 200 * DAY // 1_000_000
"""The venue tells no more than 200 days at once."""


class CoinmFeed(UsdmFeed):
    """Streams of COIN-M."""

    product = 2

    def pair(self, state: SymbolState) -> str:
        return f"{state.listing.base}{state.listing.quote}"


class CoinmQueries(UsdmQueries):
    """Public REST of COIN-M."""

    def exchange_info(self, call: Call) -> Any:
        info = super().exchange_info(call)
        return {name: value for name, value in info.items() if name not in ("futuresType", "assets")}

    def symbol_row(self, state: SymbolState) -> dict[str, Any]:
        row, listing = super().symbol_row(state), state.listing
        row |= {
            "pair": f"{listing.base}{listing.quote}",
            "contractStatus": row.pop("status"),
            "contractSize": int(listing.multiplier),
        }
        return row | {"filters": [each for each in row["filters"] if each["filterType"] != "MIN_NOTIONAL"]}

    def klines(self, call: Call) -> Any:
        return super().klines(_within_200_days(call))

    def mark_klines(self, call: Call) -> Any:
        return super().mark_klines(_within_200_days(call))


class BinanceCoinm(VenueService):
    """Speaks Binance COIN-M futures for an exchange. `clock_offset`: its clock minus true time."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset)
        guard = Guard(exchange, WEIGHT_MAX, ())
        self._streams = Streams(self.send, self._start, MESSAGES_PER_SECOND)
        self._feed = CoinmFeed(exchange, self._streams, self)
        self._router = Router(guard, _routes(CoinmQueries(exchange, self._feed, guard)))

    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return self._router.answer(request, now, self.venue_time(now))

    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        accepted = self._streams.open(link, path, query)
        if accepted:
            self.call_at(Nanos(now + DAY), lambda due: self._cut(link, due))
        return accepted

    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        if link in self._streams and not self._streams.receive(link, frame, now):
            self.close(link, now)

    def forget(self, link: LinkId, now: Nanos) -> None:
        self._streams.close(link)

    def on_event(self, event: ExchangeEvent) -> None:
        match event:
            case TradeHappened():
                self._feed.on_trade(event)
            case BookChanged():
                self._feed.on_book(event)
            case _:
                pass  # nobody has an account here

    def _start(self, name: str) -> None:
        self._feed.start(name)

    def _cut(self, link: LinkId, now: Nanos) -> None:
        """The venue's rule: "a single connection is only valid for 24 hours"."""
        if link in self._streams:
            self.close(link, now)


def _within_200_days(call: Call) -> Call:
    begin, end = call.span()
    if "startTime" in call.params and "endTime" in call.params and end - begin > SPAN_MAX_MS:
        raise Failure(-1130, "Data sent for parameter 'startTime' is not valid.")
    return call


def _routes(market: CoinmQueries) -> dict[tuple[str, str], Route]:
    def many(one: int, every: int) -> Callable[[dict[str, str]], int]:
        return lambda params: one if params.get("symbol") else every

    rows = {
        "ping": Route(market.ping),
        "time": Route(market.time),
        "exchangeInfo": Route(market.exchange_info),
        "depth": Route(market.depth, depth_weight),
        "trades": Route(market.trades, 5),
        "aggTrades": Route(market.aggregate_trades, 20),
        "klines": Route(market.klines, klines_weight),
        "markPriceKlines": Route(market.mark_klines, klines_weight),
        "premiumIndex": Route(market.premium_index, 10),
        "fundingRate": Route(market.funding_rates, 1),
        "openInterest": Route(market.open_interest),
        "ticker/24hr": Route(market.day, many(1, 40)),
        "ticker/price": Route(market.price, many(1, 2)),
        "ticker/bookTicker": Route(market.quote, many(2, 5)),
    }
    return {("GET", f"/dapi/v1/{path}"): route for path, route in rows.items()}
