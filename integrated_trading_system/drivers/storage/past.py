"""What was loaded of the past, read back: which parts of a time are there, and the candles and rates in it."""

from collections.abc import Iterable
from typing import Final, Protocol

import aiosqlite
from msgspec import Struct

from integrated_trading_system.domain.history import HistoryKind
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.storage.rows import Row

_CANDLES: Final = """
    SELECT opened_at, open, high, low, close, volume, trades, quote_volume FROM kline_data
    WHERE instrument = ? AND interval = ? AND opened_at >= ? AND opened_at < ? AND closed AND NOT made
    ORDER BY opened_at
"""
_MARK_CANDLES: Final = """
    SELECT opened_at, open, high, low, close, 0.0, 0, 0.0 FROM mark_kline_data
    WHERE instrument = ? AND interval = ? AND opened_at >= ? AND opened_at < ? AND closed
    ORDER BY opened_at
"""
_FUNDING: Final = """
    SELECT funding_at, rate FROM funding_rates
    WHERE instrument = ? AND funding_at >= ? AND funding_at < ? AND paid
    ORDER BY funding_at
"""
_LOADED: Final = """
    SELECT since, until FROM history_loaded
    WHERE instrument = ? AND kind = ? AND interval = ? AND until > ? AND since < ? AND simulated = ?
    ORDER BY since
"""

# Simulated venues are new at every start. Where a real venue's time was loaded under theirs, it has to be again.
_SAME: Final = "l.simulated AND l.instrument = {0}.instrument AND l.kind = {1} AND l.interval = {2}"
_WITHIN: Final = "{0}.{1} >= l.since AND {0}.{1} < l.until"
_TABLES: Final = (
    ("kline_data", "opened_at", f"'{HistoryKind.CANDLES}'", "kline_data.interval", "NOT made AND "),
    ("mark_kline_data", "opened_at", f"'{HistoryKind.MARK_CANDLES}'", "mark_kline_data.interval", ""),
    ("funding_rates", "funding_at", f"'{HistoryKind.FUNDING}'", "''", ""),
)


class Wanted(Struct, frozen=True):
    """One series, and the time of it."""

    instrument: InstrumentId
    kind: HistoryKind
    interval: str
    """Of candles; empty for funding."""
    start: Nanos
    end: Nanos


Span = tuple[Nanos, Nanos]
"""From, and up to but without."""


class Asked(Protocol):
    """A database that answers."""

    @property
    def simulated(self) -> bool:
        """The venues of this run are not real."""

    async def ask(self, question: str, values: tuple[object, ...]) -> list[Row]:
        """The rows of the answer."""


async def missing(database: Asked, wanted: Wanted) -> list[Span]:
    """The parts of the time that are not loaded, oldest first."""
    series = (wanted.instrument, wanted.kind.value, wanted.interval)
    rows = await database.ask(_LOADED, (*series, wanted.start, wanted.end, int(database.simulated)))
    return without(wanted.start, wanted.end, ((Nanos(since), Nanos(until)) for since, until in rows))


async def candles(database: Asked, wanted: Wanted) -> list[Candle]:
    """Those that the venue told and that are closed, oldest first."""
    question = _MARK_CANDLES if wanted.kind is HistoryKind.MARK_CANDLES else _CANDLES
    rows = await database.ask(question, (wanted.instrument, wanted.interval, wanted.start, wanted.end))
    return [
        Candle(
            wanted.instrument,
            wanted.interval,
            *(opened, first, high, low, last, volume, trades),
            closed=True,
            received_at=Nanos(0),
            quote_volume=notional,
        )
        for opened, first, high, low, last, volume, trades, notional in rows
    ]


async def funding(database: Asked, wanted: Wanted) -> list[FundingRate]:
    """The rates that were paid, oldest first."""
    rows = await database.ask(_FUNDING, (wanted.instrument, wanted.start, wanted.end))
    return [FundingRate(wanted.instrument, rate, at, at, Nanos(0)) for at, rate in rows]


def without(start: Nanos, end: Nanos, spans: Iterable[Span]) -> list[Span]:
    """What is left of a time without these spans, which come in order of their beginning."""
    left: list[Span] = []
    at = start
    for since, until in spans:
        if since > at:
            left.append((at, min(since, end)))
        at = max(at, until)
    if at < end:
        left.append((at, end))
    return left


async def forget_simulated(connection: aiosqlite.Connection) -> None:
    """Drop what was loaded from simulated venues: they are gone, and nothing may take it for real."""
    async with connection.execute("SELECT 1 FROM history_loaded WHERE simulated LIMIT 1") as cursor:
        if await cursor.fetchone() is None:
            return
    await connection.execute("BEGIN")
    for table, column, kind, interval, more in _TABLES:
        within = f"{_SAME.format(table, kind, interval)} AND {_WITHIN.format(table, column)}"
        await connection.execute(
            f"DELETE FROM {table} WHERE {more}EXISTS (SELECT 1 FROM history_loaded l WHERE {within})"  # noqa: S608 - constants of this file
        )
    overlap = (
        f"{_SAME.format('history_loaded', 'history_loaded.kind', 'history_loaded.interval')}"
        " AND l.since < history_loaded.until AND history_loaded.since < l.until"
    )
    await connection.execute(
        f"DELETE FROM history_loaded WHERE EXISTS (SELECT 1 FROM history_loaded l WHERE {overlap})"  # noqa: S608 - constants of this file
    )
    await connection.execute("COMMIT")
