"""What Alpaca says of a key: only whose it is, and whether that account may trade."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.venues.account import KeyFacts
from integrated_trading_system.venues.alpaca.wire import read


class Account(Struct):
    """What we need of ``/v2/account``."""

    account_number: str
    trading_blocked: bool
    account_blocked: bool


_ACCOUNT: Final = Decoder(Account)


class AlpacaAccount:
    """The same for stocks and crypto."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/v2/account"

    def requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest(method="GET", url=self._url),)

    def decode(self, replies: Sequence[HttpReply]) -> KeyFacts:
        """Its keys have no permissions that could be asked for."""
        said = read(replies[0], _ACCOUNT)
        return KeyFacts(account=said.account_number, trades=not (said.trading_blocked or said.account_blocked))
