"""How the OMS sends, asks, repairs and stops."""

from pydantic import Field

from integrated_trading_system.config.base import Settings


class OmsSettings(Settings):
    """Order management. Times in milliseconds."""

    send_window_ms: int = Field(
        1_000,
        gt=0,
        description="An order leaves within this time of being intended, or never; it delays the proof of its absence.",
    )
    proof_margin_ms: int = Field(
        2_000,
        ge=0,
        description="Added to a venue's receive window before 'not found' is proof: clock skew, lagging replicas.",
    )
    poll_active_ms: int = Field(
        5_000,
        gt=0,
        description="While any order is open, orders and fills are asked for this often: events may be lost.",
    )
    poll_idle_ms: int = Field(
        60_000, gt=0, description="Fills, open orders and balances are asked for this often even when nothing is open."
    )
    user_stream_grace_ms: int = Field(
        5_000, ge=0, description="Reconciliation waits this long for a venue's event stream, then starts without it."
    )
    retry_first_ms: int = Field(
        3_000, gt=0, description="A question without an answer is asked again after this; doubles."
    )
    retry_max_ms: int = Field(30_000, gt=0, description="The longest pause between two repetitions of a question.")
    fills_grace_ms: int = Field(
        500,
        ge=0,
        description="After a venue said that an order is over, its fills may take this long to come by themselves.",
    )
    fills_margin_ms: int = Field(
        60_000, ge=0, description="Fills are listed again from this far before what is known: venues list some late."
    )
    repair_pause_ms: int = Field(
        250,
        ge=0,
        description="Between two repair orders of a plan: books need time to refill. An order that does not rest is"
        " waited for as long before what it traded is followed.",
    )
    cancel_retry_ms: int = Field(
        1_000,
        gt=0,
        description="While halted or stopping, what is still open is cancelled again after this; where nothing shows"
        " that it is open, after twice as long each time, up to `retry_max_ms`.",
    )
    cancel_on_halt: bool = Field(default=True, description="A halt cancels our working orders at the venues.")
    cancel_external: bool = Field(
        default=False, description="Cancel orders found at the venue that are not ours; somebody may want them."
    )
    numeric_fence_bits: int = Field(
        14,
        ge=1,
        le=31,
        description="Of a numeric client order id (32 bits on Backpack), how many count starts; the rest count orders.",
    )
    orders_kept_max: int = Field(
        50_000, gt=0, description="Finished orders remembered; a fill of an older one would count as external."
    )
    journal_compact_bytes: int = Field(
        64 << 20,
        gt=0,
        description="At a start, a journal that grew by more than this, and to twice its size, is made small again.",
    )
    trades_kept_max: int = Field(
        200_000, gt=0, description="Trade ids remembered against duplicates; far more than a venue lists again."
    )
