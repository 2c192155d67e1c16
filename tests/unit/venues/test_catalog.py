"""The catalog knows every venue by its name, and says what there is when it is asked for something else."""

import pytest

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.venues import catalog

VENUES = catalog.venue_ids()


def test_a_bare_name_means_the_default_flavour() -> None:
    assert catalog.resolve("binance") == "binance:spot"
    assert catalog.resolve("binance:usdm") == "binance:usdm"


@pytest.mark.parametrize("name", ["mtgox", "mtgox:spot", "", ":spot"])
def test_an_unknown_venue_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown venue .*known are .*binance:spot"):
        catalog.resolve(name)


@pytest.mark.parametrize("name", ["binance:options", "binance:", "binance:spot:x"])
def test_an_unknown_flavour_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown flavour .*binance has spot"):
        catalog.resolve(name)


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_is_built_anew_for_its_own_name_and_addresses(venue: VenueId) -> None:
    endpoints = catalog.endpoints_of(venue)
    built = [catalog.build(venue, endpoints, AccountId("main")) for _ in range(2)]
    assert [made.venue for made in built] == [venue, venue]
    assert built[0].codec is not built[1].codec
    assert endpoints.rest_url.startswith("https://")
    assert endpoints.ws_url.startswith("wss://")


@pytest.mark.parametrize("venue", VENUES)
def test_every_weight_of_a_venue_counts_against_one_of_its_limits(venue: VenueId) -> None:
    made = catalog.build(venue, catalog.endpoints_of(venue), AccountId("main"))
    names = {limit.name for limit in made.rate_limits}
    public = [*made.market.instruments(), made.market.time()]
    assert {name for request in public if request is not None for name, _ in request.weights} <= names


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_can_sign(venue: VenueId) -> None:
    signing = catalog.signing_of(venue)
    assert callable(signing.sign_request)
    assert callable(signing.sign_frame)
