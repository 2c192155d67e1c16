"""Market impact by walking the book."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.plan import Leg
from integrated_trading_system.risk.case import Priced
from integrated_trading_system.risk.codes import Code
from integrated_trading_system.risk.orders import NEAR, impact_bps
from integrated_trading_system.risk.worth import Worths
from tests.support.risk_rig import A, B, Quotes, RiskRig
from tests.support.trading import instrument, leg, plan, quote

BUY, SELL = Side.BUY, Side.SELL


def walked(of: Leg, levels: list[tuple[float, float]], levels_max: int = 50) -> float:
    """The book's levels on the side that the leg hits, the touch first."""
    books = Quotes()
    (touch, size), *deeper = levels
    other = touch - of.side.sign
    bid, ask = (other, touch) if of.side is BUY else (touch, other)
    books[A.instrument] = quote(A.instrument, bid, ask, size=size)
    books.deeper[A.instrument, of.side] = tuple(deeper)
    worths = Worths(books, lambda _: Decimal(1))
    worths.list(A)
    line = worths.look(A.instrument)
    assert line is not None
    return impact_bps(Priced(of, line, A), books, levels_max)


def a_leg(side: Side, quantity: str, price: str, **changes: Any) -> Leg:
    return leg(A.instrument, side, quantity, price, **changes)


@pytest.mark.parametrize(
    ("of", "levels", "bps"),
    [
        (a_leg(BUY, "1", "110"), [(100.0, 1.0), (110.0, 9.0)], 0.0),
        (a_leg(BUY, "2", "110"), [(100.0, 1.0), (110.0, 9.0)], 500.0),
        (a_leg(SELL, "2", "90"), [(100.0, 1.0), (90.0, 9.0)], 500.0),
        (a_leg(BUY, "4", "110"), [(100.0, 1.0), (104.0, 1.0), (108.0, 2.0), (110.0, 5.0)], 500.0),
        (a_leg(BUY, "2", "105"), [(100.0, 1.0), (110.0, 9.0)], 250.0),
        (a_leg(BUY, "4", "104"), [(100.0, 2.0)], 200.0),
        (a_leg(SELL, "4", "96"), [(100.0, 2.0)], 200.0),
        (a_leg(BUY, "2", "90", order_type=OrderType.MARKET), [(100.0, 1.0), (110.0, 9.0)], 500.0),
        (a_leg(BUY, "2", "90", order_type=OrderType.MARKET), [(100.0, 1.0)], 0.0),
        (a_leg(BUY, "2", "100", worst_price=Decimal(110), follows=0), [(100.0, 1.0), (110.0, 9.0)], 500.0),
    ],
    ids=[
        *("within-the-touch", "second-level", "selling", "several-levels", "stops-at-its-limit", "unseen-at-the-limit"),
        *("unseen-when-selling", "market-goes-on", "market-unseen", "follower-goes-to-its-worst"),
    ],
)
def test_the_average_of_the_whole_quantity_is_held_against_the_touch(
    of: Leg, levels: list[tuple[float, float]], bps: float
) -> None:
    assert walked(of, levels) == pytest.approx(bps, abs=1e-9)


def test_what_lies_below_the_levels_that_are_walked_counts_at_the_limit() -> None:
    levels = [(100.0 + index, 1.0) for index in range(NEAR + 4)]
    deep = a_leg(BUY, str(NEAR + 2), "150")
    whole = sum(range(NEAR + 2)) / (NEAR + 2) * 100
    assert walked(deep, levels) == pytest.approx(whole)
    assert walked(deep, levels, levels_max=NEAR + 1) == pytest.approx(whole + (150 - 101 - NEAR) / (NEAR + 2) * 100)


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=20),
    steps=st.lists(st.integers(1, 50), min_size=20, max_size=20),
    quantity=st.integers(1, 300),
    reach=st.integers(0, 400),
    side=st.sampled_from(Side),
)
def test_it_is_what_an_exact_walk_over_all_levels_finds(
    sizes: list[int], steps: list[int], quantity: int, reach: int, side: Side
) -> None:
    price = Decimal(100)
    exact: list[tuple[Decimal, Decimal]] = []
    for size, step in zip(sizes, steps, strict=False):
        exact.append((price, Decimal(size)))
        price += Decimal(step * side.sign) / 100
    limit = Decimal(100) + Decimal(reach * side.sign) / 100
    left, paid = Decimal(quantity), Decimal(0)
    for at, shown in exact:
        if (at - limit) * side.sign <= 0:
            taken = min(left, shown)
            left, paid = left - taken, paid + taken * at
    expected = ((paid + left * limit) / quantity / 100 - 1) * side.sign * 10_000
    found = walked(a_leg(side, str(quantity), str(limit)), [(float(at), float(shown)) for at, shown in exact])
    assert found == pytest.approx(float(expected), abs=1e-6)


C = instrument("c:spot")


def test_a_leg_after_a_follower_is_held_against_the_quote_too() -> None:
    follower = leg(B.instrument, SELL, "1", "99.99", follows=0)
    rig = RiskRig(instruments=(A, B, C))
    assert rig.ask(plan(a_leg(BUY, "1", "100"), follower, leg(C.instrument, BUY, "1", "150"))) == Code.COLLAR


@pytest.mark.parametrize(("hedge_orders", "found"), [(0, "approved"), (1, Code.ENVELOPE)])
def test_a_plan_that_may_repair_once_is_held_to_the_envelope(hedge_orders: int, found: str) -> None:
    far = (a_leg(BUY, "1", "100", unwind_price=Decimal(50)), leg(B.instrument, SELL, "1", "99.99"))
    assert RiskRig().ask(plan(*far, hedge_orders_max=hedge_orders)) == found
