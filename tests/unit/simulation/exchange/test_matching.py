"""The book's promises, for any sequence of orders; and each rule once, by example."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.events import BookChanged, TradeHappened
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import EndReason, Order, OrderState, Refusal
from tests.support.exchange import FOK, IOC, START, Desk, customer, linear_listing, numbers, rules, spot_listing

NAMES = ("ann", "bob", "cid")

KINDS: dict[str, dict[str, Any]] = {
    "gtc": {},
    "ioc": {"time_in_force": IOC},
    "fok": {"time_in_force": FOK},
    "post": {"post_only": True},
}
ORDERS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "side": st.sampled_from(list(Side)),
        "quantity": st.integers(1, 40).map(lambda lots: str(Decimal(lots) / 10)),
        "price": st.none() | st.integers(190, 210).map(lambda ticks: str(Decimal(ticks) / 2)),
        "kind": st.sampled_from(["gtc", "gtc", "ioc", "fok", "post"]),
        "cancel": st.integers(0, 5),
    }
)


def open_exchange(*, linear: bool = False, **changes: Any) -> Desk:
    listing = linear_listing() if linear else spot_listing()
    accounts = [customer(name, BTC=100, USDT=10_000) for name in NAMES]
    return Desk(Exchange([listing], rules(**changes), accounts, start=START))


def act(desk: Desk, step: dict[str, Any]) -> Order | Refusal:
    """One step of a random script: an order, now and then followed by cancels."""
    fields = KINDS[step["kind"]] if step["price"] is not None else {}
    desk.now = Nanos(desk.now + 1)
    order = desk.ask(step["name"], step["side"], step["quantity"], step["price"], **fields)
    if step["cancel"] == 0:
        desk.exchange.cancel_all(desk.account(step["name"]), desk.now)
    return order


@given(st.lists(ORDERS, max_size=40), st.booleans())
def test_the_book_is_never_crossed_and_equals_the_sum_of_its_changes(
    script: list[dict[str, Any]], linear: bool
) -> None:
    desk = open_exchange(linear=linear)
    seen: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
    last = 0
    for step in script:
        act(desk, step)
        for event in desk.exchange.take():
            if isinstance(event, BookChanged):
                assert event.first_update == last + 1
                last = event.last_update
                for side, levels in ((Side.BUY, event.bids), (Side.SELL, event.asks)):
                    seen[side] |= levels
        top, depth = desk.exchange.top("BTCUSDT"), desk.exchange.depth("BTCUSDT", 100)
        assert not (top.bid and top.ask) or top.bid < top.ask
        assert dict(depth.bids) == {price: size for price, size in seen[Side.BUY].items() if size}
        assert dict(depth.asks) == {price: size for price, size in seen[Side.SELL].items() if size}


@given(st.lists(ORDERS, max_size=40), st.booleans(), st.booleans())
def test_nothing_is_made_or_lost(script: list[dict[str, Any]], linear: bool, in_received: bool) -> None:
    """Also with fees, which the house receives; nobody's balance is negative, and locks match open orders."""
    desk = open_exchange(linear=linear, fee_in_received_asset=in_received)
    for step in script:
        act(desk, step)
        assert desk.exchange.bank.total("BTC") == 300
        assert desk.exchange.bank.total("USDT") == 30_000
        positions = [view.quantity for name in NAMES for view in desk.exchange.positions(desk.account(name))]
        assert sum(positions) == 0
        if linear:
            continue
        for name in NAMES:
            account = desk.account(name)
            for view in account.balances():
                selling = view.asset == "BTC"
                orders = [o for o in account.open.values() if (o.side is Side.SELL) is selling]
                assert view.free >= 0
                assert view.locked == sum((order.locked for order in orders), Decimal(0))


@given(st.lists(ORDERS, max_size=40))
def test_price_comes_before_time_and_time_before_everything(script: list[dict[str, Any]]) -> None:
    """At every trade the maker is the oldest order at the best price of its side."""
    desk = open_exchange()
    resting: dict[int, tuple[Side, Decimal, Decimal]] = {}
    for step in script:
        order = act(desk, step)
        for event in desk.exchange.take():
            if isinstance(event, TradeHappened):
                maker = min(event.buyer_order_id, event.seller_order_id)
                side, price, left = resting[maker]
                queue = [(p, i) for i, (s, p, _) in resting.items() if s is side]
                better = [p for p, _ in queue if (p > price if side is Side.BUY else p < price)]
                older = [i for p, i in queue if p == price and i < maker]
                assert (better, older, event.price) == ([], [], price)
                resting[maker] = (side, price, left - event.quantity)
                if left == event.quantity:
                    del resting[maker]
        live = {i: o for name in NAMES for i, o in desk.account(name).open.items()}
        resting = {i: (o.side, o.price, o.remaining) for i, o in sorted(live.items())}
        assert isinstance(order, Refusal) or order.is_open == (order.order_id in resting)


@given(st.lists(ORDERS, max_size=40))
def test_what_is_not_good_till_cancelled_never_rests(script: list[dict[str, Any]]) -> None:
    desk = open_exchange()
    for step in script:
        order = act(desk, step)
        if isinstance(order, Refusal):
            continue
        if step["price"] is None or step["kind"] in ("ioc", "fok"):
            assert not order.is_open
        if step["price"] is not None and step["kind"] == "fok" and order.end_reason is not EndReason.SELF_TRADE:
            assert order.filled in (0, order.quantity)
        if step["price"] is not None and step["kind"] == "post":
            assert not any(fill.order_id == order.order_id and not fill.maker for fill in order.executions)


def test_the_price_of_a_trade_is_the_resting_orders() -> None:
    desk = open_exchange()
    desk.sell("ann", "1", "100")
    taker = desk.buy("bob", "1", "105")
    assert [fill.price for fill in taker.executions] == [Decimal(100)]
    assert taker.state is OrderState.FILLED


def test_a_buyer_pays_its_fee_in_what_it_bought_and_gets_the_rest_of_its_lock_back() -> None:
    desk = open_exchange()
    desk.sell("ann", "1", "100")
    desk.buy("bob", "1", "105")
    ann, bob = desk.account("ann"), desk.account("bob")
    assert (bob.wallet("BTC").free, bob.wallet("USDT").free) == numbers("100.999", 9900)
    assert bob.wallet("USDT").locked == 0
    assert (ann.wallet("BTC").free, ann.wallet("USDT").free) == numbers(99, "10099.98")
    assert desk.exchange.bank.house.wallet("BTC").free == Decimal("0.001")


def test_where_fees_are_charged_in_quote_the_fee_is_locked_with_the_price() -> None:
    desk = open_exchange(fee_in_received_asset=False)
    order = desk.buy("bob", "1", "100")
    assert desk.account("bob").wallet("USDT").locked == Decimal("100.1")
    desk.exchange.cancel(desk.account("bob"), order.order_id, desk.now)
    assert desk.account("bob").wallet("USDT").free == 10_000


def test_an_order_that_meets_its_own_account_expires_there() -> None:
    desk = open_exchange()
    mine = desk.sell("ann", "1", "100")
    theirs = desk.sell("bob", "1", "99")
    order = desk.buy("ann", "3", "100")
    assert (order.state, order.end_reason) == (OrderState.EXPIRED, EndReason.SELF_TRADE)
    assert order.filled == 1
    assert mine.is_open
    assert not theirs.is_open


def test_where_the_resting_order_yields_the_incoming_one_goes_on_without_it() -> None:
    desk = open_exchange(self_trade_ends_maker=True)
    mine = desk.sell("ann", "1", "99")
    theirs = desk.sell("bob", "1", "100")
    order = desk.buy("ann", "2", "100")
    assert (mine.state, mine.end_reason, mine.filled) == (OrderState.EXPIRED, EndReason.SELF_TRADE, Decimal(0))
    assert not theirs.is_open
    assert (order.filled, order.is_open) == (Decimal(1), True)
    assert desk.account("ann").wallet("BTC").locked == 0


def test_a_fill_or_kill_order_that_meets_its_own_account_expires_even_there() -> None:
    desk = open_exchange(self_trade_ends_maker=True)
    mine = desk.sell("ann", "1", "99")
    order = desk.buy("ann", "1", "99", time_in_force=TimeInForce.FOK)
    assert (order.state, order.end_reason) == (OrderState.EXPIRED, EndReason.SELF_TRADE)
    assert mine.is_open


def test_a_market_order_by_value_spends_at_most_that_in_whole_lots() -> None:
    desk = open_exchange()
    desk.sell("ann", "1", "100")
    desk.sell("ann", "1", "103")
    order = desk.buy("bob", "0", None, quote_quantity=Decimal(200))
    assert order.state is OrderState.FILLED
    assert order.filled == Decimal("1.970")
    assert order.filled_value == 100 + Decimal("0.970") * 103


def test_a_market_order_that_finds_too_little_expires_with_what_it_got() -> None:
    desk = open_exchange()
    desk.sell("ann", "1", "100")
    order = desk.buy("bob", "3", None)
    assert (order.state, order.end_reason) == (OrderState.EXPIRED, EndReason.NO_LIQUIDITY)
    assert order.filled == 1
    assert desk.account("bob").wallet("USDT").locked == 0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"quantity": "1", "price": "100.25"}, Refusal.PRICE_TICK),
        ({"quantity": "1.0005", "price": "100"}, Refusal.QUANTITY_LOT),
        ({"quantity": "0", "price": "100"}, Refusal.QUANTITY_MIN),
        ({"quantity": "0.001", "price": "100"}, Refusal.NOTIONAL_MIN),
        ({"quantity": "101", "price": "100"}, Refusal.INSUFFICIENT_BALANCE),
        ({"quantity": "1", "price": "100", "symbol": "ETHUSDT"}, Refusal.UNKNOWN_SYMBOL),
        ({"quantity": "1", "price": "99", "post_only": True}, Refusal.WOULD_TAKE),
        ({"quantity": "1", "price": "100", "client_id": "mine"}, Refusal.DUPLICATE_CLIENT_ID),
    ],
)
def test_what_breaks_a_rule_is_refused_and_changes_nothing(fields: dict[str, Any], expected: Refusal) -> None:
    desk = open_exchange()
    desk.buy("bob", "1", "99")
    desk.sell("ann", "0.5", "120", client_id="mine")
    before = desk.exchange.depth("BTCUSDT", 10).bids
    assert desk.ask("ann", Side.SELL, **fields) is expected
    assert desk.exchange.depth("BTCUSDT", 10).bids == before
    assert desk.account("ann").wallet("BTC").locked == Decimal("0.5")


def test_a_client_order_id_is_free_again_once_its_order_is_closed() -> None:
    desk = open_exchange()
    first = desk.sell("ann", "1", "120", client_id="mine")
    desk.exchange.cancel(desk.account("ann"), first.order_id, desk.now)
    second = desk.sell("ann", "1", "120", client_id="mine")
    assert desk.exchange.order_by_client_id(desk.account("ann"), "BTCUSDT", "mine") is second
    strict = open_exchange(client_id_once=True)
    order = strict.sell("ann", "1", "120", client_id="mine")
    strict.exchange.cancel(strict.account("ann"), order.order_id, strict.now)
    assert strict.ask("ann", Side.SELL, "1", "120", client_id="mine") is Refusal.DUPLICATE_CLIENT_ID


def test_a_halted_symbol_takes_cancels_only() -> None:
    desk = open_exchange()
    order = desk.sell("ann", "1", "120")
    desk.exchange.symbols["BTCUSDT"].trading = False
    assert desk.ask("ann", Side.SELL, "1", "120") is Refusal.NOT_TRADING
    assert desk.exchange.cancel(desk.account("ann"), order.order_id, desk.now) is order
    assert desk.exchange.cancel(desk.account("ann"), order.order_id, desk.now) is Refusal.UNKNOWN_ORDER


def test_venues_differ_in_whether_they_refuse_or_accept_first() -> None:
    desk = open_exchange(post_only_refused=False, fill_or_kill_refused=True)
    desk.buy("bob", "1", "99")
    order = desk.sell("ann", "1", "99", post_only=True)
    assert (order.state, order.end_reason) == (OrderState.CANCELLED, EndReason.WOULD_TAKE)
    assert desk.ask("ann", Side.SELL, "2", "99", time_in_force=FOK) is Refusal.CANNOT_FILL
