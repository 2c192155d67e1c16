"""What Bybit says of a key: ``/v5/user/query-api``, which every key may ask."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.venues.account import KeyFacts
from integrated_trading_system.venues.bybit.wire import read

MOVING: Final = ("Withdraw", "AccountTransfer", "SubMemberTransfer")
"""Wallet permissions by which money leaves the trading account."""
ANYWHERE: Final = "*"


class Permissions(Struct):
    """By group; an empty group was not granted."""

    contract: list[str] = field(default_factory=list, name="ContractTrade")
    spot: list[str] = field(default_factory=list, name="Spot")
    wallet: list[str] = field(default_factory=list, name="Wallet")


class Key(Struct):
    """What we need of the answer."""

    read_only: int = field(name="readOnly")
    permissions: Permissions
    ips: list[str]
    user: int = field(name="userID")


_KEY: Final = Decoder(Key)


class BybitAccount:
    """Of one flavour."""

    def __init__(self, rest_url: str, *, spot: bool) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/v5/user/query-api"
        self._spot = spot

    def requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest(method="GET", url=self._url),)

    def decode(self, replies: Sequence[HttpReply]) -> KeyFacts:
        """A key that is only for reading may have permissions for trading all the same; they do not count."""
        key = read(replies[0], _KEY)
        granted = "SpotTrade" in key.permissions.spot if self._spot else "Order" in key.permissions.contract
        return KeyFacts(
            account=str(key.user),
            trades=key.read_only == 0 and granted,
            moves_money=tuple(name for name in MOVING if name in key.permissions.wallet),
            addresses=bool(key.ips) and ANYWHERE not in key.ips,
        )
