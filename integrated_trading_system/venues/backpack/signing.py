"""Signatures, as the venue checks them. Pure: the driver calls these at the send.

"instruction=<name>, then the parameters sorted by name, then timestamp and window", signed with
Ed25519. The key pair is two texts in base64: the verifying key is the API key, the seed the secret.
"""

import binascii
from base64 import b64decode, b64encode
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.time import to_millis
from integrated_trading_system.venues.backpack.endpoints import RECEIVE_WINDOW
from integrated_trading_system.venues.venue import Credentials

INSTRUCTIONS: Final = {
    ("POST", "/api/v1/order"): "orderExecute",
    ("DELETE", "/api/v1/order"): "orderCancel",
    ("DELETE", "/api/v1/orders"): "orderCancelAll",
    ("GET", "/api/v1/order"): "orderQuery",
    ("GET", "/api/v1/orders"): "orderQueryAll",
    ("GET", "/wapi/v1/history/orders"): "orderHistoryQueryAll",
    ("GET", "/wapi/v1/history/fills"): "fillHistoryQueryAll",
    ("GET", "/api/v1/capital"): "balanceQuery",
    ("GET", "/api/v1/position"): "positionQuery",
}
"""The name under which each endpoint is signed."""

_SEED_BYTES: Final = 32


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:
    """Key, time, window and signature in headers; query and body travel as they are."""
    window = to_millis(RECEIVE_WINDOW)
    signature = _sign(_signed_text(request, timestamp_ms, window), credentials)
    headers = (
        *request.headers,
        ("X-API-Key", credentials.api_key),
        ("X-Timestamp", str(timestamp_ms)),
        ("X-Window", str(window)),
        ("X-Signature", signature),
    )
    return msgspec.structs.replace(request, headers=headers)


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:
    """The subscribe frame with key, signature, time and window, all four as texts. Streams are not signed."""
    window = to_millis(RECEIVE_WINDOW)
    signature = _sign(f"instruction=subscribe&timestamp={timestamp_ms}&window={window}", credentials)
    proof = [credentials.api_key, signature, str(timestamp_ms), str(window)]
    return msgspec.json.encode(msgspec.json.decode(frame) | {"signature": proof})


def _signed_text(request: HttpRequest, timestamp_ms: int, window: int) -> str:
    instruction = next(
        name for (method, path), name in INSTRUCTIONS.items() if request.method == method and request.url.endswith(path)
    )
    params: dict[str, Any] = dict(pair.split("=", 1) for pair in request.query.split("&")) if request.query else {}
    params |= msgspec.json.decode(request.body) if request.body else {}
    named = [f"{name}={_plain(params[name])}" for name in sorted(params)]
    return "&".join([f"instruction={instruction}", *named, f"timestamp={timestamp_ms}", f"window={window}"])


def _plain(value: Any) -> str:
    """A JSON scalar as it is written, texts without their quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _sign(text: str, credentials: Credentials) -> str:
    try:
        seed = b64decode(credentials.api_secret, validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise Refused("Backpack: the secret must be the 32 bytes of an Ed25519 seed in base64")
    return b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())).decode()
