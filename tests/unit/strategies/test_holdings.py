"""What a strategy holds is the sum of its own fills: of earlier runs, and of this one."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import ClientOrderId, StrategyId, TradeId
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.strategies.holdings import Holdings
from tests.support.trading import START, fill, fill_of, instrument, leg, order, plan

A = instrument().instrument
ARB = StrategyId("arb")


def test_fills_of_earlier_runs_are_there_by_the_journals_owners() -> None:
    mine = fill(A, Side.BUY, "2", "100", client_order_id=ClientOrderId("mine"))
    other = fill(A, Side.BUY, "5", "100", client_order_id=ClientOrderId("other"))
    nobodys = fill(A, Side.BUY, "7", "100")
    holdings = Holdings(
        (mine, other, nobodys), {ClientOrderId("mine"): ARB, ClientOrderId("other"): StrategyId("else")}
    )
    held = holdings.of(ARB, A)
    assert (held.quantity, held.paid, held.since) == (Decimal(2), Decimal(200), START)


def test_a_fill_counts_for_whoever_sent_its_order() -> None:
    holdings = Holdings((), {})
    sent = order(plan(leg(A, Side.SELL, "3", "100")), 0, "o-1", OrderStatus.SUBMITTED)
    holdings.tell(sent)
    holdings.tell(fill_of(sent, "3"))
    assert holdings.of(ARB, A).quantity == -3
    assert holdings.of(StrategyId("else"), A).quantity == 0


def test_the_entry_price_stays_while_it_shrinks_and_begins_anew_when_it_turns() -> None:
    holdings = Holdings((), {ClientOrderId("o"): ARB})

    def trade(side: Side, quantity: str, price: str, at: int) -> None:
        holdings.tell(
            fill(A, side, quantity, price, client_order_id=ClientOrderId("o"), trade_id=TradeId(str(at)), venue_time=at)
        )

    trade(Side.BUY, "1", "100", 1)
    trade(Side.BUY, "3", "104", 2)
    trade(Side.SELL, "2", "500", 3)
    held = holdings.of(ARB, A)
    assert (held.quantity, held.paid / held.quantity, held.since) == (Decimal(2), Decimal(103), 1)
    trade(Side.SELL, "3", "110", 4)
    held = holdings.of(ARB, A)
    assert (held.quantity, held.paid / held.quantity, held.since) == (Decimal(-1), Decimal(110), 4)
    trade(Side.BUY, "1", "1", 5)
    assert holdings.of(ARB, A).quantity == 0
    assert holdings.of(ARB, A).since is None


@given(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 5)), max_size=30))
def test_the_quantity_is_the_sum_whatever_the_order(trades: list[tuple[Side, int]]) -> None:
    holdings = Holdings((), {ClientOrderId("o"): ARB})
    for side, quantity in trades:
        holdings.tell(fill(A, side, str(quantity), "10", client_order_id=ClientOrderId("o")))
    held = holdings.of(ARB, A)
    assert held.quantity == sum(side.sign * quantity for side, quantity in trades)
    assert (held.since is None) == (held.quantity == 0)
    assert held.paid == held.quantity * 10
