"""What Coinbase says of a key: ``key_permissions``. A key belongs to one portfolio, which is its account."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.venues.account import KeyFacts
from integrated_trading_system.venues.coinbase.wire import read


class Permissions(Struct):
    """What we need of the answer. Nothing in it tells of network addresses."""

    can_trade: bool
    can_transfer: bool
    portfolio_uuid: str


_PERMISSIONS: Final = Decoder(Permissions)


class CoinbaseAccount:
    """Of Advanced Trade."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is that of the brokerage, with its path."""
        self._url = f"{rest_url}/key_permissions"

    def requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest(method="GET", url=self._url),)

    def decode(self, replies: Sequence[HttpReply]) -> KeyFacts:
        said = read(replies[0], _PERMISSIONS)
        return KeyFacts(
            account=said.portfolio_uuid,
            trades=said.can_trade,
            moves_money=("can_transfer",) if said.can_transfer else (),
        )
