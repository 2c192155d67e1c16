"""The list of simulated venues."""

from decimal import Decimal

import pytest

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.simulation.exchange.dialect import ServerRequest
from integrated_trading_system.simulation.market import Market
from integrated_trading_system.simulation.venues import VENUES, build_dialect, build_exchange, listings
from tests.support.exchange import START, customer


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_can_be_built_and_runs(venue: str) -> None:
    listed = listings(VenueId(venue))[:2]
    exchange = build_exchange(VenueId(venue), listed, [customer("me", USDT=1)], Market(1, START), START)
    dialect = build_dialect(VenueId(venue), exchange)
    due = dialect.deadline()
    assert due is not None
    dialect.run(due)
    assert exchange.now == due
    request = ServerRequest(method="GET", path="/nothing", query="", headers={}, body=b"")
    assert dialect.http(request, due).status == 404


def test_only_what_is_asked_for_is_listed_in_that_order() -> None:
    listed = listings(VenueId("binance:spot"), ["ETHUSDT", "BTCUSDC"])
    assert [(one.symbol, one.base, one.quote) for one in listed] == [
        ("ETHUSDT", "ETH", "USDT"),
        ("BTCUSDC", "BTC", "USDC"),
    ]


def test_a_perpetual_has_its_own_kind_and_lots() -> None:
    spot = listings(VenueId("binance:spot"), ["BTCUSDT"])[0]
    perpetual = listings(VenueId("binance:usdm"), ["BTCUSDT"])[0]
    assert (perpetual.kind, perpetual.settle) == (Kind.LINEAR, "USDT")
    assert perpetual.lot == 10 * spot.lot
    assert perpetual.tick == spot.tick == Decimal("0.01")


def test_what_is_not_simulated_is_named() -> None:
    with pytest.raises(ConfigurationError, match="nowhere:spot cannot be simulated; known are binance:spot"):
        listings(VenueId("nowhere:spot"))
    with pytest.raises(ConfigurationError, match="does not list NOPE here; it lists BTCUSDT"):
        listings(VenueId("binance:spot"), ["NOPE"])
