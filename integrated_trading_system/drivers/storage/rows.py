"""Which table a fact belongs to, and its row there. A later row of the same key replaces the earlier one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from msgspec import json

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Candle, Level, Statistics, Trade
from integrated_trading_system.domain.opportunity import Opportunity
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.position import Equity
from integrated_trading_system.domain.time import Nanos

Row: TypeAlias = tuple[Any, ...]


def statement(table: str, columns: int) -> str:
    """Insert or replace one row of the table. `table` is one of ours, never a value from outside."""
    places = ", ".join("?" * columns)
    return f"INSERT OR REPLACE INTO {table} VALUES ({places})"  # noqa: S608 - a constant of this file


def _text(value: Decimal) -> str:
    return format(value, "f")


def instrument_row(item: Instrument) -> Row:
    """For symbol_info."""
    return (
        item.instrument,
        item.venue,
        item.symbol,
        item.base,
        item.quote,
        item.settle,
        item.kind.value,
        _text(item.tick),
        _text(item.lot),
        _text(item.quantity_min),
        _text(item.notional_min),
        _text(item.multiplier),
        int(item.tradable),
        int(item.inferred),
    )


def book_row(instrument: InstrumentId, at: Nanos, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> Row:
    """For orderbook_snapshots."""
    return instrument, at, json.encode(bids).decode(), json.encode(asks).decode()


def _trade(item: Trade) -> Row:
    return (
        item.instrument,
        item.trade_id,
        item.price,
        item.quantity,
        item.side.value,
        item.venue_time,
        item.received_at,
    )


def _candle(item: Candle) -> Row:
    return (
        item.instrument,
        item.interval,
        item.opened_at,
        item.open,
        item.high,
        item.low,
        item.close,
        item.volume,
        item.trades,
        int(item.closed),
    )


def _statistics(item: Statistics) -> Row:
    return item.instrument, item.received_at, item.last_price, item.volume, item.quote_volume, item.change_pct


def _order(item: Order) -> Row:
    request = item.request
    return (
        request.client_order_id,
        item.venue_order_id,
        request.instrument,
        request.account,
        request.strategy,
        request.plan_id,
        request.leg,
        request.side.value,
        request.order_type.value,
        request.time_in_force.value,
        _text(request.price),
        _text(request.quantity),
        _text(item.filled),
        item.status.value,
        item.reason,
        item.created_at,
        item.changed_at,
    )


def _fill(item: Fill) -> Row:
    return (
        item.instrument,
        item.trade_id,
        item.client_order_id,
        item.account,
        item.side.value,
        _text(item.price),
        _text(item.quantity),
        _text(item.fee.amount),
        item.fee.asset,
        item.liquidity.value,
        item.venue_time,
        item.received_at,
    )


def _opportunity(item: Opportunity) -> Row:
    return (
        item.plan_id,
        item.strategy,
        item.comparison,
        item.buy,
        item.sell,
        _text(item.quantity),
        _text(item.buy_price),
        _text(item.sell_price),
        _text(item.gross_edge),
        _text(item.fees),
        _text(item.slippage),
        _text(item.edge),
        item.edge_bps,
        item.at,
    )


def _equity(item: Equity) -> Row:
    return (
        item.at,
        item.currency,
        _text(item.realised),
        _text(item.unrealised),
        _text(item.fees),
        _text(item.total),
    )


TABLES: Final[dict[type, tuple[str, Callable[[Any], Row]]]] = {
    Trade: ("trade_data", _trade),
    Candle: ("kline_data", _candle),
    Statistics: ("market_metrics", _statistics),
    Order: ("orders", _order),
    Fill: ("fills", _fill),
    Opportunity: ("opportunities", _opportunity),
    Equity: ("equity", _equity),
}
"""Facts that are stored, and how."""

MARKET_TABLES: Final = ("trade_data", "kline_data", "market_metrics", "orderbook_snapshots")
"""What may be dropped when the disk is too slow; ours never is."""
