"""What Binance says of a key: its restrictions, and the user id of its account. Both are told by the spot host."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.time import to_millis
from integrated_trading_system.venues.account import KeyFacts
from integrated_trading_system.venues.binance.endpoints import RECEIVE_WINDOW
from integrated_trading_system.venues.binance.market import read

MOVING: Final = ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer")
"""Each lets money leave: the account for a chain, for other customers, for others of its owner's accounts."""


class Restrictions(Struct, rename="camel"):
    """``/sapi/v1/account/apiRestrictions``."""

    ip_restrict: bool
    enable_withdrawals: bool
    enable_internal_transfer: bool
    permits_universal_transfer: bool
    enable_spot_and_margin_trading: bool
    enable_futures: bool


class User(Struct):
    """What we need of ``/api/v3/account``."""

    uid: int


_RESTRICTIONS: Final = Decoder(Restrictions)
_USER: Final = Decoder(User)
_WINDOW: Final = f"recvWindow={to_millis(RECEIVE_WINDOW)}"


class BinanceAccount:
    """Of spot and USD-M."""

    def __init__(self, host: str, *, futures: bool, restrictions: bool) -> None:
        """`host` is the spot one. Without `restrictions` it has no ``/sapi`` (the testnet): only the id is known."""
        self._host = host
        self._futures = futures
        self._restrictions = restrictions

    def requests(self) -> tuple[HttpRequest, ...]:
        user = HttpRequest(method="GET", url=f"{self._host}/api/v3/account", query=f"omitZeroBalances=true&{_WINDOW}")
        asked = HttpRequest(method="GET", url=f"{self._host}/sapi/v1/account/apiRestrictions", query=_WINDOW)
        return (user, asked) if self._restrictions else (user,)

    def decode(self, replies: Sequence[HttpReply]) -> KeyFacts:
        account = str(read(replies[0], _USER).uid)
        if not self._restrictions:
            return KeyFacts(account=account)
        said = read(replies[1], _RESTRICTIONS)
        moving = (said.enable_withdrawals, said.enable_internal_transfer, said.permits_universal_transfer)
        return KeyFacts(
            account=account,
            trades=said.enable_futures if self._futures else said.enable_spot_and_margin_trading,
            moves_money=tuple(name for name, may in zip(MOVING, moving, strict=True) if may),
            addresses=said.ip_restrict,
        )
