"""Whether a unit pays: everything that it must bear is asked of it, on both sides."""

from decimal import Decimal

import pytest

from integrated_trading_system.strategies.arbitrage.sizing import Costs

COSTS = Costs(
    buy_fee=Decimal("0.1"),
    sell_fee=Decimal("0.5"),
    decay=Decimal("0.1"),
    edge_min=Decimal("0.1"),
    funding=Decimal("0.1"),
    conversion=Decimal("0.1"),
)
"""100 cost 10 to buy and have to bring 40 more, of a sale of which half is left."""


@pytest.mark.parametrize(("sold", "pays"), [("300", True), ("299.99", False)])
def test_a_unit_pays_from_where_nothing_is_left_of_it_but_what_is_wanted(sold: str, pays: bool) -> None:
    assert COSTS.clears(Decimal(100), Decimal(sold)) is pays
