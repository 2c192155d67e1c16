"""A venue with a made-up wire: words separated by blanks, one event a line. Small enough to read at once."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    Liquidity,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderReport,
    RequestFailed,
    VenueExecution,
)
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    TradeId,
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import BookSnapshot, Quote
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderRequest,
    OrderStatus,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.rest import MalformedReply, RateLimit, WeightedRequest
from integrated_trading_system.venues.venue import (
    Acknowledged,
    ControlFrame,
    Ignored,
    LinkPlan,
    Pong,
    ServerClosing,
    StreamRestarted,
    Venue,
    VenueEvent,
)

TOY = VenueId("toy:spot")
MAIN = AccountId("main")
REST = "https://toy.example"
WEIGHT = RateLimit(name="weight", capacity=100, window=MINUTE, reserve=20, used_header="x-used")
ORDERS = RateLimit(name="orders", capacity=3, window=Nanos(10 * SECOND), reserve=0)


LATEST_SEND = Nanos(1_700_000_001 * SECOND)


def toy_instrument(symbol: str) -> Instrument:
    return Instrument(
        instrument=instrument_id(TOY, symbol),
        venue=TOY,
        symbol=symbol,
        base=Asset(symbol),
        quote=Asset("USD"),
        settle=Asset("USD"),
        kind=Kind.SPOT,
        tick=Decimal("0.01"),
        lot=Decimal("0.001"),
    )


BTC = toy_instrument("BTC")
ETH = toy_instrument("ETH")


class ToyCodec:
    """Words to events, see `_event`; what it does not know is quarantined."""

    def __init__(self) -> None:
        self.listed: dict[str, InstrumentId] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self.listed = {instrument.symbol: instrument.instrument for instrument in instruments}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        return [self._event(line.split(), received_at) for line in frame.decode().splitlines()]

    def _event(self, words: Sequence[str], at: Nanos) -> VenueEvent:
        match words:
            case ["Q", symbol, bid, ask]:
                if symbol not in self.listed:
                    return Ignored("symbol")
                return Quote(self.listed[symbol], float(bid), 1.0, float(ask), 1.0, 1, at, at)
            case ["A", *request]:
                return Acknowledged(" ".join(request), ok=True)
            case ["N", request, *detail]:
                return Acknowledged(request, ok=False, detail=" ".join(detail))
            case ["P"]:
                return Pong()
            case ["C"]:
                return ServerClosing("maintenance")
            case ["I", reason]:
                return Ignored(reason)
            case ["R", symbol]:
                return StreamRestarted(self.listed[symbol])
            case ["O", order]:
                return accepted(order, at)
            case _:
                return Quarantined(TOY, "words", " ".join(words), b"", at)


def accepted(order: str, at: Nanos) -> OrderAccepted:
    return OrderAccepted(
        client_order_id=ClientOrderId(order), venue_order_id=VenueOrderId(f"v-{order}"), venue_time=at, received_at=at
    )


class ToySession:
    """One market link for all streams; a user link that needs a token."""

    def __init__(self) -> None:
        self.plan = LinkPlan(
            name="market-0",
            url="wss://toy.example/market",
            subscribe=(ControlFrame(b"sub 1", request="1"), ControlFrame(b"sub 2", request="2")),
            frame_gap=Nanos(SECOND // 4),
            ping=b"ping",
        )
        self.user = LinkPlan(
            name="user",
            url="wss://toy.example/user/{token}",
            resolve=HttpRequest(method="POST", url=f"{REST}/token"),
            account=MAIN,
            logon=(ControlFrame(b"logon", signed=True, request="logon"),),
            keep_alive=HttpRequest(method="PUT", url=f"{REST}/token", query="token={token}"),
        )
        self.resubscribe_frames: tuple[ControlFrame, ...] = ()

    @property
    def streams_per_link(self) -> int:
        return 1_000

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        return ""

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return replace(self.plan, streams=tuple(streams))

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
    ) -> tuple[ControlFrame, ...]:
        return ()

    def user_link(self, account: AccountId) -> LinkPlan | None:
        return self.user

    def resolve_token(self, reply: HttpReply) -> str:
        return well_formed(reply)

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        return self.resubscribe_frames


def well_formed(reply: HttpReply) -> str:
    if reply.body == b"?":
        raise MalformedReply("question mark")
    return reply.body.decode()


def toy_request(path: str, query: str = "", *weights: tuple[str, int], method: str = "GET") -> WeightedRequest:
    return WeightedRequest(HttpRequest(method=method, url=f"{REST}/{path}", query=query), weights or (("weight", 1),))


class ToyMarket:
    """Instruments are ``BTC ETH``, with a next page ``BTC > 2``; a snapshot is ``bid ask``; time is in seconds."""

    snapshot_weight = 10

    def instruments(self) -> tuple[WeightedRequest, ...]:
        return (toy_request("instruments"),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        symbols, _, following = well_formed(reply).partition(">")
        page = tuple(toy_instrument(symbol) for symbol in symbols.split())
        return page, toy_request("instruments", f"page={following.strip()}") if following else None

    def time(self) -> WeightedRequest | None:
        return toy_request("time")

    def decode_time(self, reply: HttpReply) -> Nanos:
        return Nanos(int(float(well_formed(reply)) * SECOND))

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        return toy_request("snapshot", f"symbol={instrument.symbol}", ("weight", self.snapshot_weight))

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        bid, ask = map(float, well_formed(reply).split())
        at = reply.received_at
        return BookSnapshot(instrument.instrument, [(bid, 1.0)], [(ask, 1.0)], 1, 2, 1, at, at)


class ToyTrading:
    """Replies: ``ok``, ``no``, ``?``; a page of fills is ``t1 t2`` or ``t1 > cursor``, and so are orders."""

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        return toy_request("order", order.request.client_order_id, ("weight", 1), ("orders", 1), method="POST")

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        well_formed(reply)
        return (accepted(order.request.client_order_id, reply.received_at),)

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        return toy_request("order", cancel.client_order_id, method="DELETE")

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        order, at = cancel.client_order_id, reply.received_at
        if well_formed(reply) == "no":
            return (CancelFailed(client_order_id=order, reason="unknown", received_at=at),)
        done = OrderDone(
            client_order_id=order,
            venue_order_id=None,
            status=OrderStatus.CANCELLED,
            venue_filled=Decimal(0),
            reason="",
            venue_time=at,
            received_at=at,
        )
        return (done,)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        return toy_request("order", query.client_order_id)

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        if well_formed(reply) == "no":
            return (request_failed("whatever the venue calls it", reply),)
        order = query.client_order_id
        return (OrderNotFound(client_order_id=order, asked_at=reply.sent_at, received_at=reply.received_at),)

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        return toy_request("fills", f"cursor={cursor}", ("weight", 5))

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        trades, _, cursor = well_formed(reply).partition(">")
        if trades == "no":
            return (request_failed("page", reply),), ""
        return [toy_fill(trade, query.instrument) for trade in trades.split()], cursor.strip()

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        return toy_request("open", f"cursor={cursor}" if cursor else "")

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        names, _, cursor = well_formed(reply).partition(">")
        if names == "no":
            return (request_failed("page", reply),), ""
        found = [] if names == "ok" else names.split()
        listed = OpenOrdersListed(
            venue=TOY,
            account=account,
            orders=tuple(toy_report(name, reply) for name in found),
            instruments=(BTC.instrument,) * len(found),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        return (listed,), cursor.strip()

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        return toy_request("balances"), toy_request("positions")

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        report = BalancesReported(
            venue=TOY,
            account=account,
            balances=(Balance(Asset("USD"), Decimal(well_formed(reply)), Decimal(0)),),
            positions=(),
            complete=False,
            venue_time=reply.sent_at,
            received_at=reply.received_at,
        )
        return (report,)

    def retry_after(self, reply: HttpReply) -> Nanos:
        return Nanos(0)


def request_failed(subject: str, reply: HttpReply) -> RequestFailed:
    return RequestFailed(venue=TOY, account=MAIN, subject=subject, reason="busy", received_at=reply.received_at)


def toy_report(name: str, reply: HttpReply) -> OrderReport:
    """A resting order of this venue id."""
    return OrderReport(
        client_order_id=ClientOrderId(f"a-{name}"),
        venue_order_id=VenueOrderId(name),
        status=OrderStatus.WORKING,
        venue_filled=Decimal(0),
        asked_at=reply.sent_at,
        received_at=reply.received_at,
    )


def toy_fill(trade: str, instrument: InstrumentId) -> Fill:
    return Fill(
        client_order_id=ClientOrderId("a-1"),
        venue_order_id=VenueOrderId("v"),
        trade_id=TradeId(trade),
        instrument=instrument,
        account=MAIN,
        side=Side.BUY,
        price=Decimal(1),
        quantity=Decimal(1),
        fee=Money(Decimal(0), Asset("USD")),
        liquidity=Liquidity.TAKER,
        venue_time=Nanos(0),
        received_at=Nanos(0),
    )


def toy_venue(change: Callable[[ToySession], None] = lambda _: None, **parts: object) -> Venue:
    """A fresh venue; `change` may alter its session, `parts` replace its other parts."""
    session = ToySession()
    change(session)
    whole: dict[str, object] = dict(
        venue=TOY,
        session=session,
        market=ToyMarket(),
        codec=ToyCodec(),
        user_codec=ToyCodec(),
        trading=ToyTrading(),
        history=None,
        rate_limits=(WEIGHT, ORDERS),
        receive_window=Nanos(5 * SECOND),
    )
    return Venue(**(whole | parts))  # type: ignore[arg-type]  # parts are checked where they are used


def submit(order: ClientOrderId = ClientOrderId("a-1"), instrument: InstrumentId = BTC.instrument) -> SubmitOrder:  # noqa: B008 - a string
    """An order to buy one."""
    request = OrderRequest(
        client_order_id=order,
        instrument=instrument,
        account=MAIN,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal(1),
        quantity=Decimal(1),
        time_in_force=TimeInForce.IOC,
        strategy=StrategyId("s"),
        plan_id=PlanId("p"),
        leg=0,
    )
    return SubmitOrder(request, latest_send=LATEST_SEND)
