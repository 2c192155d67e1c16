"""OKX's public REST: what is listed, the clock, and books."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import from_millis
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import okx

SPOT: dict[str, Any] = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "settleCcy": "",
    "ctType": "",
    "ctVal": "",
    "ctMult": "",
    "uly": "",
    "tickSz": "0.1",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "maxLmtSz": "9999999999",
    "state": "live",
}
SWAP: dict[str, Any] = SPOT | {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "ctType": "linear",
    "ctVal": "0.01",
    "ctMult": "1",
    "uly": "BTC-USDT",
    "lotSz": "0.01",
    "minSz": "0.01",
    "instIdCode": 10459,
}
INVERSE = SWAP | {
    "instId": "BTC-USD-SWAP",
    "settleCcy": "BTC",
    "ctType": "inverse",
    "ctVal": "100",
    "uly": "BTC-USD",
}


def listed(flavour: str, *entries: Any) -> Any:
    found, following = okx.venue(flavour).market.decode_instruments(okx.answered(*entries))
    assert following is None
    return found


@pytest.mark.parametrize(("flavour", "product"), [("spot", "SPOT"), ("swap", "SWAP")])
def test_everything_listed_is_asked_for_at_once(flavour: str, product: str) -> None:
    (weighted,) = okx.venue(flavour).market.instruments()
    assert weighted.request.target == f"https://www.okx.com/api/v5/public/instruments?instType={product}"


def test_a_spot_pair_is_what_is_listed() -> None:
    (found,) = listed("spot", SPOT)
    assert (found.symbol, found.base, found.quote, found.settle) == ("BTC-USDT", "BTC", "USDT", "USDT")
    assert (found.kind, found.tick, found.lot) == (Kind.SPOT, Decimal("0.1"), Decimal("0.00000001"))
    assert (found.quantity_min, found.quantity_max) == (Decimal("0.00001"), Decimal(9999999999))
    assert found.tradable


def test_a_linear_swap_is_counted_in_contracts_of_a_part_of_a_coin() -> None:
    (found,) = listed("swap", SWAP | {"ctMult": "2"})
    assert (found.base, found.quote, found.settle, found.kind) == ("BTC", "USDT", "USDT", Kind.LINEAR)
    assert found.multiplier == Decimal("0.02")
    assert found.notional(Decimal(60000), Decimal(5)) == Decimal(6000)


def test_an_inverse_swap_is_counted_in_contracts_of_a_number_of_dollars() -> None:
    (found,) = listed("swap", INVERSE)
    assert (found.base, found.quote, found.settle, found.kind) == ("BTC", "USD", "BTC", Kind.INVERSE)
    assert found.multiplier == Decimal(100)


@pytest.mark.parametrize("state", ["suspend", "preopen", "test", "something new"])
def test_only_what_is_live_can_be_traded(state: str) -> None:
    (found,) = listed("swap", SWAP | {"state": state})
    assert not found.tradable


@pytest.mark.parametrize(
    "strange",
    [
        {"tickSz": ""},
        {"lotSz": "0"},
        {"ctVal": "-1"},
        {"ctType": "quanto"},
        {"uly": ""},
        {"instId": "no spaces please"},
        {"settleCcy": "<b>"},
        {"state": 1},
    ],
)
def test_an_entry_that_cannot_be_understood_is_left_out(strange: dict[str, Any]) -> None:
    (found,) = listed("swap", SWAP | strange, INVERSE)
    assert found.symbol == "BTC-USD-SWAP"


def test_a_list_of_which_nothing_can_be_understood_is_malformed() -> None:
    with pytest.raises(MalformedReply, match="none of 1 entries"):
        listed("swap", SPOT)


def test_the_clock_is_in_milliseconds() -> None:
    market = okx.venue("spot").market
    weighted = market.time()
    assert weighted is not None
    assert weighted.request.target == "https://www.okx.com/api/v5/public/time"
    assert market.decode_time(okx.answered({"ts": "1597026383085"})) == from_millis(1597026383085)


@pytest.mark.parametrize("reply", [okx.answered(), okx.refused("50001"), okx.reply(b"<html>", 503)])
def test_an_answer_without_a_time_is_malformed(reply: Any) -> None:
    with pytest.raises(MalformedReply):
        okx.venue("spot").market.decode_time(reply)


BOOK = {"asks": [["2", "1", "0", "1"]], "bids": [["1", "3", "0", "2"]], "ts": "1597026383085", "seqId": 77}


def test_a_book_by_rest_is_four_hundred_levels_deep_and_continued_by_the_change_over_its_number() -> None:
    market, instrument = okx.venue("swap").market, okx.instrument("swap")
    weighted = market.snapshot(instrument)
    assert weighted is not None
    assert weighted.request.target == "https://www.okx.com/api/v5/market/books?instId=BTC-USDT-SWAP&sz=400"
    at = from_millis(1597026383085)
    expected = BookSnapshot(okx.BTC, [(1.0, 3.0)], [(2.0, 1.0)], 77, 78, 1597026383085, at, okx.RECEIVED, window=400)
    assert market.decode_snapshot(instrument, okx.answered(BOOK)) == expected


def test_a_book_without_a_number_proves_nothing() -> None:
    without = {name: value for name, value in BOOK.items() if name != "seqId"}
    with pytest.raises(MalformedReply, match="seqId"):
        okx.venue("swap").market.decode_snapshot(okx.instrument("swap"), okx.answered(without))
