"""The traffic of a venue that can be simulated: what its dialect says when the folder really talks to it."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from integrated_trading_system.domain.execution import OrderAccepted
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import ClientOrderId, LinkId, VenueId, instrument_id
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.order import CancelOrder, QueryFills, QueryOrder, Side, SubmitOrder, TimeInForce
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import HOUR, MILLISECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.orchestrator.signers import simulated_credentials
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerRequest
from integrated_trading_system.simulation.venues import build_dialect, build_exchange, listings
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.signer import Signer
from integrated_trading_system.venues.venue import Acknowledged, LinkPlan, Trading
from tests.conformance.description import SENT, Answer, BookTraffic, OrderTraffic, Traffic
from tests.conformance.orders import ACCOUNT, far_too_much, submit
from tests.support.exchange import Desk

START = Nanos(SENT - HOUR)
STEP = Nanos(200 * MILLISECOND)
"""How long the venue is given to tell of a change."""


class Counterpart:
    """One simulated venue with one market, three customers, and our folder as its client."""

    def __init__(self, venue: VenueId) -> None:
        """You offer 5 and want 5, a little apart; prices are the market's own."""
        self.listing = next(each for each in listings(venue) if each.base == "BTC")
        self.credentials = tuple(simulated_credentials(venue, ACCOUNT, seed) for seed in (1, 2))
        mine = self.credentials[0]
        assets = {self.listing.base, self.listing.quote, self.listing.settle}
        rich = dict.fromkeys(assets, Decimal(10_000_000))
        me = Account("me", rich, api_key=mine.api_key, secret=mine.api_secret, passphrase=mine.passphrase)
        others = [Account(name, rich, api_key=name * 20, secret="s" * 64) for name in ("you", "they")]
        self.exchange = build_exchange(venue, [self.listing], [me, *others], None, START)
        self.dialect = build_dialect(venue, self.exchange)
        self.desk = Desk(self.exchange)
        self.now = START
        self.folder = catalog.build(venue, catalog.endpoints_of(venue), ACCOUNT)
        self.signer = Signer(catalog.signing_of(venue), {ACCOUNT: mine})
        self.lots = max(self.listing.lot, self.listing.quantity_min) * 1_000
        self.middle = self.listing.reference_price
        self._links = 0
        self.trade("sell", 10)
        self.trade("buy", -10)
        self.listed = tuple(self.ask(each.request) for each in self.folder.market.instruments())
        found, _ = self.folder.market.decode_instruments(self.listed[0].reply)
        (self.instrument,) = (each for each in found if each.symbol == self.listing.symbol)
        self.folder.codec.list([self.instrument])

    # -- its market ------------------------------------------------------------------------------

    def price(self, ticks: int) -> Decimal:
        """So many ticks from the middle."""
        return self.middle + ticks * self.listing.tick

    def trade(self, side: str, ticks: int, quantity: Decimal | None = None, who: str = "you") -> None:
        """Somebody wants or offers something at this price."""
        self.desk.now = self.now
        ask = self.desk.sell if side == "sell" else self.desk.buy
        ask(who, str(quantity or self.lots), str(self.price(ticks)), symbol=self.listing.symbol)
        self.ask(HttpRequest(method="GET", url="https://nowhere/"))  # the dialect looks what was done behind its back

    def wait(self, step: int = STEP) -> None:
        """Let time pass at the venue, timer by timer."""
        until = Nanos(self.now + step)
        while (due := self.dialect.deadline()) is not None and due <= until:
            self.now = max(due, self.now)
            self.dialect.run(self.now)
        self.now = until
        self.dialect.run(self.now)

    # -- its doors -------------------------------------------------------------------------------

    def ask(self, request: HttpRequest, *, signed: bool = False) -> Answer:
        """What it answers."""
        if signed:
            request = self.signer.request(request, ACCOUNT, self.now)
        server_side = ServerRequest(
            method=request.method,
            path=urlsplit(request.url).path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers},
            body=request.body.encode(),
        )
        reply = self.dialect.http(server_side, self.now)
        headers = {name.lower(): value for name, value in reply.headers}
        return Answer(reply.body, reply.status, headers, self.now)

    def connect(self, plan: LinkPlan) -> tuple[LinkId, tuple[bytes, ...]]:
        """Connected, logged on and subscribed as planned; what was said meanwhile."""
        token = ""
        if plan.resolve is not None:
            token = self.folder.session.resolve_token(self.ask(plan.resolve, signed=True).reply)
        self._links += 1
        link = LinkId(str(self._links))
        address = urlsplit(plan.url.replace("{token}", token))
        assert self.dialect.connect(link, address.path, address.query, self.now), plan.url
        said: list[bytes] = []
        for frame in (*plan.logon, *plan.subscribe):
            data = frame.data.replace(b"{token}", token.encode())
            self.dialect.receive(link, self.signer.frame(data, ACCOUNT, self.now) if frame.signed else data, self.now)
            said += self.heard(link)
            self.wait(plan.frame_gap)
            said += self.heard(link)
        return link, tuple(said)

    def heard(self, link: LinkId) -> tuple[bytes, ...]:
        """What this link was told since the last call; the others' is forgotten."""
        outgoing = self.dialect.take()
        assert all(each.frame is not None for each in outgoing if each.link == link), "the venue closed the connection"
        return tuple(each.frame for each in outgoing if each.link == link and each.frame is not None)

    def plan(self, *wanted: DataType, door: str | None = None) -> LinkPlan:
        """With these streams of the market, or all that are behind one door."""
        name = self.instrument.instrument
        streams = [Stream(name, each) for each in wanted]
        if door is None:
            door = self.folder.session.door(streams[0], self.instrument)
            assert door is not None
        return self.folder.session.market_link("market-0", door, streams, {name: self.instrument})

    def doors(self) -> dict[str, list[DataType]]:
        """What is behind each."""
        found: dict[str, list[DataType]] = {}
        for data_type in DataType:
            door = self.folder.session.door(Stream(self.instrument.instrument, data_type), self.instrument)
            if door is not None:
                found.setdefault(door, []).append(data_type)
        return found


def simulated(venue: str, *, integrity: str, limited: Answer, uncertain: Sequence[Answer] = ()) -> Traffic:
    """What the dialect of this venue says; the rest is what it never says by itself."""
    there = Counterpart(VenueId(venue))
    clock = there.folder.market.time()
    time = there.ask(clock.request) if clock is not None else None
    book = _book(there)
    acknowledged, events, pong = _streams(there)
    orders = _orders(there, there.folder.trading, tuple(uncertain)) if there.folder.trading is not None else None
    first, second = there.credentials
    return Traffic(
        symbol=there.instrument.symbol,
        listed=there.listed,
        time=time,
        acknowledged=acknowledged,
        refused=_refused(there),
        events=events,
        trade=(float(there.price(10)), Side.BUY),
        pong=pong,
        book=book,
        integrity=integrity,
        orders=orders,
        limited=limited,
        candles=_candles(there),
        funding=_funding(there),
        credentials=(first, second),
    )


# -- market data ---------------------------------------------------------------------------------


def _book(there: Counterpart) -> BookTraffic:
    """Six better bids, one after the other; and once more on a second connection."""
    frames, snapshot, after = _followed(there, range(-9, -3))
    again, later, _ = _followed(there, range(-3, 3))
    return BookTraffic(
        frames=frames,
        snapshot=snapshot,
        snapshot_after=after,
        best=(float(there.price(-4)), float(there.price(10))),
        lost=len(frames) - 2,
        spoiled=_spoiled(frames[-2]),
        again=again,
        snapshot_again=later,
        best_again=(float(there.price(2)), float(there.price(10))),
    )


def _followed(there: Counterpart, bids: Sequence[int]) -> tuple[tuple[bytes, ...], Answer | None, int]:
    """Frames, a book by REST where one is needed, and how many frames had come by then."""
    link, said = there.connect(there.plan(DataType.DEPTH))
    frames, snapshot, after = list(said), None, 0
    by_request = there.folder.market.snapshot(there.instrument)
    for number, ticks in enumerate(bids):
        there.trade("buy", ticks)
        there.wait()
        frames += there.heard(link)
        if number == 1 and by_request is not None and not there.folder.session.resubscribe(there.instrument):
            snapshot, after = there.ask(by_request.request), len(frames)
    there.dialect.disconnect(link, there.now)
    return tuple(frames), snapshot, after


def _spoiled(frame: bytes) -> bytes | None:
    """With another checksum."""
    before, named, after = frame.partition(b'"checksum":')
    return before + named + (b"2" if after[:1] == b"1" else b"1") + after[1:] if named and after[:1] != b"0" else None


def _streams(there: Counterpart) -> tuple[tuple[bytes, ...], dict[DataType, tuple[bytes, ...]], bytes | None]:
    """A minute and a bit with a trade in it, through every door."""
    acknowledged: tuple[bytes, ...] = ()
    events: dict[DataType, tuple[bytes, ...]] = {}
    pong: bytes | None = None
    for number, (door, kinds) in enumerate(there.doors().items()):
        plan = there.plan(*kinds, door=door)
        link, said = there.connect(plan)
        acknowledged = said if number == 0 else acknowledged
        frames = list(said)
        for _ in range(2):
            there.trade("sell", 10)
            there.trade("buy", 10, there.lots / 10, who="they")
            for _ in range(5):
                there.wait(7 * SECOND)
                frames += there.heard(link)
                if plan.ping is not None:
                    there.dialect.receive(link, plan.ping, there.now)
                    (pong,) = there.heard(link)
        events |= dict.fromkeys(kinds, tuple(frames))
        there.dialect.disconnect(link, there.now)
    return acknowledged, events, pong


def _refused(there: Counterpart) -> bytes | None:
    """What is said to whoever wants the book of a market that is not there; None where nothing is."""
    symbol = there.instrument.symbol.replace(there.listing.base, "NONE", 1)
    name = instrument_id(there.folder.venue, symbol)
    stream, nobody = Stream(name, DataType.DEPTH), replace(there.instrument, instrument=name, symbol=symbol)
    door = there.folder.session.door(stream, nobody)
    assert door is not None
    link, said = there.connect(there.folder.session.market_link("market-0", door, [stream], {name: nobody}))
    there.dialect.disconnect(link, there.now)
    answers = [(frame, each) for frame in said for each in there.folder.codec.decode(frame, there.now)]
    return next((frame for frame, each in answers if isinstance(each, Acknowledged) and not each.ok), None)


# -- orders --------------------------------------------------------------------------------------


def _orders(there: Counterpart, trading: Trading, uncertain: tuple[Answer, ...]) -> OrderTraffic:
    """One order rests, is seen everywhere and cancelled; one is filled at once; one was never there."""
    market = there.instrument
    name, missing = (ClientOrderId("1001"), ClientOrderId("1002"))
    resting = submit(market, name, there.price(-1_000), there.lots)
    taking = submit(market, ClientOrderId("1003"), there.price(10), there.lots / 10, TimeInForce.IOC)
    plan = there.folder.session.user_link(ACCOUNT)
    link = there.connect(plan)[0] if plan is not None else LinkId("")

    def place(order: SubmitOrder) -> Answer:
        return there.ask(trading.place(order, market).request, signed=True)

    accepted = place(resting)
    (taken, *_) = trading.decode_place(resting, market, accepted.reply)
    assert isinstance(taken, OrderAccepted), taken
    order = QueryOrder(name, market.instrument, ACCOUNT, taken.venue_order_id)
    nobody = QueryOrder(missing, market.instrument, ACCOUNT)
    found = there.ask(trading.query(order, market).request, signed=True)
    open_orders = there.ask(trading.open_orders(ACCOUNT, "").request, signed=True)
    cancel = CancelOrder(name, market.instrument, ACCOUNT, taken.venue_order_id)
    cancelled = there.ask(trading.cancel(cancel, market).request, signed=True)
    cancel_refused = there.ask(trading.cancel(cancel, market).request, signed=True)
    not_found = there.ask(trading.query(nobody, market).request, signed=True)
    rejected = place(far_too_much(submit(market, missing, there.price(-1_000), there.lots)))
    there.trade("sell", 10)
    place(taking)
    there.wait()
    return OrderTraffic(
        client_order_id=name,
        venue_order_id=taken.venue_order_id,
        accepted=accepted,
        rejected=rejected,
        uncertain=uncertain,
        cancelled=cancelled,
        cancel_refused=cancel_refused,
        found=found,
        not_found=not_found,
        fills=tuple(_pages(there, trading)),
        open_orders=open_orders,
        balances=tuple(there.ask(each.request, signed=True) for each in trading.balances(ACCOUNT)),
        frames=there.heard(link),
    )


def _pages(there: Counterpart, trading: Trading) -> Iterator[Answer]:
    query = QueryFills(there.instrument.instrument, ACCOUNT, START)
    cursor = ""
    while True:
        page = there.ask(trading.fills(query, there.instrument, cursor).request, signed=True)
        yield page
        _, cursor = trading.decode_fills(query, there.instrument, page.reply)
        if not cursor:
            return


# -- history -------------------------------------------------------------------------------------


def _candles(there: Counterpart) -> Answer | None:
    history = there.folder.history
    if history is None:
        return None
    asked = history.candles(there.instrument, "1m", START, Nanos(START + 60 * MINUTE), CandlePrice.TRADES)
    return there.ask(asked.request) if asked is not None else None


def _funding(there: Counterpart) -> Answer | None:
    history = there.folder.history
    asked = history.funding(there.instrument, Nanos(SENT - 24 * HOUR), SENT) if history is not None else None
    return there.ask(asked.request) if asked is not None else None


def lazily(*arguments: Any, **named: Any) -> Callable[[], Traffic]:
    """`simulated`, when it is wanted."""
    return lambda: simulated(*arguments, **named)
