"""The history in SQLite: one writer, batches, bounded memory.

Facts come from the bus into a bounded outbox; a task writes them in transactions. When the disk is
too slow the oldest market data is dropped and counted; orders, fills, opportunities, equity and pages
of history that were asked for never are. A write is never cancelled half way: a cancelled one may still happen.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import aiosqlite

from integrated_trading_system.config.storage import StorageSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.history import HistoryPage
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.market import FundingRate, Level, MarkPrice
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, MILLISECOND, SECOND, Nanos
from integrated_trading_system.drivers.storage.past import forget_simulated
from integrated_trading_system.drivers.storage.rows import (
    MARKET_TABLES,
    TABLES,
    Row,
    book_row,
    instrument_row,
    page_rows,
    statement,
)

BUSY_TIMEOUT_MS = 5_000
MARK_EVERY = SECOND
"""A mark price per instrument is stored at most this often."""


class BookReader(Protocol):
    """Where books can be read between turns."""

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        """The levels that an order of this side would hit, best first."""


class HistoryOutbox:
    """A ref: takes facts from the bus and keeps their rows until they are written."""

    def __init__(self, rows_waiting_max: int, *, simulated: bool = False) -> None:
        """Empty. `simulated`: the venues are not real."""
        self._simulated = simulated
        self._mark_due: dict[InstrumentId, int] = {}
        self._funding: dict[InstrumentId, tuple[float, Nanos]] = {}
        """As last told."""
        self._market: deque[tuple[str, Row]] = deque()
        self._ours: deque[tuple[str, Row]] = deque()
        self._limit = rows_waiting_max
        self.received = 0
        self.dropped = 0
        self.high_water = 0

    def tell(self, message: Any, /) -> None:
        """Keep the fact's rows; the oldest market row goes when there are too many."""
        match message:
            case InstrumentsListed(_, instruments):
                for item in instruments:
                    self.add("symbol_info", instrument_row(item))
            case HistoryPage():
                # What a page holds comes before the note that it is loaded, and none of it may be dropped.
                for table, row in page_rows(message, simulated=self._simulated):
                    self.add(table, row, asked_for=True)
            case MarkPrice() | FundingRate() if self._says_nothing_new(message):
                pass
            case _:
                table, make = TABLES[type(message)]
                self.add(table, make(message))

    def _says_nothing_new(self, message: MarkPrice | FundingRate) -> bool:
        """Streams repeat funding rates with every mark price, and some tell these many times a second."""
        instrument = message.instrument
        if type(message) is FundingRate:
            told = (message.rate, message.funding_at)
            known = self._funding.get(instrument) == told
            self._funding[instrument] = told
            return known
        if message.received_at < self._mark_due.get(instrument, 0):
            return True
        self._mark_due[instrument] = message.received_at + MARK_EVERY
        return False

    def add(self, table: str, row: Row, *, asked_for: bool = False) -> None:
        """Keep one row; one that was asked for is never dropped."""
        self.received += 1
        queue = self._market if table in MARKET_TABLES and not asked_for else self._ours
        queue.append((table, row))
        if len(self._market) > self._limit:
            self._market.popleft()
            self.dropped += 1
        self.high_water = max(self.high_water, len(self))

    def __len__(self) -> int:
        """Rows waiting."""
        return len(self._market) + len(self._ours)

    def take(self, limit: int) -> dict[str, list[Row]]:
        """At most `limit` rows, ours first, by table in order of arrival."""
        rows: dict[str, list[Row]] = {}
        for queue in (self._ours, self._market):
            while queue and limit > 0:
                table, row = queue.popleft()
                rows.setdefault(table, []).append(row)
                limit -= 1
        return rows


class History:
    """The writer. `open`, then `run` as a task, then `close`, which writes what still waits."""

    def __init__(self, settings: StorageSettings, path: Path, books: BookReader, *, simulated: bool = False) -> None:
        """Nothing is opened yet; `outbox` may be subscribed already. `simulated`: the venues are not real."""
        self._settings = settings
        self._path = path
        self._books = books
        self._connection: aiosqlite.Connection | None = None
        self._book_due = Nanos(0)
        self._turn = asyncio.Lock()
        """One transaction, or one question, at a time."""
        self.simulated = simulated
        self.outbox = HistoryOutbox(settings.rows_waiting_max, simulated=simulated)
        self.written = 0
        self.failure = ""

    async def open(self, now: Nanos) -> None:
        """Create or migrate the file and drop what is older than the retention; raises ConfigurationError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = await aiosqlite.connect(self._path, isolation_level=None)
            await self._prepare(self._connection, Nanos(now - self._settings.retention_days * DAY))
        except (aiosqlite.Error, OSError, ConfigurationError) as error:
            if self._connection is not None:
                await self._connection.close()  # its thread would keep the process alive
                self._connection = None
            message = f"history {self._path}: {error}; set storage.path, or storage.enabled=false"
            raise ConfigurationError(message) from None

    def note_books(self, instruments: Iterable[InstrumentId], now: Nanos) -> None:
        """Put a snapshot of each book into the outbox, at most once every `book_every_ms`."""
        if now < self._book_due:
            return
        self._book_due = Nanos(now + self._settings.book_every_ms * MILLISECOND)
        levels = self._settings.book_levels
        for instrument in instruments:
            asks = self._books.depth(instrument, Side.BUY, levels)
            bids = self._books.depth(instrument, Side.SELL, levels)
            if bids or asks:
                self.outbox.add("orderbook_snapshots", book_row(instrument, now, bids, asks))

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            await asyncio.sleep(self._settings.flush_ms / 1_000)
            await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Write everything that waits. After a failure nothing more is written; the failure is kept to be shown."""
        async with self._turn:
            while len(self.outbox) and not self.failure:
                rows = self.outbox.take(self._settings.batch_rows)
                try:
                    await self._write(rows)
                except aiosqlite.Error as error:
                    self.failure = f"history {self._path}: {error}"
                else:
                    self.written += sum(len(of) for of in rows.values())

    async def ask(self, question: str, values: Sequence[Any] = ()) -> list[Row]:
        """The answer of the database, with everything in it that was told before."""
        await asyncio.shield(self.flush())
        assert self._connection is not None, "open comes first"
        async with self._turn, self._connection.execute(question, values) as cursor:
            return [tuple(row) for row in await cursor.fetchall()]

    async def close(self) -> None:
        """Write what waits and close the file."""
        if self._connection is not None:
            await self.flush()
            await self._connection.close()
            self._connection = None

    async def _write(self, rows: dict[str, list[Row]]) -> None:
        """One transaction: whole or not at all."""
        assert self._connection is not None, "open comes first"
        await self._connection.execute("BEGIN")
        try:
            for table, batch in rows.items():
                await self._connection.executemany(statement(table, len(batch[0])), batch)
        except aiosqlite.Error:
            await self._connection.execute("ROLLBACK")
            raise
        await self._connection.execute("COMMIT")

    async def _prepare(self, connection: aiosqlite.Connection, keep_from: Nanos) -> None:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = NORMAL")
        await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        await self._migrate(connection)
        await self._forget(connection, keep_from)
        await forget_simulated(connection)

    async def _migrate(self, connection: aiosqlite.Connection) -> None:
        """Apply the numbered files that this database has not seen."""
        async with connection.execute("PRAGMA user_version") as cursor:
            row = await cursor.fetchone()
        version = int(row[0]) if row else 0
        scripts = _migrations()
        if version > len(scripts):
            message = f"written by a newer version of this program (schema {version})"
            raise ConfigurationError(message)
        for number, script in enumerate(scripts[version:], version + 1):
            await connection.executescript(f"BEGIN;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")

    async def _forget(self, connection: aiosqlite.Connection, before: Nanos) -> None:
        for table in ("trade_data", "orderbook_snapshots", "market_metrics", "mark_prices"):
            await connection.execute(f"DELETE FROM {table} WHERE received_at < ?", (before,))  # noqa: S608 - a constant


def _migrations() -> Sequence[str]:
    """The scripts, in order of their number."""
    folder = resources.files("integrated_trading_system.drivers.storage") / "migrations"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name)
    return [item.read_text(encoding="utf-8") for item in files]
