"""ccxt, which speaks to every venue in one voice, trades on our simulated exchanges and reads back what it should.

One process visits all venues at once; every test here reads its diary. Amounts are compared exactly.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.simulation.exchange.listing import Listing, Rules
from integrated_trading_system.simulation.venues import VENUES, listings
from tests.support.ccxt_places import AMOUNT, PLACES
from tests.support.referees import decimal, levels, visit

pytestmark = pytest.mark.xdist_group("referees")

Diary = dict[str, Any]


@pytest.fixture(scope="module")
def diaries(referees: Path) -> dict[str, Diary]:
    places = [{"venue": venue, "amount": str(AMOUNT), **place} for venue, place in PLACES.items()]
    return visit(referees, "through_ccxt.py", places)


@pytest.fixture(params=list(PLACES))
def venue(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def saw(venue: str, diaries: dict[str, Diary]) -> dict[str, Any]:
    diary: Diary = diaries[venue]
    assert "stopped" not in diary
    return diary


@pytest.fixture
def listing(venue: str) -> Listing:
    return listings(VenueId(venue))[0]


@pytest.fixture
def rules(venue: str) -> Rules:
    return VENUES[VenueId(venue)].rules


def total(diary: Diary, step: str, asset: str) -> Decimal:
    return decimal(diary[step]["total"][asset])


def fees(diary: Diary, step: str) -> Decimal:
    return sum((decimal(fill["fee"]["cost"]) for fill in diary[step]), Decimal(0))


def value(diary: Diary, step: str) -> Decimal:
    return sum((decimal(fill["price"]) * decimal(fill["amount"]) for fill in diary[step]), Decimal(0))


# -- what is listed, and the market -----------------------------------------------------------------------------------


def test_the_market_is_the_one_that_is_listed(saw: Diary, listing: Listing) -> None:
    market = saw["market"]
    assert (market["id"], market["base"], market["quote"]) == (listing.symbol, listing.base, listing.quote)
    assert market["active"]
    assert market["contract"] == (listing.kind is not Kind.SPOT)
    assert market["linear"] == (None if listing.kind is Kind.SPOT else True)
    assert market["settle"] == (None if listing.kind is Kind.SPOT else listing.settle)


def test_the_market_has_the_filters_of_the_listing(saw: Diary, listing: Listing) -> None:
    precision, limits = saw["market"]["precision"], saw["market"]["limits"]
    assert decimal(precision["price"]) == listing.tick
    assert decimal(precision["amount"]) == listing.lot
    assert decimal(limits["amount"]["min"]) == listing.quantity_min
    least = limits["cost"]["min"] or saw["market"]["info"].get("lotSizeFilter", {}).get("minNotionalValue", 0)
    assert decimal(least) == listing.notional_min


@pytest.mark.parametrize("venue", [name for name in PLACES if name != "backpack:spot"])  # of that ccxt reads one digit
def test_the_venue_tells_the_time(saw: Diary) -> None:
    told = saw["time"]
    assert told["before"] - 100 <= told["said"] <= told["after"] + 100


def test_the_book_is_the_venues_own_at_the_same_update(saw: Diary) -> None:
    book, raw = saw["book"]["book"], saw["book"]["raw"]
    assert levels(book["bids"]) == sorted(levels(raw.get("bids") or raw["b"]), reverse=True)
    assert levels(book["asks"]) == sorted(levels(raw.get("asks") or raw["a"]))


def test_the_book_is_sorted_and_not_crossed(saw: Diary, listing: Listing) -> None:
    bids, asks = levels(saw["book"]["book"]["bids"]), levels(saw["book"]["book"]["asks"])
    assert min(len(bids), len(asks)) >= 10
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0][0] < asks[0][0]
    assert all(price % listing.tick == 0 and size % listing.lot == 0 and size > 0 for price, size in (*bids, *asks))


def test_the_day_contains_its_last_price(saw: Diary, listing: Listing) -> None:
    ticker = saw["ticker"]
    low, last, high = (decimal(ticker[name]) for name in ("low", "last", "high"))
    assert low <= last <= high
    assert low % listing.tick == last % listing.tick == high % listing.tick == 0
    assert low <= decimal(ticker["vwap"]) <= high
    assert decimal(ticker["quoteVolume"]) > decimal(ticker["baseVolume"]) > 0


def test_candles_follow_one_another_and_contain_their_prices(saw: Diary) -> None:
    candles = saw["candles"]
    begins = [candle[0] for candle in candles]
    assert [begin - begins[0] for begin in begins] == [0, 60_000, 120_000, 180_000, 240_000]
    assert begins[0] % 60_000 == 0
    for _, first, high, low, last, volume in candles:
        prices = [decimal(first), decimal(last)]
        assert decimal(low) <= min(prices)
        assert max(prices) <= decimal(high)
        assert decimal(volume) > 0


def test_public_trades_are_on_the_grid_and_in_order(saw: Diary, listing: Listing) -> None:
    trades = saw["trades"]
    assert trades
    assert all(decimal(trade["price"]) % listing.tick == 0 for trade in trades)
    assert all(decimal(trade["amount"]) % listing.lot == 0 for trade in trades)
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert len({trade["id"] for trade in trades}) == len(trades)
    times = [trade["timestamp"] for trade in trades]
    assert times == sorted(times)


# -- an order that rests ----------------------------------------------------------------------------------------------


def test_a_resting_order_is_found_as_it_was_sent(saw: Diary) -> None:
    order = saw["fetched"]
    assert order["id"] == saw["placed"]["id"]
    assert (order["status"], order["type"], order["side"], order["postOnly"]) == ("open", "limit", "buy", True)
    assert decimal(order["amount"]) == decimal(order["remaining"]) == AMOUNT
    assert decimal(order["filled"]) == 0


def test_a_resting_order_is_the_only_open_one(saw: Diary) -> None:
    assert [order["id"] for order in saw["open_orders"]] == [saw["placed"]["id"]]
    assert decimal(saw["open_orders"][0]["price"]) == decimal(saw["fetched"]["price"])


def test_a_resting_order_locks_money_and_spends_none(saw: Diary, listing: Listing) -> None:
    locked = decimal(saw["balance_resting"]["used"][listing.quote])
    if listing.kind is Kind.SPOT:
        assert locked == decimal(saw["fetched"]["price"]) * AMOUNT
    else:
        assert 0 < locked < decimal(saw["fetched"]["price"]) * AMOUNT
    assert saw["balance_resting"]["total"] == saw["balance"]["total"]


def test_a_cancelled_order_is_over_and_gives_everything_back(saw: Diary) -> None:
    assert saw["cancelled"]["id"] == saw["placed"]["id"]
    order = saw["fetched_cancelled"]
    assert (order["id"], order["status"]) == (saw["placed"]["id"], "canceled")
    assert decimal(order["filled"]) == 0
    assert saw["balance_cancelled"]["free"] == saw["balance"]["free"]


# -- orders that trade ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["bought", "sold"])
def test_an_order_that_takes_is_filled_at_the_average_of_its_fills(saw: Diary, listing: Listing, step: str) -> None:
    order, traded = saw[f"fetched_{step}"], value(saw, f"trades_{step}")
    assert (order["id"], order["status"]) == (saw[step]["id"], "closed")
    assert decimal(order["amount"]) == decimal(order["filled"]) == AMOUNT
    assert decimal(order["remaining"]) == 0
    assert decimal(order["cost"]) == traded
    assert abs(decimal(order["average"]) - traded / AMOUNT) < listing.tick


@pytest.mark.parametrize(("step", "side"), [("bought", "buy"), ("sold", "sell")])
def test_fills_belong_to_their_order_and_add_up_to_it(saw: Diary, step: str, side: str) -> None:
    fills = saw[f"trades_{step}"]
    assert {(fill["order"], fill["side"], fill["takerOrMaker"]) for fill in fills} == {(saw[step]["id"], side, "taker")}
    assert sum(decimal(fill["amount"]) for fill in fills) == AMOUNT


def test_fees_are_the_takers_in_what_was_received(saw: Diary, listing: Listing, rules: Rules) -> None:
    rate = rules.taker_bps / 10_000
    in_base = listing.kind is Kind.SPOT and rules.fee_in_received_asset
    for step, asset in (("trades_bought", listing.base if in_base else listing.quote), ("trades_sold", listing.quote)):
        for fill in saw[step]:
            paid = decimal(fill["amount"]) * (1 if asset == listing.base else decimal(fill["price"]))
            assert fill["fee"]["currency"] == asset
            assert abs(decimal(fill["fee"]["cost"]) - paid * rate) <= Decimal("0.00000001")


def test_balances_change_by_exactly_what_was_traded_and_paid(saw: Diary, listing: Listing, rules: Rules) -> None:
    """Derivatives are settled when the position is closed; before, its unrealised profit is part of the total."""
    paid, earned = value(saw, "trades_bought"), value(saw, "trades_sold")
    fee_bought, fee_sold = fees(saw, "trades_bought"), fees(saw, "trades_sold")
    base, quote = listing.base, listing.quote
    if listing.kind is Kind.SPOT:
        base_fee, quote_fee = (fee_bought, Decimal(0)) if rules.fee_in_received_asset else (Decimal(0), fee_bought)
        assert total(saw, "balance_bought", base) == total(saw, "balance", base) + AMOUNT - base_fee
        assert total(saw, "balance_bought", quote) == total(saw, "balance", quote) - paid - quote_fee
        assert total(saw, "balance_sold", base) == total(saw, "balance_bought", base) - AMOUNT
        assert total(saw, "balance_sold", quote) == total(saw, "balance_bought", quote) + earned - fee_sold
    else:
        change = earned - paid - fee_bought - fee_sold
        assert total(saw, "balance_sold", quote) == total(saw, "balance", quote) + change
        assert total(saw, "balance_sold", base) == total(saw, "balance", base)


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["too_much", "unknown_order", "not_allowed", "wrong_secret"])
def test_refusals_are_understood(saw: Diary, venue: str, step: str) -> None:
    error, text = PLACES[venue]["refusals"][step]
    assert saw[step]["error"] == error
    assert text in saw[step]["text"]


# -- streams ----------------------------------------------------------------------------------------------------------


def test_streamed_trades_are_on_the_grid(saw: Diary, listing: Listing) -> None:
    for trade in saw["streamed_trades"]:
        assert decimal(trade["price"]) % listing.tick == decimal(trade["amount"]) % listing.lot == 0
        assert trade["side"] in ("buy", "sell")


def test_a_streamed_quote_is_not_crossed(saw: Diary) -> None:
    (quote,) = saw["streamed_quotes"].values()
    assert 0 < decimal(quote["bid"]) < decimal(quote["ask"])
    assert decimal(quote["bidVolume"]) > 0
    assert decimal(quote["askVolume"]) > 0


def test_a_book_kept_from_its_stream_is_sorted_and_not_crossed(saw: Diary) -> None:
    bids, asks = levels(saw["streamed_book"]["bids"]), levels(saw["streamed_book"]["asks"])
    assert min(len(bids), len(asks)) >= 10
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0][0] < asks[0][0]


def test_an_order_is_told_from_its_beginning_to_its_end(saw: Diary) -> None:
    told = saw["streamed_order"]["told"]
    assert [order["status"] for order in told] == ["open", "canceled"]
    assert {order["id"] for order in told} == {saw["streamed_order"]["id"]}
    assert {decimal(order["amount"]) for order in told} == {AMOUNT}
    assert {decimal(order["cost"]) for order in told} == {Decimal(0)}
