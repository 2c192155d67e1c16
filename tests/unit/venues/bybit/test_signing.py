"""Bybit's signatures, byte for byte against published ones."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.bybit import signing
from integrated_trading_system.venues.venue import Credentials

ORDER = (
    '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"20000",'
    '"timeInForce":"GTC","orderLinkId":"its-0001"}'
)
KEYS = Credentials("TESTKEY0001", "TESTSECRET0001")


def vector(recordings: Path, name: str) -> dict[str, Any]:
    everything = json.loads((recordings / "signing" / "published_signature_vectors.json").read_text())
    (found,) = (each for each in everything if each["name"] == name)
    return dict(found)


def with_payload(method: str, part: str, payload: str) -> HttpRequest:
    return msgspec.structs.replace(HttpRequest(method=method, url="https://x/v5/y"), **{part: payload})


def signature(request: HttpRequest) -> str:
    return dict(request.headers)["X-BAPI-SIGN"]


@pytest.mark.parametrize(("name", "part"), [("bybit_v5_get", "query"), ("bybit_v5_post", "body")])
def test_the_signature_covers_time_key_window_and_exactly_what_is_sent(recordings: Path, name: str, part: str) -> None:
    known = vector(recordings, name)
    request = with_payload("GET", part, known["payload"])
    keys = Credentials(known["api_key"], known["secret"])
    assert signature(signing.sign_request(request, keys, int(known["timestamp"]))) == known["expected"]


@pytest.mark.parametrize(
    ("method", "part", "payload", "timestamp", "expected"),
    [
        (
            "GET",
            "query",
            "category=linear&symbol=BTCUSDT",
            1658384314791,
            "f353c112aa20fe1bbbf629531ad7df0428e63a67c2058306fb2308ef1cfb5103",
        ),
        (
            "POST",
            "body",
            ORDER,
            1658385579423,
            "17b9df30f3b890ccfb29884636ebec6300097fa474d2c7085af7a9d29e08db80",
        ),
    ],
)
def test_requests_are_signed_as_in_the_protocol_notes(
    method: str, part: str, payload: str, timestamp: int, expected: str
) -> None:
    request = with_payload(method, part, payload)
    assert signature(signing.sign_request(request, KEYS, timestamp)) == expected


def test_key_time_and_window_travel_in_headers_beside_those_that_were_there() -> None:
    request = HttpRequest(method="POST", url="https://x", body="{}", headers=(("Content-Type", "application/json"),))
    signed = signing.sign_request(request, KEYS, 17)
    headers = dict(signed.headers)
    assert headers["X-BAPI-API-KEY"] == "TESTKEY0001"
    assert (headers["X-BAPI-TIMESTAMP"], headers["X-BAPI-RECV-WINDOW"]) == ("17", "5000")
    assert headers["Content-Type"] == "application/json"
    assert (signed.url, signed.query, signed.body) == (request.url, request.query, request.body)


@pytest.mark.parametrize(
    ("keys", "expires", "expected"),
    [
        (KEYS, 1662350400000, "57ecb22ffa60511e493baace9d1c261383c130bd4e9f1e76b71954f78dce3861"),
        (
            Credentials("test_api_key", "test_secret"),
            1700000000000,
            "bacffe7500499eb829bb58c45d36d1b3e5ac67c14eaeba91df5e99ccee013925",
        ),
    ],
)
def test_a_logon_frame_carries_key_expiry_and_signature(keys: Credentials, expires: int, expected: str) -> None:
    frame = b'{"req_id":"auth","op":"auth","args":[]}'
    signed = msgspec.json.decode(signing.sign_frame(frame, keys, expires - signing.LOGON_MS))
    assert signed == {"req_id": "auth", "op": "auth", "args": [keys.api_key, expires, expected]}


def test_an_rsa_key_is_refused_with_what_would_help() -> None:
    keys = Credentials("key", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----")
    with pytest.raises(Refused, match="HMAC") as refused:
        signing.sign_request(HttpRequest(method="GET", url="https://x"), keys, 1)
    assert "MIIE" not in str(refused.value)
