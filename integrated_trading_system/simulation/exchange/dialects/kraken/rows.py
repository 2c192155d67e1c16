"""How Kraken names assets, pairs, orders and fills, and how it writes orders and books."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

import msgspec

from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.order import OrderType, TimeInForce
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.kraken.http import fixed, raw, seconds
from integrated_trading_system.simulation.exchange.events import PriceLevel
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.listing import Listing
from integrated_trading_system.simulation.exchange.orders import EndReason, Execution, Order, OrderState

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS: Final = 15
OLD_NAMES: Final = {"BTC": "XBT", "DOGE": "XDG"}
LETTERED: Final = {
    **{
        name: f"X{OLD_NAMES.get(name, name)}"
        for name in ("BTC", "DOGE", "ETH", "LTC", "XRP", "ETC", "XLM", "XMR", "ZEC")
    },
    **{name: f"Z{name}" for name in ("USD", "EUR", "GBP", "JPY", "CAD", "AUD")},
}
"""Assets of the first years."""

REASONS: Final = {
    EndReason.NONE: "",
    EndReason.BY_USER: "User requested",
    EndReason.UNFILLED_IOC: "Immediate or cancel order not filled",
    EndReason.UNFILLED_FOK: "Fill or kill order not filled",
    EndReason.NO_LIQUIDITY: "Insufficient liquidity",
    EndReason.SELF_TRADE: "Self trade prevention",
    EndReason.WOULD_TAKE: "Post only order",
    EndReason.REDUCE_ONLY: "Reduce only",
}
SUMMED: Final = 10


def old_asset(asset: str) -> str:
    """XXBT, ZUSD, USDT: as REST calls it."""
    return LETTERED.get(asset, OLD_NAMES.get(asset, asset))


def altname(listing: Listing) -> str:
    """XBTUSD."""
    return "".join(OLD_NAMES.get(asset, asset) for asset in (listing.base, listing.quote))


def pair_key(listing: Listing) -> str:
    """XXBTZUSD where both assets have their letter, else as `altname`."""
    if listing.base in LETTERED and listing.quote in LETTERED:
        return LETTERED[listing.base] + LETTERED[listing.quote]
    return altname(listing)


def name_of(letter: str, value: int) -> str:
    """OABCDE-FGHIJ-KLMNOP: a letter and the number in base 36."""
    text = ""
    for _ in range(DIGITS + 1):
        value, digit = divmod(value, len(ALPHABET))
        text = ALPHABET[digit] + text
    return f"{letter}{text[:5]}-{text[5:10]}-{text[10:]}"


def number_of(name: str) -> int:
    """The number in such a name; 0 for one that we never gave."""
    digits = name[1:].replace("-", "")
    if len(digits) != DIGITS + 1 or set(digits) - set(ALPHABET):
        return 0
    return int(digits, len(ALPHABET))


def checksum(asks: Sequence[PriceLevel], bids: Sequence[PriceLevel], listing: Listing) -> int:
    """Over the ten best levels of each side, asks first: price and quantity as printed, no point, no leading zeros."""
    text = ""
    for side in (asks, bids):
        for price, quantity in side[:SUMMED]:
            for value, decimals in ((price, listing.price_decimals), (quantity, listing.quantity_decimals)):
                text += fixed(value, decimals).replace(".", "").lstrip("0")
    return crc32(text.encode())


class Rows:
    """Orders and fills."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._names = {
            name: state
            for state in exchange.symbols.values()
            for name in (altname(state.listing), pair_key(state.listing), state.listing.symbol)
        }
        self._places = {symbol: place for place, symbol in enumerate(exchange.symbols)}

    def venue_time(self, now: Nanos) -> Nanos:
        """What the venue's clock shows."""
        return self.exchange.venue_time(now)

    def state(self, name: str) -> SymbolState | None:
        """The pair of any of its names."""
        return self._names.get(name)

    def levels(self, levels: Sequence[PriceLevel], listing: Listing) -> list[dict[str, msgspec.Raw]]:
        """Of a book in the stream."""
        price, quantity = listing.price_decimals, listing.quantity_decimals
        return [{"price": raw(at, price), "qty": raw(size, quantity)} for at, size in levels]

    def exec_id(self, execution: Execution) -> str:
        """Of one side of a trade."""
        place = self._places[execution.symbol]
        return name_of("T", (place * 10**12 + execution.trade_id) * 2 + execution.maker)

    def client_id(self, order: Order) -> str:
        """Empty where the client gave none."""
        return "" if order.client_id == f"auto-{order.order_id}" else order.client_id

    def status(self, order: Order) -> str:
        """Of an order in REST."""
        return {OrderState.FILLED: "closed", OrderState.CANCELLED: "canceled", OrderState.EXPIRED: "canceled"}.get(
            order.state, "open"
        )

    def order(self, order: Order) -> dict[str, Any]:
        """In ``OpenOrders``, ``ClosedOrders`` and ``QueryOrders``."""
        listing = self.exchange.symbols[order.symbol].listing
        kind = "market" if order.order_type is OrderType.MARKET else "limit"
        price = fixed(order.price, listing.price_decimals)
        quantity = fixed(order.quantity, listing.quantity_decimals)
        row: dict[str, Any] = {
            "refid": None,
            "userref": 0,
            "status": self.status(order),
            "opentm": seconds(self.venue_time(order.created_at)),
            "starttm": 0,
            "expiretm": 0,
            "descr": {
                "pair": altname(listing),
                "type": order.side.value,
                "ordertype": kind,
                "price": price,
                "price2": "0",
                "leverage": "none",
                "order": describe(order, listing),
                "close": "",
            },
            "vol": quantity,
            "vol_exec": fixed(order.filled, listing.quantity_decimals),
            "cost": plain(order.filled_value),
            "fee": plain(sum((each.fee for each in order.executions), ZERO)),
            "price": plain(order.average_price.quantize(Decimal(1).scaleb(-10))),
            "stopprice": "0.00000",
            "limitprice": "0.00000",
            "misc": "",
            "oflags": "fciq,post" if order.post_only else "fciq",
            "time_in_force": order.time_in_force.upper(),
        }
        if client := self.client_id(order):
            row["cl_ord_id"] = client
        if not order.is_open:
            row |= {"reason": REASONS[order.end_reason] or None, "closetm": seconds(self.venue_time(order.updated_at))}
        return row


def describe(order: Order, listing: Listing) -> str:
    """An order in words: ``buy 0.01000000 XBTUSD @ limit 50000.0``."""
    how = "market" if order.order_type is OrderType.MARKET else f"limit {fixed(order.price, listing.price_decimals)}"
    return f"{order.side.value} {fixed(order.quantity, listing.quantity_decimals)} {altname(listing)} @ {how}"


def time_in_force(text: str) -> TimeInForce | None:
    """GTC, IOC or FOK; None for anything else (GTD is not offered here)."""
    return {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}.get(text)
