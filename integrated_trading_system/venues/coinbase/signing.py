"""Tokens, as Advanced Trade checks them. Pure: the driver calls these at the send.

Every request and every frame carries a JSON Web Token of its own, signed with the account's key (ES256 or
EdDSA, whichever key it is). It names the key, the two minutes in which it holds and, for a request, method and
address without scheme and query.
"""

import binascii
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.venues.coinbase.endpoints import RECEIVE_WINDOW
from integrated_trading_system.venues.venue import Credentials

_SEED_BYTES: Final = 32
_COORDINATE_BYTES: Final = 32
_ADVICE: Final = "Coinbase: the secret must be an EC (P-256) or Ed25519 key in PEM, or an Ed25519 key in base64"


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:
    """The token in ``Authorization``; "uri" has neither scheme nor query string."""
    uri = f"{request.method} {request.url.partition('://')[2]}"
    token = _token(credentials, timestamp_ms, f"{uri}?{request.query}{request.body}", {"uri": uri})
    return msgspec.structs.replace(request, headers=(*request.headers, ("Authorization", f"Bearer {token}")))


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:
    """The subscribe frame with its token, which names no address."""
    token = _token(credentials, timestamp_ms, frame.decode(), {})
    return msgspec.json.encode(msgspec.json.decode(frame) | {"jwt": token})


def _token(credentials: Credentials, timestamp_ms: int, about: str, claims: dict[str, Any]) -> str:
    """The nonce is made of the time and of what is signed: no two different requests have the same."""
    key = _key(credentials.api_secret)
    name, now = credentials.api_key, timestamp_ms // 1000
    head = {
        "alg": "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA",
        "kid": name,
        "nonce": sha256(f"{timestamp_ms} {name} {about}".encode()).hexdigest()[:32],
        "typ": "JWT",
    }
    body = {"sub": name, "iss": "cdp", "nbf": now, "exp": now + RECEIVE_WINDOW // SECOND, **claims}
    text = f"{_base64(msgspec.json.encode(head))}.{_base64(msgspec.json.encode(body))}"
    return f"{text}.{_base64(_signature(key, text.encode()))}"


def _signature(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey, text: bytes) -> bytes:
    """ES256: both numbers in 32 bytes each. The same text always gets the same signature (RFC 6979)."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(text)
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
    return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")


def _key(secret: str) -> ec.EllipticCurvePrivateKey | Ed25519PrivateKey:
    """Raises Refused, and never shows the secret. The line ends of a PEM may be written out."""
    try:
        if secret.startswith("-----BEGIN"):
            key = load_pem_private_key(secret.replace("\\n", "\n").encode(), password=None)
            if isinstance(key, Ed25519PrivateKey):
                return key
            if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
                return key
        else:
            seed = b64decode(secret, validate=True)
            if len(seed) in (_SEED_BYTES, 2 * _SEED_BYTES):  # the second half is the public key
                return Ed25519PrivateKey.from_private_bytes(seed[:_SEED_BYTES])
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        raise Refused(_ADVICE) from None
    raise Refused(_ADVICE)


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
