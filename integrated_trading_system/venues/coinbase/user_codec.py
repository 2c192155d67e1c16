"""The account's stream of Advanced Trade -> executions; what it shares with REST (states, fills) is read here for both.

The ``user`` channel tells how much of an order was executed and no single fill: these are asked for by REST. A
missing message is told as the stream going down and coming up again, so that everything is asked anew.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.json import Decoder

from integrated_trading_system.domain.execution import (
    Fill,
    Liquidity,
    OrderAccepted,
    OrderDone,
    OrderReport,
    UserStreamChanged,
)
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, TradeId, VenueId, VenueOrderId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import Money, parse_decimal
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.coinbase import wire
from integrated_trading_system.venues.coinbase.streams.advanced import ENVELOPE, control
from integrated_trading_system.venues.coinbase.streams.numbers import Connections
from integrated_trading_system.venues.coinbase.wire import BROKEN, moment, quarantined
from integrated_trading_system.venues.venue import Ignored, VenueEvent

_EVENTS: Final = Decoder(list[wire.UserEvent])
_ORDER: Final = Decoder(wire.StreamOrder)
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}


class UserCodec:
    """One account's orders."""

    def __init__(self, venue: VenueId, account: AccountId) -> None:
        """Needs no instrument: an order's state names none."""
        self._venue = venue
        self._account = account
        self._connections = Connections()

    def list(self, instruments: Sequence[Instrument]) -> None:
        """Nothing depends on them."""

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        events: list[VenueEvent] = []
        try:
            envelope = ENVELOPE.decode(frame)
            if envelope.sequence_num is not None:
                _, expected = self._connections.heard(envelope.sequence_num, received_at)
                events += self._broken_off(received_at) if envelope.sequence_num > expected else ()
            if envelope.channel != "user":
                return (*events, control(envelope))
            at = moment(envelope.timestamp)
            orders = [order for event in _EVENTS.decode(envelope.events) for order in event.orders]
        except BROKEN as error:
            return (*events, quarantined(self._venue, error, frame, received_at))
        for order in orders:
            try:
                events.append(_state(_ORDER.decode(order), at, received_at))
            except BROKEN as error:
                events.append(quarantined(self._venue, error, frame, received_at))
        return events or (Ignored("no orders"),)

    def _broken_off(self, received_at: Nanos) -> tuple[UserStreamChanged, ...]:
        return tuple(
            UserStreamChanged(venue=self._venue, account=self._account, up=up, received_at=received_at)
            for up in (False, True)
        )


def status_of(word: str) -> OrderStatus:
    """Raises ValueError for a word that we do not know."""
    status = wire.STATUS.get(word)
    if status is None:
        raise ValueError(f"unknown order status {word[:40]!r}")
    return status


def fill(raw: wire.FillRow, account: AccountId, instrument: Instrument, received_at: Nanos) -> Fill:
    """One execution; raises ValueError where it cannot be one. The commission is in the quote currency."""
    if raw.trade_type != "FILL":
        raise ValueError(f"a {raw.trade_type[:40]} among the fills: to be looked at by hand")
    if raw.product_id != instrument.symbol:
        raise ValueError(f"asked about {instrument.symbol}, answered about {raw.product_id[:40]}")
    price, size = parse_decimal(raw.price), parse_decimal(raw.size)
    if price <= 0 or size <= 0:
        raise ValueError("a fill needs a price and a quantity")
    return Fill(
        client_order_id=ClientOrderId(""),
        venue_order_id=VenueOrderId(raw.order_id),
        trade_id=TradeId(raw.trade_id),
        instrument=instrument.instrument,
        account=account,
        side=_SIDES[raw.side],
        price=price,
        quantity=instrument.round_quantity(size / price) if raw.size_in_quote else size,
        fee=Money(parse_decimal(raw.commission or "0"), instrument.quote),
        liquidity=Liquidity.MAKER if raw.liquidity_indicator == "MAKER" else Liquidity.TAKER,
        venue_time=moment(raw.trade_time),
        received_at=received_at,
    )


def _state(raw: wire.StreamOrder, at: Nanos, received_at: Nanos) -> VenueEvent:
    """An order without a client id was made by hand: its states are not ours."""
    if not raw.client_order_id:
        return Ignored("foreign order")
    status = status_of(raw.status)
    client, order = ClientOrderId(raw.client_order_id), VenueOrderId(raw.order_id)
    filled = parse_decimal(raw.cumulative_quantity or "0")
    if status in TERMINAL:
        return OrderDone(
            client_order_id=client,
            venue_order_id=order,
            status=status,
            venue_filled=filled,
            reason=(raw.reject_reason or raw.cancel_reason)[:200],
            venue_time=at,
            received_at=received_at,
        )
    if not filled:
        return OrderAccepted(client_order_id=client, venue_order_id=order, venue_time=at, received_at=received_at)
    return OrderReport(
        client_order_id=client,
        venue_order_id=order,
        status=status,
        venue_filled=filled,
        asked_at=received_at,
        received_at=received_at,
    )
