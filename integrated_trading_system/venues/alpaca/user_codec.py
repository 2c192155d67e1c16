"""The account's stream -> executions; and what REST tells of the account, row by row.

The stream speaks another dialect than the market data: objects, named by ``stream``.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.json import Decoder

from integrated_trading_system.domain.execution import Balance, Fill, Liquidity, OrderAccepted, OrderDone
from integrated_trading_system.domain.ids import AccountId, Asset, ClientOrderId, TradeId, VenueId, VenueOrderId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO, Money, parse_decimal
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.alpaca import wire
from integrated_trading_system.venues.alpaca.codec import BROKEN, quarantined
from integrated_trading_system.venues.alpaca.endpoints import Rules
from integrated_trading_system.venues.alpaca.session import LOGON
from integrated_trading_system.venues.alpaca.wire import nanos
from integrated_trading_system.venues.venue import Acknowledged, Ignored, VenueEvent

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
_QUOTES: Final = ("USDT", "USDC", "USD", "BTC")
"""Of symbols in the older spelling, ``BTCUSD``; longest first."""

_MESSAGE: Final = Decoder(wire.UserMessage)
_AUTHORIZATION: Final = Decoder(wire.Authorization)
_UPDATE: Final = Decoder(wire.TradeUpdate)
_ORDER: Final = Decoder(wire.OrderState)


class UserCodec:
    """One account's orders of one asset class.

    Fills are not told from here: an execution has other names in this stream than in the list of activities,
    so a fill told by both would count twice. How much was executed is told, and the rest is asked for.
    """

    def __init__(self, venue: VenueId, account: AccountId, rules: Rules) -> None:
        """The account's other asset class comes along and is ignored."""
        self._venue = venue
        self._account = account
        self._asset_class = rules.asset_class

    def list(self, instruments: Sequence[Instrument]) -> None:
        """Orders are known by their ids: no symbol is needed."""

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        try:
            return (self._event(_MESSAGE.decode(frame), received_at),)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)

    def _event(self, message: wire.UserMessage, received_at: Nanos) -> VenueEvent:
        match message.stream:
            case "authorization":
                said = _AUTHORIZATION.decode(message.data)
                ok = said.status == "authorized"
                return Acknowledged(LOGON, ok=ok, detail="" if ok else f"{said.status} {said.message}"[:200])
            case "listening":
                return Acknowledged("", ok=True)
            case "trade_updates":
                update = _UPDATE.decode(message.data)
                order = _ORDER.decode(update.order)
                if order.asset_class and order.asset_class != self._asset_class:
                    return Ignored("asset class")
                return self._order(order, update, received_at)
            case _:
                return Ignored("stream")

    def _order(self, order: wire.OrderState, update: wire.TradeUpdate, received_at: Nanos) -> VenueEvent:
        status = status_of(order)
        client, ours = ClientOrderId(order.client_order_id), VenueOrderId(order.id)
        stamp = update.timestamp or order.updated_at
        venue_time = nanos(stamp) if stamp else Nanos(0)
        if status not in TERMINAL:
            return OrderAccepted(
                client_order_id=client, venue_order_id=ours, venue_time=venue_time, received_at=received_at
            )
        return OrderDone(
            client_order_id=client,
            venue_order_id=ours,
            status=status,
            venue_filled=parse_decimal(str(order.filled_qty or "0")),
            reason="" if status is OrderStatus.FILLED else update.event[:40],
            venue_time=venue_time,
            received_at=received_at,
        )


def status_of(order: wire.OrderState) -> OrderStatus:
    """Raises ValueError for a word that we do not know."""
    status = wire.STATUS.get(order.status)
    if status is None:
        raise ValueError(f"unknown order status {order.status[:40]!r}")
    return status


def fill(row: wire.Activity, instrument: Instrument, account: AccountId, received_at: Nanos) -> Fill:
    """The venue books crypto's fees apart, at the end of the day, and does not say who rested: as if we took."""
    side = _SIDES.get(row.side)
    price, quantity = parse_decimal(row.price), parse_decimal(row.qty)
    if side is None or price <= 0 or quantity <= 0:
        raise ValueError("a fill needs a side, a price and a quantity")
    return Fill(
        client_order_id=ClientOrderId(""),
        venue_order_id=VenueOrderId(row.order_id),
        trade_id=TradeId(row.id),
        instrument=instrument.instrument,
        account=account,
        side=side,
        price=price,
        quantity=quantity,
        fee=Money(ZERO, instrument.base if side is Side.BUY else instrument.quote),
        liquidity=Liquidity.TAKER,
        venue_time=nanos(row.transaction_time),
        received_at=received_at,
    )


def holding(row: wire.Position) -> Balance:
    """A holding; what orders bind of it is not available."""
    total = parse_decimal(row.qty)
    free = parse_decimal(row.qty_available) if row.qty_available is not None else total
    base = row.symbol.partition("/")[0]
    if row.asset_class == "crypto" and base == row.symbol:
        base = next((base.removesuffix(end) for end in _QUOTES if base.endswith(end) and base != end), base)
    return Balance(Asset(base), free, total - free)
