"""Kraken's signatures, byte for byte against published ones; and nonces that never go back."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from integrated_trading_system.domain.errors import Refused, Unsupported
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.venues.bybit import signing as bybit_signing
from integrated_trading_system.venues.kraken import signing
from integrated_trading_system.venues.signer import Signer
from integrated_trading_system.venues.venue import Credentials

SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
KEYS = Credentials("KEY", SECRET)
OTHER, ME = AccountId("other"), AccountId("me")


def request(endpoint: str, body: str = "") -> HttpRequest:
    return HttpRequest(method="POST", url=f"https://api.kraken.com/0/private/{endpoint}", body=body)


def test_the_published_signature_is_ours(recordings: Path) -> None:
    everything = json.loads((recordings / "signing" / "published_signature_vectors.json").read_text())
    (known,) = (each for each in everything if each["exchange"] == "kraken")
    found = signing.signature(known["path"], known["nonce"], known["body"], known["secret"])
    assert found == known["expected"]


def test_a_form_in_json_is_signed_in_the_same_way() -> None:
    body = '{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":"37500","type":"buy","volume":"1.25"}'
    expected = "r/o+GpKxXjV/mls/r5CKLu5R+yzK5psqvQ4hXxMX1nzdxTBhV+ui82QGgPZMMitpFwCOAdPEZMmXgZxD2chJEg=="
    assert signing.signature("/0/private/AddOrder", "1616492376594", body, SECRET) == expected


def test_the_nonce_comes_before_the_form_and_both_are_signed() -> None:
    signed = signing.sign_request(request("OpenOrders", "cl_ord_id=its1"), KEYS, 1616492376594)
    assert signed.body == "nonce=1616492376594&cl_ord_id=its1"
    headers = dict(signed.headers)
    assert headers["API-Key"] == "KEY"
    assert headers["API-Sign"] == signing.signature("/0/private/OpenOrders", "1616492376594", signed.body, SECRET)
    assert signing.sign_request(request("BalanceEx"), KEYS, 5).body == "nonce=5"


def test_an_order_is_worth_nothing_ten_seconds_later() -> None:
    signed = signing.sign_request(request("AddOrder", "pair=XBTUSD"), KEYS, 1616492376594)
    assert signed.body == "nonce=1616492376594&pair=XBTUSD&deadline=2021-03-23T09%3A39%3A46.594Z"


@pytest.mark.parametrize("secret", ["not base64!", "abc"])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(Refused, match="base64") as refused:
        signing.sign_request(request("BalanceEx"), Credentials("KEY", secret), 5)
    assert secret not in str(refused.value)


def test_frames_are_not_signed() -> None:
    with pytest.raises(Unsupported, match="token"):
        signing.sign_frame(b"{}", KEYS, 5)


# -- nonces --------------------------------------------------------------------------------------


def nonces(module: ModuleType, *times: tuple[AccountId, int]) -> list[str]:
    """What the requests are signed with, at these milliseconds of the venue's clock."""
    signer = Signer(module, {ME: KEYS, OTHER: KEYS})
    signed = [signer.request(request("BalanceEx"), account, Nanos(at * MILLISECOND)) for account, at in times]
    return [one.body.removeprefix("nonce=") or dict(one.headers)["X-BAPI-TIMESTAMP"] for one in signed]


def test_every_nonce_of_a_key_is_above_the_one_before_whatever_the_clock_does() -> None:
    assert nonces(signing, (ME, 50), (ME, 50), (ME, 49), (ME, 60)) == ["50", "51", "52", "60"]
    assert nonces(signing, (ME, 50), (OTHER, 50), (ME, 50)) == ["50", "50", "51"]


def test_venues_that_want_the_time_itself_get_it() -> None:
    assert nonces(bybit_signing, (ME, 50), (ME, 50), (ME, 49)) == ["50", "50", "49"]
