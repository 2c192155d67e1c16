"""Signatures, as the venue checks them. Pure: the driver calls these at the send.

The kind of key decides the kind of signature: an API secret of Binance's own making is an HMAC key;
a PEM text, or 32 bytes in base64, is an Ed25519 private key.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.venue import Credentials

_KEY_ONLY: Final = ("/listenKey", "/userDataStream")
"""USER_STREAM endpoints: the key in the header suffices, and a signature would be a surplus parameter."""

_SEED_BYTES: Final = 32


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:
    """`timestamp` and, last, `signature` at the end of the query; the key in a header.

    "Percent-encoded query string immediately followed by the body (no separator)" is signed: the
    request's query must already be encoded.
    """
    headers = (*request.headers, ("X-MBX-APIKEY", credentials.api_key))
    if urlsplit(request.url).path.endswith(_KEY_ONLY):
        return msgspec.structs.replace(request, headers=headers)
    query = _join(request.query, f"timestamp={timestamp_ms}")
    signature = _sign(query + request.body, credentials.api_secret)
    return msgspec.structs.replace(
        request, query=_join(query, f"signature={quote(signature, safe='')}"), headers=headers
    )


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:
    """A request of the WebSocket API with `apiKey`, `timestamp` and `signature` among its params."""
    message = msgspec.json.decode(frame)
    params: dict[str, Any] = message.get("params", {}) | {"apiKey": credentials.api_key, "timestamp": timestamp_ms}
    params["signature"] = _sign(_sorted(params), credentials.api_secret)
    return msgspec.json.encode(message | {"params": params})


def _sorted(params: Mapping[str, Any]) -> str:
    """What is signed of a frame: all params, sorted by name, ``k=v`` joined with ``&``, not percent-encoded."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params))


def _join(query: str, parameter: str) -> str:
    return f"{query}&{parameter}" if query else parameter


def _sign(payload: str, secret: str) -> str:
    """Hex for an HMAC key, base64 for Ed25519."""
    key = _ed25519(secret)
    if key is None:
        return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return b64encode(key.sign(payload.encode())).decode()


def _ed25519(secret: str) -> Ed25519PrivateKey | None:
    """The secret as an Ed25519 key, or None when it is an HMAC secret."""
    if secret.startswith("-----BEGIN"):
        try:
            key = load_pem_private_key(secret.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise Refused("the PEM text of a Binance key cannot be read (is it encrypted?)") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise Refused("Binance keys in PEM form must be Ed25519; RSA keys are not supported")
        return key
    try:
        seed = b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Ed25519PrivateKey.from_private_bytes(seed) if len(seed) == _SEED_BYTES else None
