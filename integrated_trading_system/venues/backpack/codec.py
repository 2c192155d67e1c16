"""Frames -> events. `MarketCodec` is the hot lane; `UserCodec` reads the account's stream.

The lane: a message ends with ``"stream":"bookTicker.SOL_USDC"}`` as recorded, or (as documented) begins with
``{"stream":"bookTicker.SOL_USDC",``; those bytes say how to decode the rest and which instrument it is about.
One dictionary lookup or two, one typed decode that also checks every number, one event. Everything
else is looked at more closely and, when it turns out to be data, joins the lane.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from msgspec.json import Decoder

from integrated_trading_system.domain.execution import Fill, Liquidity, OrderAccepted, OrderDone
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
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, Candle, DataType, Quote, Statistics, Trade
from integrated_trading_system.domain.money import Money, parse_decimal
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import MICROSECOND, Nanos
from integrated_trading_system.venues.backpack import wire
from integrated_trading_system.venues.backpack.endpoints import Rules
from integrated_trading_system.venues.backpack.symbols import belongs, stream
from integrated_trading_system.venues.venue import Acknowledged, Ignored, VenueEvent

Read: TypeAlias = Callable[[bytes, InstrumentId, Nanos], Sequence[VenueEvent]]
"""Makes events of one instrument out of a frame."""

BROKEN: Final = (ValueError, RecursionError, OverflowError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

NS: Final = 1_000
"""Nanoseconds in a microsecond, as a plain int: on the lane a call to make Nanos would show."""

_SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}

_TAIL_MAX: Final = 80
"""No end of a message that names its stream is longer than this: symbols have 48 characters at most."""
_ONE_SIDED: Final = (Ignored("one-sided"),)
_UNTRADED: Final = (Ignored("untraded"),)

_ENVELOPE: Final = Decoder(wire.Envelope)
_BOOK_TICKER: Final = Decoder(wire.BookTickerMessage, strict=False).decode
_DEPTH: Final = Decoder(wire.DepthMessage, strict=False).decode
_PRINT: Final = Decoder(wire.PrintMessage, strict=False).decode
_TICKER: Final = Decoder(wire.TickerMessage, strict=False).decode
_KLINE: Final = Decoder(wire.KlineMessage, strict=False).decode


class MarketCodec:
    """Public streams of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._lanes: dict[bytes, tuple[Read, InstrumentId]] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._lanes = {
            mark: (read, instrument.instrument)
            for instrument in instruments
            for data_type, read in _READS.items()
            for mark in (_head(stream(data_type, instrument.symbol)), _tail(stream(data_type, instrument.symbol)))
        }

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        lanes = self._lanes
        lane = lanes.get(frame[frame.rfind(b'"stream"', -_TAIL_MAX) :])
        if lane is None:
            lane = lanes.get(frame[: frame.find(b'"', 11) + 1])
        try:
            if lane is not None:
                return lane[0](frame, lane[1], received_at)
            return self._look_closer(frame, received_at)
        except BROKEN as error:
            return (_quarantined(self._venue, error, frame, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Data written in another way, or anything else."""
        envelope = _ENVELOPE.decode(frame)
        if not envelope.stream:
            return (_control(envelope),)
        lane = self._lanes.get(_head(envelope.stream))
        return (Ignored("stream"),) if lane is None else lane[0](frame, lane[1], received_at)


# -- what becomes of a stream's data -------------------------------------------------------------


def _quote(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """`u` counts the updates of ``depth``, which a quote may overtake."""
    data = _BOOK_TICKER(frame).data
    bid, bid_size, ask, ask_size = data.b, data.B, data.a, data.A
    if bid is None or bid_size is None or ask is None or ask_size is None:
        return _ONE_SIDED
    venue_time: Any = data.T * NS
    return (Quote(instrument, bid, bid_size, ask, ask_size, data.u, venue_time, received_at),)


def _depth(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """`U` has to be the previous `u` + 1; under load one event carries several updates."""
    data = _DEPTH(frame).data
    first, last = data.U, data.u
    if first > last:
        raise ValueError("first update id is after the last")
    venue_time: Any = (data.T or data.E) * NS
    return (BookDelta(instrument, data.b, data.a, first, last, first - 1, last, venue_time, received_at),)


def _trade(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    data = _PRINT(frame).data
    venue_time: Any = data.T * NS
    side = Side.SELL if data.m else Side.BUY
    return (Trade(instrument, str(data.t), data.p, data.q, side, venue_time, received_at),)


def _statistics(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    data = _TICKER(frame).data
    if data.o <= 0.0 or data.c <= 0.0:
        return _UNTRADED
    change = (data.c - data.o) / data.o * 100.0
    return (Statistics(instrument, data.c, data.v, data.V, change, Nanos(data.E * NS), received_at),)


def _candle(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    k = _KLINE(frame).data
    if k.o is None or k.c is None or k.h is None or k.l is None:
        return _UNTRADED
    return (Candle(instrument, "1m", wire.parse_time(k.t), k.o, k.h, k.l, k.c, k.v, k.n, k.X, received_at),)


_READS: Final[dict[DataType, Read]] = {
    DataType.QUOTES: _quote,
    DataType.DEPTH: _depth,
    DataType.TRADES: _trade,
    DataType.STATISTICS: _statistics,
    DataType.CANDLES: _candle,
}


def _head(name: str) -> bytes:
    """How a message of this stream begins where the stream comes first."""
    return b'{"stream":"%b"' % name.encode()


def _tail(name: str) -> bytes:
    """How it ends where the stream comes last."""
    return b'"stream":"%b"}' % name.encode()


def _control(envelope: wire.Envelope) -> VenueEvent:
    """Not data: the venue answers our frames only when it refuses them."""
    if not envelope.error:
        raise ValueError("neither data nor an error")
    return Acknowledged("", ok=False, detail=bytes(envelope.error)[:200].decode(errors="replace"))


def _quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)


# -- the account's stream ------------------------------------------------------------------------

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
            envelope = _ENVELOPE.decode(frame)
            if not envelope.stream:
                return (_control(envelope),)
            if not envelope.stream.startswith("account.orderUpdate"):
                return (Ignored("stream"),)
            return self._events(_UPDATE.decode(envelope.data), received_at)
        except BROKEN as error:
            return (_quarantined(self._venue, error, frame, received_at),)

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
