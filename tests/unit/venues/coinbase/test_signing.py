"""Tokens that the venue could check: with the public key, the claims and the times that it documents."""

import json
from base64 import b64encode, urlsafe_b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.coinbase import signing
from integrated_trading_system.venues.venue import Credentials
from tests.support.coinbase import SENT

NAME = "organizations/11111111-2222/apiKeys/33333333-4444"
MILLIS = SENT // 1_000_000 + 999
NOW = SENT // 1_000_000_000
ELLIPTIC = ec.derive_private_key(4242, ec.SECP256R1())
EDWARDS = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = EDWARDS.private_bytes_raw() + EDWARDS.public_key().public_bytes_raw()
REQUEST = HttpRequest(
    method="GET", url="https://api.coinbase.com/api/v3/brokerage/accounts", query="limit=250", headers=(("A", "b"),)
)


def pem(key: Any, form: PrivateFormat) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return text.decode()


SECRETS = {
    "sec1": pem(ELLIPTIC, PrivateFormat.TraditionalOpenSSL),
    "pkcs8": pem(ELLIPTIC, PrivateFormat.PKCS8),
    "one line": pem(ELLIPTIC, PrivateFormat.TraditionalOpenSSL).replace("\n", "\\n"),
    "ed25519": pem(EDWARDS, PrivateFormat.PKCS8),
    "seed": b64encode(RAW[:32]).decode(),
    "seed and public key": b64encode(RAW).decode(),
}


def token(secret: str, request: HttpRequest = REQUEST, millis: int = MILLIS) -> str:
    signed = signing.sign_request(request, Credentials(api_key=NAME, api_secret=secret), millis)
    assert signed.headers[:-1] == request.headers
    name, value = signed.headers[-1]
    assert (name, value[:7]) == ("Authorization", "Bearer ")
    return value[7:]


def parts(text: str) -> tuple[Any, Any, bytes]:
    head, body, signature = (urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split("."))
    return json.loads(head), json.loads(body), signature


def verify(text: str) -> None:
    """Raises InvalidSignature."""
    head, _, signature = parts(text)
    signed = text.rpartition(".")[0].encode()
    if head["alg"] == "EdDSA":
        EDWARDS.public_key().verify(signature, signed)
        return
    assert (head["alg"], len(signature)) == ("ES256", 64)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    ELLIPTIC.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_every_form_of_key_signs_what_its_public_key_confirms(secret: str) -> None:
    verify(token(secret))


def test_the_claims_are_those_that_the_venue_publishes(recordings: Path) -> None:
    vectors = json.loads((recordings / "signing" / "published_signature_vectors.json").read_text())
    published = next(each for each in vectors if each["name"] == "coinbase_jwt_claims")
    head, body, _ = parts(token(SECRETS["sec1"]))
    filled = {"<key name>": NAME, "<now>": NOW, "<now+120>": NOW + 120, "<random hex>": head["nonce"]}
    assert head == {name: filled.get(text, text) for name, text in published["header"].items()}
    assert body == {name: filled.get(text, text) for name, text in published["payload"].items()}
    assert int(head["nonce"], 16) > 0


def test_the_address_is_named_without_its_query() -> None:
    _, body, _ = parts(token(SECRETS["seed"]))
    assert body["uri"] == "GET api.coinbase.com/api/v3/brokerage/accounts"


def test_the_same_request_at_the_same_time_has_the_same_token_and_no_other_has_its_nonce() -> None:
    secret = SECRETS["sec1"]
    other = msgspec.structs.replace(REQUEST, query="limit=10")
    assert token(secret) == token(secret)
    nonces = {parts(each)[0]["nonce"] for each in (token(secret), token(secret, other), token(secret, REQUEST, 5))}
    assert len(nonces) == 3


def test_a_frame_carries_a_token_that_names_no_address() -> None:
    frame = b'{"type":"subscribe","channel":"user"}'
    credentials = Credentials(api_key=NAME, api_secret=SECRETS["ed25519"])
    signed = msgspec.json.decode(signing.sign_frame(frame, credentials, MILLIS))
    text = signed.pop("jwt")
    assert signed == {"type": "subscribe", "channel": "user"}
    verify(text)
    assert set(parts(text)[1]) == {"sub", "iss", "nbf", "exp"}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "an old secret",
        b64encode(bytes(31)).decode(),
        "-----BEGIN EC PRIVATE KEY-----\nnone\n-----END EC PRIVATE KEY-----\n",
        pem(ec.derive_private_key(7, ec.SECP384R1()), PrivateFormat.PKCS8),
        pem(rsa.generate_private_key(65537, 2048), PrivateFormat.PKCS8),
    ],
    ids=["none", "text", "short", "broken", "another curve", "rsa"],
)
def test_any_other_secret_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(Refused, match="must be an EC") as caught:
        token(secret)
    assert not secret or secret not in str(caught.value)
