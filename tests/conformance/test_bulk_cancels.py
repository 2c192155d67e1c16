"""Many orders cancelled at once, at every venue that can be simulated: what goes, what stays, what is told of each."""

from collections.abc import Sequence

import pytest

from integrated_trading_system.domain.execution import CancelFailed, OpenOrdersListed, OrderAccepted, OrderDone
from integrated_trading_system.domain.ids import ClientOrderId, VenueId
from integrated_trading_system.domain.order import CancelOrder, OrderStatus, QueryOrder
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.simulation.venues import VENUES
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.bulk import BulkCancels
from integrated_trading_system.venues.venue import Trading
from tests.conformance.orders import ACCOUNT, submit
from tests.conformance.simulated import Counterpart

_BUILT = {name: catalog.build(name, catalog.endpoints_of(name), ACCOUNT) for name in map(VenueId, VENUES)}
TRADING = [name for name, folder in _BUILT.items() if folder.trading is not None]
BATCHING = [
    name for name, folder in _BUILT.items() if folder.bulk_cancels is not None and folder.bulk_cancels.batch_max
]
MANY = 120
"""More than the longest page of those that have pages."""
SWEEPING = [name for name, folder in _BUILT.items() if folder.bulk_cancels is not None and folder.bulk_cancels.sweep]


class Account:
    """Ours at one simulated venue, with some orders that rest."""

    def __init__(self, venue: VenueId, orders: int) -> None:
        self.there = Counterpart(venue)
        trading, bulk = self.there.folder.trading, self.there.folder.bulk_cancels
        assert trading is not None
        assert bulk is not None
        self.trading: Trading = trading
        self.bulk: BulkCancels = bulk
        self.market = self.there.instrument
        self.cancels = [self._place(number) for number in range(orders)]

    def _place(self, number: int) -> CancelOrder:
        name = ClientOrderId(str(2_000 + number))
        order = submit(self.market, name, self.there.price(-1_000 - number), self.there.lots)
        reply = self.there.ask(self.trading.place(order, self.market).request, signed=True).reply
        self.there.wait(SECOND // 5)  # more at once than the venues' limits allow
        (accepted, *_) = self.trading.decode_place(order, self.market, reply)
        assert isinstance(accepted, OrderAccepted)
        return CancelOrder(name, self.market.instrument, ACCOUNT, accepted.venue_order_id)

    def batch(self, cancels: Sequence[CancelOrder]) -> Sequence[object]:
        answer = self.there.ask(self.bulk.batch(cancels, self.market).request, signed=True)
        return self.bulk.decode_batch(cancels, self.market, answer.reply)

    def sweep(self) -> Sequence[object]:
        answer = self.there.ask(self.bulk.cancel_all(ACCOUNT, self.market).request, signed=True)
        return self.bulk.decode_cancel_all(self.cancels, answer.reply)

    def open(self) -> list[str]:
        """By our names, of all pages."""
        return sorted(order.client_order_id for page in self.pages() for order in page.orders)

    def pages(self) -> list[OpenOrdersListed]:
        found: list[OpenOrdersListed] = []
        cursor = ""
        while cursor or not found:
            answer = self.there.ask(self.trading.open_orders(ACCOUNT, cursor).request, signed=True)
            (listed,), cursor = self.trading.decode_open_orders(ACCOUNT, answer.reply)
            assert isinstance(listed, OpenOrdersListed)
            found.append(listed)
        return found

    def is_over(self, cancel: CancelOrder) -> bool:
        query = QueryOrder(cancel.client_order_id, cancel.instrument, ACCOUNT, cancel.venue_order_id)
        reply = self.there.ask(self.trading.query(query, self.market).request, signed=True).reply
        (found,) = self.trading.decode_query(query, self.market, reply)
        return getattr(found, "status", None) is not OrderStatus.WORKING


@pytest.mark.parametrize("venue", BATCHING)
def test_a_batch_ends_the_orders_that_it_names_and_no_other(venue: VenueId) -> None:
    account = Account(venue, 4)
    told = account.batch(account.cancels[:3])
    assert not [each for each in told if isinstance(each, CancelFailed)]
    assert account.open() == [account.cancels[3].client_order_id]
    assert all(account.is_over(cancel) for cancel in account.cancels[:3])


@pytest.mark.parametrize("venue", BATCHING)
def test_an_order_of_a_batch_that_is_over_already_is_told_as_failed_and_the_others_are_cancelled(
    venue: VenueId,
) -> None:
    account = Account(venue, 3)
    account.batch(account.cancels[:2])
    told = account.batch((account.cancels[1], account.cancels[2]))
    failed = [each for each in told if isinstance(each, CancelFailed)]
    assert [each.client_order_id for each in failed] == [account.cancels[1].client_order_id]
    assert failed[0].maybe_sent
    assert account.open() == []


@pytest.mark.parametrize("venue", BATCHING)
def test_a_full_batch_is_taken(venue: VenueId) -> None:
    account = Account(venue, 0)
    most = account.bulk.batch_max
    made_up = [
        CancelOrder(ClientOrderId(str(9_000 + each)), account.market.instrument, ACCOUNT) for each in range(most)
    ]
    told = account.batch(made_up)
    assert [each.client_order_id for each in told if isinstance(each, CancelFailed)] == [
        cancel.client_order_id for cancel in made_up
    ]


@pytest.mark.parametrize("venue", SWEEPING)
def test_a_sweep_ends_everything_in_its_reach_and_tells_of_no_failure(venue: VenueId) -> None:
    account = Account(venue, 3)
    told = account.sweep()
    assert not [each for each in told if isinstance(each, CancelFailed)]
    assert account.open() == []
    done = [each for each in told if isinstance(each, OrderDone)]
    assert all(each.status is OrderStatus.CANCELLED and each.venue_filled == 0 for each in done)
    assert all(account.is_over(cancel) for cancel in account.cancels)


@pytest.mark.parametrize("venue", SWEEPING)
def test_a_second_sweep_proves_nothing_of_orders_that_were_not_there(venue: VenueId) -> None:
    account = Account(venue, 2)
    account.sweep()
    assert not [each for each in account.sweep() if isinstance(each, OrderDone)]


@pytest.mark.parametrize("venue", TRADING)
def test_however_many_pages_there_are_every_open_order_is_on_one_of_them(venue: VenueId) -> None:
    account = Account(venue, MANY)
    pages = account.pages()
    assert (len(pages) > 1) == (venue.partition(":")[0] in ("bybit", "okx"))
    assert account.open() == sorted(cancel.client_order_id for cancel in account.cancels)


@pytest.mark.parametrize("venue", TRADING)
def test_an_order_is_listed_with_its_terms_for_whoever_does_not_know_it(venue: VenueId) -> None:
    account = Account(venue, 1)
    answer = account.there.ask(account.trading.open_orders(ACCOUNT, "").request, signed=True)
    (listed,), _ = account.trading.decode_open_orders(ACCOUNT, answer.reply)
    assert isinstance(listed, OpenOrdersListed)
    (order,) = listed.orders
    assert (order.side, order.price, order.quantity) == ("buy", account.there.price(-1_000), account.there.lots)


@pytest.mark.parametrize("venue", TRADING)
def test_an_order_that_somebody_placed_without_a_name_can_be_cancelled(venue: VenueId) -> None:
    account = Account(venue, 1)
    (known,) = account.cancels
    listed = account.there.ask(account.trading.open_orders(ACCOUNT, "").request, signed=True)
    assert listed.status == 200
    name = known.client_order_id if "binance" in venue else ClientOrderId("")
    cancel = CancelOrder(name, known.instrument, ACCOUNT, known.venue_order_id)
    account.there.ask(account.trading.cancel(cancel, account.market).request, signed=True)
    assert account.open() == []
