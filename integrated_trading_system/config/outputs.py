"""What is told to the outside while the platform runs: prices to Redis, events to NATS and to a file."""

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from integrated_trading_system.config.base import Settings

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")
_SUBJECT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def check_address(text: str, schemes: Iterable[str]) -> str:
    """The address itself; raises ValueError (never with the address) for another scheme or a missing host."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"expected an address that begins with {' or '.join(f'{one}://' for one in schemes)}")
    return text


REDIS_SCHEMES = ("redis", "rediss")
NATS_SCHEMES = ("nats", "tls")


def _is_address(value: SecretStr, schemes: Iterable[str]) -> SecretStr:
    """An address without a password, or a reference to one that may hold it."""
    text = value.get_secret_value()
    if _REFERENCE.fullmatch(text) is None and "@" in check_address(text, schemes):
        raise ValueError("an address with a name or a password is written as env:NAME or file:PATH")
    return value


def _is_subject(value: str) -> str:
    if _SUBJECT.fullmatch(value) is None:
        raise ValueError("expected words of letters, digits, _ and -, joined by dots")
    return value


def _are_different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise ValueError("expected different names")
    return values


RedisAddress = Annotated[SecretStr, AfterValidator(lambda value: _is_address(value, REDIS_SCHEMES))]
NatsAddress = Annotated[SecretStr, AfterValidator(lambda value: _is_address(value, NATS_SCHEMES))]
Subject = Annotated[str, AfterValidator(_is_subject)]


class EventKind(StrEnum):
    """What can be told as an event. The word is its `type`, and part of its subject."""

    QUOTE = "quote"
    TRADE = "trade"
    STATISTICS = "statistics"
    CANDLE = "candle"
    MARK_PRICE = "mark_price"
    FUNDING = "funding"
    GAP = "gap"
    STALE = "stale"
    UNRELIABLE = "unreliable"
    RELIABLE = "reliable"
    SOURCE = "source"
    ALARM = "alarm"
    BOOK_DIVERGED = "book_diverged"
    STREAMS_REFUSED = "streams_refused"
    VENUE_BLOCKED = "venue_blocked"
    CALLBACK_SUSPENDED = "callback_suspended"
    BOOK_STATE = "book_state"
    LINK = "link"
    HEARTBEAT = "heartbeat"
    OPPORTUNITY = "opportunity"
    TRADING_STATE = "trading_state"
    ORDER = "order"
    FILL = "fill"


MARKET_KINDS = (
    *(EventKind.QUOTE, EventKind.TRADE, EventKind.STATISTICS, EventKind.CANDLE, EventKind.MARK_PRICE),
    *(EventKind.FUNDING, EventKind.GAP, EventKind.STALE, EventKind.UNRELIABLE, EventKind.RELIABLE),
    *(EventKind.SOURCE, EventKind.ALARM, EventKind.BOOK_DIVERGED, EventKind.STREAMS_REFUSED, EventKind.VENUE_BLOCKED),
    EventKind.HEARTBEAT,
)

Kinds = Annotated[tuple[EventKind, ...], AfterValidator(_are_different)]


class RedisSettings(Settings):
    """Best prices and top levels of the books of one venue, as keys of limited life. Nothing is read or flushed."""

    enabled: bool = Field(False, description="Whether anything is written. REDIS_URL in the environment says yes.")
    url: RedisAddress = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="redis:// or rediss://; with a password only as env:NAME or file:PATH.",
    )
    venue: str = Field("binance:usdm", min_length=1, description="Whose prices: venue:flavour.")
    key_prefix: str = Field("", description="Before every key and channel.")
    channel: str = Field("pms:price", min_length=1, description="Where each written price is published, too.")
    ttl_s: int = Field(30, gt=0, le=86_400, description="Seconds after which a key that is not renewed is gone.")
    write_every_ms: int = Field(500, gt=0, le=60_000, description="A symbol's price is written at most this often.")
    book_levels: int = Field(20, ge=0, le=1_000, description="Levels per side in pms:book:{symbol}; 0: no books.")
    book_every_ms: int = Field(1_000, gt=0, le=60_000, description="A symbol's book is written at most this often.")
    symbols_max: int = Field(10_000, gt=0, description="Symbols kept; prices of further ones are dropped, counted.")
    timeout_s: float = Field(5.0, gt=0, le=60, description="A connection or an answer that takes longer has failed.")
    retry_first_s: float = Field(
        1.0, gt=0, le=60, description="Before the second try to connect; the first is at once."
    )
    retry_max_s: float = Field(30.0, gt=0, le=3_600, description="Between tries at most.")


class NatsSettings(Settings):
    """Events as subjects `{prefix}.{type}.{symbol}`."""

    enabled: bool = Field(False, description="Whether anything is published (NATS_ENABLED).")
    url: NatsAddress = Field(
        SecretStr("nats://127.0.0.1:4222"),
        description="nats:// or tls:// (NATS_URL); with a password or token only as env:NAME or file:PATH.",
    )
    subject_prefix: Subject = Field("md.events", description="What every subject begins with (NATS_SUBJECT_PREFIX).")
    events: Kinds = Field(MARKET_KINDS, min_length=1, description="Which kinds are published.")
    jetstream: bool = Field(False, description="Into a stream, each batch acknowledged (USE_JETSTREAM).")
    stream: str = Field(
        "md-events", pattern=r"^[A-Za-z0-9_-]+$", description="The stream's name; it is made where it is missing."
    )
    stream_bytes_max: int = Field(
        1_073_741_824,
        gt=0,
        description="Of a stream made here: beyond it the oldest goes. An existing one stays as it is.",
    )
    stream_age_max_s: int = Field(86_400, gt=0, description="Of a stream made here: what is older goes.")
    capacity: int = Field(50_000, ge=10, description="Events that may wait; the drop policy counts in percent of it.")
    conflate_from_percent: int = Field(
        50,
        ge=0,
        le=100,
        description="Fuller than this, a newer quote replaces a waiting one of its instrument; 100: never.",
    )
    flush_ms: int = Field(5, ge=0, le=10_000, description="Events that come within this time go out together.")
    timeout_s: float = Field(5.0, gt=0, le=60, description="A connection or an answer that takes longer has failed.")
    retry_first_s: float = Field(
        1.0, gt=0, le=60, description="Before the second try to connect; the first is at once."
    )
    retry_max_s: float = Field(30.0, gt=0, le=3_600, description="Between tries at most.")


class JsonlSettings(Settings):
    """Events in a file, one JSON object a line; rotated by size."""

    enabled: bool = Field(False, description="Whether anything is written.")
    path: Path | None = Field(None, description="By default events.jsonl in the state directory.")
    events: Kinds = Field(tuple(EventKind), min_length=1, description="Which kinds are written.")
    rotate_bytes: int = Field(
        104_857_600, ge=4_096, description="A file that would grow beyond it becomes events.jsonl.1, and so on."
    )
    files_kept: int = Field(5, ge=0, le=1_000, description="Rotated files; the oldest goes.")
    capacity: int = Field(100_000, ge=10, description="Events that may wait for the disk.")
    flush_ms: int = Field(250, ge=0, le=10_000, description="Events that come within this time are written together.")
    timeout_s: float = Field(10.0, gt=0, le=60, description="A write that takes longer has failed.")
    retry_first_s: float = Field(1.0, gt=0, le=60, description="Before the second try after a failure.")
    retry_max_s: float = Field(30.0, gt=0, le=3_600, description="Between tries at most.")


class OutputSettings(Settings):
    """What leaves the platform while it runs in real time. All of it is off by default; failing, it harms nothing."""

    redis: RedisSettings = Field(default_factory=RedisSettings, description="Prices and books for other programs.")
    nats: NatsSettings = Field(default_factory=NatsSettings, description="Events for other programs.")
    jsonl: JsonlSettings = Field(default_factory=JsonlSettings, description="Events in a file.")
    print_every: int = Field(
        0, ge=0, description="One of so many market events goes to the log, to be looked at; 0: none."
    )
