"""What is kept of a run beside the journal: market and trading history."""

from pathlib import Path

from pydantic import Field

from integrated_trading_system.config.base import Settings


class StorageSettings(Settings):
    """The history database. It is written in batches and never slows the trading path."""

    enabled: bool = Field(default=True, description="Write history at all.")
    only_loaded: bool = Field(
        default=False,
        description="Write only history that was asked for (`load`, load_historical_data), not what streams tell.",
    )
    path: Path | None = Field(None, description="The SQLite file; by default market_data.db in the state directory.")
    batch_rows: int = Field(2_000, gt=0, le=100_000, description="Rows written in one transaction at most.")
    flush_ms: int = Field(500, gt=0, le=60_000, description="A batch waits no longer than this.")
    rows_waiting_max: int = Field(
        200_000,
        gt=0,
        description="Rows that may wait for the disk; beyond it the oldest market data is dropped, counted.",
    )
    book_every_ms: int = Field(1_000, gt=0, description="A book snapshot per instrument is stored at most this often.")
    book_levels: int = Field(20, gt=0, le=1_000, description="Levels per side of a stored book snapshot.")
    retention_days: int = Field(30, gt=0, description="Market data older than this is removed at start.")
