"""Other people's sample messages: each is read without losing a field, or is named with the reason why it is not.

What each field says is held against the sample in the tests of the venues. Here is the whole: no file is forgotten,
and no field of our messages is empty that a sample could have filled.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import asdict

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, CallId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Candle, FundingRate, MarkPrice, Quote, Statistics, Trade
from integrated_trading_system.domain.order import QueryFills
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Venue
from tests.support import binance, bybit, coinbase, kraken, okx

AT: Final = Nanos(2_000_000_000_000_000_000)
ACCOUNT: Final = AccountId("main")

READ: Final[dict[str, tuple[str, str]]] = {
    "binance/futures/http_json/account_info_v2": ("usdm balances", "BalancesReported"),
    "binance/futures/market_data_json/agg_trade_stream": ("usdm codec", "Trade"),
    "binance/futures/market_data_json/book_ticker_stream": ("usdm codec", "Quote"),
    "binance/futures/market_data_json/depth_update_stream": ("usdm codec", "BookDelta"),
    "binance/futures/market_data_json/kline_stream_closed": ("usdm codec", "Candle"),
    "binance/futures/market_data_json/kline_stream_open": ("usdm codec", "Candle"),
    "binance/futures/market_data_json/mark_price_stream": ("usdm codec", "MarkPrice FundingRate"),
    "binance/futures/market_data_json/ticker_stream": ("usdm codec", "Statistics"),
    "binance/futures/market_data_json/trade_stream": ("usdm codec", "Trade"),
    "binance/futures/user_data_json/account_update": ("usdm user", "BalancesReported"),
    "binance/futures/user_data_json/account_update_bnfcr": ("usdm user", "BalancesReported"),
    "binance/futures/user_data_json/order_update_new": ("usdm user", "OrderAccepted"),
    "binance/futures/user_data_json/order_update_trade": ("usdm user", "Fill"),
    "binance/spot/http_json/account_response": ("spot balances", "BalancesReported"),
    "binance/spot/http_json/account_trades_response": ("spot fills", "Fill"),
    "binance/spot/http_json/all_orders_response": ("spot open", "OpenOrdersListed"),
    "binance/spot/http_json/depth_response": ("spot snapshot", "BookSnapshot"),
    "binance/spot/http_json/exchange_info_response": ("spot instruments", "Instrument"),
    "binance/spot/http_json/klines_response": ("spot candles", "Candle"),
    "binance/spot/http_json/open_orders_response": ("spot open", "OpenOrdersListed"),
    "binance/spot/http_json/server_time_response": ("spot time", "int"),
    "binance/spot/user_data_json/account_position": ("spot user", "BalancesReported"),
    "binance/spot/user_data_json/account_position_wrapped": ("spot user", "BalancesReported"),
    "binance/spot/user_data_json/execution_report_canceled": ("spot user", "OrderDone"),
    "binance/spot/user_data_json/execution_report_expired": ("spot user", "OrderDone"),
    "binance/spot/user_data_json/execution_report_new": ("spot user", "OrderAccepted"),
    "binance/spot/user_data_json/execution_report_trade": ("spot user", "Fill OrderDone"),
    "binance/spot/user_data_json/execution_report_wrapped": ("spot user", "OrderAccepted"),
    "bybit/http_get_executions": ("linear fills", "Fill"),
    "bybit/http_get_funding_history": ("linear funding", "FundingRate"),
    "bybit/http_get_instruments_linear": ("linear instruments", "Instrument"),
    "bybit/http_get_instruments_linear_symbol_type": ("linear instruments", "Instrument"),
    "bybit/http_get_instruments_spot": ("spot instruments", "Instrument"),
    "bybit/http_get_instruments_spot_xstocks": ("spot instruments", "Instrument"),
    "bybit/http_get_klines_linear": ("linear candles", "Candle"),
    "bybit/http_get_orderbook": ("linear snapshot", "BookSnapshot"),
    "bybit/http_get_orders_history": ("linear open", "OpenOrdersListed"),
    "bybit/http_get_orders_realtime": ("linear open", "OpenOrdersListed"),
    "bybit/http_get_orders_realtime_tp_sl": ("linear open", "OpenOrdersListed"),
    "bybit/http_get_positions": ("linear balances", "BalancesReported"),
    "bybit/http_get_positions_with_open_time": ("linear balances", "BalancesReported"),
    "bybit/http_get_wallet_balance": ("linear balances", "BalancesReported"),
    "bybit/http_get_wallet_balance_with_spot_borrow": ("spot balances", "BalancesReported"),
    "bybit/ws_account_execution": ("linear user", "Fill"),
    "bybit/ws_account_order": ("linear user", "OrderDone"),
    "bybit/ws_account_order_buy_stop_market": ("linear user", "OrderAccepted"),
    "bybit/ws_account_order_filled": ("linear user", "OrderDone"),
    "bybit/ws_account_order_limit_if_touched": ("linear user", "OrderAccepted"),
    "bybit/ws_account_order_market_if_touched": ("linear user", "OrderAccepted"),
    "bybit/ws_account_order_sell_market_if_touched": ("linear user", "OrderAccepted"),
    "bybit/ws_account_order_stop_limit": ("linear user", "OrderAccepted"),
    "bybit/ws_account_order_stop_market": ("linear user", "OrderAccepted"),
    "bybit/ws_account_order_take_profit": ("linear user", "OrderAccepted"),
    "bybit/ws_account_wallet": ("spot user", "BalancesReported"),
    "bybit/ws_auth_success": ("linear user", "Acknowledged"),
    "bybit/ws_order_response": ("linear user", "Acknowledged"),
    "bybit/ws_orderbook_snapshot": ("linear codec", "Quote"),
    "bybit/ws_subscription_ack": ("linear codec", "Acknowledged"),
    "bybit/ws_ticker_linear": ("linear codec", "Statistics MarkPrice FundingRate"),
    "okx/http_get_account_balance": ("spot balances", "BalancesReported"),
    "okx/http_get_candlesticks": ("spot candles", "Candle"),
    "okx/http_get_candlesticks_full": ("spot candles", "Candle"),
    "okx/http_get_funding_rate_history": ("swap funding", "FundingRate"),
    "okx/http_get_instruments_spot": ("spot instruments", "Instrument"),
    "okx/http_get_instruments_swap": ("swap instruments", "Instrument"),
    "okx/http_get_orders_pending": ("swap open", "OpenOrdersListed"),
    "okx/http_get_orders_pending_with_attached_tp_sl": ("swap open", "OpenOrdersListed"),
    "okx/ws_account": ("swap user", "BalancesReported"),
    "okx/ws_bbo_tbt": ("spot codec", "Quote"),
    "okx/ws_books_snapshot": ("spot codec", "BookBroken"),  # its checksum is of the 400 levels that it was cut from
    "okx/ws_books_update": ("spot codec", "BookDelta"),
    "okx/ws_funding_rate": ("swap codec", "FundingRate"),
    "okx/ws_orders": ("swap user", "Fill OrderDone"),
    "okx/ws_tickers": ("spot codec", "Statistics"),
    "okx/ws_trades": ("spot codec", "Trade"),
    "kraken/http_asset_pairs": ("spot instruments", "Instrument"),
    "kraken/http_asset_pairs_tokenized": ("spot instruments", "Instrument"),
    "kraken/http_ohlc": ("spot candles", "Candle"),
    "kraken/http_open_orders": ("spot open", "OpenOrdersListed"),
    "kraken/http_order_book": ("spot snapshot", "BookSnapshot"),
    "kraken/ws_book_snapshot": ("spot codec", "BookBroken"),  # its checksum is invented
    "kraken/ws_ohlc_update": ("spot codec", "Candle"),
    "kraken/ws_pong": ("spot codec", "Pong"),
    "kraken/ws_subscribe_response": ("spot codec", "Acknowledged"),
    "kraken/ws_ticker_snapshot": ("spot codec", "Quote Statistics"),
    "kraken/ws_trade_update": ("spot codec", "Trade"),
    "coinbase/http_accounts": ("advanced balances", "BalancesReported"),
    "coinbase/http_candles": ("advanced candles", "Candle"),
    "coinbase/http_orders_list": ("advanced open", "OpenOrdersListed"),
    "coinbase/http_product_book": ("advanced snapshot", "BookSnapshot"),
    "coinbase/http_products": ("advanced instruments", "Instrument"),
    "coinbase/http_products_future": ("advanced instruments", "Instrument"),
    "coinbase/ws_candles": ("advanced codec", "Candle"),
    "coinbase/ws_heartbeats": ("advanced codec", "Pong"),
    "coinbase/ws_l2_data_snapshot": ("advanced codec", "BookSnapshot"),
    "coinbase/ws_l2_data_update": ("advanced codec", "BookDelta"),
    "coinbase/ws_market_trades": ("advanced codec", "Trade"),
    "coinbase/ws_subscriptions": ("advanced codec", "Acknowledged"),
    "coinbase/ws_ticker": ("advanced codec", "Statistics Quote"),
}
"""By file: which part of which flavour reads it, and what becomes of it."""

NOT_READ: Final[dict[str, tuple[str, ...]]] = {
    "the answer to an order, a cancel or a question about one order: it needs the request, which the tests of the "
    "venue's trading give it": (
        "binance/spot/http_json/new_order_full_response",
        "binance/spot/http_json/order_response",
        "binance/spot/http_json/cancel_order_response",
        "binance/futures/http_json/order_response",
        "okx/http_place_order_response",
        "okx/http_transaction_detail",
        "kraken/http_add_order_spot",
        "kraken/http_cancel_order_spot",
        "kraken/http_closed_orders",
        "kraken/http_trades_history",
        "coinbase/http_order",
    ),
    "no question of ours: the same is asked for in another place": (
        "binance/spot/http_json/*ticker*",
        "binance/spot/http_json/avg_price_response",
        "binance/spot/http_json/trades_response",
        "binance/spot/http_json/ping_response",
        "binance/spot/http_json/cancel_open_orders_response",
        "binance/futures/http_json/balance",
        "binance/futures/http_json/position_risk",
        "bybit/http_get_trades_recent",
        "bybit/http_get_account_info",
        "bybit/http_get_fee_rate",
        "okx/http_get_trades",
        "okx/http_get_mark_price",
        "okx/http_get_index_price",
        "okx/http_get_instruments_margin",
        "okx/http_get_orders_history",
        "okx/http_get_account_positions-history",
        "okx/http_get_position_tiers",
        "okx/http_get_trade_fee_response",
        "okx/http_set_position_mode_response",
        "okx/http_balance_detail_*",
        "okx/common_optional_string_to_u64",
        "kraken/http_server_time",
        "kraken/http_system_status",
        "kraken/http_ticker",
        "kraken/http_trades",
        "kraken/http_spot_*",
        "kraken/ws_*_request",
        "kraken/ws_add_order_response_success",
        "coinbase/http_product",
        "coinbase/http_ticker",
    ),
    "conditional orders: we send none, and each is an order of its own once it is triggered": (
        "binance/futures/http_json/open_algo_orders",
        "binance/futures/user_data_json/algo_update_*",
        "okx/http_*algo*",
        "okx/ws_orders_algo",
    ),
    "says nothing that the messages beside it do not say": (
        "binance/spot/user_data_json/balance_update*",
        "binance/spot/user_data_json/list_status_wrapped",
        "bybit/ws_account_execution_fast*",
        "bybit/ws_account_position*",
        "okx/ws_instruments",
    ),
    "a product that no flavour of ours trades: options, dated futures, spreads, inverse contracts, Kraken's futures": (
        "bybit/http_get_instruments_inverse*",
        "bybit/http_get_instruments_option*",
        "bybit/ws_ticker_option",
        "okx/http_get_instruments_futures",
        "okx/http_get_instruments_option",
        "okx/http_get_option_summary",
        "okx/http_get_spread*",
        "okx/ws_opt_summary",
        "okx/ws_orders_option",
        "okx/ws_sprd_orders",
        "kraken/http_futures_*",
        "kraken/http_*_order_futures",
        "kraken/ws_futures_*",
        "coinbase/http_cfm_*",
    ),
    "the management of sub-accounts and keys": ("bybit/http_get_user_*", "bybit/http_post_user_*"),
    "of another interval or channel than we subscribe to; the venue's test reads it under the name of ours": (
        "bybit/ws_kline",
        "okx/ws_candle",
    ),
    "a topic that no interface of the venue has": ("bybit/ws_public_trade",),
    "a change of a book whose beginning is in no sample": ("bybit/ws_orderbook_delta", "kraken/ws_book_update"),
    "a book without its number cannot be continued, and is refused": ("okx/http_get_order_book",),
    "positions in long/short mode, which are refused: the account has to be in net mode": ("okx/http_get_positions",),
}
"""By reason, the files that are not read, with the wildcards of a shell."""

UNTOLD: Final = {
    "okx": {"Candle.trades", "MarkPrice.index_price"},
    "bybit": {"Candle.trades"},
    "coinbase": {"Candle.trades", "Candle.quote_volume", "Statistics.quote_volume"},
    "kraken": set[str](),
    "binance": set[str](),
}
"""By venue: the fields that it does not tell."""
SAMPLES_ARE_EMPTY: Final = {"okx/http_get_candlesticks": {"Candle.quote_volume"}}
"""Fields that the sample itself has as zero."""
MODULES: Final[dict[str, Any]] = {
    "binance": binance,
    "bybit": bybit,
    "okx": okx,
    "kraken": kraken,
    "coinbase": coinbase,
}
NAMES: Final = ("symbol", "s", "instId", "product_id")


@pytest.fixture(scope="module")
def folder(recordings: Path) -> Path:
    return recordings / "fixtures_nautilus"


def symbols_in(message: Any) -> Iterator[str]:
    """Every symbol that is named, wherever."""
    if isinstance(message, dict):
        yield from (message[name] for name in NAMES if isinstance(message.get(name), str))
        for inner in message.values():
            yield from symbols_in(inner)
    elif isinstance(message, list):
        for inner in message:
            yield from symbols_in(inner)


def made(name: str, flavour: str) -> Venue:
    venue: Venue = MODULES[name].venue() if name == "kraken" else MODULES[name].venue(flavour)
    return venue


def instruments_of(name: str, flavour: str, raw: bytes) -> list[Instrument]:
    fallback = {"kraken": "BTC/USD", "okx": "BTC-USDT", "coinbase": "BTC-USD"}.get(name, "BTCUSDT")
    symbols = list(dict.fromkeys(symbols_in(json.loads(raw)))) or [fallback]
    build: Callable[..., Instrument] = MODULES[name].instrument
    return [build(symbol) if name == "kraken" else build(flavour, symbol) for symbol in symbols]


def read(name: str, flavour: str, part: str, raw: bytes) -> Sequence[Any]:
    """What this part of the venue makes of the bytes."""
    venue = made(name, flavour)
    listed = instruments_of(name, flavour, raw)
    first = listed[0]
    reply = HttpReply(call=CallId("c"), status=200, headers={}, body=raw, sent_at=AT, received_at=AT)
    assert venue.history is not None
    assert venue.trading is not None
    assert venue.user_codec is not None
    venue.codec.list(listed)
    venue.user_codec.list(listed)
    match part:
        case "codec":
            return venue.codec.decode(raw, AT)
        case "user":
            return venue.user_codec.decode(raw, AT)
        case "instruments":
            return venue.market.decode_instruments(reply)[0]
        case "snapshot":
            return [venue.market.decode_snapshot(first, reply)]
        case "time":
            return [venue.market.decode_time(reply)]
        case "candles":
            return venue.history.decode_candles(first, "1m", reply)
        case "funding":
            return venue.history.decode_funding(first, reply)
        case "balances":
            return venue.trading.decode_balances(ACCOUNT, reply)
        case "open":
            return venue.trading.decode_open_orders(ACCOUNT, reply)[0]
        case _:
            return venue.trading.decode_fills(QueryFills(first.instrument, ACCOUNT, AT), first, reply)[0]


@pytest.mark.parametrize("path", READ)
def test_a_sample_becomes_what_it_says_and_no_field_of_ours_stays_empty(folder: Path, path: str) -> None:
    name = path.partition("/")[0]
    (flavour, part), kinds = READ[path][0].split(), READ[path][1].split()
    raw = (folder / f"{path}.json").read_bytes()
    events = read(name, flavour, part, raw)
    assert list(dict.fromkeys(type(event).__name__ for event in events)) == kinds
    told: dict[str, bool] = {}
    for event in events:
        if isinstance(event, Quote | Trade | Candle | Statistics | MarkPrice | FundingRate):
            for field, value in asdict(event).items():
                key = f"{type(event).__name__}.{field}"
                told[key] = told.get(key, False) or isinstance(value, bool) or value not in (0, "", None)
    empty = {field for field, filled in told.items() if not filled}
    assert empty <= UNTOLD[name] | SAMPLES_ARE_EMPTY.get(path, set())


def test_every_sample_is_read_or_named_with_the_reason_why_not(folder: Path) -> None:
    found = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.json")}
    patterns = [pattern for group in NOT_READ.values() for pattern in group]
    named = {path for path in found if any(fnmatch(path, pattern) for pattern in patterns)}
    assert named | set(READ) == found
    assert named & set(READ) == set()
    assert [pattern for pattern in patterns if not any(fnmatch(path, pattern) for path in found)] == []
