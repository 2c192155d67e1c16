"""Public REST of Kraken: what is listed, books, trades, candles, tickers, the clock."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MICROSECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.kraken.http import Call, Failure, fixed, invalid, stamp
from integrated_trading_system.simulation.exchange.dialects.kraken.rows import (
    OLD_NAMES,
    Rows,
    altname,
    old_asset,
    pair_key,
)
from integrated_trading_system.simulation.exchange.events import PriceLevel, TradeHappened
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar

MINUTES: Final = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
CANDLES_MAX: Final = 720
DEPTH_MAX: Final = 500
TRADES_MAX: Final = 1000


class Queries:
    """Handlers of public requests."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._exchange = rows.exchange

    def routes(self) -> dict[str, Callable[[Call], Any]]:
        """By endpoint."""
        return {
            "Time": self.time,
            "SystemStatus": self.status,
            "Assets": self.assets,
            "AssetPairs": self.pairs,
            "Depth": self.depth,
            "Trades": self.trades,
            "OHLC": self.candles,
            "Ticker": self.ticker,
        }

    def time(self, call: Call) -> Any:
        """Whole seconds only."""
        return {"unixtime": call.venue_now // SECOND, "rfc1123": ""}

    def status(self, call: Call) -> Any:
        return {"status": "online", "timestamp": stamp(call.venue_now)}

    def assets(self, call: Call) -> Any:
        names = {
            asset for state in self._exchange.symbols.values() for asset in (state.listing.base, state.listing.quote)
        }
        return {
            old_asset(name): {
                "aclass": "currency",
                "altname": OLD_NAMES.get(name, name),
                "decimals": 10,
                "display_decimals": 5,
                "status": "enabled",
            }
            for name in sorted(names)
        }

    def pairs(self, call: Call) -> Any:
        """All, or those of ``pair``."""
        wanted = [name for name in call.optional("pair").split(",") if name]
        chosen = [self._pair(name) for name in wanted] or list(self._exchange.symbols.values())
        return {pair_key(state.listing): self._listing(state) for state in chosen}

    def depth(self, call: Call) -> Any:
        """Prices with five decimals, quantities with three, seconds: not what the stream prints."""
        state = self._pair(call.text("pair"))
        view = self._exchange.depth(state.listing.symbol, min(max(call.integer("count", 100), 1), DEPTH_MAX))
        second = self._rows.venue_time(view.time) // SECOND

        def rows(levels: tuple[PriceLevel, ...]) -> list[Any]:
            return [[fixed(price, 5), plain(size), second] for price, size in levels]

        return {pair_key(state.listing): {"asks": rows(view.asks), "bids": rows(view.bids)}}

    def trades(self, call: Call) -> Any:
        state = self._pair(call.text("pair"))
        since, count = call.integer("since", 0), min(max(call.integer("count", TRADES_MAX), 1), TRADES_MAX)
        prints = [trade for trade in state.tape.trades if self._rows.venue_time(trade.time) > since][-count:]
        last = self._rows.venue_time(prints[-1].time) if prints else since
        return {pair_key(state.listing): [self._print(trade) for trade in prints], "last": str(last)}

    def candles(self, call: Call) -> Any:
        """The newest 720, whatever ``since`` says, and the open one is always the last of them."""
        state = self._pair(call.text("pair"))
        minutes = call.integer("interval", 1)
        if minutes not in MINUTES:
            raise invalid("interval")
        interval = Nanos(minutes * MINUTE)
        since = call.integer("since", 0) * SECOND
        bars = state.tape.bars(interval, call.now, Nanos(0), call.now, CANDLES_MAX)
        chosen = [bar for bar in bars if bar.opened_at > since] or bars[-1:]
        rows = [bar_row(bar, state) for bar in chosen]
        committed = bars[-2].opened_at if len(bars) > 1 else bars[-1].opened_at
        return {pair_key(state.listing): rows, "last": committed // SECOND}

    def ticker(self, call: Call) -> Any:
        wanted = [name for name in call.optional("pair").split(",") if name]
        chosen = [self._pair(name) for name in wanted] or list(self._exchange.symbols.values())
        return {pair_key(state.listing): self._figures(state, call.now) for state in chosen}

    # -- inside ---------------------------------------------------------------------------------

    def _pair(self, name: str) -> SymbolState:
        state = self._rows.state(name)
        if state is None:
            raise Failure("EQuery:Unknown asset pair")
        return state

    def _listing(self, state: SymbolState) -> dict[str, Any]:
        listing = state.listing
        maker, taker = (float(bps / 100) for bps in (self._exchange.rules.maker_bps, self._exchange.rules.taker_bps))
        return {
            "altname": altname(listing),
            "wsname": "/".join(OLD_NAMES.get(asset, asset) for asset in (listing.base, listing.quote)),
            "aclass_base": "currency",
            "base": old_asset(listing.base),
            "aclass_quote": "currency",
            "quote": old_asset(listing.quote),
            "lot": "unit",
            "cost_decimals": 5,
            "pair_decimals": listing.price_decimals,
            "lot_decimals": listing.quantity_decimals,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, taker]],
            "fees_maker": [[0, maker]],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": plain(listing.quantity_min),
            "costmin": plain(listing.notional_min),
            "tick_size": plain(listing.tick),
            "status": "online" if state.trading else "cancel_only",
        }

    def _print(self, trade: TradeHappened) -> list[Any]:
        micros = self._rows.venue_time(trade.time) // MICROSECOND
        second = msgspec.Raw(f"{micros // 1_000_000}.{micros % 1_000_000:06d}".encode())
        side = "b" if trade.side is Side.BUY else "s"
        return [fixed(trade.price, 5), fixed(trade.quantity, 8), second, side, "l", "", trade.trade_id]

    def _figures(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        top, day, tape = self._exchange.top(state.listing.symbol), state.tape.day(now), state.tape
        volume, average = fixed(day.volume, 8), fixed(average_of(day), 5)
        low, high, opened = fixed(day.low, 5), fixed(day.high, 5), fixed(day.open, 5)
        return {
            "a": [fixed(top.ask, 5), str(int(top.ask_quantity)), fixed(top.ask_quantity, 3)],
            "b": [fixed(top.bid, 5), str(int(top.bid_quantity)), fixed(top.bid_quantity, 3)],
            "c": [fixed(tape.last_price, 5), fixed(tape.last_quantity, 8)],
            "v": [volume, volume],
            "p": [average, average],
            "t": [day.trades, day.trades],
            "l": [low, low],
            "h": [high, high],
            "o": opened,
        }


def average_of(bar: Bar) -> Decimal:
    """The price of the volume; 0 without any."""
    return bar.quote_volume / bar.volume if bar.volume else ZERO


def bar_row(bar: Bar, state: SymbolState) -> list[Any]:
    """One candle of ``OHLC``."""
    decimals = state.listing.price_decimals
    prices = [fixed(price, decimals) for price in (bar.open, bar.high, bar.low, bar.close)]
    return [bar.opened_at // SECOND, *prices, fixed(average_of(bar), decimals), fixed(bar.volume, 8), bar.trades]
