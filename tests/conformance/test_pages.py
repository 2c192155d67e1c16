"""Fills that fill more than a page, at every venue that can be simulated: each of them is told."""

import pytest

from integrated_trading_system.domain.execution import Fill, OrderAccepted
from integrated_trading_system.domain.ids import ClientOrderId, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import QueryFills, TimeInForce
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.venues import VENUES
from integrated_trading_system.venues import catalog
from tests.conformance.orders import ACCOUNT, submit
from tests.conformance.simulated import Counterpart

TRADING = [
    name
    for name in map(VenueId, VENUES)
    if catalog.build(name, catalog.endpoints_of(name), ACCOUNT).trading is not None
]
MANY = 205
"""More than two pages of those with the shortest."""


@pytest.mark.parametrize("venue", TRADING)
def test_however_many_pages_there_are_every_fill_is_on_one_of_them(venue: VenueId) -> None:
    there = Counterpart(venue)
    trading, market, began = there.folder.trading, there.instrument, there.now
    assert trading is not None
    bought = ZERO
    for number in range(MANY):
        if number % 9 == 0:
            there.trade("sell", 10)
        name = ClientOrderId(str(3_000 + number))
        order = submit(market, name, there.price(10), there.lots / 10, TimeInForce.IOC)
        reply = there.ask(trading.place(order, market).request, signed=True).reply
        (accepted, *_) = trading.decode_place(order, market, reply)
        assert isinstance(accepted, OrderAccepted), accepted
        bought += order.request.quantity
        there.wait(SECOND // 5)
    query = QueryFills(market.instrument, ACCOUNT, Nanos(began - MINUTE))
    told: list[Fill] = []
    pages, cursor = 0, ""
    while cursor or not pages:
        there.wait(SECOND * 10)
        answer = there.ask(trading.fills(query, market, cursor).request, signed=True)
        events, cursor = trading.decode_fills(query, market, answer.reply)
        told += [event for event in events if isinstance(event, Fill)]
        assert len(told) >= len(events)
        pages += 1
    assert sum((fill.quantity for fill in {fill.trade_id: fill for fill in told}.values()), ZERO) == bought
    assert (pages > 2) == (venue.partition(":")[0] in ("bybit", "okx", "kraken"))
