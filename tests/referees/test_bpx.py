"""bpx-py, Backpack's own client, trades on our Backpack and reads back what it should."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.simulation.venues import VENUES, listings
from tests.support.referees import decimal, levels, visit

pytestmark = pytest.mark.xdist_group("referees")

Diary = dict[str, Any]

AMOUNT = Decimal("0.02")
VENUE = VenueId("backpack:spot")


@pytest.fixture(scope="module")
def saw(referees: Path) -> Diary:
    diary: Diary = visit(referees, "through_bpx.py", [{"venue": VENUE}])[VENUE]
    return diary


def held(balances: Diary) -> dict[str, Decimal]:
    return {asset: decimal(row["available"]) + decimal(row["locked"]) for asset, row in balances.items()}


def test_the_venue_tells_the_time(saw: Diary) -> None:
    assert 0 <= time.time_ns() // 1_000_000 - saw["time"] < 3_600_000


def test_the_filters_are_those_of_the_listing(saw: Diary) -> None:
    listing = listings(VENUE)[0]
    market = next(row for row in saw["markets"] if row["symbol"] == listing.symbol)
    assert (market["baseSymbol"], market["quoteSymbol"], market["marketType"]) == (listing.base, listing.quote, "SPOT")
    assert decimal(market["filters"]["price"]["tickSize"]) == listing.tick
    assert decimal(market["filters"]["quantity"]["stepSize"]) == listing.lot
    assert decimal(market["filters"]["quantity"]["minQuantity"]) == listing.quantity_min


def test_both_sides_of_the_book_rise(saw: Diary) -> None:
    """The venue's peculiarity: the best bid is the last one."""
    bids, asks = levels(saw["book"]["bids"]), levels(saw["book"]["asks"])
    assert bids == sorted(bids)
    assert asks == sorted(asks)
    assert bids[-1][0] < asks[0][0]


def test_a_resting_order_is_found_until_it_is_cancelled(saw: Diary) -> None:
    placed, cancelled = saw["placed"], saw["cancelled"]
    assert saw["queried"] == placed
    assert [order["id"] for order in saw["open"]] == [placed["id"]]
    assert (placed["status"], placed["clientId"], placed["postOnly"]) == ("New", 7, True)
    assert (cancelled["id"], cancelled["status"], cancelled["executedQuantity"]) == (placed["id"], "Cancelled", "0")
    assert saw["queried_cancelled"]["code"] == "RESOURCE_NOT_FOUND"


def test_a_resting_order_locks_what_it_may_spend(saw: Diary) -> None:
    assert decimal(saw["balances_resting"]["USDC"]["locked"]) == decimal(saw["placed"]["price"]) * AMOUNT
    assert held(saw["balances_resting"]) == held(saw["balances"])


def test_a_market_order_is_filled_by_its_fills(saw: Diary) -> None:
    bought, rate = saw["bought"], VENUES[VENUE].rules.taker_bps / 10_000
    fills = [fill for fill in saw["fills"] if fill["orderId"] == bought["id"]]
    assert bought["status"] == saw["history"][0]["status"] == "Filled"
    assert decimal(bought["executedQuantity"]) == sum(decimal(fill["quantity"]) for fill in fills) == AMOUNT
    value = sum(decimal(fill["quantity"]) * decimal(fill["price"]) for fill in fills)
    assert decimal(bought["executedQuoteQuantity"]) == value
    assert {(fill["feeSymbol"], fill["isMaker"], fill["side"]) for fill in fills} == {("BTC", False, "Bid")}
    assert sum(decimal(fill["fee"]) for fill in fills) == AMOUNT * rate


def test_balances_change_by_exactly_what_was_traded(saw: Diary) -> None:
    before, after = held(saw["balances"]), held(saw["balances_bought"])
    fee = sum(decimal(fill["fee"]) for fill in saw["fills"])
    assert after["BTC"] == before["BTC"] + AMOUNT - fee
    assert after["USDC"] == before["USDC"] - decimal(saw["bought"]["executedQuoteQuantity"])


def test_refusals_carry_the_venues_codes(saw: Diary) -> None:
    assert saw["off_the_grid"] == {"code": "INVALID_CLIENT_REQUEST", "message": "Price decimal too long"}
    assert saw["wrong_secret"] == {"code": "INVALID_CLIENT_REQUEST", "message": "Invalid signature"}
