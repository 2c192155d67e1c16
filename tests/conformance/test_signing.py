"""Signatures: pure, of the key and the moment, and silent about the secret."""

from collections.abc import Callable
from typing import Any

import pytest

from integrated_trading_system.domain.errors import Refused, Unsupported
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.venue import Credentials
from tests.conformance.description import SENT
from tests.conformance.orders import ACCOUNT
from tests.conformance.subjects import Subject

MILLIS = SENT // 1_000_000
LATER = MILLIS + 1_000
Sign = Callable[[Credentials, int], Any]


def signed(subject: Subject) -> Sign:
    """A question for balances, signed."""
    trading = subject.listed().trading
    if trading is None:
        pytest.skip("nothing is signed: nothing is traded")
    request: HttpRequest = trading.balances(ACCOUNT)[0].request
    return lambda keys, millis: subject.signing.sign_request(request, keys, millis)


def frames(subject: Subject) -> list[Sign]:
    """Every frame that a plan wants signed."""
    venue = subject.listed()
    plans = [subject.plan(door, *kinds, venue=venue) for door, kinds in subject.doors().items()]
    plans += [plan for plan in [venue.session.user_link(ACCOUNT)] if plan is not None]
    wanted = [frame.data for plan in plans for frame in (*plan.logon, *plan.subscribe) if frame.signed]

    def of(data: bytes) -> Sign:
        return lambda keys, millis: subject.signing.sign_frame(data, keys, millis)

    return [of(data) for data in wanted]


def everything(subject: Subject) -> list[Sign]:
    return [signed(subject), *frames(subject)]


def test_equal_inputs_are_signed_alike(subject: Subject) -> None:
    mine, _ = subject.traffic.credentials
    for sign in everything(subject):
        assert sign(mine, MILLIS) == sign(mine, MILLIS)


def test_another_key_signs_otherwise(subject: Subject) -> None:
    mine, theirs = subject.traffic.credentials
    mixed = Credentials(api_key=mine.api_key, api_secret=theirs.api_secret, passphrase=mine.passphrase)
    for sign in everything(subject):
        assert sign(mine, MILLIS) != sign(mixed, MILLIS)


def test_another_moment_is_signed_otherwise(subject: Subject) -> None:
    mine, _ = subject.traffic.credentials
    for sign in everything(subject):
        assert (sign(mine, MILLIS) == sign(mine, LATER)) == subject.traffic.secret_is_sent


def test_what_is_signed_still_asks_what_it_asked(subject: Subject) -> None:
    mine, _ = subject.traffic.credentials
    sign = signed(subject)
    trading = subject.listed().trading
    assert trading is not None
    before, after = trading.balances(ACCOUNT)[0].request, sign(mine, MILLIS)
    assert (after.method, after.url) == (before.method, before.url)
    assert set(before.headers) <= set(after.headers)
    assert after != before


def test_the_secret_stays_here(subject: Subject) -> None:
    mine, _ = subject.traffic.credentials
    for sign in everything(subject):
        said = sign(mine, MILLIS)
        text = said.decode() if isinstance(said, bytes) else f"{said.target} {said.body} {said.headers}"
        assert (mine.api_secret in text) == subject.traffic.secret_is_sent
        url = "" if isinstance(said, bytes) else said.target
        assert mine.api_secret not in url


def test_credentials_show_nothing(subject: Subject) -> None:
    for keys in subject.traffic.credentials:
        assert keys.api_secret not in f"{keys!r} {keys}"


def test_where_nothing_is_ever_signed_that_is_said(subject: Subject) -> None:
    folder = subject.folder
    flavours = [folder.build(each, folder.FLAVOURS[each], ACCOUNT) for each in (*folder.FLAVOURS, subject.flavour)]
    if any(venue.trading is not None or venue.data_account is not None for venue in flavours):
        pytest.skip("something is signed")
    mine, _ = subject.traffic.credentials
    with pytest.raises((Refused, Unsupported)) as refusal:
        subject.signing.sign_frame(b"{}", mine, MILLIS)
    assert mine.api_secret not in str(refusal.value)
