"""Frames -> events. `MarketCodec` is the hot lane; `UserCodec` reads the account's stream.

The lane: a combined frame begins with ``{"stream":"btcusdt@bookTicker",``, so the bytes between the
third and the fourth quotation mark say how to decode the rest and which instrument it is about. One
dictionary lookup, one typed decode that also checks every number, one event. What does not look
like that (other order of keys, no envelope, acknowledgements, notices) is looked at more closely
and, when it turns out to be data, put into the lane's form.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from msgspec.json import Decoder

from integrated_trading_system.domain import execution
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
from integrated_trading_system.domain.market import BookDelta, Candle, MarketEvent, Quote, Statistics, Trade
from integrated_trading_system.domain.money import Money, parse_decimal
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.binance import wire
from integrated_trading_system.venues.binance.endpoints import PING_ID
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, ServerClosing, VenueEvent

Lane: TypeAlias = tuple[Callable[[bytes], Any], Callable[[Any, InstrumentId, Nanos], MarketEvent], InstrumentId, str]
"""How to decode a stream's frames, what to make of them, and for which instrument and symbol."""

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

NS: Final = 1_000_000
"""Nanoseconds in a millisecond, as a plain int: on the lane a call to `from_millis` would show."""

_BUY, _SELL = Side.BUY, Side.SELL
_ENVELOPE: Final = Decoder(wire.Envelope)


class MarketCodec:
    """Public streams of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._lanes: dict[bytes, Lane] = {}
        self._streams: dict[tuple[str, str], bytes] = {}
        """By event type and symbol, for frames that do not name their stream."""

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._lanes = {}
        self._streams = {}
        for instrument in instruments:
            for suffix, event_type, decode, event in _streams(instrument):
                stream = f"{instrument.symbol.lower()}@{suffix}".encode()
                self._lanes[stream] = (decode, event, instrument.instrument, instrument.symbol)
                self._streams[event_type, instrument.symbol] = stream

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        lane = self._lanes.get(frame[11 : frame.find(b'"', 11)])
        wrapped = frame
        if lane is None:
            other = self._look_closer(frame, received_at)
            if not isinstance(other, tuple):
                return (other,)
            lane, wrapped = other
        decode, event, instrument, symbol = lane
        try:
            data = decode(wrapped).data
        except BROKEN as error:
            if event is _quote and _one_sided(wrapped):
                return (Ignored("one-sided"),)
            return (_quarantined(self._venue, error, frame, received_at),)
        if data.s != symbol:
            detail = f"{data.s[:40]} in a stream of {symbol}"
            return (Quarantined(self._venue, "symbol", detail, frame, received_at),)
        return (event(data, instrument, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> tuple[Lane, bytes] | VenueEvent:
        """Data: its lane, and the frame in the lane's form. Anything else: what it says."""
        try:
            envelope = _ENVELOPE.decode(frame)
        except BROKEN as error:
            return _quarantined(self._venue, error, frame, received_at)
        # Spot's bookTicker is the one event without a type: only it has sizes of both sides.
        event_type = envelope.e or ("bookTicker" if envelope.A and envelope.B else "")
        if "serverShutdown" in (event_type, envelope.stream.removeprefix("!")):
            return ServerClosing("serverShutdown")
        if envelope.stream:
            stream, wrapped = envelope.stream.encode(), frame
        elif event_type:
            stream, wrapped = self._streams.get((event_type, envelope.s), b""), b'{"data":%b}' % frame
        else:
            return _control(self._venue, envelope, frame, received_at)
        lane = self._lanes.get(stream)
        return Ignored("stream") if lane is None else (lane, wrapped)


# -- what becomes of a stream's data -------------------------------------------------------------
# Venue times are `E`, when the event was sent, except for trades: `T`, when it traded.


def _quote(data: wire.BookTicker, instrument: InstrumentId, received_at: Nanos) -> Quote:
    venue_time: Any = data.E * NS
    return Quote(instrument, data.b, data.B, data.a, data.A, data.u, venue_time, received_at)


def _one_sided(wrapped: bytes) -> bool:
    """A book without bids or without asks is told as price 0 and size 0: no quote, and nothing wrong either."""
    try:
        data = _ONE_SIDED(wrapped).data
    except BROKEN:
        return False
    return data.b == data.B == 0.0 or data.a == data.A == 0.0


def _trade(data: wire.Print, instrument: InstrumentId, received_at: Nanos) -> Trade:
    venue_time: Any = data.T * NS
    side = _SELL if data.m else _BUY
    return Trade(instrument, str(data.t), data.p, data.q, side, venue_time, received_at)


def _delta(data: wire.DepthUpdate, instrument: InstrumentId, received_at: Nanos) -> BookDelta:
    """Spot: "each new event's U should be equal to the previous event's u + 1"."""
    venue_time: Any = data.E * NS
    return BookDelta(instrument, data.b, data.a, data.U, data.u, data.U - 1, data.u, venue_time, received_at)


def _futures_delta(data: wire.FuturesDepthUpdate, instrument: InstrumentId, received_at: Nanos) -> BookDelta:
    """Futures: "each new event's pu should be equal to the previous event's u"; U says nothing about it."""
    venue_time: Any = data.E * NS
    return BookDelta(instrument, data.b, data.a, data.U, data.u, data.pu, data.u, venue_time, received_at)


def _statistics(data: wire.Ticker, instrument: InstrumentId, received_at: Nanos) -> Statistics:
    return Statistics(instrument, data.c, data.v, data.q, data.change_pct, from_millis(data.E), received_at)


def _inverse_statistics(multiplier: float) -> Callable[[wire.Ticker, InstrumentId, Nanos], Statistics]:
    """COIN-M counts `v` in contracts and `q` in base units."""

    def statistics(data: wire.Ticker, instrument: InstrumentId, received_at: Nanos) -> Statistics:
        quote_volume = data.v * multiplier
        return Statistics(instrument, data.c, data.q, quote_volume, data.change_pct, from_millis(data.E), received_at)

    return statistics


def _candle(data: wire.KlineEvent, instrument: InstrumentId, received_at: Nanos) -> Candle:
    k = data.k
    return Candle(instrument, k.i, from_millis(k.t), k.o, k.h, k.l, k.c, k.v, k.n, k.x, received_at)


_BOOK_TICKER: Final = Decoder(wire.Wrapped[wire.BookTicker], strict=False).decode
_ONE_SIDED: Final = Decoder(wire.Wrapped[wire.OneSided], strict=False).decode
_PRINT: Final = Decoder(wire.Wrapped[wire.Print], strict=False).decode
_AGGREGATE_PRINT: Final = Decoder(wire.Wrapped[wire.AggregatePrint], strict=False).decode
_DEPTH: Final = Decoder(wire.Wrapped[wire.DepthUpdate], strict=False).decode
_FUTURES_DEPTH: Final = Decoder(wire.Wrapped[wire.FuturesDepthUpdate], strict=False).decode
_TICKER: Final = Decoder(wire.Wrapped[wire.Ticker], strict=False).decode
_KLINE: Final = Decoder(wire.Wrapped[wire.KlineEvent], strict=False).decode


def _streams(instrument: Instrument) -> tuple[tuple[str, str, Callable[[bytes], Any], Callable[..., MarketEvent]], ...]:
    """What follows ``<symbol>@``, the type of its events, how they are decoded, and what they become."""
    spot = instrument.kind is Kind.SPOT
    depth = (_DEPTH, _delta) if spot else (_FUTURES_DEPTH, _futures_delta)
    inverse = instrument.kind is Kind.INVERSE
    statistics = _inverse_statistics(float(instrument.multiplier)) if inverse else _statistics
    return (
        ("bookTicker", "bookTicker", _BOOK_TICKER, _quote),
        ("trade", "trade", _PRINT, _trade),
        ("aggTrade", "aggTrade", _AGGREGATE_PRINT, _trade),
        *((speed, "depthUpdate", *depth) for speed in ("depth", "depth@500ms", "depth@0ms", "depth@100ms")),
        ("miniTicker", "24hrMiniTicker", _TICKER, statistics),
        ("ticker", "24hrTicker", _TICKER, statistics),
        ("kline_1m", "kline", _KLINE, _candle),
    )


def _control(venue: VenueId, envelope: wire.Envelope, frame: bytes, received_at: Nanos) -> VenueEvent:
    """Not data: an answer to a frame of ours, or nothing that we know."""
    request = "" if envelope.id is None else str(envelope.id)
    problem = envelope.error
    if problem is None and envelope.code is not None:
        problem = wire.Problem(envelope.code, envelope.msg)
    if request == str(PING_ID):
        return Pong()
    if problem is not None:
        return Acknowledged(request, ok=False, detail=f"{problem.code} {problem.msg}"[:200])
    if request and envelope.result:
        return Acknowledged(request, ok=envelope.status == 200)
    return Quarantined(venue, "shape", "neither data nor an answer", frame, received_at)


def _quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)


# -- the account's stream ------------------------------------------------------------------------

_REPORT: Final = Decoder(wire.ExecutionReport)
_ORDER_UPDATE: Final = Decoder(wire.OrderTradeUpdate)
_ACCOUNT_POSITION: Final = Decoder(wire.AccountPosition)
_ACCOUNT_UPDATE: Final = Decoder(wire.AccountUpdate)

_CLOSING: Final = ("serverShutdown", "listenKeyExpired", "eventStreamTerminated")


class UserCodec:
    """One account's events, of spot (wrapped, or flat as on Binance.US) and of futures."""

    def __init__(self, venue: VenueId, account: AccountId) -> None:
        """Knows no symbol; needs them only to name the asset of a fee of zero."""
        self._venue = venue
        self._account = account
        self._settle: dict[str, Asset] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._settle = {instrument.symbol: instrument.settle for instrument in instruments}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        try:
            return self._decode(frame, received_at)
        except BROKEN as error:
            return (_quarantined(self._venue, error, frame, received_at),)

    def _decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        envelope = outer = _ENVELOPE.decode(frame)
        event = frame
        if outer.subscriptionId is not None or outer.stream:
            event = bytes(outer.event if outer.subscriptionId is not None else outer.data)
            envelope = _ENVELOPE.decode(event)
        match envelope.e:
            case "executionReport":
                return self._report(_REPORT.decode(event), received_at)
            case "ORDER_TRADE_UPDATE":
                return self._report(_ORDER_UPDATE.decode(event).o, received_at)
            case "outboundAccountPosition":
                position = _ACCOUNT_POSITION.decode(event)
                balances = tuple(
                    execution.Balance(Asset(row.a), parse_decimal(row.f), parse_decimal(row.l)) for row in position.B
                )
                return (self._balances(balances, (), position.E, received_at),)
            case "ACCOUNT_UPDATE":
                return (self._account_update(_ACCOUNT_UPDATE.decode(event), received_at),)
            case "":
                return (_control(self._venue, outer, frame, received_at),)
            case closing if closing in _CLOSING:
                return (ServerClosing(closing),)
            case other:
                return (Ignored(other[:40]),)

    def _report(self, report: wire.ExecutionReport, received_at: Nanos) -> Sequence[VenueEvent]:
        """One order's news. Which of it is ours, the OMS decides."""
        # "C: original client id being cancelled"; `c` is then the cancel request's own.
        client = ClientOrderId(report.C or report.c)
        order = VenueOrderId(str(report.i))
        venue_time = from_millis(report.T)
        status = wire.STATUS.get(report.X)
        if status is None:
            raise ValueError(f"unknown order status {report.X!r}")
        events: list[VenueEvent] = []
        # CALCULATED is a liquidation or auto-deleveraging: a trade like any other. Without an id of its
        # own it cannot be told from its copies, and the final status makes the OMS ask for the fills.
        if report.x in ("TRADE", "CALCULATED") and report.t > 0:
            events.append(self._fill(report, client, order, received_at))
        if status is OrderStatus.REJECTED:
            events.append(execution.OrderRejected(client_order_id=client, reason=report.r, received_at=received_at))
        elif status in TERMINAL:
            events.append(
                execution.OrderDone(
                    client_order_id=client,
                    venue_order_id=order,
                    status=status,
                    venue_filled=parse_decimal(report.z),
                    reason=report.eR,
                    venue_time=venue_time,
                    received_at=received_at,
                )
            )
        elif report.x == "NEW":
            accepted = execution.OrderAccepted(
                client_order_id=client, venue_order_id=order, venue_time=venue_time, received_at=received_at
            )
            events.append(accepted)
        return events or (Ignored(report.x[:40]),)

    def _fill(
        self, report: wire.ExecutionReport, client: ClientOrderId, order: VenueOrderId, received_at: Nanos
    ) -> execution.Fill:
        fee = parse_decimal(report.n or "0")
        asset = report.N or self._settle.get(report.s, Asset(""))
        price, quantity = parse_decimal(report.L), parse_decimal(report.l)
        if price <= 0 or quantity <= 0 or (fee and not asset):
            raise ValueError("a fill needs a price, a quantity and an asset for its fee")
        return execution.Fill(
            client_order_id=client,
            venue_order_id=order,
            trade_id=TradeId(str(report.t)),
            instrument=instrument_id(self._venue, report.s),
            account=self._account,
            side=Side(report.S.lower()),
            price=price,
            quantity=quantity,
            fee=Money(fee, Asset(asset)),
            liquidity=execution.Liquidity.MAKER if report.m else execution.Liquidity.TAKER,
            venue_time=from_millis(report.T),
            received_at=received_at,
        )

    def _account_update(self, update: wire.AccountUpdate, received_at: Nanos) -> execution.BalancesReported:
        """Cross margin is free, isolated margin is locked in its position. Hedge mode is not ours: BOTH only."""
        balances = tuple(
            execution.Balance(Asset(row.a), parse_decimal(row.cw), parse_decimal(row.wb) - parse_decimal(row.cw))
            for row in update.a.B
        )
        positions = tuple(
            execution.VenuePosition(instrument_id(self._venue, row.s), parse_decimal(row.pa), parse_decimal(row.ep))
            for row in update.a.P
            if row.ps == "BOTH"
        )
        return self._balances(balances, positions, update.T, received_at)

    def _balances(
        self,
        balances: tuple[execution.Balance, ...],
        positions: tuple[execution.VenuePosition, ...],
        millis: int,
        received_at: Nanos,
    ) -> execution.BalancesReported:
        return execution.BalancesReported(
            venue=self._venue,
            account=self._account,
            balances=balances,
            positions=positions,
            complete=False,
            venue_time=from_millis(millis),
            received_at=received_at,
        )
