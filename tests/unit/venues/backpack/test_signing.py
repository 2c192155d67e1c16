"""Backpack's signatures: the published texts, and Ed25519 over them."""

import json
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.backpack import signing
from integrated_trading_system.venues.venue import Credentials
from tests.support import backpack

KEYS = Credentials("A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
AT = 1614550000000


def request(method: str, path: str, query: str = "", body: str = "") -> HttpRequest:
    return HttpRequest(method=method, url=f"https://api.backpack.exchange{path}", query=query, body=body)


def signature(request: HttpRequest, timestamp_ms: int = AT) -> str:
    return dict(signing.sign_request(request, KEYS, timestamp_ms).headers)["X-Signature"]


ORDER = (
    '{"clientId":1001,"orderType":"Limit","postOnly":true,"price":"180.50","quantity":"1.5",'
    '"selfTradePrevention":"RejectTaker","side":"Bid","symbol":"SOL_USDC","timeInForce":"GTC"}'
)


@pytest.mark.parametrize(
    ("unsigned", "expected"),
    [
        (
            request("DELETE", "/api/v1/order", body='{"symbol":"BTC_USDT","orderId":28}'),
            "80cYcHmUHbvcO3IonY2y+nObqUTRkZrNbRsPB30r+NjqgKfP5DIFKryC0ea11fMcweyoymFT+S2cGbPACyinDw==",
        ),
        (
            request("GET", "/api/v1/capital"),
            "nYfMx/rzW4i3vncDLl8SNxrjlZerfdUU1YvITOiclzGv0wbH0+CUQs4pH1hDKd/nhuhm1kBMs99y82z2j0gkDg==",
        ),
        (
            request("POST", "/api/v1/order", body=ORDER),
            "BXYr9expU8uaBwSUlEIka6at1sfP9ryhHDUoP/h6vGskYWOgN4rH3GkZNKHtCLKUytXsO6tRGJyJHpvDK8KvBA==",
        ),
    ],
)
def test_a_request_is_signed_under_its_instruction_with_sorted_parameters(unsigned: HttpRequest, expected: str) -> None:
    assert signature(unsigned) == expected


@pytest.mark.parametrize(
    ("name", "unsigned"),
    [
        (
            "backpack_signing_string_order_cancel",
            request("DELETE", "/api/v1/order", body='{"symbol":"BTC_USDT","orderId":28}'),
        ),
        ("backpack_signing_string_balance_query", request("GET", "/api/v1/capital")),
    ],
)
def test_what_is_signed_is_the_published_text(recordings: Path, name: str, unsigned: HttpRequest) -> None:
    vectors = json.loads((recordings / "signing" / "published_signature_vectors.json").read_text())
    (text,) = (each["expected_signing_string"] for each in vectors if each["name"] == name)
    key = Ed25519PublicKey.from_public_bytes(b64decode(KEYS.api_key))
    key.verify(b64decode(signature(unsigned)), text.encode())


def test_a_query_is_signed_like_a_body() -> None:
    by_query = request("GET", "/wapi/v1/history/fills", query="symbol=SOL_USDC&from=17&limit=1000")
    key = Ed25519PublicKey.from_public_bytes(b64decode(KEYS.api_key))
    text = f"instruction=fillHistoryQueryAll&from=17&limit=1000&symbol=SOL_USDC&timestamp={AT}&window=5000"
    key.verify(b64decode(signature(by_query)), text.encode())


def test_key_time_window_and_signature_travel_in_headers() -> None:
    unsigned = HttpRequest(method="GET", url="https://x/api/v1/capital", headers=(("X", "Y"),))
    signed = signing.sign_request(unsigned, KEYS, AT)
    headers = dict(signed.headers)
    assert (headers["X-API-Key"], headers["X-Timestamp"], headers["X-Window"]) == (KEYS.api_key, str(AT), "5000")
    assert headers["X"] == "Y"
    assert (signed.url, signed.query, signed.body) == (unsigned.url, unsigned.query, unsigned.body)


def test_a_subscription_carries_its_proof_as_four_texts() -> None:
    frame = b'{"method":"SUBSCRIBE","params":["account.orderUpdate"]}'
    assert msgspec.json.decode(signing.sign_frame(frame, KEYS, AT)) == {
        "method": "SUBSCRIBE",
        "params": ["account.orderUpdate"],
        "signature": [
            KEYS.api_key,
            "Uf+mBpqN/y/EzT77rzrj7ga4mdvZmzq4XW+Lh+9B0K0wLMFJrInMKcACIpSpVaPNzrFEpPhINxEP2rNI3E92CA==",
            str(AT),
            "5000",
        ],
    }


@pytest.mark.parametrize("secret", ["", "short", "AAEC", "not base64!", "ü" * 32])
def test_a_secret_that_is_no_seed_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(Refused, match="seed") as refused:
        signing.sign_request(request("GET", "/api/v1/capital"), Credentials("key", secret), AT)
    assert not secret or secret not in str(refused.value)


def test_every_private_request_has_an_instruction() -> None:
    trading, instrument = backpack.venue("perp").trading, backpack.instrument("perp", "SOL_USDC_PERP")
    assert trading is not None
    requests = [
        trading.query(backpack.QUERY, instrument),
        trading.cancel(backpack.CANCEL, instrument),
        trading.fills(backpack.FILLS, instrument, ""),
        trading.open_orders(backpack.ACCOUNT, ""),
        *trading.balances(backpack.ACCOUNT),
        trading.place(backpack.submit(), instrument),
    ]
    assert all(signature(weighted.request) for weighted in requests)
