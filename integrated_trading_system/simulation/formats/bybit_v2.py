"""Bybit's second WebSocket interface, in which captures exist, as frames of the fifth.

Of it there are the book of 25 levels a side and the trades. Its changes had no numbers: each message gets one more
than the one before, so a message that the recorder lost is not noticed. Everything else, and what cannot be
understood, stays as it is, for the codec to judge.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from integrated_trading_system.simulation.capture import Kind, Line

BROKEN: Final = (ValueError, TypeError, LookupError, RecursionError, OverflowError, AttributeError)
"""All that taking apart a message of unknown shape can raise."""

BOOK: Final = "orderBookL2_25."
TRADE: Final = "trade."
_FIRST: Final = 2
"""Of the numbers; 1 would say that the venue had restarted."""
_STAMP: Final = ("timestamp_e6", "timestampE6")
_PLACE: Final = ("cross_seq", "crossSeq")
_SIDES: Final = {"Buy": "b", "Sell": "a"}
_NUMBERS_AS_TEXT: Final = msgspec.json.Decoder(float_hook=str)


class BybitV2:
    """Turns line after line. What it remembers is the number of each book's last message, and each price's side."""

    def __init__(self) -> None:
        """No message has been seen."""
        self._numbers: dict[str, int] = {}
        self._sides: dict[str, dict[str, str]] = defaultdict(dict)

    def __call__(self, line: Line) -> Line:
        """The line in today's words."""
        if line.kind is not Kind.FRAME:
            return line
        try:
            message = self._translate(_NUMBERS_AS_TEXT.decode(line.payload))
        except BROKEN:
            return line
        return line if message is None else replace(line, payload=msgspec.json.encode(message))

    def _translate(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """None for what is no message of this interface, or none of ours."""
        topic: str = message.get("topic", "")
        if topic.startswith(BOOK):
            return self._book(topic.removeprefix(BOOK), message)
        if topic.startswith(TRADE):
            return _trades(topic.removeprefix(TRADE), message["data"])
        return None

    def _book(self, symbol: str, message: dict[str, Any]) -> dict[str, Any]:
        levels: dict[str, list[tuple[str, str]]] = {"b": [], "a": []}
        sides = self._sides[symbol]
        rows = message["data"]
        if message["type"] == "snapshot":  # a list, or a list with a name
            sides.clear()
            for row in rows["order_book"] if isinstance(rows, dict) else rows:
                _put(row, levels, sides)
        else:
            for row in rows["delete"]:
                levels[_SIDES[row["side"]]].append((str(row["price"]), "0"))
                sides.pop(row["price"], None)
            for row in (*rows["update"], *rows["insert"]):
                _put(row, levels, sides)
        number = self._numbers.get(symbol, _FIRST - 1) + 1
        self._numbers[symbol] = number
        micros, place = (_either(message, *names) for names in (_STAMP, _PLACE))
        return {
            "topic": f"orderbook.50.{symbol}",
            "type": message["type"],
            "ts": micros // 1000,
            "data": {"s": symbol, **levels, "u": number, "seq": place},
        }


def _either(message: dict[str, Any], *names: str) -> int:
    """A number, or its text: by product the same field was the one or the other, and of two spellings."""
    return int(next(message[name] for name in names if name in message))


def _put(row: dict[str, Any], levels: dict[str, list[tuple[str, str]]], sides: dict[str, str]) -> None:
    """A level is known by its price: what was a bid may come back as an ask without having been deleted."""
    price, side = str(row["price"]), _SIDES[row["side"]]
    before = sides.get(price, side)
    if before != side:
        levels[before].append((price, "0"))
    sides[price] = side
    levels[side].append((price, str(row["size"])))


def _trades(symbol: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    found = [
        {
            "T": _millis(row),
            "s": str(row["symbol"]),
            "S": row["side"],
            "v": str(row["size"]),
            "p": str(row["price"]),
            "i": str(row["trade_id"]),
            "BT": False,
        }
        for row in rows
    ]
    return {"topic": f"publicTrade.{symbol}", "type": "snapshot", "ts": found[-1]["T"], "data": found}


def _millis(row: dict[str, Any]) -> int:
    """Early messages had only the time of day as text."""
    if "trade_time_ms" in row:
        return int(row["trade_time_ms"])
    return round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
