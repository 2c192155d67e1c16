"""pybit, Bybit's own client, reads our spot and linear: REST, public streams, and its orders on the private one."""

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
SPOT, LINEAR = "bybit:spot", "bybit:linear"


@pytest.fixture(scope="module")
def diaries(referees: Path) -> dict[str, Diary]:
    return visit(referees, "through_pybit.py", [{"venue": SPOT}, {"venue": LINEAR}])


@pytest.fixture(params=[SPOT, LINEAR])
def venue(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def saw(venue: str, diaries: dict[str, Diary]) -> Diary:
    return diaries[venue]


def only(answer: Diary) -> Diary:
    """The one row of a list."""
    (row,) = answer["list"]
    assert isinstance(row, dict)
    return row


def wallet(answer: Diary) -> dict[str, Decimal]:
    return {coin["coin"]: decimal(coin["walletBalance"]) for coin in only(answer)["coin"]}


def test_the_filters_are_those_of_the_listing(saw: Diary, venue: str) -> None:
    listing = listings(VenueId(venue))[0]
    row = only(saw["instruments"])
    sizes = row["lotSizeFilter"]
    assert (row["symbol"], row["baseCoin"], row["quoteCoin"], row["status"]) == ("BTCUSDT", "BTC", "USDT", "Trading")
    assert decimal(row["priceFilter"]["tickSize"]) == listing.tick
    assert decimal(sizes["minOrderQty"]) == listing.quantity_min
    assert decimal(sizes["basePrecision" if venue == SPOT else "qtyStep"]) == listing.lot
    assert decimal(sizes["minOrderAmt" if venue == SPOT else "minNotionalValue"]) == listing.notional_min


def test_the_book_is_sorted_and_not_crossed(saw: Diary) -> None:
    bids, asks = levels(saw["book"]["b"]), levels(saw["book"]["a"])
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0][0] < asks[0][0]


def test_candles_come_newest_first(saw: Diary) -> None:
    begins = [int(candle[0]) for candle in saw["candles"]["list"]]
    assert [begins[0] - begin for begin in begins] == [0, 60_000, 120_000, 180_000, 240_000]


def test_a_resting_order_is_new_until_it_is_cancelled(saw: Diary) -> None:
    new, cancelled = only(saw["open"]), only(saw["history"])
    assert new["orderId"] == cancelled["orderId"] == saw["placed"]["orderId"] == saw["cancelled"]["orderId"]
    assert new["orderLinkId"] == cancelled["orderLinkId"] == "mine-1"
    assert (new["orderStatus"], cancelled["orderStatus"]) == ("New", "Cancelled")
    assert decimal(new["leavesQty"]) == decimal(new["qty"]) == AMOUNT
    assert decimal(cancelled["cumExecQty"]) == decimal(cancelled["leavesQty"]) == 0


def test_a_market_order_is_filled_by_its_fills(saw: Diary, venue: str) -> None:
    order, fills = only(saw["history_bought"]), saw["fills"]["list"]
    rate = VENUES[VenueId(venue)].rules.taker_bps / 10_000
    assert order["orderStatus"] == "Filled"
    assert decimal(order["cumExecQty"]) == sum(decimal(fill["execQty"]) for fill in fills) == AMOUNT
    assert decimal(order["cumExecValue"]) == sum(decimal(fill["execValue"]) for fill in fills)
    for fill in fills:
        value = decimal(fill["execQty"]) * decimal(fill["execPrice"])
        paid = decimal(fill["execQty"]) if venue == SPOT else value
        assert decimal(fill["execValue"]) == value
        assert decimal(fill["feeRate"]) == rate
        assert fill["feeCurrency"] == ("BTC" if venue == SPOT else "USDT")
        assert abs(decimal(fill["execFee"]) - paid * rate) <= Decimal("0.00000001")


def test_the_wallet_changes_by_exactly_what_was_traded(saw: Diary, venue: str) -> None:
    before, after, order = wallet(saw["wallet"]), wallet(saw["wallet_bought"]), only(saw["history_bought"])
    fee = sum(decimal(fill["execFee"]) for fill in saw["fills"]["list"])
    if venue == SPOT:
        assert after["BTC"] == before["BTC"] + AMOUNT - fee
        assert after["USDT"] == before["USDT"] - decimal(order["cumExecValue"])
    else:
        assert after["BTC"] == before["BTC"]
        assert after["USDT"] == before["USDT"] - fee


def test_refusals_carry_the_venues_codes(diaries: dict[str, Diary]) -> None:
    for venue, unknown, small in ((SPOT, "170213", "170136"), (LINEAR, "110001", "10001")):
        saw = diaries[venue]
        for step, code in (("unknown_order", unknown), ("off_the_grid", small), ("wrong_secret", "10004")):
            assert saw[step]["error"] == "InvalidRequestError"
            assert f"(ErrCode: {code})" in saw[step]["text"]


def test_a_streamed_book_is_not_crossed(saw: Diary) -> None:
    """What pybit keeps of it is in no order."""
    book = saw["streamed_book"]["data"]
    assert saw["streamed_book"]["topic"] == "orderbook.50.BTCUSDT"
    assert max(levels(book["b"])) < min(levels(book["a"]))


def test_streamed_trades_are_on_the_grid(saw: Diary) -> None:
    for trade in saw["streamed_trade"]["data"]:
        assert trade["s"] == "BTCUSDT"
        assert trade["S"] in ("Buy", "Sell")
        assert decimal(trade["p"]) % Decimal("0.01") == 0


def test_the_private_stream_tells_an_order_and_its_fills(saw: Diary) -> None:
    orders, fills = saw["streamed_order"]["orders"], saw["streamed_order"]["fills"]
    last = orders[-1]
    assert (last["side"], last["orderStatus"], decimal(last["cumExecQty"])) == ("Sell", "Filled", AMOUNT)
    assert sum(decimal(fill["execQty"]) for fill in fills) == AMOUNT
    assert sum(decimal(fill["execValue"]) for fill in fills) == decimal(last["cumExecValue"])
