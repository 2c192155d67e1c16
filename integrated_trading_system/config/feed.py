"""What can be set about market data: how much is kept, what is believed, and what counts as the same moment."""

from typing import Literal

from pydantic import Field

from integrated_trading_system.config.base import Settings


class FeedSettings(Settings):
    """The `feed:` section."""

    enable_sync: bool = Field(True, description="Off: no synchronizers are started, so nothing compares venues.")
    enable_historical_storage: bool = Field(True, description="Off: market data is not written to the database.")
    enable_validation: bool = Field(
        True,
        description="Off: no limits on price jumps, age and tick. Prices and sizes that are no positive numbers, and"
        " crossed books, are refused all the same.",
    )
    buffer_size: int = Field(
        10_000, ge=1, le=1_000_000, description="Newest messages kept per instrument and type of data."
    )
    quarantine_size: int = Field(1_000, ge=1, le=100_000, description="Newest quarantined messages kept.")
    sync_tolerance_ms: float = Field(
        100.0, gt=0, le=60_000, description="Milliseconds. Quotes further apart than this are never compared."
    )
    sync_by: Literal["stream", "quote"] = Field(
        "stream",
        description="What says until when a quote was true. stream: the newest message of its venue, because a venue"
        " that sends other things has nothing new to say about this quote. quote: its own time, so that a quiet"
        " instrument is compared only in the moment in which it moves.",
    )
    stale_after_ms: float = Field(
        5_000.0, gt=0, description="Milliseconds of silence after which an instrument is not tradable (feed_stale)."
    )
    age_ms_max: float = Field(
        5_000.0, gt=0, description="Milliseconds. A quote that was on its way longer, beyond the usual, is refused."
    )
    jump_bps_max: float = Field(
        2_000.0,
        gt=0,
        description="Basis points between one mid price and the next. A larger step is refused until the instrument"
        " has been stale for once: a real market comes back, a wrong decimal point does not.",
    )
    pending_max: int = Field(
        5_000, ge=1, description="Changes kept while a book waits for its snapshot; 5,000 are over 8 minutes at 100 ms."
    )
    snapshot_retry_ms: float = Field(
        2_000.0,
        gt=0,
        description="Milliseconds after which an unanswered request for a snapshot is repeated, and the pause between"
        " requests once three in a row did not lead to a lasting book. A book is to be back within 5 seconds.",
    )
    clock_window_ms: float = Field(
        60_000.0,
        ge=1_000,
        description="Milliseconds. The fastest message of this window is the measure of a venue's clock. Longer is"
        " steadier; shorter follows a clock that was set back sooner.",
    )
    path_delay_ms_max: float = Field(
        20.0,
        ge=0,
        description="Milliseconds. A venue's fastest messages take at most this long; where it tells no time on"
        " request, this much of its clock's offset cannot be known and is counted as uncertainty.",
    )
