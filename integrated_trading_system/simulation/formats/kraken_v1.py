"""Kraken's first WebSocket protocol, in which captures exist, as frames of the second.

Every number keeps its text, so that the recorded checksums prove the book as they did then. One thing is added:
a snapshot had no checksum, so it gets its own; the first change proves it. Frames that cannot be understood stay
as they are, for the codec to refuse.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from integrated_trading_system.simulation.capture import Kind, Line
from integrated_trading_system.venues.kraken.symbols import RENAMED
from integrated_trading_system.venues.kraken.wire import checksum

BROKEN: Final = (ValueError, TypeError, LookupError, RecursionError, OverflowError, AttributeError)
"""All that taking apart a message of unknown shape can raise."""

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,23})(\.[0-9]{1,24})?", re.ASCII)
_SECONDS: Final = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SIDES: Final = {"b": "buy", "s": "sell"}
_TYPES: Final = {"l": "limit", "m": "market"}


class KrakenV1:
    """Turns line after line. What it remembers are the numbers of trades, which had none."""

    def __init__(self) -> None:
        """No trade has been seen."""
        self._last_trade = 0

    def __call__(self, line: Line) -> Line:
        """The line in today's words."""
        if line.kind is not Kind.FRAME:
            return line
        try:
            text = self._translate(msgspec.json.decode(line.payload))
        except BROKEN:
            return line
        return line if text is None else replace(line, payload=text.encode())

    def _translate(self, message: Any) -> str | None:
        """None for what is no message of the first protocol."""
        if isinstance(message, dict):
            return _event(message) if "event" in message else None
        *_, channel, symbol = message
        name, _, detail = channel.partition("-")
        match name:
            case "book":
                row = _book(message[1:-2], _symbol(symbol))
            case "trade":
                return self._trades(message[1], _symbol(symbol))
            case "ticker":
                row = _ticker(message[1], _symbol(symbol))
            case "spread":
                row = _spread(message[1], _symbol(symbol))
                name = "ticker"
            case "ohlc":
                row = _candle(message[1], int(detail), _symbol(symbol))
            case _:
                raise ValueError(f"unknown channel {name}")
        kind = (
            "snapshot" if name == "book" and any("as" in part or "bs" in part for part in message[1:-2]) else "update"
        )
        return _message(name, kind, [row])

    def _trades(self, rows: Sequence[Sequence[str]], symbol: str) -> str:
        """Numbered by their microsecond, and within it one after the other."""
        found = []
        for price, volume, time, side, order_type, *_ in rows:
            self._last_trade = max(_micros(time) * 100, self._last_trade + 1)
            found.append(
                f'{{"symbol":{symbol},"side":"{_SIDES[side]}","price":{_number(price)},"qty":{_number(volume)},'
                f'"ord_type":"{_TYPES[order_type]}","trade_id":{self._last_trade},"timestamp":"{_time(time)}"}}'
            )
        return _message("trade", "update", found)


def _event(message: dict[str, Any]) -> str:
    match message["event"]:
        case "heartbeat":
            return '{"channel":"heartbeat"}'
        case "pong":
            return '{"method":"pong"}'
        case "systemStatus":
            system = msgspec.json.encode([{"system": str(message["status"])}]).decode()
            return f'{{"channel":"status","type":"update","data":{system}}}'
        case "subscriptionStatus":
            return _answer(message)
        case event:
            raise ValueError(f"unknown event {event}")


def _answer(message: dict[str, Any]) -> str:
    """Refusals too: they name their pair where they can."""
    pair = _symbol(message["pair"]) if "pair" in message else '""'
    if message["status"] == "error":
        error = msgspec.json.encode(str(message.get("errorMessage", ""))).decode()
        return f'{{"method":"subscribe","success":false,"error":{error},"symbol":{pair}}}'
    method = {"subscribed": "subscribe", "unsubscribed": "unsubscribe"}[message["status"]]
    wanted = message["subscription"]
    channel = msgspec.json.encode(str(wanted["name"])).decode()
    depth = f',"depth":{int(wanted["depth"])}' if "depth" in wanted else ""
    return f'{{"method":"{method}","success":true,"result":{{"channel":{channel},"symbol":{pair}{depth}}}}}'


def _book(parts: Sequence[dict[str, Any]], symbol: str) -> str:
    """Changes may come in two parts, one a side; the checksum is in the last."""
    whole = any("as" in part or "bs" in part for part in parts)
    sides: dict[str, list[Sequence[str]]] = {"b": [], "a": []}
    for part in parts:
        for side, found in sides.items():
            found.extend(part.get(f"{side}s" if whole else side, []))
    bids, asks = ([(_number(level[0]), _number(level[1])) for level in sides[side]] for side in "ba")
    summed = checksum(asks, bids) if whole else int(parts[-1]["c"])
    newest = max((level[2] for levels in sides.values() for level in levels), key=_micros)
    written = [",".join(f'{{"price":{price},"qty":{size}}}' for price, size in side) for side in (bids, asks)]
    return (
        f'{{"symbol":{symbol},"bids":[{written[0]}],"asks":[{written[1]}],"checksum":{summed},'
        f'"timestamp":"{_time(newest)}"}}'
    )


def _ticker(row: dict[str, Any], symbol: str) -> str:
    """Had no time: its best prices cannot be placed, its 24 hours are told. The second of two figures is theirs."""
    last, opened = float(_number(row["c"][0])), float(_number(row["o"][1]))
    change = 100.0 * (last / opened - 1.0) if opened else 0.0
    return (
        f'{{"symbol":{symbol},"bid":{_number(row["b"][0])},"bid_qty":{_number(row["b"][2])},'
        f'"ask":{_number(row["a"][0])},"ask_qty":{_number(row["a"][2])},"last":{_number(row["c"][0])},'
        f'"volume":{_number(row["v"][1])},"vwap":{_number(row["p"][1])},"low":{_number(row["l"][1])},'
        f'"high":{_number(row["h"][1])},"change_pct":{change:.6f}}}'
    )


def _spread(row: Sequence[str], symbol: str) -> str:
    bid, ask, time, bid_size, ask_size = row
    return (
        f'{{"symbol":{symbol},"bid":{_number(bid)},"bid_qty":{_number(bid_size)},"ask":{_number(ask)},'
        f'"ask_qty":{_number(ask_size)},"timestamp":"{_time(time)}"}}'
    )


def _candle(row: Sequence[Any], minutes: int, symbol: str) -> str:
    """Named by its end then, by its beginning now."""
    _, ends, opened, high, low, closed, average, volume, trades = row
    begin = _stamp(_micros(ends) - minutes * 60_000_000)
    return (
        f'{{"symbol":{symbol},"open":{_number(opened)},"high":{_number(high)},"low":{_number(low)},'
        f'"close":{_number(closed)},"vwap":{_number(average)},"volume":{_number(volume)},"trades":{int(trades)},'
        f'"interval_begin":"{begin}","interval":{minutes}}}'
    )


def _message(channel: str, kind: str, rows: Sequence[str]) -> str:
    return f'{{"channel":"{channel}","type":"{kind}","data":[{",".join(rows)}]}}'


def _symbol(pair: str) -> str:
    """As JSON, in today's spelling."""
    name = "/".join(RENAMED.get(part, part) for part in pair.split("/"))
    return msgspec.json.encode(name).decode()


def _number(text: str) -> str:
    """The same text, which was quoted, as a number."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"not a number: {text[:40]}")
    return text


def _micros(text: str) -> int:
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise ValueError(f"not a time: {text[:40]}")
    return int(found[1]) * 1_000_000 + int((found[2] or "")[:6].ljust(6, "0"))


def _time(text: str) -> str:
    return _stamp(_micros(text))


def _stamp(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
