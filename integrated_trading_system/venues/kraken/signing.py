"""Signatures, as the venue checks them. Pure: the driver calls these at the send.

"HMAC-SHA512 of (URI path + SHA256(nonce + POST data)) and the base64 decoded secret API key", in base64. The nonce
is the time of the request in milliseconds: whoever calls gives a later one at every call (`INCREASING_TIME`). Requests
overtake one another on their way, so the API key needs a nonce window (1,000 covers a second); and it is to be used
by nobody else.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from integrated_trading_system.domain.errors import Refused, Unsupported
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.time import to_millis
from integrated_trading_system.venues.kraken.endpoints import RECEIVE_WINDOW
from integrated_trading_system.venues.venue import Credentials

INCREASING_TIME: Final = True
"""Asks `Signer` for times of which each is later than the one before: "an always increasing nonce"."""

_WITH_DEADLINE: Final = "/0/private/AddOrder"


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:
    """The nonce before the form, a deadline behind that of an order; key and signature in headers."""
    path = urlsplit(request.url).path
    parts = [f"nonce={timestamp_ms}", request.body]
    if path == _WITH_DEADLINE:
        parts.append(f"deadline={quote(_deadline(timestamp_ms), safe='')}")
    body = "&".join(part for part in parts if part)
    headers = (
        *request.headers,
        ("API-Key", credentials.api_key),
        ("API-Sign", signature(path, str(timestamp_ms), body, credentials.api_secret)),
    )
    return msgspec.structs.replace(request, body=body, headers=headers)


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:  # noqa: ARG001 - see `Signing`
    """No frame is signed: a token that a signed request yields is put into it."""
    raise Unsupported("Kraken's frames carry a token, no signature")


def signature(path: str, nonce: str, body: str, secret: str) -> str:
    """``API-Sign``; raises Refused for a secret that is none."""
    try:
        key = b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("Kraken: the API secret is not base64; copy the private key as it was shown") from None
    digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
    return b64encode(hmac.new(key, path.encode() + digest, hashlib.sha512).digest()).decode()


def _deadline(timestamp_ms: int) -> str:
    """When the order is worth nothing any more, in RFC 3339."""
    at = timestamp_ms + to_millis(RECEIVE_WINDOW)
    return datetime.fromtimestamp(at // 1_000, UTC).strftime(f"%Y-%m-%dT%H:%M:%S.{at % 1_000:03d}Z")
