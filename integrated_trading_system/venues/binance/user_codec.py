"""The account's stream -> executions, of spot (wrapped, or flat as on Binance.US) and of futures."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.json import Decoder

from integrated_trading_system.domain import execution
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
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.binance import wire
from integrated_trading_system.venues.binance.codec import BROKEN, ENVELOPE, control, quarantined
from integrated_trading_system.venues.venue import Ignored, ServerClosing, VenueEvent

# -- what travels --------------------------------------------------------------------------------


class ExecutionReport(Struct):
    """Spot's ``executionReport``."""

    s: str
    c: str
    S: str
    x: str
    X: str
    i: int
    l: str  # noqa: E741 - the venue's name
    L: str
    z: str
    T: wire.Millis
    t: int
    m: bool
    C: str = ""
    r: str = ""
    n: str | None = None
    N: str | None = None
    expiry: str = field(name="eR", default="")


class OrderTradeUpdate(Struct):
    """Futures' ``ORDER_TRADE_UPDATE``: its `o` has the fields of a spot report."""

    o: ExecutionReport


class AssetBalance(Struct):
    """Of ``outboundAccountPosition``."""

    a: str
    f: str
    l: str  # noqa: E741 - the venue's name


class AccountPosition(Struct):
    """Spot's ``outboundAccountPosition``: the assets that may have changed, absolute."""

    E: wire.Millis
    B: list[AssetBalance]


class WalletBalance(Struct):
    """Of ``ACCOUNT_UPDATE``: wallet balance, the part of it that is cross margin, and by what it changed.

    `bc`: "Balance Change except PnL and Commission".
    """

    a: str
    wb: str
    cw: str
    bc: str = "0"


class PositionUpdate(Struct):
    """Of ``ACCOUNT_UPDATE``. `ps` is BOTH in one-way mode."""

    s: str
    pa: str
    ep: str
    ps: str = "BOTH"


class Changes(Struct):
    """Of ``ACCOUNT_UPDATE``: why, what changed, and nothing else. `S` names the symbol of a funding fee, since 2026."""

    m: str = ""
    S: str = ""
    B: list[WalletBalance] = []
    P: list[PositionUpdate] = []


class AccountUpdate(Struct):
    """Futures' ``ACCOUNT_UPDATE``."""

    T: wire.Millis
    a: Changes


# -- what becomes of it --------------------------------------------------------------------------

_REPORT: Final = Decoder(ExecutionReport)
_ORDER_UPDATE: Final = Decoder(OrderTradeUpdate)
_ACCOUNT_POSITION: Final = Decoder(AccountPosition)
_ACCOUNT_UPDATE: Final = Decoder(AccountUpdate)

_CLOSING: Final = ("serverShutdown", "listenKeyExpired", "eventStreamTerminated")


class UserCodec:
    """One account's events."""

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
            return (quarantined(self._venue, error, frame, received_at),)

    def _decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        envelope = outer = ENVELOPE.decode(frame)
        event = frame
        if outer.subscriptionId is not None or outer.stream:
            event = bytes(outer.event if outer.subscriptionId is not None else outer.data)
            envelope = ENVELOPE.decode(event)
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
                update = _ACCOUNT_UPDATE.decode(event)
                return (*self._funding(update, received_at), self._account_update(update, received_at))
            case "":
                return (control(self._venue, outer, frame, received_at),)
            case closing if closing in _CLOSING:
                return (ServerClosing(closing),)
            case other:
                return (Ignored(other[:40]),)

    def _report(self, report: ExecutionReport, received_at: Nanos) -> Sequence[VenueEvent]:
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
                    reason=report.expiry,
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
        self, report: ExecutionReport, client: ClientOrderId, order: VenueOrderId, received_at: Nanos
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

    def _funding(self, update: AccountUpdate, received_at: Nanos) -> Sequence[FundingPaid]:
        """For an isolated position it comes in `P`, for a crossed one `P` is empty: then only `S` says which.

        The venue gives no id. The balance after it tells two payments of one millisecond apart, and is the same
        in every copy.
        """
        changes = update.a
        if changes.m != "FUNDING_FEE":
            return ()
        symbol = changes.S or (changes.P[0].s if len(changes.P) == 1 else "")
        return [
            FundingPaid(
                venue=self._venue,
                account=self._account,
                instrument=instrument_id(self._venue, symbol) if symbol else None,
                asset=Asset(row.a),
                amount=amount,
                funding_id=f"{update.T}:{row.a}:{row.wb}",
                venue_time=from_millis(update.T),
                received_at=received_at,
            )
            for row in changes.B
            if (amount := parse_decimal(row.bc))
        ]

    def _account_update(self, update: AccountUpdate, received_at: Nanos) -> execution.BalancesReported:
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
