"""Keys of one venue, and the venue's way of signing with them. Held by drivers, never by the core."""

from collections.abc import Mapping

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.time import Nanos, to_millis
from integrated_trading_system.venues.venue import Credentials, Signing


class Signer:
    """Signs for every account of one venue. Shows nothing of its keys, and cannot be pickled."""

    def __init__(self, signing: Signing, keys: Mapping[AccountId, Credentials]) -> None:
        """`signing` is the venue's `signing` module."""
        self._signing = signing
        self._keys = dict(keys)
        self._increasing: bool = getattr(signing, "INCREASING_TIME", False)
        """The venue wants every request of a key to be later than the one before (a nonce)."""
        self._latest: dict[AccountId, int] = {}

    def request(self, request: HttpRequest, account: AccountId, venue_now: Nanos) -> HttpRequest:
        """The request, signed as of the venue's clock; raises Refused where the account has no key."""
        return self._signing.sign_request(request, self._key(account), self._millis(account, venue_now))

    def frame(self, frame: bytes, account: AccountId, venue_now: Nanos) -> bytes:
        """The frame, signed as of the venue's clock; raises Refused where the account has no key."""
        return self._signing.sign_frame(frame, self._key(account), to_millis(venue_now))

    def _key(self, account: AccountId) -> Credentials:
        credentials = self._keys.get(account)
        if credentials is None:
            message = f"account {account} has no key: set api_key and api_secret of its venue"
            raise Refused(message)
        return credentials

    def _millis(self, account: AccountId, venue_now: Nanos) -> int:
        """The time to sign; where it must increase, a millisecond after the last one if no more has passed."""
        millis = to_millis(venue_now)
        if self._increasing:
            millis = self._latest[account] = max(millis, self._latest.get(account, 0) + 1)
        return millis

    def __reduce__(self) -> str:
        message = "a signer holds secrets and cannot be pickled"
        raise TypeError(message)
