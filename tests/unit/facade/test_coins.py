"""Coins by name, and the exchanges that they are taken from."""

from pathlib import Path

import pytest
from msgspec import json

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.facade.coins import EXCHANGES, CoinConfig, coins_named, exchange_order, load_coins

FILE = Path(__file__).resolve().parents[3] / "config" / "coins.json"


def written(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "coins.json"
    path.write_bytes(json.encode(rows))
    return path


def test_the_file_holds_twenty_coins_of_which_five_are_the_largest() -> None:
    coins = load_coins(FILE)
    assert len({coin.coin for coin in coins}) == len(coins) == 20
    assert [coin.coin for coin in coins if coin.tier == 1] == ["BTC", "ETH", "SOL", "BNB", "XRP"]
    assert all(set(coin.symbols) <= set(EXCHANGES) for coin in coins)


def test_a_coin_of_the_file_has_its_symbols_and_another_is_taken_to_be_quoted_in_usdt() -> None:
    known = {"BTC": CoinConfig(coin="BTC", symbols={"bybit": "XBTUSDT"})}
    btc, new, own = coins_named(["BTC", "NEW", CoinConfig(coin="X", symbols={"bybit": "XUSDC"})], known)
    assert btc.symbols == {"bybit": "XBTUSDT"}
    assert new.symbols["binance"] == "NEWUSDT"
    assert own.symbols == {"bybit": "XUSDC"}


def test_no_coins_at_all_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        coins_named([], {})


def test_the_exchange_that_is_asked_for_comes_first_and_real_ones_stand_in() -> None:
    assert exchange_order("bybit") == ("bybit", "binance", "binance_us")
    assert exchange_order("binance_us") == ("binance_us", "bybit", "binance")
    assert exchange_order("binance_testnet") == ("binance_testnet",)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"coin": "BTC", "symbols": {"nyse": "BTC"}}, "unknown exchange 'nyse'"),
        ({"coin": "", "symbols": {}}, "coin"),
        ({"coin": "BTC", "symbols": {}, "tier": 9}, "tier"),
        ({"coin": "BTC", "symbols": {}, "colour": "red"}, "colour"),
        ({"symbols": {}}, "coin"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_coins(written(tmp_path, row))


def test_a_coin_that_is_there_twice_is_named(tmp_path: Path) -> None:
    row: dict[str, object] = {"coin": "BTC", "symbols": {}}
    with pytest.raises(ConfigurationError, match="BTC is there twice"):
        load_coins(written(tmp_path, row, row))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        load_coins("nowhere.json")
