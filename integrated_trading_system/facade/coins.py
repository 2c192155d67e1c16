"""Coins as users name them: which symbol each has on which exchange, and the values that a feed of coins tells."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from integrated_trading_system.config.load import find
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import VenueId

COINS_FILE: Final = "coins.json"
EXCHANGES: Final[dict[str, VenueId]] = {
    "bybit": VenueId("bybit:spot"),
    "binance": VenueId("binance:spot"),
    "binance_us": VenueId("binance:us"),
    "binance_testnet": VenueId("binance:testnet"),
}
"""What a feed of coins can be taken from, and which venue that is. The first is the default."""
FALLBACKS: Final = ("bybit", "binance", "binance_us")
"""Who stands in for whom, in this order. The testnet never does: its prices are not real."""

_Word = Annotated[str, Meta(min_length=1, max_length=32)]


class CoinConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One coin."""

    coin: _Word
    symbols: dict[str, _Word]
    """By exchange, in that exchange's spelling. Where it is not listed it has none."""
    tier: Annotated[int, Meta(ge=1, le=3)] = 3
    """1: the largest."""


class PriceTick(Struct, frozen=True):
    """What a coin costs now."""

    coin: str
    price: float
    """Of the last trade, in USDT."""
    timestamp: int
    """Milliseconds since the epoch, by the venue's clock."""
    volume_24h: float
    """In coins; 0 until the venue has told."""
    change_24h: float
    """Per cent; 0 until the venue has told."""


class TradeEvent(Struct, frozen=True):
    """A public trade."""

    coin: str
    price: float
    quantity: float
    is_buyer_maker: bool
    """True: the seller was the taker."""
    timestamp: int
    """Milliseconds since the epoch, by the venue's clock."""


def load_coins(path: str | Path = COINS_FILE) -> tuple[CoinConfig, ...]:
    """The coins of a file, looked for as named and in ``config/``; raises ConfigurationError, naming what is wrong."""
    file = find(str(path))
    try:
        coins = msgspec.json.decode(file.read_bytes(), type=tuple[CoinConfig, ...])
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    for coin in coins:
        unknown = [name for name in coin.symbols if name not in EXCHANGES]
        if unknown:
            raise ConfigurationError(f"{file}: {coin.coin}: unknown exchange {unknown[0]!r}; {_known()}")
    names = [coin.coin for coin in coins]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigurationError(f"{file}: {twice[0]} is there twice")
    return coins


def coins_named(names: Sequence[str | CoinConfig], known: Mapping[str, CoinConfig]) -> tuple[CoinConfig, ...]:
    """These coins; one that no file knows is taken to be quoted in USDT everywhere."""
    chosen = []
    for name in names:
        if isinstance(name, CoinConfig):
            chosen.append(name)
        elif name in known:
            chosen.append(known[name])
        else:
            chosen.append(CoinConfig(coin=name, symbols=dict.fromkeys(EXCHANGES, f"{name}USDT")))
    if not chosen:
        raise ConfigurationError("a feed of coins needs at least one coin")
    return tuple(chosen)


def exchange_order(exchange: str) -> tuple[str, ...]:
    """The one that is asked for, then whoever stands in for it. Raises ConfigurationError for an unknown one."""
    if exchange not in EXCHANGES:
        raise ConfigurationError(f"unknown exchange {exchange!r}; {_known()}")
    if exchange not in FALLBACKS:
        return (exchange,)
    return (exchange, *(name for name in FALLBACKS if name != exchange))


def _known() -> str:
    return f"known are {', '.join(EXCHANGES)}"
