"""Binance's own SDKs read our spot and USD-M futures: every answer fits their models and says what happened."""

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
SPOT, FUTURES = "binance:spot", "binance:usdm"


@pytest.fixture(scope="module")
def diaries(referees: Path) -> dict[str, Diary]:
    return visit(referees, "through_binance_sdk.py", [{"venue": SPOT}, {"venue": FUTURES}])


@pytest.fixture(params=[SPOT, FUTURES])
def venue(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def saw(venue: str, diaries: dict[str, Diary]) -> Diary:
    return diaries[venue]


def rate(venue: str) -> Decimal:
    return VENUES[VenueId(venue)].rules.taker_bps / 10_000


def held(account: Diary) -> dict[str, Decimal]:
    return {row["asset"]: decimal(row["free"]) + decimal(row["locked"]) for row in account["balances"]}


def test_the_filters_are_those_of_the_listing(saw: Diary, venue: str) -> None:
    listing = listings(VenueId(venue))[0]
    symbol = saw["exchange_info"]["symbols"][0]
    filters = {row["filterType"]: row for row in symbol["filters"]}
    assert (symbol["symbol"], symbol["baseAsset"], symbol["quoteAsset"]) == ("BTCUSDT", "BTC", "USDT")
    assert symbol["status"] == "TRADING"
    assert decimal(filters["PRICE_FILTER"]["tickSize"]) == listing.tick
    assert decimal(filters["LOT_SIZE"]["stepSize"]) == listing.lot
    assert decimal(filters["LOT_SIZE"]["minQty"]) == listing.quantity_min


def test_the_book_is_sorted_and_not_crossed(saw: Diary) -> None:
    bids, asks = levels(saw["book"]["bids"]), levels(saw["book"]["asks"])
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0][0] < asks[0][0]


def test_a_resting_order_is_new_until_it_is_cancelled(saw: Diary) -> None:
    placed, queried, cancelled = saw["placed"], saw["queried"], saw["queried_cancelled"]
    assert (placed["status"], queried["status"], cancelled["status"]) == ("NEW", "NEW", "CANCELED")
    assert placed["orderId"] == queried["orderId"] == saw["cancelled"]["orderId"] == cancelled["orderId"]
    assert [order["orderId"] for order in saw["open"]] == [placed["orderId"]]
    assert placed["price"] == queried["price"] == saw["cancelled"]["price"]
    assert decimal(queried["origQty"]) == AMOUNT
    assert decimal(cancelled["executedQty"]) == 0


def test_a_market_order_is_filled_by_its_fills(saw: Diary, venue: str) -> None:
    bought, fills = saw["bought"], saw["fills"]
    assert bought["status"] == "FILLED"
    assert decimal(bought["executedQty"]) == sum(decimal(fill["qty"]) for fill in fills) == AMOUNT
    assert {fill["orderId"] for fill in fills} == {bought["orderId"]}
    for fill in fills:
        value = decimal(fill["qty"]) * decimal(fill["price"])
        paid = decimal(fill["qty"]) if venue == SPOT else value
        assert decimal(fill["quoteQty"]) == value
        assert fill["commissionAsset"] == ("BTC" if venue == SPOT else "USDT")
        assert abs(decimal(fill["commission"]) - paid * rate(venue)) <= Decimal("0.00000001")


def test_spot_balances_change_by_exactly_what_was_traded(diaries: dict[str, Diary]) -> None:
    saw = diaries[SPOT]
    before, after = held(saw["account"]), held(saw["account_bought"])
    fee = sum(decimal(fill["commission"]) for fill in saw["fills"])
    assert after["BTC"] == before["BTC"] + AMOUNT - fee
    assert after["USDT"] == before["USDT"] - decimal(saw["bought"]["cummulativeQuoteQty"])
    assert saw["bought"]["fills"][0]["tradeId"] == saw["fills"][0]["id"]


def test_a_futures_wallet_pays_the_fee_and_holds_the_position(diaries: dict[str, Diary]) -> None:
    saw = diaries[FUTURES]
    fee = sum(decimal(fill["commission"]) for fill in saw["fills"])
    value = sum(decimal(fill["quoteQty"]) for fill in saw["fills"])
    before, after = saw["account"], saw["account_bought"]
    assert decimal(after["totalWalletBalance"]) == decimal(before["totalWalletBalance"]) - fee
    (position,) = saw["positions"]
    assert decimal(position["positionAmt"]) == AMOUNT
    assert decimal(position["entryPrice"]) == value / AMOUNT
    profit = AMOUNT * (decimal(position["markPrice"]) - decimal(position["entryPrice"]))
    assert abs(decimal(position["unRealizedProfit"]) - profit) <= Decimal("0.00000001")


def test_refusals_carry_the_venues_codes(diaries: dict[str, Diary]) -> None:
    for venue, off_the_grid in ((SPOT, "-1013"), (FUTURES, "-4014")):
        saw = diaries[venue]
        for step, code in (("unknown_order", "-2013"), ("off_the_grid", off_the_grid), ("wrong_secret", "-1022")):
            assert saw[step]["error"] == "BadRequestError"
            assert code in saw[step]["text"]


def test_the_websocket_api_places_and_cancels_as_rest_does(diaries: dict[str, Diary]) -> None:
    saw = diaries[SPOT]
    placed, queried, cancelled = saw["api_placed"], saw["api_queried"], saw["api_cancelled"]
    assert (placed["status"], queried["status"], cancelled["status"]) == ("NEW", "NEW", "CANCELED")
    assert placed["orderId"] == queried["orderId"] == cancelled["orderId"]
    assert cancelled["origClientOrderId"] == placed["clientOrderId"]


def test_the_user_data_stream_tells_the_order_from_beginning_to_end(diaries: dict[str, Diary]) -> None:
    saw = diaries[SPOT]
    new, cancelled = saw["api_events"]
    assert (new["x"], new["X"], cancelled["x"], cancelled["X"]) == ("NEW", "NEW", "CANCELED", "CANCELED")
    assert new["i"] == cancelled["i"] == saw["api_placed"]["orderId"]
    assert new["c"] == cancelled["C"] == saw["api_placed"]["clientOrderId"]
    assert (new["p"], decimal(new["q"])) == (saw["api_placed"]["price"], AMOUNT)


def test_market_streams_fit_the_models(saw: Diary) -> None:
    quote, trade, depth = saw["streamed_quote"], saw["streamed_trade"], saw["streamed_depth"]
    assert quote["s"] == trade["s"] == depth["s"] == "BTCUSDT"
    assert 0 < decimal(quote["b"]) < decimal(quote["a"])
    assert decimal(trade["p"]) % Decimal("0.01") == 0
    assert trade["f"] <= trade["l"]
    assert depth["U"] <= depth["u"]
    assert depth["b"] or depth["a"]


def test_futures_depth_names_the_update_before_it(diaries: dict[str, Diary]) -> None:
    depth = diaries[FUTURES]["streamed_depth"]
    assert depth["pu"] < depth["U"]
