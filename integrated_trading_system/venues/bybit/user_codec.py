"""The account's stream -> executions; what it shares with REST (fills, balances, states) is read here for both."""

from collections.abc import Sequence
from typing import Final

import msgspec
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
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO, Money, parse_decimal
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.bybit import wire
from integrated_trading_system.venues.bybit.codec import BROKEN, ENVELOPE, SIDES, control, quarantined
from integrated_trading_system.venues.bybit.endpoints import Rules
from integrated_trading_system.venues.venue import Ignored, VenueEvent

OURS: Final = ("Trade", "AdlTrade", "BustTrade")
"""Kinds of execution that change what we hold at a price: trades, auto-deleveraging, liquidation."""

_ORDER: Final = Decoder(wire.OrderState, strict=False)
_EXECUTION: Final = Decoder(wire.Execution, strict=False)
_WALLET: Final = Decoder(wire.Wallet)
_ROWS: Final = Decoder(list[msgspec.Raw])


class UserCodec:
    """One account's events in one category; the account's other categories come along and are ignored."""

    def __init__(self, venue: VenueId, account: AccountId, rules: Rules) -> None:
        """Knows no instrument; needs them to name the asset of a fee where the venue does not."""
        self._venue = venue
        self._account = account
        self._category = rules.category
        self._instruments: dict[str, Instrument] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        try:
            envelope = ENVELOPE.decode(frame)
            if not envelope.topic:
                return (control(envelope),)
            rows = _ROWS.decode(envelope.data)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)
        events: list[VenueEvent] = []
        for row in rows:
            try:
                events.append(self._event(envelope, row, received_at))
            except BROKEN as error:
                events.append(quarantined(self._venue, error, frame, received_at))
        return events

    def _event(self, envelope: wire.Envelope, row: msgspec.Raw, received_at: Nanos) -> VenueEvent:
        match envelope.topic.partition(".")[0]:
            case "order":
                return self._order(_ORDER.decode(row), received_at)
            case "execution":
                execution = _EXECUTION.decode(row)
                if execution.category != self._category:
                    return Ignored("category")
                if execution.exec_type not in OURS:
                    return Ignored("execution")
                return fill(execution, self._venue, self._account, self._instruments.get(execution.symbol), received_at)
            case "wallet":
                return BalancesReported(
                    venue=self._venue,
                    account=self._account,
                    balances=balances(_WALLET.decode(row)),
                    positions=(),
                    complete=False,
                    venue_time=from_millis(envelope.creation_time),
                    received_at=received_at,
                )
            case _:
                return Ignored("topic")

    def _order(self, raw: wire.OrderState, received_at: Nanos) -> VenueEvent:
        """An order without a client id was made by hand: its fills are told, its states are not ours."""
        if raw.category != self._category:
            return Ignored("category")
        if not raw.order_link_id:
            return Ignored("foreign order")
        status = status_of(raw)
        client = ClientOrderId(raw.order_link_id)
        order = VenueOrderId(raw.order_id)
        venue_time = from_millis(raw.updated_time)
        if status not in TERMINAL:
            return OrderAccepted(
                client_order_id=client, venue_order_id=order, venue_time=venue_time, received_at=received_at
            )
        return OrderDone(
            client_order_id=client,
            venue_order_id=order,
            status=status,
            venue_filled=parse_decimal(raw.cum_exec_qty or "0"),
            reason=_reason(raw),
            venue_time=venue_time,
            received_at=received_at,
        )


def status_of(raw: wire.OrderState) -> OrderStatus:
    """Raises ValueError for a word that we do not know."""
    status = wire.STATUS.get(raw.order_status)
    if status is None:
        raise ValueError(f"unknown order status {raw.order_status[:40]!r}")
    return status


def fill(
    raw: wire.Execution, venue: VenueId, account: AccountId, instrument: Instrument | None, received_at: Nanos
) -> Fill:
    """One execution; raises ValueError where it cannot be one of ours, or its fee's asset is not known."""
    side = SIDES[raw.side]
    fee = parse_decimal(raw.exec_fee or "0")
    price, quantity = parse_decimal(raw.exec_price), parse_decimal(raw.exec_qty)
    asset = raw.fee_currency or (_fee_asset(instrument, side, paid=fee >= 0) if instrument else "")
    if price <= 0 or quantity <= 0 or (fee and not asset):
        raise ValueError("a fill needs a price, a quantity and an asset for its fee")
    return Fill(
        client_order_id=ClientOrderId(raw.order_link_id),
        venue_order_id=VenueOrderId(raw.order_id),
        trade_id=TradeId(raw.exec_id),
        instrument=instrument_id(venue, raw.symbol),
        account=account,
        side=side,
        price=price,
        quantity=quantity,
        fee=Money(fee, Asset(asset)),
        liquidity=Liquidity.MAKER if raw.is_maker else Liquidity.TAKER,
        venue_time=from_millis(raw.exec_time),
        received_at=received_at,
        sequence=max(0, raw.seq),
    )


def balances(wallet: wire.Wallet) -> tuple[Balance, ...]:
    """Of each asset: what orders and positions bind is locked, the rest of the wallet is free."""
    found = []
    for coin in wallet.coin:
        bound = (coin.locked, coin.order_margin, coin.position_margin)
        locked = sum((parse_decimal(text) for text in bound if text), ZERO)
        found.append(Balance(Asset(coin.coin), parse_decimal(coin.wallet_balance or "0") - locked, locked))
    return tuple(found)


def _fee_asset(instrument: Instrument, side: Side, *, paid: bool) -> Asset:
    """Spot: a fee is taken from what is received, a rebate is given in what is spent."""
    if instrument.kind is not Kind.SPOT:
        return instrument.settle
    return instrument.base if (side is Side.BUY) == paid else instrument.quote


def _reason(raw: wire.OrderState) -> str:
    """Why it ended: the first of the two fields that says anything."""
    return next(
        (text for text in (raw.reject_reason, raw.cancel_type) if text not in ("", "EC_NoError", "UNKNOWN")), ""
    )
