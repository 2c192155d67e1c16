"""Frames -> events. `MarketCodec` is the hot lane; `UserCodec` reads the account's stream.

The lane: a message begins with ``{"topic":"orderbook.1.BTCUSDT",``, so the bytes up to the fourth
quotation mark say how to decode the rest and which instrument it is about. One dictionary lookup, one
typed decode that also checks every number, one event. What does not begin like that (other order of
keys, acknowledgements, pongs) is looked at more closely and, when it turns out to be data, joins the lane.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

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
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    TradeId,
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, DataType, Quote, Statistics, Trade
from integrated_trading_system.domain.money import ZERO, Money, parse_decimal
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.bybit import wire
from integrated_trading_system.venues.bybit.endpoints import DEPTH, Rules
from integrated_trading_system.venues.bybit.session import LOGON
from integrated_trading_system.venues.bybit.symbols import topic
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, VenueEvent

Read: TypeAlias = Callable[[bytes, InstrumentId, Nanos], Sequence[VenueEvent]]
"""Makes events of one instrument out of a frame."""

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

NS: Final = 1_000_000
"""Nanoseconds in a millisecond, as a plain int: on the lane a call to `from_millis` would show."""

OURS: Final = ("Trade", "AdlTrade", "BustTrade")
"""Kinds of execution that change what we hold at a price: trades, auto-deleveraging, liquidation."""

_SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}
_ONE_SIDED: Final = (Ignored("one-sided"),)
_UNCHANGED: Final = (Ignored("unchanged"),)
_INCOMPLETE: Final = (Ignored("incomplete"),)

_ENVELOPE: Final = Decoder(wire.Envelope)
_TOP_OF_BOOK: Final = Decoder(wire.TopOfBook, strict=False).decode
_ORDER_BOOK: Final = Decoder(wire.OrderBook, strict=False).decode
_PRINTS: Final = Decoder(wire.Prints, strict=False).decode
_TICKER: Final = Decoder(wire.TickerMessage, strict=False).decode
_KLINES: Final = Decoder(wire.Klines, strict=False).decode


class MarketCodec:
    """Public streams of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._lanes: dict[bytes, tuple[Read, InstrumentId]] = {}
        self._tickers: dict[InstrumentId, wire.Ticker] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        reads: dict[DataType, Read] = {
            DataType.QUOTES: _quote,
            DataType.DEPTH: _depth,
            DataType.TRADES: _trades,
            DataType.STATISTICS: self._statistics,
            DataType.CANDLES: _candles,
        }
        self._lanes = {
            _head(topic(data_type, instrument.symbol)): (read, instrument.instrument)
            for instrument in instruments
            for data_type, read in reads.items()
        }

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        lane = self._lanes.get(frame[: frame.find(b'"', 10) + 1])
        try:
            if lane is not None:
                return lane[0](frame, lane[1], received_at)
            return self._look_closer(frame, received_at)
        except BROKEN as error:
            return (_quarantined(self._venue, error, frame, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Data whose topic is not at the beginning, or anything else."""
        envelope = _ENVELOPE.decode(frame)
        if not envelope.topic:
            return (_control(envelope),)
        lane = self._lanes.get(_head(envelope.topic))
        return (Ignored("topic"),) if lane is None else lane[0](frame, lane[1], received_at)

    def _statistics(self, frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
        """Linear: a change leaves out what is unchanged, so it is laid over what was known."""
        message = _TICKER(frame)
        new = message.data
        old = self._tickers.get(instrument)
        if message.type == "delta":
            if old is None:
                return _INCOMPLETE
            pairs = zip(msgspec.structs.astuple(new), msgspec.structs.astuple(old), strict=True)
            new = wire.Ticker(*(before if now is None else now for now, before in pairs))
            if new == old:
                return _UNCHANGED
        self._tickers[instrument] = new
        if new.last is None or new.change is None or new.volume24h is None or new.turnover24h is None:
            return _INCOMPLETE
        percent = new.change * 100.0
        at = from_millis(message.ts)
        return (Statistics(instrument, new.last, new.volume24h, new.turnover24h, percent, at, received_at),)


# -- what becomes of a topic's data --------------------------------------------------------------


def _quote(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """A book with an empty side has no top."""
    message = _TOP_OF_BOOK(frame)
    data = message.data
    try:
        bid, bid_size = data.b[0]
        ask, ask_size = data.a[0]
    except IndexError:
        return _ONE_SIDED
    venue_time: Any = (message.cts or message.ts) * NS
    return (Quote(instrument, bid, bid_size, ask, ask_size, data.seq, venue_time, received_at),)


def _depth(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """A snapshot replaces the book; `u` of 1 ("the service restarted") makes one of any message."""
    message = _ORDER_BOOK(frame)
    data = message.data
    last = data.u
    venue_time: Any = (message.cts or message.ts) * NS
    if message.type == "delta" and last != 1:
        return (BookDelta(instrument, data.b, data.a, last, last, last - 1, data.seq, venue_time, received_at),)
    snapshot = BookSnapshot(
        instrument=instrument,
        bids=data.b,
        asks=data.a,
        last_sequence=last,
        resume_from=last + 1,
        order=data.seq,
        venue_time=venue_time,
        received_at=received_at,
        in_stream=True,
        window=DEPTH,
    )
    return (snapshot,)


def _trades(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    trades = []
    for row in _PRINTS(frame).data:
        venue_time: Any = row.T * NS
        trades.append(Trade(instrument, row.i, row.p, row.v, _SIDES[row.S], venue_time, received_at))
    return trades


def _candles(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """The venue does not count trades: 0."""
    return [
        Candle(
            instrument, "1m", from_millis(k.start), k.open, k.high, k.low, k.close, k.volume, 0, k.confirm, received_at
        )
        for k in _KLINES(frame).data
    ]


def _head(name: str) -> bytes:
    """How a message of this topic begins."""
    return b'{"topic":"%b"' % name.encode()


def _control(envelope: wire.Envelope) -> VenueEvent:
    """Not data: an answer to a frame of ours. On public links a pong's `op` is "ping", only its text tells it."""
    detail = envelope.ret_msg or envelope.other_text
    if detail == "pong" or envelope.op == "pong":
        return Pong()
    if envelope.success is None and envelope.other_code is None:
        raise ValueError("neither data nor an answer")
    ok = envelope.success if envelope.success is not None else envelope.other_code == 0
    request = LOGON if envelope.op == "auth" else envelope.req_id
    return Acknowledged(request, ok=ok, detail="" if ok else detail[:200])


def _quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)


# -- the account's stream ------------------------------------------------------------------------

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
            envelope = _ENVELOPE.decode(frame)
            if not envelope.topic:
                return (_control(envelope),)
            rows = _ROWS.decode(envelope.data)
        except BROKEN as error:
            return (_quarantined(self._venue, error, frame, received_at),)
        events: list[VenueEvent] = []
        for row in rows:
            try:
                events.append(self._event(envelope, row, received_at))
            except BROKEN as error:
                events.append(_quarantined(self._venue, error, frame, received_at))
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
    side = _SIDES[raw.side]
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
