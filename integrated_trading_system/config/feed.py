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
    enable_lot_check: bool = Field(
        True,
        description="Off: the quantity of a trade need not be a multiple of the lot. Orders from before a venue changed"
        " its lot may still be in the book, and trade.",
    )
    spread_bps_max: float = Field(
        3_000.0, gt=0, description="Basis points between bid and ask. Best prices further apart are refused."
    )
    outlier_samples: int = Field(
        256,
        ge=32,
        le=10_000,
        description="Newest prices of which the median, the median absolute deviation (MAD) and the median size are"
        " taken. At least 32 have to be known before anything is an outlier.",
    )
    outlier_mad_max: float = Field(
        10.0,
        gt=0,
        description="A price further from the median of the newest than so many MADs (each times 1.4826, so that it is"
        " a standard deviation) is refused, provided that it is further than `outlier_bps_min` from the median and"
        " from the price before, too.",
    )
    outlier_bps_min: float = Field(
        500.0,
        gt=0,
        description="Basis points. A price that is not further than this from the median, or from the price before, is"
        " no outlier.",
    )
    volume_factor_max: float = Field(
        1e7,
        gt=1,
        description="A size or quantity larger than so many times the median of the newest is refused. Real markets"
        " show a hundred thousand; a wrong unit is a hundred million.",
    )
    audit_every_s: float = Field(
        60.0,
        ge=0,
        description="Seconds after which a book that is believed is compared with a fresh one of the venue's."
        " 0: never.",
    )
    audits_per_minute_max: int = Field(
        10, ge=1, le=60, description="Per venue: more books are audited less often. Each audit costs a REST call."
    )
    audit_grace_ms: float = Field(
        1_000.0,
        ge=0,
        description="Milliseconds after the answer in which changes that were on their way still arrive: the price"
        " levels that they touch are not compared.",
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
