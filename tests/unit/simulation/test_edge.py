"""What a venue does at its own door, and when it stops."""

from decimal import Decimal

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.edge import Edge
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import NewOrder, Order, Refusal
from integrated_trading_system.simulation.market import Market
from integrated_trading_system.simulation.venues import build_exchange, listings

SPOT, PERPETUAL = VenueId("binance:spot"), VenueId("binance:usdm")
OURS = "main"


def at(seconds: float) -> Nanos:
    return Nanos(int(seconds * SECOND))


def rig() -> tuple[Edge, Exchange, Exchange]:
    edge = Edge()
    market = Market(1, Nanos(0))
    exchanges = {
        venue: build_exchange(
            venue, listings(venue, ["BTCUSDT"]), [Account(OURS, {"USDT": Decimal(10_000)})], market, Nanos(0)
        )
        for venue in (SPOT, PERPETUAL)
    }
    edge.exchanges = exchanges
    return edge, exchanges[SPOT], exchanges[PERPETUAL]


def buy(exchange: Exchange, now: Nanos) -> Order | Refusal:
    request = NewOrder(symbol="BTCUSDT", side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal("0.01"))
    return exchange.place(exchange.bank.accounts[OURS], request, now)


def test_a_limit_names_the_seconds_that_are_left_rounded_up_and_then_ends() -> None:
    edge = Edge()
    assert edge.refuses(SPOT, at(1)) is None
    edge.limit(SPOT, 429, at(3.5))
    reply = edge.refuses(SPOT, at(1))
    assert reply is not None
    assert (reply.status, reply.headers) == (429, (("Retry-After", "3"),))
    assert edge.refuses(PERPETUAL, at(1)) is None
    assert edge.refuses(SPOT, at(3.5)) is None


def test_a_ban_is_not_softened_by_what_comes_after_it() -> None:
    edge = Edge()
    edge.limit(SPOT, 418, at(5))
    edge.limit(SPOT, 429, at(3))
    reply = edge.refuses(SPOT, at(1))
    assert reply is not None
    assert reply.status == 418
    edge.limit(SPOT, 429, at(9))
    later = edge.refuses(SPOT, at(6))
    assert later is not None
    assert later.status == 429


def test_in_maintenance_our_orders_are_refused_and_the_market_goes_on() -> None:
    edge, spot, perpetual = rig()
    edge.close(SPOT, at(2))
    while spot.advance(at(1)):
        spot.take()
    before = spot.symbols["BTCUSDT"].book.last_update
    assert buy(spot, at(1)) is Refusal.NOT_TRADING
    assert isinstance(buy(perpetual, at(1)), Order)
    while spot.advance(at(2)):
        spot.take()
    assert spot.symbols["BTCUSDT"].book.last_update > before
    edge.reopen(at(2), SPOT)
    assert isinstance(buy(spot, at(2)), Order)


def test_maintenance_that_was_prolonged_ends_with_its_last_end() -> None:
    edge, spot, _ = rig()
    edge.close(SPOT, at(2))
    edge.close(SPOT, at(4))
    edge.reopen(at(2), SPOT)
    assert buy(spot, at(2)) is Refusal.NOT_TRADING
    edge.reopen(at(4), SPOT)
    assert isinstance(buy(spot, at(4)), Order)


def test_a_clock_that_steps_leaves_the_stamps_of_what_was_before_as_they_were() -> None:
    edge, spot, _ = rig()
    edge.set_clock(at(10), SPOT, Nanos(-1_500 * MILLISECOND))
    edge.set_clock(at(20), SPOT, Nanos(0))
    assert [spot.venue_time(at(second)) for second in (9, 10, 19, 20)] == [at(9), at(8.5), at(17.5), at(20)]
