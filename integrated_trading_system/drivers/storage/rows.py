"""Which table a fact belongs to, and its row there. A later row of the same key replaces the earlier one.

Of candles and funding rates only the better one does: what the venue told goes before what was made here, what is
closed (or paid) before what is not.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import json

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.history import HistoryKind, HistoryPage
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Candle, FundingRate, Level, MarkPrice, Statistics, Trade
from integrated_trading_system.domain.opportunity import EdgeRealised, Opportunity
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.position import Equity
from integrated_trading_system.domain.time import Nanos

Row: TypeAlias = tuple[Any, ...]


class Better(NamedTuple):
    """When a row replaces the one of the same key."""

    key: str
    values: str
    """All other columns."""
    condition: str
    """`excluded` is the new row."""


_BETTER: Final = {
    "kline_data": Better(
        "instrument, interval, opened_at",
        "open, high, low, close, volume, trades, closed, quote_volume, made, complete",
        "excluded.made <= kline_data.made AND excluded.closed >= kline_data.closed AND (excluded.made < kline_data.made"
        " OR excluded.closed > kline_data.closed OR excluded.complete >= kline_data.complete)",
    ),
    "mark_kline_data": Better(
        "instrument, interval, opened_at", "open, high, low, close, closed", "excluded.closed >= mark_kline_data.closed"
    ),
    "funding_rates": Better("instrument, funding_at", "rate, paid", "excluded.paid >= funding_rates.paid"),
    "history_loaded": Better(
        "instrument, kind, interval, simulated, since", "until", "excluded.until > history_loaded.until"
    ),
}


def statement(table: str, columns: int) -> str:
    """Insert one row, or replace the one of its key. `table` is one of ours, never a value from outside."""
    places = ", ".join("?" * columns)
    better = _BETTER.get(table)
    if better is None:
        return f"INSERT OR REPLACE INTO {table} VALUES ({places})"  # noqa: S608 - a constant of this file
    changes = ", ".join(f"{name} = excluded.{name}" for name in better.values.split(", "))
    return (
        f"INSERT INTO {table} VALUES ({places})"  # noqa: S608 - constants of this file
        f" ON CONFLICT ({better.key}) DO UPDATE SET {changes} WHERE {better.condition}"
    )


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


def page_rows(page: HistoryPage, *, simulated: bool) -> Iterator[tuple[str, Row]]:
    """Everything on a page of history, by table, and the time that is loaded with it."""
    for candle in page.candles:
        if page.kind is HistoryKind.MARK_CANDLES:
            yield "mark_kline_data", _mark_candle(candle)
        else:
            yield "kline_data", _candle(candle)
    for rate in page.funding:
        yield "funding_rates", (rate.instrument, rate.funding_at, rate.rate, 1)
    settled = page.settled_until
    if settled > page.since:
        row = (page.instrument, page.kind.value, page.interval, page.since, settled, int(simulated))
        yield "history_loaded", row


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
        item.quote_volume,
        int(item.made),
        int(item.complete),
    )


def _mark_candle(item: Candle) -> Row:
    prices = (item.open, item.high, item.low, item.close)
    return (item.instrument, item.interval, item.opened_at, *prices, int(item.closed))


def _mark_price(item: MarkPrice) -> Row:
    return item.instrument, item.received_at, item.mark_price, item.index_price


def _funding_rate(item: FundingRate) -> Row:
    return item.instrument, item.funding_at, item.rate, int(item.funding_at <= item.received_at)


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
        _text(item.decay),
        _text(item.funding),
        _text(item.conversion),
    )


def _edge_realised(item: EdgeRealised) -> Row:
    return (
        item.plan_id,
        item.strategy,
        _text(item.expected),
        _text(item.realised),
        _text(item.fees),
        item.currency,
        " ".join(item.unpriced),
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
    MarkPrice: ("mark_prices", _mark_price),
    FundingRate: ("funding_rates", _funding_rate),
    Order: ("orders", _order),
    Fill: ("fills", _fill),
    Opportunity: ("opportunities", _opportunity),
    EdgeRealised: ("edges_realised", _edge_realised),
    Equity: ("equity", _equity),
}
"""Facts that are stored, and how."""

MARKET_TABLES: Final = (
    *("trade_data", "kline_data", "market_metrics", "orderbook_snapshots"),
    *("mark_prices", "funding_rates"),
)
"""What may be dropped when the disk is too slow. Ours never is, nor what was asked for: a page of history."""
