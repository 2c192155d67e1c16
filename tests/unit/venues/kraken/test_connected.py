"""Kraken's connector against the simulated Kraken: subscribed, proven, broken and mended; orders from end to end."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.execution import (
    BalancesReported,
    Fill,
    FillsListed,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderReport,
    UserStreamChanged,
)
from integrated_trading_system.domain.health import BookBroken, LinkState, SnapshotWanted
from integrated_trading_system.domain.http import HttpCall, HttpReply
from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId, LinkId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.link import CloseLink, FrameReceived, LinkClosed, LinkOpened, OpenLink, SendFrame
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, DataType, Quote, Statistics, Trade
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderStatus,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    TimeInForce,
)
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerRequest
from integrated_trading_system.venues.kraken import FLAVOURS, signing
from integrated_trading_system.venues.kraken.session import KrakenSession
from integrated_trading_system.venues.signer import Signer
from integrated_trading_system.venues.venue import Credentials, LinkPlan
from tests.support import kraken
from tests.support.connector_rig import Rig
from tests.support.exchange import KEY, SECRET
from tests.support.kraken import ACCOUNT, BTC, CLIENT, submit
from tests.support.kraken_exchange import SYMBOL, KrakenClient
from tests.support.kraken_exchange import kraken as simulated

STREAMS = [DataType.QUOTES, DataType.TRADES, DataType.DEPTH, DataType.STATISTICS, DataType.CANDLES]


class Wire:
    """Carries everything between the connector and the exchange, at once, in steps of 50 ms."""

    def __init__(self, exchange: KrakenClient, *, trading: bool = False, session: KrakenSession | None = None) -> None:
        self.exchange = exchange
        accounts = (ACCOUNT,) if trading else ()
        venue = kraken.venue()
        self.rig = Rig(
            replace(venue, session=session or venue.session), symbols=(SYMBOL,), accounts=accounts, streams=STREAMS
        )
        self.alter: Callable[[bytes], bytes] = bytes
        self._signer = Signer(signing, {ACCOUNT: Credentials(KEY, SECRET)})
        self.run(2)

    def run(self, seconds: float) -> None:
        for _ in range(max(1, int(seconds * 20))):
            self.rig.wait(0.05)
            self.carry()

    def carry(self) -> None:
        rig, dialect = self.rig, self.exchange.dialect
        dialect.run(rig.now)
        for _ in range(4):
            for opened in rig.take(OpenLink):
                assert dialect.connect(opened.link, urlsplit(opened.url).path, "", rig.now)
                rig.tell(LinkOpened(opened.link, rig.now))
            for sent in rig.take(SendFrame):
                dialect.receive(sent.link, sent.frame, rig.now)
            for call in rig.take(HttpCall):
                rig.tell(self._answer(call))
            for closed in rig.take(CloseLink):
                dialect.disconnect(closed.link, rig.now)
                rig.tell(LinkClosed(closed.link, closed.reason, rig.now))
            for outgoing in dialect.take():
                if outgoing.frame is not None:
                    rig.tell(FrameReceived(outgoing.link, self.alter(outgoing.frame), rig.now))

    def _answer(self, call: HttpCall) -> HttpReply:
        request = call.request
        if call.account is not None:
            request = self._signer.request(request, call.account, self.rig.now)
        asked = ServerRequest(
            method=request.method,
            path=urlsplit(request.url).path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers},
            body=request.body.encode(),
        )
        reply = self.exchange.dialect.http(asked, self.rig.now)
        now = self.rig.now
        return HttpReply(call=call.call, status=reply.status, headers={}, body=reply.body, sent_at=now, received_at=now)


@pytest.fixture
def lively() -> Wire:
    return Wire(simulated(levels=30))


def test_everything_that_is_subscribed_to_comes_and_nothing_is_doubted(lively: Wire) -> None:
    lively.run(30)
    feed, view = lively.rig.feed, lively.rig.view
    assert set(view.links.values()) == {LinkState.LIVE}
    assert view.quarantined == {}
    assert len(feed.of(BookSnapshot)) == 1
    for kind in (Quote, Trade, BookDelta, Statistics, Candle):
        assert feed.of(kind), kind
    assert {(candle.closed, candle.complete) for candle in feed.of(Candle)} == {(False, True), (True, True)}
    deltas = feed.of(BookDelta)
    assert [delta.previous_sequence for delta in deltas[1:]] == [delta.last_sequence for delta in deltas[:-1]]
    assert feed.of(BookBroken) == []


def test_the_book_that_is_kept_is_the_exchanges(lively: Wire) -> None:
    lively.run(20)
    books: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    told: list[BookSnapshot | BookDelta] = [*lively.rig.feed.of(BookSnapshot), *lively.rig.feed.of(BookDelta)]
    for event in told:
        for side, levels in (("bids", event.bids), ("asks", event.asks)):
            books[side].update(levels)
    depth = lively.exchange.dialect.exchange.depth(SYMBOL, 20)  # type: ignore[attr-defined]  # not of every dialect
    for side, levels in (("bids", depth.bids), ("asks", depth.asks)):
        kept = sorted(((price, size) for price, size in books[side].items() if size), reverse=side == "bids")
        assert kept[:20] == [(float(price), float(size)) for price, size in levels]


def test_a_quote_stands_where_the_change_of_the_book_stands_that_made_it(lively: Wire) -> None:
    lively.run(10)
    feed = lively.rig.feed
    begin = feed.of(BookSnapshot)[0].order
    places = {begin, *(delta.order for delta in feed.of(BookDelta))}
    quoted = {quote.sequence for quote in feed.of(Quote) if quote.sequence >= begin}
    assert len(quoted) > 20
    assert quoted <= places


def test_an_altered_change_breaks_the_book_and_subscribing_anew_mends_it(lively: Wire) -> None:
    rig = lively.rig
    spoiled: list[bytes] = []

    def once(frame: bytes) -> bytes:
        if spoiled or not frame.startswith(b'{"channel":"book","type":"update"'):
            return frame
        spoiled.append(frame)
        return frame.replace(b'"checksum":', b'"checksum":1')

    lively.alter = once
    while not spoiled:
        lively.run(0.05)
    (broken,) = rig.feed.of(BookBroken)
    assert (broken.instrument, broken.reason) == (BTC, "checksum")
    seen = len(rig.feed.of(BookDelta))
    lively.run(1)
    assert len(rig.feed.of(BookDelta)) == seen, "nothing is told of a book that is not proven"
    rig.tell(SnapshotWanted(BTC))
    lively.run(2)
    assert len(rig.feed.of(BookSnapshot)) == 2
    assert len(rig.feed.of(BookDelta)) > seen
    assert set(rig.view.links.values()) == {LinkState.LIVE}
    assert rig.view.ignored["unproven book"] > 0


def test_a_lost_change_is_noticed_by_the_next_one(lively: Wire) -> None:
    lost: list[bytes] = []

    def once(frame: bytes) -> bytes:
        if lost or not frame.startswith(b'{"channel":"book","type":"update"'):
            return frame
        lost.append(frame)
        return b'{"channel":"heartbeat"}'

    lively.run(2)
    lively.alter = once
    while not lively.rig.feed.of(BookBroken):
        lively.run(0.05)
    assert lost


class ShortLived(KrakenSession):
    """Connections that are replaced every few seconds."""

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        return replace(super().market_link(name, door, streams, instruments), lifetime=Nanos(4 * SECOND))


def test_a_connection_that_is_replaced_loses_and_repeats_nothing() -> None:
    wire = Wire(simulated(levels=30), session=ShortLived(FLAVOURS["spot"]))
    wire.run(20)
    rig = wire.rig
    assert rig.view.rollovers >= 3
    assert rig.view.ignored["duplicate"] > 0, "for a second, both connections brought everything"
    deltas = rig.feed.of(BookDelta)
    places = {delta.last_sequence for delta in deltas} | {whole.last_sequence for whole in rig.feed.of(BookSnapshot)}
    assert len({delta.last_sequence for delta in deltas}) == len(deltas)
    assert {delta.previous_sequence for delta in deltas} <= places
    assert rig.feed.of(BookBroken) == []


# -- the account ---------------------------------------------------------------------------------


@pytest.fixture
def wire() -> Wire:
    return Wire(simulated(), trading=True)


def test_the_accounts_stream_comes_up_with_a_token_and_tells_what_is_held(wire: Wire) -> None:
    executions = wire.rig.executions
    assert [changed.up for changed in executions.of(UserStreamChanged)] == [True]
    (report,) = executions.of(BalancesReported)
    assert {balance.asset: balance.free for balance in report.balances} == {"USD": Decimal(1000), "BTC": Decimal(2)}


def test_an_order_that_trades_is_accepted_filled_and_done(wire: Wire) -> None:
    rig = wire.rig
    rig.tell(submit(price=Decimal("101.0"), quantity=Decimal(1)))
    wire.run(0.5)
    assert rig.executions.of(OrderAccepted)[0].client_order_id == CLIENT
    (fill,) = rig.executions.of(Fill)
    assert (fill.client_order_id, fill.price, fill.quantity) == (CLIENT, Decimal(101), Decimal(1))
    assert (fill.fee.amount, fill.fee.asset) == (Decimal("0.101"), "USD")
    (done,) = rig.executions.of(OrderDone)
    assert (done.status, done.venue_filled) == (OrderStatus.FILLED, Decimal(1))
    rig.tell(QueryFills(BTC, ACCOUNT, Nanos(rig.now - 60 * SECOND)))
    wire.run(0.5)
    (listed,) = rig.executions.of(FillsListed)
    assert [one.trade_id for one in listed.fills] == [fill.trade_id], "the same trade, by stream and by REST"
    assert [one.venue_order_id for one in listed.fills] == [fill.venue_order_id]


def test_a_resting_order_is_listed_found_cancelled_and_found_again(wire: Wire) -> None:
    rig = wire.rig
    rig.tell(submit(price=Decimal("99.5"), quantity=Decimal(1), time_in_force=TimeInForce.GTC))
    wire.run(0.5)
    rig.tell(QueryOpenOrders(ACCOUNT), QueryOrder(CLIENT, BTC, ACCOUNT), QueryBalances(ACCOUNT))
    wire.run(0.5)
    (listed,) = rig.executions.of(OpenOrdersListed)
    assert ([one.client_order_id for one in listed.orders], listed.instruments) == ([CLIENT], (BTC,))
    assert [report.status for report in rig.executions.of(OrderReport)] == [OrderStatus.WORKING]
    balances = rig.executions.of(BalancesReported)[-1]
    assert balances.complete
    assert {str(balance.asset): balance.locked for balance in balances.balances}["USD"] == Decimal("99.5995")
    rig.tell(CancelOrder(CLIENT, BTC, ACCOUNT))
    wire.run(0.5)
    (done,) = rig.executions.of(OrderDone)
    assert (done.status, done.venue_filled) == (OrderStatus.CANCELLED, Decimal(0))
    rig.tell(QueryOrder(CLIENT, BTC, ACCOUNT))
    wire.run(0.5)
    assert rig.executions.of(OrderReport)[-1].status is OrderStatus.CANCELLED


def test_an_order_that_never_was_is_in_neither_place(wire: Wire) -> None:
    rig = wire.rig
    rig.tell(QueryOrder(ClientOrderId("its9z9"), BTC, ACCOUNT))
    wire.run(0.5)
    (missing,) = rig.executions.of(OrderNotFound)
    assert missing.client_order_id == "its9z9"


def test_after_a_cut_the_stream_comes_back_with_a_new_token(wire: Wire) -> None:
    rig = wire.rig
    user = next(link for link in rig.view.links if "user" in link)
    rig.tell(LinkClosed(LinkId(user), "reset", rig.now))
    wire.run(5)
    assert [changed.up for changed in rig.executions.of(UserStreamChanged)] == [True, False, True]
