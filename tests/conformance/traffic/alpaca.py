"""Alpaca, as its documentation shows it: one stream for all data after a logon, orders by REST."""

from typing import Any

import msgspec

from integrated_trading_system.domain.ids import ClientOrderId, VenueOrderId
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.order import Side
from integrated_trading_system.venues.venue import Credentials
from tests.conformance.description import NOTHING, BookTraffic, OrderTraffic, Traffic, answer
from tests.support import alpaca

NAME = ClientOrderId("1001")
ORDER = VenueOrderId(alpaca.ORDER_ID)
PAIR = {
    "class": "crypto",
    "symbol": "BTC/USD",
    "status": "active",
    "tradable": True,
    "min_order_size": "0.0001",
    "min_trade_increment": "0.0001",
    "price_increment": "1",
}
SHARE = {"class": "us_equity", "symbol": "AMD", "status": "active", "tradable": True, "fractionable": True}
WELCOME = b'[{"T":"success","msg":"connected"}]'
LOGGED_ON = b'[{"T":"success","msg":"authenticated"}]'
SUBSCRIBED = b'[{"T":"subscription","trades":[],"quotes":[],"bars":[],"orderbooks":[]}]'
REFUSED = b'[{"T":"error","code":405,"msg":"symbol limit exceeded"}]'


def rows(*entries: dict[str, Any]) -> bytes:
    return msgspec.json.encode(entries)


def book(second: int, bids: list[dict[str, Any]], asks: list[dict[str, Any]], **more: Any) -> bytes:
    at = f"2023-11-14T22:13:{second:02d}.5Z"
    return rows({"T": "o", "S": "BTC/USD", "t": at, "b": bids, "a": asks, **more})


def level(price: int, size: float) -> dict[str, Any]:
    return {"p": price, "s": size}


def order(**fields: Any) -> dict[str, Any]:
    return alpaca.order(client_order_id=NAME, symbol="BTC/USD") | fields


def update(event: str, **fields: Any) -> bytes:
    data = {"event": event, "timestamp": "2023-11-14T22:13:20Z", "order": order(**fields)}
    return msgspec.json.encode({"stream": "trade_updates", "data": data})


def orders(**which: Any) -> OrderTraffic:
    """Of one product: the symbol and asset class that its orders carry."""
    fill = {
        "id": "20231114::1",
        "activity_type": "FILL",
        "transaction_time": "2023-11-14T22:13:19Z",
        "price": "100",
        "qty": "1",
        "side": "buy",
        "order_id": ORDER,
    }
    return OrderTraffic(
        client_order_id=NAME,
        venue_order_id=ORDER,
        accepted=answer(order(**which)),
        rejected=answer({"code": 40310000, "message": "insufficient balance"}, 403),
        uncertain=(
            answer({"code": 40010001, "message": "client_order_id must be unique"}, 422),
            answer(b"", 408),
        ),
        cancelled=answer(b"", 204),
        cancel_refused=answer({"code": 42210000, "message": "order is not cancelable"}, 422),
        found=answer(order(**which)),
        not_found=answer({"code": 40410000, "message": "order not found"}, 404),
        fills=(answer([fill | {"symbol": which["symbol"]}]),),
        open_orders=answer([order(**which)]),
        balances=(answer({"cash": "100", "currency": "USD"}), answer([])),
        frames=(update("new", **which), update("canceled", status="canceled", **which)),
    )


def traffic(symbol: str, asset_class: str, listed: dict[str, Any], bars: str) -> Traffic:
    """What both products say alike."""
    stamp = {"S": symbol, "t": "2023-11-14T22:13:20.000000001Z"}
    bar = {"o": 1, "h": 3, "l": 0.5, "c": 2, "v": 4, "n": 5, "vw": 1.5}
    quote = {"T": "q", **stamp, "bp": 100, "bs": 2, "ap": 101, "as": 4}
    if asset_class == "us_equity":
        quote |= {"bx": "U", "ax": "Q", "c": ["R"], "z": "C"}
    trade = {"T": "t", **stamp, "i": 1, "p": 101, "s": 2}
    trade |= {"tks": "B"} if asset_class == "crypto" else {"x": "V", "c": ["@"], "z": "C"}
    candle = {"T": "b", **stamp, "t": "2023-11-14T22:12:00Z", **bar}
    frame = rows(quote, trade, candle)
    history = [bar | {"t": f"2023-11-14T21:{minute}:00Z"} for minute in (30, 31, 59)]
    return Traffic(
        symbol=symbol,
        listed=(answer([listed]),),
        time=answer({"timestamp": "2023-11-14T17:13:20.5-05:00", "is_open": True}),
        acknowledged=(WELCOME, LOGGED_ON, SUBSCRIBED),
        refused=REFUSED,
        events=dict.fromkeys((DataType.QUOTES, DataType.TRADES, DataType.CANDLES), (frame,)),
        trade=(101.0, Side.BUY),
        orders=orders(symbol=symbol, asset_class=asset_class),
        limited=answer({"code": 42910000, "message": "too many requests"}, 429),
        candles=answer({bars: {symbol: history}}),
        credentials=(Credentials("PK1", "one secret"), Credentials("PK2", "another secret")),
        secret_is_sent=True,
        frame_bytes_max=16 * 1024,  # no limit is documented; everything is named in one frame
    )


def crypto() -> Traffic:
    common = traffic("BTC/USD", "crypto", PAIR, "bars")
    frames = (
        book(1, [level(100, 1)], [level(105, 1)], r=True),
        book(2, [level(101, 1)], []),
        book(3, [level(102, 1)], []),
        book(4, [level(102, 2)], [level(104, 1)]),
    )
    best = (102.0, 104.0)
    return msgspec.structs.replace(
        common,
        events=common.events | {DataType.DEPTH: frames},
        book=BookTraffic(frames=frames, best=best, lost=2),
        integrity=NOTHING,
    )


TRAFFIC = {"crypto": crypto, "stocks": lambda: traffic("AMD", "us_equity", SHARE, "bars")}
