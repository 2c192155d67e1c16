"""What Kraken says of a key: ``GetApiKeyInfo``, which needs no permission. The account is known by its IIBAN."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.venues.account import KeyFacts
from integrated_trading_system.venues.kraken.wire import read

TRADES: Final = "modify-trades"
MOVING: Final = "withdraw-funds"


class Key(Struct):
    """What we need of the answer."""

    permissions: list[str]
    iban: str
    addresses: list[str] = field(name="ipAllowlist")


_KEY: Final = Decoder(Key)


class KrakenAccount:
    """Of spot."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/0/private/GetApiKeyInfo"

    def requests(self) -> tuple[HttpRequest, ...]:
        form = (("Content-Type", "application/x-www-form-urlencoded"),)
        return (HttpRequest(method="POST", url=self._url, headers=form),)

    def decode(self, replies: Sequence[HttpReply]) -> KeyFacts:
        """The IIBAN without the blanks that its groups are shown with."""
        key = read(replies[0], _KEY)
        return KeyFacts(
            account=key.iban.replace(" ", ""),
            trades=TRADES in key.permissions,
            moves_money=(MOVING,) if MOVING in key.permissions else (),
            addresses=bool(key.addresses),
        )
