"""What every folder is made of: the same files, its addresses, its limits, and what it lists."""

import re
from importlib.util import find_spec

import pytest

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.endpoints import LIBRARY, LOOPBACK
from integrated_trading_system.venues.venue import Venue
from tests.conformance.description import SENT
from tests.conformance.orders import ACCOUNT
from tests.conformance.subjects import Subject

FILES = (
    *("endpoints", "wire", "symbols", "codec", "user_codec", "session"),
    *("market", "history", "trading", "signing"),
)
DAYS = Nanos(400 * 86_400 * SECOND)


def urls(venue: Venue) -> list[str]:
    """Where its public requests go."""
    clock = venue.market.time()
    return [each.request.url for each in (*venue.market.instruments(), *((clock,) if clock is not None else ()))]


def test_the_folder_has_the_files_of_every_other(subject: Subject) -> None:
    package = subject.package
    assert [name for name in FILES if find_spec(f"{package}.{name}") is None] == []
    assert package.rpartition(".")[2] == subject.folder.NAME


def test_it_is_named_as_every_other(subject: Subject) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", subject.folder.NAME)
    assert re.fullmatch(r"[a-z0-9_]+", subject.flavour)
    assert subject.flavour in subject.folder.FLAVOURS
    bare = subject.folder.DEFAULT_FLAVOUR
    assert not bare or bare in subject.folder.FLAVOURS
    assert subject.build().venue == subject.name


def test_its_own_addresses_are_encrypted(subject: Subject) -> None:
    own = subject.endpoints
    for address in (own.rest_url, own.rest_data_url):
        assert not address or address.startswith(("https://", LIBRARY))
    for address in (own.ws_url, own.ws_user_url, own.ws_api_url):
        assert not address or address.startswith(("wss://", LIBRARY))
    assert own.rest_url
    assert own.ws_url


def test_every_address_comes_from_its_endpoints(subject: Subject) -> None:
    moved = subject.endpoints.moved("http://127.0.0.1:1", "ws://127.0.0.1:2")
    venue = subject.listed(moved)
    plans = [subject.plan(door, *kinds, venue=venue).url for door, kinds in subject.doors().items()]
    user = venue.session.user_link(ACCOUNT)
    if user is not None:
        plans += [user.url, *(each.url for each in (user.resolve, user.keep_alive) if each is not None)]
    if venue.trading is not None:
        plans += [each.request.url for each in venue.trading.balances(ACCOUNT)]
    for url in (*urls(venue), *plans):
        assert url.startswith((*(f"http://{LOOPBACK[0]}:1", f"ws://{LOOPBACK[0]}:"), LIBRARY)), url


def test_each_build_is_fresh(subject: Subject) -> None:
    one, other = subject.build(), subject.build()
    assert one.codec is not other.codec
    assert one.user_codec is None or one.user_codec is not other.user_codec


def test_its_limits_can_be_kept(subject: Subject) -> None:
    venue = subject.listed()
    limits = {limit.name: limit for limit in venue.rate_limits}
    assert len(limits) == len(venue.rate_limits) > 0
    for limit in limits.values():
        assert 0 <= limit.reserve < limit.capacity
        assert limit.window > 0
        assert limit.used_header == limit.used_header.lower()
    snapshot, clock = venue.market.snapshot(subject.instrument), venue.market.time()
    requests = [*venue.market.instruments(), *(each for each in (snapshot, clock) if each is not None)]
    if venue.trading is not None:
        requests += [venue.trading.open_orders(ACCOUNT, ""), *venue.trading.balances(ACCOUNT)]
    for weighted in requests:
        for name, weight in weighted.weights:
            assert 0 <= weight <= limits[name].capacity


def test_what_is_not_offered_says_why(subject: Subject) -> None:
    venue = subject.build()
    assert venue.receive_window > 0
    assert venue.client_order_id_max >= 0
    assert venue.data_account in (None, ACCOUNT)
    if venue.trading is None:
        assert len(venue.no_trading) > 20, "no_trading is empty"
        assert venue.user_codec is None
        assert venue.session.user_link(ACCOUNT) is None
    else:
        assert venue.no_trading == ""
        assert (venue.user_codec is None) == (venue.session.user_link(ACCOUNT) is None)


def test_what_it_lists_can_be_traded_in_steps(subject: Subject) -> None:
    found = subject.instrument
    assert found.instrument == f"{subject.name}:{found.symbol}"
    assert found.venue == subject.name
    assert found.base
    assert found.quote
    assert found.settle in (found.base, found.quote)
    assert found.tick > 0
    assert found.lot > 0
    assert found.multiplier > 0
    assert found.tradable
    assert not found.inferred


def test_a_list_of_instruments_ends(subject: Subject) -> None:
    market = subject.build().market
    *_, last = (market.decode_instruments(page.reply)[1] for page in subject.traffic.listed)
    assert last is None


def test_its_clock_is_read_in_nanoseconds(subject: Subject) -> None:
    market = subject.build().market
    if market.time() is None:
        pytest.skip("the venue tells no time")
    assert subject.traffic.time is not None
    told = market.decode_time(subject.traffic.time.reply)
    assert abs(told - SENT) < DAYS
