"""The dead-man timer of every venue that has one, against its simulated exchange: cut off, refreshed, stopped."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from integrated_trading_system.domain.health import Alarm, AlarmKind
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId, PlanId, StrategyId, VenueId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.link import CloseLink, FrameReceived, LinkClosed, LinkOpened, OpenLink, SendFrame
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderRequest,
    OrderType,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.signers import simulated_credentials
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerRequest
from integrated_trading_system.simulation.exchange.orders import NewOrder, Order
from integrated_trading_system.simulation.market import Market
from integrated_trading_system.simulation.venues import build_dialect, build_exchange, listings
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.signer import Signer
from tests.support.collector import Collector
from tests.support.connector_rig import START, Rig

ACCOUNT, OTHER = AccountId("demo"), AccountId("demo-two")
SYMBOLS = {"binance:usdm": "BTCUSDT", "kraken:spot": "BTC/USDT", "okx:spot": "BTC-USDT"}
EVERY, AFTER = 4, 10
"""Seconds: as short as a venue takes them."""


class Wired:
    """A connector and its exchange in virtual time; the network may be cut."""

    def __init__(self, name: str, **settings: Any) -> None:
        venue, symbol = VenueId(name), SYMBOLS[name]
        self.instrument = InstrumentId(f"{name}:{symbol}")
        self.symbol = symbol
        keys = {account: simulated_credentials(venue, account, 7) for account in (ACCOUNT, OTHER)}
        self.account, self.other = (
            Account(
                str(account),
                {"USDT": Decimal(1_000_000), "BTC": Decimal(20)},
                api_key=credentials.api_key,
                secret=credentials.api_secret,
                passphrase=credentials.passphrase,
            )
            for account, credentials in keys.items()
        )
        both = [self.account, self.other]
        self.exchange = build_exchange(venue, listings(venue, (symbol,)), both, Market(7, START), START)
        self.dialect = build_dialect(venue, self.exchange)
        self._signer = Signer(catalog.signing_of(venue), keys)
        built = catalog.build(venue, catalog.endpoints_of(venue), ACCOUNT)
        short = {"streams": [DataType.QUOTES], "dead_man_every_s": EVERY, "dead_man_after_s": AFTER, **settings}
        self.rig = Rig(built, symbols=(symbol,), accounts=(ACCOUNT,), **short)
        self.alarms = Collector()
        self.rig.system.bus.subscribe(Alarm, self.alarms)
        self.cut = False
        self.told: list[str] = []
        """What the dead-man timer was told,"""
        self.told_for: list[AccountId | None] = []
        """and whose."""
        self.run(3)

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds * 4)):
            self.rig.wait(0.25)
            self.dialect.run(self.rig.now)
            if not self.cut:
                self._carry()

    def _carry(self) -> None:
        rig, dialect = self.rig, self.dialect
        for _ in range(4):
            for opened in rig.take(OpenLink):
                parts = urlsplit(opened.url)
                assert dialect.connect(opened.link, parts.path, parts.query, rig.now)
                rig.tell(LinkOpened(opened.link, rig.now))
            for sent in rig.take(SendFrame):
                frame = sent.frame if sent.account is None else self._signer.frame(sent.frame, ACCOUNT, rig.now)
                dialect.receive(sent.link, frame, rig.now)
            for call in rig.take(HttpCall):
                rig.tell(self._answer(call))
            for closed in rig.take(CloseLink):
                dialect.disconnect(closed.link, rig.now)
                rig.tell(LinkClosed(closed.link, closed.reason, rig.now))
            for outgoing in dialect.take():
                if outgoing.frame is not None:
                    rig.tell(FrameReceived(outgoing.link, outgoing.frame, rig.now))

    def _answer(self, call: HttpCall) -> HttpReply:
        request, now = call.request, self.rig.now
        if call.purpose == "dead_man":
            self.told.append(request.query.split("&recvWindow")[0] or request.body)
            self.told_for.append(call.account)
        if call.account is not None:
            request = self._signer.request(request, call.account, now)
        asked = ServerRequest(
            method=request.method,
            path=urlsplit(request.url).path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers},
            body=request.body.encode(),
        )
        reply = self.dialect.http(asked, now)
        return HttpReply(call=call.call, status=reply.status, headers={}, body=reply.body, sent_at=now, received_at=now)

    def submit(self, name: str, in_force: TimeInForce = TimeInForce.GTC, account: AccountId = ACCOUNT) -> None:
        """A bid far below the market."""
        request = OrderRequest(
            client_order_id=ClientOrderId(name),
            instrument=self.instrument,
            account=account,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=Decimal("0.01"),
            price=Decimal(61_000),
            time_in_force=in_force,
            plan_id=PlanId("p"),
            leg=0,
            strategy=StrategyId("s"),
        )
        self.rig.tell(SubmitOrder(request, Nanos(self.rig.now + 5 * SECOND)))
        self.run(1)

    def cancel(self, name: str, account: AccountId = ACCOUNT) -> None:
        self.rig.tell(CancelOrder(ClientOrderId(name), self.instrument, account, None))
        self.run(1)
        self.rig.tell(QueryOrder(ClientOrderId(name), self.instrument, account))
        self.run(1)

    def of_somebody_else(self) -> Order:
        """On the same account, by hand."""
        order = self.exchange.place(
            self.account,
            NewOrder(
                symbol=self.symbol,
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                quantity=Decimal("0.01"),
                price=Decimal(60_000),
                client_id="byhand",
            ),
            self.rig.now,
        )
        assert isinstance(order, Order)
        return order


@pytest.fixture(params=SYMBOLS)
def wired(request: pytest.FixtureRequest) -> Wired:
    return Wired(request.param)


def test_an_order_that_rests_goes_on_resting_while_we_are_alive(wired: Wired) -> None:
    wired.submit("one")
    wired.run(3 * AFTER)
    assert len(wired.account.open) == 1
    assert len(wired.told) == 1 + (3 * AFTER + 1) // EVERY
    assert len(set(wired.told)) == 1


def test_what_a_cut_platform_left_open_is_cancelled_by_the_venue(wired: Wired) -> None:
    wired.submit("one")
    wired.run(EVERY)
    wired.cut = True
    wired.run(AFTER - EVERY)
    assert len(wired.account.open) == 1, "not before its time"
    wired.run(EVERY)
    assert wired.account.open == {}


def test_it_is_stopped_once_nothing_of_ours_rests(wired: Wired) -> None:
    wired.submit("one")
    wired.cancel("one")
    wired.run(EVERY)
    assert len(wired.told) == 2
    other = wired.of_somebody_else()
    wired.run(3 * AFTER)
    assert len(wired.told) == 2
    assert other.is_open


def test_an_ordinary_end_stops_it_and_an_end_with_open_orders_leaves_it_running(wired: Wired) -> None:
    wired.submit("one")
    wired.rig.tell(Shutdown("stopped"))
    wired.run(AFTER + 1)
    assert wired.account.open == {}
    ended = Wired(wired.rig.venue.venue)
    ended.submit("one")
    ended.cancel("one")
    ended.rig.tell(Shutdown("stopped"))
    ended.run(1)
    assert len(ended.told) == 2


def test_each_account_has_a_timer_of_its_own(wired: Wired) -> None:
    wired.submit("one")
    wired.submit("two", account=OTHER)
    assert wired.told_for == [ACCOUNT, OTHER]
    wired.cancel("two", OTHER)
    wired.run(3 * EVERY)
    assert wired.told_for.count(OTHER) == 2, "it was begun, and stopped"
    assert wired.told_for.count(ACCOUNT) > 3, "this one goes on"
    assert len(set(wired.told)) == 2
    wired.submit("three", account=OTHER)
    wired.cut = True
    wired.run(AFTER + 1)
    assert (wired.account.open, wired.other.open) == ({}, {})


def test_an_order_that_cannot_rest_arms_nothing(wired: Wired) -> None:
    wired.submit("one", TimeInForce.IOC)
    wired.run(EVERY + 1)
    assert wired.told == []


def test_an_order_of_a_life_before_is_taken_care_of_when_it_is_asked_for(wired: Wired) -> None:
    order = wired.of_somebody_else()
    wired.rig.tell(QueryOrder(ClientOrderId("byhand"), wired.instrument, ACCOUNT))
    wired.run(2)
    assert len(wired.told) == 1
    wired.cut = True
    wired.run(AFTER + 1)
    assert not order.is_open


def test_operators_are_told_when_the_venue_does_not_take_it_and_when_it_does_again() -> None:
    wired = Wired("okx:spot")
    wired.submit("one")
    wired.cut = True
    wired.run(EVERY)
    for call in wired.rig.take(HttpCall):
        wired.rig.tell(HttpFailed(call=call.call, reason="timeout", maybe_sent=True, received_at=wired.rig.now))
    wired.cut = False
    wired.run(EVERY + 1)
    assert [(alarm.kind, alarm.raised, alarm.limit) for alarm in wired.alarms.messages] == [
        (AlarmKind.DEAD_MAN, True, AFTER * 1_000),
        (AlarmKind.DEAD_MAN, False, AFTER * 1_000),
    ]


def test_it_can_be_switched_off() -> None:
    wired = Wired("kraken:spot", dead_man=False)
    wired.submit("one")
    wired.run(AFTER)
    assert wired.told == []
    assert len(wired.account.open) == 1


def test_the_words_are_the_venues_own() -> None:
    said = {}
    for name in SYMBOLS:
        wired = Wired(name)
        wired.submit("one")
        said[name] = wired.told[0]
    assert said == {
        "binance:usdm": "symbol=BTCUSDT&countdownTime=10000",
        "kraken:spot": "timeout=10",
        "okx:spot": '{"timeOut":"10"}',
    }
