"""One venue: whether it is used, where it is reached, what is subscribed to, and how patient we are.

The key of the group says which venue and flavour it is (``binance:spot``; a bare ``binance`` is the
venue's default flavour).
"""

import re
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from integrated_trading_system.config.base import Settings
from integrated_trading_system.domain.market import DataType

_SECRET_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")


def _is_address(value: str, *schemes: str) -> str:
    """The address; raises ValueError for another scheme or a missing host."""
    scheme, found, rest = value.partition("://")
    if not found or scheme not in schemes or not rest.strip("/") or any(character.isspace() for character in value):
        message = f"expected an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        raise ValueError(message)
    return value.rstrip("/")


def _is_reference(value: SecretStr) -> SecretStr:
    """The reference; raises ValueError (without the value) for a secret written in plain."""
    if _SECRET_REFERENCE.fullmatch(value.get_secret_value()) is None:
        raise ValueError("a secret is written as env:NAME or file:PATH, never in the file itself")
    return value


def _are_different(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values; raises ValueError where one is empty or named twice."""
    if len(set(values)) != len(values) or "" in values:
        raise ValueError("expected different names, none of them empty")
    return values


SocketAddress = Annotated[str, AfterValidator(lambda value: _is_address(value, "ws", "wss"))]
HttpAddress = Annotated[str, AfterValidator(lambda value: _is_address(value, "http", "https"))]
SecretReference = Annotated[SecretStr, AfterValidator(_is_reference)]


class VenueSettings(Settings):
    """One venue and flavour."""

    enabled: bool = Field(
        True, description="false: absent in paper and live mode, served by mock data in development mode."
    )
    ws_url: SocketAddress | None = Field(None, description="Public streams, instead of the venue's own address.")
    rest_url: HttpAddress | None = Field(None, description="REST, instead of the venue's own address.")
    api_key: SecretReference | None = Field(
        None, description="env:NAME or file:PATH. Public data needs none; trading needs key and secret."
    )
    api_secret: SecretReference | None = Field(None, description="env:NAME or file:PATH; goes with api_key.")
    account: str = Field("main", min_length=1, description="Our name for the account that the key belongs to.")
    maker_fee_bps: Decimal = Field(
        Decimal(10), ge=-50, le=500, description="What we pay for resting orders, in basis points of the notional."
    )
    taker_fee_bps: Decimal = Field(
        Decimal(10), ge=-50, le=500, description="What we pay for orders that trade at once."
    )
    symbols: Annotated[tuple[str, ...], AfterValidator(_are_different)] = Field(
        (), description="In the venue's own spelling. Empty: everything the venue lists."
    )
    streams: Annotated[tuple[DataType, ...], AfterValidator(_are_different)] = Field(
        (DataType.QUOTES, DataType.TRADES, DataType.DEPTH, DataType.STATISTICS, DataType.CANDLES),
        min_length=1,
        description="Kinds of data subscribed to for every symbol.",
    )
    backoff_first_s: float = Field(
        1.0, gt=0, le=3600, description="Seconds before the second try to reconnect; the first is at once."
    )
    backoff_max_s: float = Field(30.0, gt=0, le=3600, description="Seconds between tries at most.")
    reconnect_gap_ms: int = Field(
        1_000, ge=0, description="Reconnects of one venue are this far apart: venues count attempts per address."
    )
    acknowledge_timeout_ms: int = Field(
        10_000, gt=0, description="A connection, logon or subscription not acknowledged by then starts anew."
    )
    request_timeout_ms: int = Field(10_000, gt=0, description="REST calls for data and queries give up after this.")
    order_timeout_ms: int = Field(
        5_000, gt=0, description="An order or cancel without an answer after this is uncertain: its fate is asked for."
    )
    time_every_s: float = Field(30.0, gt=0, description="Seconds between questions for the venue's clock.")
    quarantine_per_minute_max: int = Field(
        20, ge=0, description="More messages of one link than this that cannot be believed: the link starts anew."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.backoff_max_s < self.backoff_first_s:
            raise ValueError("backoff_max_s is below backoff_first_s")
        if (self.api_key is None) != (self.api_secret is None):
            raise ValueError("api_key and api_secret go together")
        return self
