"""The account's stream -> executions; what it shares with REST (ids, fills) is read here for both."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import Decoder

from integrated_trading_system.domain.execution import Fill, Liquidity, OrderAccepted, OrderDone
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    TradeId,
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import Money, parse_decimal
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import MICROSECOND, Nanos
from integrated_trading_system.venues.backpack import wire
from integrated_trading_system.venues.backpack.codec import BROKEN, ENVELOPE, control, quarantined
from integrated_trading_system.venues.backpack.endpoints import Rules
from integrated_trading_system.venues.backpack.symbols import belongs
from integrated_trading_system.venues.venue import Ignored, VenueEvent

_SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}

_UPDATE: Final = Decoder(wire.OrderUpdate, strict=False)

_ENDS: Final = {"orderCancelled": OrderStatus.CANCELLED, "orderExpired": OrderStatus.EXPIRED}


class UserCodec:
    """One account's orders in the markets of one flavour; its other markets come along and are ignored."""

    def __init__(self, venue: VenueId, account: AccountId, rules: Rules) -> None:
        """Needs to know no instrument."""
        self._venue = venue
        self._account = account
        self._rules = rules

    def list(self, instruments: Sequence[Instrument]) -> None:
        """Nothing: an event says all there is to know."""

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        try:
            envelope = ENVELOPE.decode(frame)
            if not envelope.stream:
                return (control(envelope),)
            if not envelope.stream.startswith("account.orderUpdate"):
                return (Ignored("stream"),)
            return self._events(_UPDATE.decode(envelope.data), received_at)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)

    def _events(self, raw: wire.OrderUpdate, received_at: Nanos) -> Sequence[VenueEvent]:
        """An order without a client id was not made by us: its fills are told, its states are not ours."""
        if not belongs(raw.s, self._rules):
            return (Ignored("market"),)
        client = client_of(raw.c)
        order = VenueOrderId(str(raw.i))
        venue_time = Nanos(raw.T * MICROSECOND)
        events: list[VenueEvent] = []
        if raw.e == "orderFill":
            events.append(self._fill(raw, client, order, received_at))
        status = OrderStatus.FILLED if raw.e == "orderFill" and raw.X == "Filled" else _ENDS.get(raw.e)
        if client and status is not None:
            done = OrderDone(
                client_order_id=client,
                venue_order_id=order,
                status=status,
                venue_filled=parse_decimal(raw.z),
                reason=raw.R or "",
                venue_time=venue_time,
                received_at=received_at,
            )
            events.append(done)
        elif client and raw.e == "orderAccepted":
            accepted = OrderAccepted(
                client_order_id=client, venue_order_id=order, venue_time=venue_time, received_at=received_at
            )
            events.append(accepted)
        return events or (Ignored("order event" if client else "foreign order"),)

    def _fill(self, raw: wire.OrderUpdate, client: ClientOrderId, order: VenueOrderId, received_at: Nanos) -> Fill:
        price, quantity, fee = parse_decimal(raw.L), parse_decimal(raw.l), parse_decimal(raw.n or "0")
        if price <= 0 or quantity <= 0 or raw.t is None or raw.m is None or (fee and not raw.N):
            raise ValueError("a fill needs a price, a quantity, a trade id, a side of the book and a fee's asset")
        return Fill(
            client_order_id=client,
            venue_order_id=order,
            trade_id=TradeId(str(raw.t)),
            instrument=instrument_id(self._venue, raw.s),
            account=self._account,
            side=_SIDES[raw.S],
            price=price,
            quantity=quantity,
            fee=Money(fee, Asset(raw.N or "")),
            liquidity=Liquidity.MAKER if raw.m else Liquidity.TAKER,
            venue_time=Nanos(raw.T * MICROSECOND),
            received_at=received_at,
        )


def client_of(theirs: wire.Id | None) -> ClientOrderId:
    """Our spelling of a client order id; empty where an order has none."""
    return ClientOrderId("" if theirs is None else str(theirs))


def own_trade(row: wire.OwnTrade, venue: VenueId, account: AccountId, received_at: Nanos) -> Fill:
    """A fill as REST lists it; raises ValueError where it cannot be one."""
    price, quantity = parse_decimal(row.price), parse_decimal(row.quantity)
    if price <= 0 or quantity <= 0:
        raise ValueError("a fill needs a price and a quantity")
    return Fill(
        client_order_id=client_of(row.client_id),
        venue_order_id=VenueOrderId(str(row.order_id)),
        trade_id=TradeId(str(row.trade_id)),
        instrument=instrument_id(venue, row.symbol),
        account=account,
        side=_SIDES[row.side],
        price=price,
        quantity=quantity,
        fee=Money(parse_decimal(row.fee), Asset(row.fee_symbol)),
        liquidity=Liquidity.MAKER if row.is_maker else Liquidity.TAKER,
        venue_time=wire.parse_time(row.timestamp),
        received_at=received_at,
    )
