"""Signatures, against vectors computed by others."""

import msgspec
import pytest

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.okx.signing import sign_frame, sign_request
from integrated_trading_system.venues.venue import Credentials
from tests.support import okx

KEYS = Credentials("key", "22582BD0CFF14C41EDBF1AB98506286D", "phrase")
AT = 1607418537715
"""2020-12-08T09:08:57.715Z, of the venue's own examples."""
ORDER = '{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"2.15","sz":"2"}'
BASE = "https://www.okx.com/api/v5"


def signed(request: HttpRequest, at: int = AT) -> dict[str, str]:
    return dict(sign_request(request, KEYS, at).headers)


def test_a_question_is_signed_with_its_query() -> None:
    headers = signed(HttpRequest(method="GET", url=f"{BASE}/account/balance", query="ccy=BTC"))
    assert headers == {
        "OK-ACCESS-KEY": "key",
        "OK-ACCESS-SIGN": "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY=",
        "OK-ACCESS-TIMESTAMP": "2020-12-08T09:08:57.715Z",
        "OK-ACCESS-PASSPHRASE": "phrase",
    }


def test_an_order_is_signed_with_its_body_and_void_five_seconds_later() -> None:
    headers = signed(HttpRequest(method="POST", url=f"{BASE}/trade/order", body=ORDER))
    assert headers["OK-ACCESS-SIGN"] == "iwrdSpN7pm4G4u8+fswZUyH6mOM48+sBF6WvKpj4Dvk="
    assert headers["expTime"] == str(AT + 5_000)
    assert int(headers["expTime"]) - AT == okx.venue("spot").receive_window // 1_000_000


@pytest.mark.parametrize(("method", "path"), [("GET", "/trade/order"), ("POST", "/trade/cancel-order")])
def test_nothing_but_an_order_expires(method: str, path: str) -> None:
    assert "expTime" not in signed(HttpRequest(method=method, url=f"{BASE}{path}"))


def test_headers_of_the_request_stay_and_what_is_sent_is_what_was_signed() -> None:
    request = HttpRequest(method="POST", url=f"{BASE}/trade/order", body=ORDER, headers=(("Content-Type", "x"),))
    result = sign_request(request, KEYS, AT)
    assert result.headers[0] == ("Content-Type", "x")
    assert (result.method, result.url, result.query, result.body) == (request.method, request.url, "", ORDER)


def test_whole_seconds_have_milliseconds_all_the_same() -> None:
    headers = signed(HttpRequest(method="GET", url=f"{BASE}/public/time"), 1607418537005)
    assert headers["OK-ACCESS-TIMESTAMP"] == "2020-12-08T09:08:57.005Z"


def test_the_logon_is_signed_with_its_time_in_seconds() -> None:
    frame = msgspec.json.decode(sign_frame(b'{"op":"login","args":[]}', KEYS, 1538054050999))
    argument = {
        "apiKey": "key",
        "passphrase": "phrase",
        "timestamp": "1538054050",
        "sign": "+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M=",
    }
    assert frame == {"op": "login", "args": [argument]}


def test_a_key_without_its_passphrase_is_refused_with_words_about_the_setting() -> None:
    with pytest.raises(Refused, match="api_passphrase"):
        sign_request(HttpRequest(method="GET", url=BASE), Credentials("key", "secret"), AT)


def test_credentials_show_nothing_of_themselves() -> None:
    assert repr(KEYS) == str(KEYS) == "Credentials(...)"
