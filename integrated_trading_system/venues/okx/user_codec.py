"""Frames of the account's stream -> events: what became of our orders, and what the account holds."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Raw
from msgspec.json import Decoder

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    Fill,
    Liquidity,
    OrderAccepted,
    OrderDone,
)
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
from integrated_trading_system.domain.money import ZERO, Money, parse_decimal
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.okx import wire
from integrated_trading_system.venues.okx.codec import BROKEN, ENVELOPE, PONG, PONG_FRAME, control, quarantined
from integrated_trading_system.venues.okx.endpoints import Rules
from integrated_trading_system.venues.venue import Ignored, VenueEvent

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_ORDER: Final = Decoder(wire.OrderState, strict=False)
_ACCOUNT: Final = Decoder(wire.AccountState, strict=False)
_ROWS: Final = Decoder(list[Raw])


class UserCodec:
    """One account's events in one product."""

    def __init__(self, venue: VenueId, account: AccountId, rules: Rules) -> None:
        """Knows no instrument; needs them to name the asset of a fee where the venue does not."""
        self._venue = venue
        self._account = account
        self._product = rules.product
        self._instruments: dict[str, Instrument] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        if frame == PONG_FRAME:
            return PONG
        try:
            envelope = ENVELOPE.decode(frame)
            if envelope.event or envelope.arg is None:
                return (control(envelope),)
            channel, rows = envelope.arg.channel, _ROWS.decode(envelope.data)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)
        events: list[VenueEvent] = []
        for row in rows:
            try:
                events += self._events(channel, row, received_at)
            except BROKEN as error:
                events.append(quarantined(self._venue, error, frame, received_at))
        return events

    def _events(self, channel: str, row: Raw, received_at: Nanos) -> Sequence[VenueEvent]:
        match channel:
            case "orders":
                return self._order(_ORDER.decode(row), received_at)
            case "account":
                return (self._balances(_ACCOUNT.decode(row), received_at),)
            case _:
                return (Ignored("channel"),)

    def _order(self, raw: wire.OrderState, received_at: Nanos) -> Sequence[VenueEvent]:
        """The fill that the order was pushed for, then how it stands.

        An order without a client id was made by hand: its fills are told, its states are not ours.
        """
        if raw.inst_type and raw.inst_type != self._product:
            return (Ignored("product"),)
        status = status_of(raw)
        events: list[VenueEvent] = []
        if raw.trade_id and raw.fill_sz and parse_decimal(raw.fill_sz) > 0:
            listed = self._instruments.get(raw.inst_id)
            events.append(fill(_filled(raw), self._venue, self._account, listed, received_at))
        if not raw.cl_ord_id:
            return events or (Ignored("foreign order"),)
        client, order = ClientOrderId(raw.cl_ord_id), VenueOrderId(raw.ord_id)
        venue_time = from_millis(raw.u_time)
        if status in TERMINAL:
            done = OrderDone(
                client_order_id=client,
                venue_order_id=order,
                status=status,
                venue_filled=parse_decimal(raw.acc_fill_sz or "0"),
                reason=(raw.cancel_source_reason or raw.cancel_source)[:200],
                venue_time=venue_time,
                received_at=received_at,
            )
            return (*events, done)
        accepted = OrderAccepted(
            client_order_id=client, venue_order_id=order, venue_time=venue_time, received_at=received_at
        )
        return (accepted, *events)

    def _balances(self, raw: wire.AccountState, received_at: Nanos) -> VenueEvent:
        return BalancesReported(
            venue=self._venue,
            account=self._account,
            balances=balances(raw),
            positions=(),
            complete=False,
            venue_time=from_millis(raw.u_time),
            received_at=received_at,
        )


def status_of(raw: wire.OrderState) -> OrderStatus:
    """Raises ValueError for a word that we do not know."""
    status = wire.STATUS.get(raw.state)
    if status is None:
        raise ValueError(f"unknown order state {raw.state[:40]!r}")
    return status


def fill(
    raw: wire.FillRow, venue: VenueId, account: AccountId, instrument: Instrument | None, received_at: Nanos
) -> Fill:
    """One fill; raises ValueError where it cannot be one of ours. The venue writes what it charges as negative."""
    fee = -parse_decimal(raw.fee or "0")
    price, quantity = parse_decimal(raw.fill_px), parse_decimal(raw.fill_sz)
    asset = raw.fee_ccy or (instrument.settle if instrument else "")
    if price <= 0 or quantity <= 0 or (fee and not asset):
        raise ValueError("a fill needs a price, a quantity and an asset for its fee")
    return Fill(
        client_order_id=ClientOrderId(raw.cl_ord_id),
        venue_order_id=VenueOrderId(raw.ord_id),
        trade_id=TradeId(raw.trade_id),
        instrument=instrument_id(venue, raw.inst_id),
        account=account,
        side=_SIDES[raw.side],
        price=price,
        quantity=quantity,
        fee=Money(fee or ZERO, Asset(asset)),
        liquidity=Liquidity.MAKER if raw.exec_type == "M" else Liquidity.TAKER,
        venue_time=from_millis(int(raw.fill_time) if raw.fill_time.isdecimal() else raw.ts),
        received_at=received_at,
    )


def balances(account: wire.AccountState) -> tuple[Balance, ...]:
    """Of each asset: what orders and positions bind is locked, the rest of what is booked is free."""
    found = []
    for coin in account.details:
        booked = _number(coin.eq) - _number(coin.upl) if coin.eq else parse_decimal(coin.cash_bal)
        locked = _number(coin.frozen_bal)
        found.append(Balance(Asset(coin.ccy), booked - locked, locked))
    return tuple(found)


def _filled(raw: wire.OrderState) -> wire.FillRow:
    """The last fill of an order. Where only the sum of its fees is told, the first fill's is known."""
    fee, asset = raw.fill_fee, raw.fill_fee_ccy
    if not fee:
        if parse_decimal(raw.fill_sz) != parse_decimal(raw.acc_fill_sz or "0"):
            raise ValueError("a fill without its fee")
        fee, asset = raw.fee, raw.fee_ccy
    return wire.FillRow(
        inst_id=raw.inst_id,
        ord_id=raw.ord_id,
        trade_id=raw.trade_id,
        side=raw.side,
        fill_px=raw.fill_px,
        fill_sz=raw.fill_sz,
        cl_ord_id=raw.cl_ord_id,
        exec_type=raw.exec_type,
        fee=fee,
        fee_ccy=asset,
        fill_time=raw.fill_time,
        ts=raw.u_time,
    )


def _number(text: str) -> Decimal:
    return parse_decimal(text) if text else ZERO
