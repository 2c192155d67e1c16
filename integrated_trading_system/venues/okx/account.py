"""What OKX says of a key: ``/api/v5/account/config`` names the account, the key's permissions and its addresses."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.venues.account import KeyFacts
from integrated_trading_system.venues.okx.wire import only

MOVING: Final = "withdraw"


class Config(Struct):
    """What we need of the answer. `perm` joins ``read_only``, ``trade``, ``withdraw`` with commas."""

    uid: str
    perm: str
    ip: str


_CONFIG: Final = Decoder(Config)


class OkxAccount:
    """The same for spot and swaps."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/api/v5/account/config"

    def requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest(method="GET", url=self._url),)

    def decode(self, replies: Sequence[HttpReply]) -> KeyFacts:
        config = only(replies[0], _CONFIG)
        permissions = [word.strip() for word in config.perm.split(",")]
        return KeyFacts(
            account=config.uid,
            trades="trade" in permissions,
            moves_money=(MOVING,) if MOVING in permissions else (),
            addresses=bool(config.ip),
        )
