"""What other people's tests hold of Alpaca's replies is read here without loss."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.execution import BalancesReported, OrderAccepted, OrderReport
from integrated_trading_system.domain.ids import ClientOrderId
from integrated_trading_system.domain.market import Candle, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import VenueEvent
from tests.support import alpaca

AT = Nanos(7)


@cache
def replies(folder: Path) -> dict[str, list[dict[str, Any]]]:
    text = (folder / "fixtures_alpaca" / "alpaca_py_test_json.json").read_text(encoding="utf-8")
    loaded: dict[str, list[dict[str, Any]]] = json.loads(text)
    return loaded


def bodies(folder: Path, file: str, test: str) -> list[Any]:
    return [entry["json"] for entry in replies(folder)[f"tests/{file}.py"] if entry["test"] == test]


def decoded(flavour: str, kind: str, symbol: str, row: dict[str, Any]) -> VenueEvent:
    """The row as the stream would carry it: its shape is the same there."""
    codec = alpaca.venue(flavour).codec
    codec.list([alpaca.instrument(symbol, flavour)])
    (event,) = codec.decode(msgspec.json.encode([{"T": kind, "S": symbol, **row}]), AT)
    return event


def test_every_crypto_trade_keeps_price_size_side_and_id(recordings: Path) -> None:
    (body,) = bodies(recordings, "data/test_historical_crypto_data", "test_get_crypto_trades")
    for symbol, rows in body["trades"].items():
        for row in rows:
            trade = decoded("crypto", "t", symbol, row)
            assert isinstance(trade, Trade)
            assert (trade.price, trade.quantity, trade.trade_id) == (row["p"], row["s"], str(row["i"]))
            assert trade.side == {"B": "buy", "S": "sell"}[row["tks"]]


def test_every_quote_keeps_its_prices_and_sizes(recordings: Path) -> None:
    (crypto,) = bodies(recordings, "data/test_historical_crypto_data", "test_get_crypto_latest_quote")
    (stocks,) = bodies(recordings, "data/test_historical_stock_data", "test_multisymbol_quotes")
    rows = [("crypto", symbol, row) for symbol, row in crypto["quotes"].items()]
    rows += [("stocks", symbol, row) for symbol, each in stocks["quotes"].items() for row in each]
    assert len(rows) == 3
    for flavour, symbol, row in rows:
        quote = decoded(flavour, "q", symbol, row)
        assert isinstance(quote, Quote)
        assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (row["bp"], row["bs"], row["ap"], row["as"])


@pytest.mark.parametrize(
    ("flavour", "file", "test"),
    [("crypto", "crypto", "test_get_crypto_bars"), ("stocks", "stock", "test_multisymbol_get_bars")],
)
def test_every_bar_keeps_its_prices_volume_and_count(recordings: Path, flavour: str, file: str, test: str) -> None:
    (body,) = bodies(recordings, f"data/test_historical_{file}_data", test)
    history = alpaca.venue(flavour).history
    assert history is not None
    for symbol, rows in body["bars"].items():
        found = history.decode_candles(alpaca.instrument(symbol, flavour), "1d", alpaca.reply(body))
        assert [(each.open, each.high, each.low, each.close, each.volume, each.trades) for each in found] == [
            (row["o"], row["h"], row["l"], row["c"], row["v"], row["n"]) for row in rows
        ]
        assert all(isinstance(decoded(flavour, "b", symbol, row), Candle) for row in rows)


def test_the_listed_share_is_an_instrument(recordings: Path) -> None:
    for body in bodies(recordings, "trading/trading_client/test_asset_routes", "test_get_all_assets"):
        found, _ = alpaca.venue("stocks").market.decode_instruments(alpaca.reply(body))
        assert [each.symbol for each in found] == [row["symbol"] for row in body]


@pytest.mark.parametrize("test", ["test_market_order", "test_limit_order", "test_get_order_by_id"])
def test_every_order_is_read(recordings: Path, test: str) -> None:
    (body,) = bodies(recordings, "trading/trading_client/test_order_routes", test)
    client = ClientOrderId(body["client_order_id"])
    trading, stock = alpaca.trading("stocks"), alpaca.instrument("SPY", "stocks")
    placed = trading.decode_place(alpaca.submit(client_order_id=client), stock, alpaca.reply(body))
    query = msgspec.structs.replace(alpaca.QUERY, client_order_id=client)
    (report,) = trading.decode_query(query, stock, alpaca.reply(body))
    assert isinstance(placed[0], OrderAccepted)
    assert isinstance(report, OrderReport)
    assert report.venue_order_id == body["id"]


def test_account_and_positions_are_balances(recordings: Path) -> None:
    account = bodies(recordings, "trading/trading_client/test_account_routes", "test_get_account")[0]
    positions = bodies(recordings, "trading/trading_client/test_position_routes", "test_get_all_positions")[0]
    (money,) = alpaca.trading("stocks").decode_balances(alpaca.ACCOUNT, alpaca.reply(account))
    (held,) = alpaca.trading("stocks").decode_balances(alpaca.ACCOUNT, alpaca.reply(positions))
    assert isinstance(money, BalancesReported)
    assert isinstance(held, BalancesReported)
    assert [str(each.free) for each in money.balances] == [account["cash"]]
    assert [(each.asset, str(each.free)) for each in held.balances] == [
        (row["symbol"], row["qty"]) for row in positions if row["asset_class"] == "us_equity"
    ]
