"""Binance's signatures, byte for byte as published."""

from base64 import b64encode

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.binance import signing
from integrated_trading_system.venues.venue import Credentials

HMAC = Credentials(
    api_key="vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    api_secret="NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
SEED = bytes(range(32))
SEED_KEY = Credentials(api_key=HMAC.api_key, api_secret=b64encode(SEED).decode())
PEM = Ed25519PrivateKey.from_private_bytes(SEED).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PEM_KEY = Credentials(api_key=HMAC.api_key, api_secret=PEM.decode())
ORDER = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"


def request(query: str, body: str = "", path: str = "/api/v3/order") -> HttpRequest:
    return HttpRequest(method="POST", url=f"https://api.binance.com{path}", query=query, body=body)


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_a_query_is_signed_with_timestamp_and_signature_at_its_end(symbol: str, signature: str) -> None:
    query = ORDER.replace("LTCBTC", symbol)
    signed = signing.sign_request(request(query), HMAC, 1499827319559)
    assert signed.query == f"{query}&timestamp=1499827319559&signature={signature}"
    assert signed.headers == (("X-MBX-APIKEY", HMAC.api_key),)


def test_a_query_of_nothing_but_the_timestamp_is_signed() -> None:
    signed = signing.sign_request(request(""), HMAC, 1578963600000)
    signature = "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"
    assert signed.query == f"timestamp=1578963600000&signature={signature}"


def test_query_and_body_are_signed_without_a_separator() -> None:
    signed = signing.sign_request(request("", body="quantity=1&price=0.1"), HMAC, 1499827319559)
    whole = signing.sign_request(request("a=1"), HMAC, 1499827319559)
    assert signed.body == "quantity=1&price=0.1"
    assert signed.query.partition("&signature=")[2] != whole.query.partition("&signature=")[2]


@pytest.mark.parametrize("path", ["/fapi/v1/listenKey", "/api/v3/userDataStream"])
def test_a_listen_key_needs_only_the_key(path: str) -> None:
    plain = request("", path=path)
    assert signing.sign_request(plain, HMAC, 1) == msgspec.structs.replace(
        plain, headers=(("X-MBX-APIKEY", HMAC.api_key),)
    )


def test_a_frame_of_the_websocket_api_is_signed_over_its_sorted_params() -> None:
    frame = {
        "id": "4885f793-e5ad-4c3b-8f6c-55d891472b71",
        "method": "order.place",
        "params": {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01000000",
            "price": "52000.00",
            "recvWindow": 100,
        },
    }
    signed = msgspec.json.decode(signing.sign_frame(msgspec.json.encode(frame), HMAC, 1645423376532))
    assert signed["method"] == "order.place"
    assert signed["params"]["apiKey"] == HMAC.api_key
    assert signed["params"]["timestamp"] == 1645423376532
    assert signed["params"]["signature"] == "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"


@pytest.mark.parametrize("credentials", [SEED_KEY, PEM_KEY])
def test_an_ed25519_key_signs_in_percent_encoded_base64(credentials: Credentials) -> None:
    query = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2"
    signed = signing.sign_request(request(query), credentials, 1668481559918)
    unsigned, _, signature = signed.query.partition("&signature=")
    assert signature.endswith("%3D%3D")
    raw = Ed25519PrivateKey.from_private_bytes(SEED).sign(unsigned.encode())
    assert signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=") == b64encode(raw).decode()


def test_an_ed25519_key_signs_the_published_logon() -> None:
    key = Credentials("4yNzx3yWC5bS6YTwEkSRaC0nRmSQIIStAUOh1b6kqaBrTLIhjCpI5lJH8q8R8WNO", SEED_KEY.api_secret)
    signed = signing.sign_frame(b'{"id":1,"method":"session.logon"}', key, 1649729878532)
    expected = "3f607ShE7NxDVBcqOzPxVhTwlmZdEt6RDPtVmIJJYCfEU/AT3wCvX9TgIFs3JhSeCZihhY3eUVXK0ye2WyKjBw=="
    assert msgspec.json.decode(signed)["params"]["signature"] == expected


def test_a_key_in_pem_that_is_not_ed25519_is_refused() -> None:
    rsa = generate_private_key(65537, 1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for secret in (rsa, "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(Refused) as refused:
            signing.sign_request(request(""), Credentials("key", secret), 1)
        assert secret not in str(refused.value)


def test_a_secret_that_is_no_base64_is_an_hmac_secret() -> None:
    signed = signing.sign_request(request("a=1"), Credentials("key", "not base64!"), 1)
    assert len(signed.query.partition("&signature=")[2]) == 64
