"""Settings from the environment, under the names that users already have, and secrets by reference."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from integrated_trading_system.domain.errors import ConfigurationError, Refused

DOTENV = ".env"

_KEYS = {"API_KEY": "api_key", "API_SECRET": "api_secret", "API_PASSPHRASE": "api_passphrase"}
_OTHER_NAMES = {
    "ALPACA_KEY": ("alpaca", "api_key"),
    "ALPACA_SECRET": ("alpaca", "api_secret"),
}
"""Names that do not follow the rule."""
_VENUES = ("binance", "bybit", "backpack", "okx", "coinbase", "kraken")
_OUTPUTS = {
    "REDIS_URL": ("redis", "url"),
    "NATS_URL": ("nats", "url"),
    "NATS_ENABLED": ("nats", "enabled"),
    "NATS_SUBJECT_PREFIX": ("nats", "subject_prefix"),
    "USE_JETSTREAM": ("nats", "jetstream"),
}


def read_dotenv(path: Path) -> dict[str, str]:
    """``NAME=value`` lines; quotes around the value are dropped, ``#`` begins a comment line."""
    if not path.is_file():
        return {}
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals:
            message = f"{path}:{number}:1: expected NAME=value"
            raise ConfigurationError(message)
        values[name.strip()] = value.strip().strip("\"'")
    return values


def read_environment(
    environment: Mapping[str, str], tree: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Settings that the environment overrides, as (path, value, origin).

    A venue's key goes to every configured flavour of that venue, as a reference: the secret itself
    never enters the configuration's tree.
    """
    values = {**read_dotenv(Path(DOTENV)), **environment}
    venues = tree.get("venues")
    venues = venues if isinstance(venues, Mapping) else {}
    named = {f"{venue.upper()}_{suffix}": (venue, field) for venue in _VENUES for suffix, field in _KEYS.items()}
    for name, (venue, field) in (named | _OTHER_NAMES).items():
        if values.get(name):
            for key in _flavours(venue, venues):
                yield ("venues", key, field), f"env:{name}", f"environment {name}"
    if values.get("ALPACA_DRY_RUN"):
        for key in _flavours("alpaca", venues):
            yield ("venues", key, "dry_run"), values["ALPACA_DRY_RUN"], "environment ALPACA_DRY_RUN"
    if values.get("HTTP_PORT"):
        yield ("http", "port"), values["HTTP_PORT"], "environment HTTP_PORT"
    for name, path in _OUTPUTS.items():
        if values.get(name):  # an address may hold a password: only where it is found enters the tree
            value = f"env:{name}" if path[-1] == "url" else values[name]
            yield ("outputs", *path), value, f"environment {name}"
    if values.get("REDIS_URL") and not _written(tree, "outputs", "redis", "enabled"):
        yield ("outputs", "redis", "enabled"), True, "environment REDIS_URL"


def _flavours(venue: str, venues: Mapping[Any, Any]) -> list[str]:
    """The configured flavours of a venue."""
    return [str(key) for key in venues if str(key).split(":")[0] == venue and isinstance(venues[key], Mapping)]


def _written(tree: Mapping[str, Any], *path: str) -> bool:
    """Whether the file says something there."""
    group: Any = tree
    for key in path:
        if not isinstance(group, Mapping) or key not in group:
            return False
        group = group[key]
    return True


def resolve_secret(reference: str, environment: Mapping[str, str]) -> str:
    """The secret behind ``env:NAME`` or ``file:PATH``; raises ConfigurationError or Refused, never with the secret."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = {**read_dotenv(Path(DOTENV)), **environment}.get(name)
        if not value:
            message = f"the environment has no {name}"
            raise ConfigurationError(message)
        return value
    if kind == "file":
        path = Path(name)
        if not path.is_file():
            message = f"secret file {name}: no such file"
            raise ConfigurationError(message)
        if path.stat().st_mode & 0o077:
            message = f"secret file {name} can be read by others; run: chmod 600 {name}"
            raise Refused(message)
        return path.read_text(encoding="utf-8").strip()
    message = "a secret is written as env:NAME or file:PATH, never in the file itself"
    raise ConfigurationError(message)
