"""Signatures, as the venue checks them. Pure: the driver calls these at the send.

"base64(HMAC-SHA256(secret, timestamp + METHOD + path with its query + body))"; the key's passphrase
travels along, unsigned.
"""

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.time import to_millis
from integrated_trading_system.venues.okx.endpoints import RECEIVE_WINDOW
from integrated_trading_system.venues.venue import Credentials

EXPIRING: Final = ("POST", "/api/v5/trade/order")
"""The one of our requests that takes an `expTime`."""


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:
    """Key, passphrase, time and signature in headers; an order also gets the instant after which it is void."""
    path = urlsplit(request.url).path
    timestamp = _iso(timestamp_ms)
    target = f"{path}?{request.query}" if request.query else path
    headers = (
        *request.headers,
        ("OK-ACCESS-KEY", credentials.api_key),
        ("OK-ACCESS-SIGN", _sign(f"{timestamp}{request.method}{target}{request.body}", credentials)),
        ("OK-ACCESS-TIMESTAMP", timestamp),
        ("OK-ACCESS-PASSPHRASE", credentials.passphrase),
    )
    if (request.method, path) == EXPIRING:
        headers = (*headers, ("expTime", str(timestamp_ms + to_millis(RECEIVE_WINDOW))))
    return msgspec.structs.replace(request, headers=headers)


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:
    """The logon frame with its one argument. Here the time is in whole seconds."""
    timestamp = str(timestamp_ms // 1000)
    argument = {
        "apiKey": credentials.api_key,
        "passphrase": credentials.passphrase,
        "timestamp": timestamp,
        "sign": _sign(f"{timestamp}GET/users/self/verify", credentials),
    }
    return msgspec.json.encode(msgspec.json.decode(frame) | {"args": [argument]})


def _sign(payload: str, credentials: Credentials) -> str:
    if not credentials.passphrase:
        raise Refused("OKX: its keys have a passphrase; set api_passphrase beside api_key and api_secret")
    return b64encode(hmac.new(credentials.api_secret.encode(), payload.encode(), hashlib.sha256).digest()).decode()


def _iso(millis: int) -> str:
    """``2020-12-08T09:08:57.715Z``."""
    seconds, rest = divmod(millis, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
