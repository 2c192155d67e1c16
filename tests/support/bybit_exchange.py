"""Simulated Bybits to test with: one of each product, quiet or lively."""

from decimal import Decimal
from typing import Any

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.simulation.exchange.dialects.bybit.dialect import Bybit, BybitLinear, BybitSpot
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from tests.support.dialect_clients import BybitClient
from tests.support.exchange import KEY, START, Desk, customer, linear_listing, rules, spot_listing

VENUE_RULES: dict[str, Any] = {"post_only_refused": False, "client_id_once": True, "open_orders_max": 3}


def linear(*, lively: bool = False) -> BybitClient:
    """Where "you" is the other customer, who offers 5 at 101 and wants 5 at 99."""
    listings = [
        linear_listing(price_band=Decimal("0.2"), quantity_max=Decimal(500)),
        linear_listing(symbol="ETHUSDT", base="ETH"),
    ]
    exchange = Exchange(listings, rules(**VENUE_RULES), accounts(), start=START)
    furnish(exchange, "bybit:linear", lively=lively)
    return BybitClient(BybitLinear(exchange), "linear")


def spot(*, lively: bool = False) -> BybitClient:
    listings = [spot_listing(price_band=Decimal("0.2"), quantity_max=Decimal(500))]
    exchange = Exchange(listings, rules(**VENUE_RULES), accounts(), start=START)
    furnish(exchange, "bybit:spot", lively=lively)
    return BybitClient(BybitSpot(exchange), "spot")


def accounts() -> list[Any]:
    return [customer("me", key=KEY, USDT=1_000, BTC=2), customer("you", key="y" * 64, USDT=10_000, BTC=100)]


def furnish(exchange: Exchange, venue: str, *, lively: bool) -> None:
    if lively:
        settings = MarketSettings(history_minutes=30, level_bps=60.0, level_notional=500.0)
        populate(exchange, Market(7, START, settings), VenueId(venue))
    else:
        desk = Desk(exchange)
        desk.sell("you", "5", "101")
        desk.buy("you", "5", "99")


def venue(product: str = "linear", *, levels: int = 0, seed: int = 7) -> BybitClient:
    """`levels`: of a lively market, more than a window has; without it nobody else trades."""
    accounts = [customer("me", key=KEY, USDT=1_000, BTC=2), customer("you", key="y" * 64, USDT=100_000, BTC=100)]
    listing = linear_listing() if product == "linear" else spot_listing()
    exchange = Exchange([listing], rules(post_only_refused=False), accounts, start=START)
    if levels:
        market = MarketSettings(history_minutes=30, level_bps=50.0, level_notional=500.0, levels=levels)
        populate(exchange, Market(seed, START, market), VenueId(f"bybit:{product}"))
    return BybitClient((BybitLinear if product == "linear" else BybitSpot)(exchange), product)


def desk(client: BybitClient) -> Desk:
    assert isinstance(client.dialect, Bybit)
    return Desk(client.dialect.exchange)
