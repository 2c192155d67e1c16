"""Signatures, as the venue checks them. Pure: the driver calls these at the send.

"HMAC-SHA256 of timestamp + key + recv_window + (query string | raw body), in lower hex."
"""

import hashlib
import hmac
from typing import Final

import msgspec

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.time import to_millis
from integrated_trading_system.venues.bybit.endpoints import RECEIVE_WINDOW
from integrated_trading_system.venues.venue import Credentials

LOGON_MS: Final = 10_000
"""A logon frame is valid for so long: `expires` has to lie in the venue's future when it arrives."""


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:
    """Key, time, window and signature in headers; query and body are signed as they are sent.

    "Valid iff server_time - recv_window <= timestamp < server_time + 1000".
    """
    window = str(to_millis(RECEIVE_WINDOW))
    payload = f"{timestamp_ms}{credentials.api_key}{window}{request.query}{request.body}"
    headers = (
        *request.headers,
        ("X-BAPI-API-KEY", credentials.api_key),
        ("X-BAPI-TIMESTAMP", str(timestamp_ms)),
        ("X-BAPI-RECV-WINDOW", window),
        ("X-BAPI-SIGN", _sign(payload, credentials.api_secret)),
    )
    return msgspec.structs.replace(request, headers=headers)


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:
    """The logon frame with its arguments: key, expiry in milliseconds, signature of both."""
    expires = timestamp_ms + LOGON_MS
    signature = _sign(f"GET/realtime{expires}", credentials.api_secret)
    return msgspec.json.encode(msgspec.json.decode(frame) | {"args": [credentials.api_key, expires, signature]})


def _sign(payload: str, secret: str) -> str:
    if secret.startswith("-----BEGIN"):
        raise Refused("Bybit: an RSA key was given; make a system-generated (HMAC) key instead")
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
