"""One venue: whether it is used, where it is reached, what is subscribed to, and how patient we are.

The key of the group says which venue and flavour it is (``binance:spot``; a bare ``binance`` is the
venue's default flavour).
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from integrated_trading_system.config.base import Settings
from integrated_trading_system.domain.market import DataType

_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_-]+")
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


def _is_account_name(value: str) -> str:
    """The name; raises ValueError for one that could not stand in the names of links and metrics."""
    if _ACCOUNT_NAME.fullmatch(value) is None:
        raise ValueError("expected a name of letters, digits, - and _")
    return value


AccountName = Annotated[str, AfterValidator(_is_account_name)]
SocketAddress = Annotated[str, AfterValidator(lambda value: _is_address(value, "ws", "wss"))]
HttpAddress = Annotated[str, AfterValidator(lambda value: _is_address(value, "http", "https"))]
SecretReference = Annotated[SecretStr, AfterValidator(_is_reference)]


class AccountSettings(Settings):
    """One account of a venue: its key, and what it pays."""

    api_key: SecretReference | None = Field(
        None, description="env:NAME or file:PATH. Public data needs none; trading needs key and secret."
    )
    api_secret: SecretReference | None = Field(None, description="env:NAME or file:PATH; goes with api_key.")
    api_passphrase: SecretReference | None = Field(
        None, description="env:NAME or file:PATH; goes with api_key where the venue's keys have a passphrase (OKX)."
    )
    allow_unverified_key: bool = Field(
        False,
        description="Live trading: the key is taken although the venue does not say whether it can withdraw."
        " Look at the venue that it cannot.",
    )
    maker_fee_bps: Decimal = Field(
        Decimal(10), ge=-50, le=500, description="What we pay for resting orders, in basis points of the notional."
    )
    taker_fee_bps: Decimal = Field(
        Decimal(10), ge=-50, le=500, description="What we pay for orders that trade at once."
    )
    fee_asset: str | None = Field(
        None,
        min_length=1,
        description="The account pays its fees in this asset (BNB, say), at a discount, while it lasts.",
    )
    fee_discount_pct: Decimal = Field(
        Decimal(0), ge=0, le=100, description="By how much fees are lower when they are paid in fee_asset."
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.api_key is None) != (self.api_secret is None):
            raise ValueError("api_key and api_secret go together")
        if self.fee_discount_pct and self.fee_asset is None:
            raise ValueError("fee_discount_pct goes with fee_asset")
        if self.api_passphrase is not None and self.api_key is None:
            raise ValueError("api_passphrase goes with api_key and api_secret")
        return self


class VenueSettings(AccountSettings):
    """One venue and flavour, and its first account."""

    enabled: bool = Field(
        True, description="false: absent in paper and live mode, served by mock data in development mode."
    )
    ws_url: SocketAddress | None = Field(None, description="Public streams, instead of the venue's own address.")
    rest_url: HttpAddress | None = Field(None, description="REST, instead of the venue's own address.")
    dry_run: bool = Field(
        False,
        description="Connect to nothing; heartbeats speak for the venue. Always so where a venue shows its data to "
        "customers only (Alpaca) and api_key is not set.",
    )
    dead_man: bool = Field(
        True, description="While orders rest, have the venue cancel them by itself when we fall silent, where it can."
    )
    dead_man_every_s: float = Field(
        20.0, gt=0, le=60, description="Seconds between two signs of life for the venue's dead-man timer."
    )
    dead_man_after_s: int = Field(
        60, ge=10, le=120, description="Seconds of silence after which it cancels; at least twice dead_man_every_s."
    )
    account: str = Field("main", min_length=1, description="Our name for the account that the key belongs to.")
    accounts: dict[AccountName, AccountSettings] = Field(
        {}, description="Further accounts here, by our names for them. A strategy says which one it uses."
    )
    symbols: Annotated[tuple[str, ...], AfterValidator(_are_different)] = Field(
        (), description="In the venue's own spelling. Empty: everything the venue lists."
    )
    on_demand: bool = Field(
        False, description="Subscribe to nothing before somebody asks for it while it runs; `symbols` does not count."
    )
    streams: Annotated[tuple[DataType, ...], AfterValidator(_are_different)] = Field(
        tuple(DataType),
        min_length=1,
        description="Kinds of data subscribed to for every symbol; what a venue does not have is left out.",
    )
    library_options: dict[str, Any] = Field(
        {}, description="For a venue over ccxt: what its library calls the options of the exchange (defaultType …)."
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
    connect_timeout_ms: int = Field(
        5_000, gt=0, description="A connection that does not stand by then is given up, and tried again later."
    )
    ping_every_s: float = Field(2.0, gt=0, le=60, description="Seconds between our pings on every connection.")
    pong_timeout_s: float = Field(
        20.0, gt=0, le=300, description="A connection that does not answer a ping for so many seconds is dead."
    )
    link_quiet_s: float = Field(
        5.0,
        gt=0,
        description="A connection on which nothing comes for so many seconds, not even a pong, is replaced; it is read"
        " until its successor stands. More than ping_every_s.",
    )
    link_idle_s: float = Field(
        15.0,
        gt=0,
        description="A connection that answers, but brings no market data for so many seconds, is replaced likewise;"
        " where that changes nothing, ever more rarely.",
    )
    poll_after_s: float = Field(
        3.0, gt=0, description="Prices of instruments without a connection for so many seconds are fetched by REST."
    )
    poll_every_s: float = Field(1.0, gt=0, description="Seconds between two such requests to the venue.")
    fallback: str | None = Field(
        None,
        description="A configured venue:flavour for data, unused until this venue refuses us for good (HTTP 451, a"
        " certificate that is not its own).",
    )
    request_timeout_ms: int = Field(10_000, gt=0, description="REST calls for data and queries give up after this.")
    order_timeout_ms: int = Field(
        5_000, gt=0, description="An order or cancel without an answer after this is uncertain: its fate is asked for."
    )
    time_every_s: float = Field(30.0, gt=0, description="Seconds between questions for the venue's clock.")
    heartbeat_every_s: float = Field(
        5.0, gt=0, le=3600, description="Seconds between heartbeats of the venue; synthetic ones where it is silent."
    )
    quarantine_per_minute_max: int = Field(
        20, ge=0, description="More messages of one link than this that cannot be believed: the link starts anew."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.backoff_max_s < self.backoff_first_s:
            raise ValueError("backoff_max_s is below backoff_first_s")
        if self.dead_man_after_s < 2 * self.dead_man_every_s:
            raise ValueError("dead_man_after_s is below twice dead_man_every_s")
        if self.link_quiet_s <= self.ping_every_s:
            raise ValueError("link_quiet_s is not above ping_every_s")
        if self.account in self.accounts:
            raise ValueError(f"accounts: {self.account!r} is the first account already; choose another name")
        keys = [of.api_key.get_secret_value() for of in self.every_account.values() if of.api_key is not None]
        if len(set(keys)) != len(keys):
            raise ValueError("accounts: two of them have the same api_key")
        return self

    @property
    def every_account(self) -> dict[str, AccountSettings]:
        """All accounts by name, the first one first: that one's settings are the venue's own."""
        return {self.account: self, **self.accounts}


def fallback_problems(venues: Mapping[str, VenueSettings]) -> list[tuple[tuple[str | int, ...], str]]:
    """Where and why a fallback cannot be one."""
    problems: list[tuple[tuple[str | int, ...], str]] = []
    for name, settings in venues.items():
        fallback, where = settings.fallback, ("venues", name, "fallback")
        if fallback is None:
            continue
        chain = [name]
        while (following := venues[chain[-1]].fallback) in venues and following not in chain:
            chain.append(str(following))
        if fallback not in venues:
            problems.append((where, f"venue {fallback!r} is not configured (venues: {', '.join(venues)})"))
        elif not venues[fallback].enabled:
            problems.append((where, f"venue {fallback!r} is not enabled"))
        elif following in chain:
            problems.append((where, f"the fallbacks go in a circle: {' -> '.join((*chain, str(following)))}"))
    return problems


def account_problems(
    venues: Mapping[str, VenueSettings], chosen: Sequence[Mapping[str, str]]
) -> list[tuple[tuple[str | int, ...], str]]:
    """Where and why the accounts that a strategy uses, by venue, are none."""
    problems: list[tuple[tuple[str | int, ...], str]] = []
    for index, accounts in enumerate(chosen):
        for venue, name in accounts.items():
            where = ("strategies", index, "accounts", venue)
            if venue not in venues:
                problems.append((where, f"venue {venue!r} is not configured (venues: {', '.join(venues)})"))
            elif name not in (known := venues[venue].every_account):
                problems.append((where, f"{venue} has no account {name!r} (accounts: {', '.join(known)})"))
    return problems
