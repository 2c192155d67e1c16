"""Facts become lines: the level says how bad, floods are counted, and nothing is ever raised."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from loguru import logger

from integrated_trading_system.domain.audit import BookDiverged
from integrated_trading_system.domain.execution import Fill, Liquidity
from integrated_trading_system.domain.health import (
    ActorFailed,
    Alarm,
    AlarmKind,
    BookBroken,
    BookState,
    BookStateChanged,
    FeedReliable,
    FeedStale,
    FeedUnreliable,
    Gap,
    Latched,
    LinkChanged,
    LinkState,
    Quarantined,
    Reconciled,
    TradingState,
    TradingStateChanged,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    ClientOrderId,
    InstrumentId,
    LinkId,
    PlanId,
    StrategyId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.market import DataType, PolledQuote, Quote
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.opportunity import Opportunity, RebalanceAdvised
from integrated_trading_system.domain.order import Order, OrderRequest, OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.domain.preferred import SourceChanged
from integrated_trading_system.domain.streams import Stream, StreamsRefused
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.log_tap import KINDS, LINES_PER_WINDOW_MAX, WINDOW_SECONDS, LogTap
from integrated_trading_system.runtime.bus import Bus

NOW = Nanos(1_700_000_000 * SECOND)
VENUE = VenueId("binance:spot")
BTC = InstrumentId("binance:spot:BTCUSDT")
ETH = InstrumentId("bybit:spot:ETHUSDT")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """``LEVEL text`` of everything logged."""
    found: list[str] = []
    logger.remove()
    sink = logger.add(lambda message: found.append(str(message).strip()), format="{level} {message}", level=0)
    yield found
    logger.remove(sink)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fill() -> Fill:
    return Fill(
        client_order_id=ClientOrderId("c1"),
        venue_order_id=VenueOrderId("v1"),
        trade_id=TradeId("t1"),
        instrument=BTC,
        account=AccountId("main"),
        side=Side.BUY,
        price=Decimal("50000.10"),
        quantity=Decimal("0.001"),
        fee=Money(Decimal("0.05"), Asset("USDT")),
        liquidity=Liquidity.TAKER,
        venue_time=NOW,
        received_at=NOW,
    )


def order() -> Order:
    request = OrderRequest(
        client_order_id=ClientOrderId("c1"),
        instrument=BTC,
        account=AccountId("main"),
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        price=Decimal(50_000),
        quantity=Decimal("0.002"),
        time_in_force=TimeInForce.IOC,
        strategy=StrategyId("arbitrage"),
        plan_id=PlanId("p1"),
        leg=0,
    )
    return Order(request=request, status=OrderStatus.UNKNOWN, filled=Decimal("0.001"), reason="no answer")


def opportunity() -> Opportunity:
    return Opportunity(
        plan_id=PlanId("p1"),
        strategy=StrategyId("arbitrage"),
        comparison="BTC",
        buy=BTC,
        sell=ETH,
        quantity=Decimal("0.5"),
        buy_price=Decimal(50_000),
        sell_price=Decimal(50_100),
        gross_edge=Decimal(50),
        fees=Decimal(20),
        slippage=Decimal(0),
        edge=Decimal(30),
        edge_bps=12.345,
        bound=Nanos(0),
        at=NOW,
    )


def finished(residual: str, repairs: int) -> PlanFinished:
    return PlanFinished(
        plan_id=PlanId("p1"),
        strategy=StrategyId("arbitrage"),
        legs=(),
        hedge_orders=repairs,
        residuals=(Money(Decimal(residual), Asset("BTC")),) if residual else (),
        reason="done",
        at=NOW,
    )


def quarantined(reason: str) -> Quarantined:
    return Quarantined(VENUE, reason, "not a number", b"{}", NOW)


def polled(instrument: InstrumentId = BTC) -> PolledQuote:
    return PolledQuote(instrument, Quote(instrument, 100.5, 1.0, 101.0, 2.0, -1, Nanos(0), NOW))


EXPECTED = [
    (
        RebalanceAdvised(
            strategy=StrategyId("arb"),
            comparison="BTC",
            asset=Asset("BTC"),
            source=VENUE,
            target=VenueId("okx:spot"),
            quantity=Decimal("0.5"),
            dry_in=None,
            cost=Decimal(1),
            missed=Decimal("2.5"),
            pays=True,
            at=NOW,
        ),
        (
            "INFO arb advises to move 0.5 BTC from binance:spot to okx:spot: "
            "2.5000 was missed there, the transfer costs 1.0000"
        ),
    ),
    (VenueBlocked(VENUE, "http-451", NOW), "ERROR binance:spot refuses us for good and is not asked again: http-451"),
    (
        StreamsRefused(VENUE, (Stream(InstrumentId("binance:spot:X"), DataType.TRADES),), "unknown symbol", NOW),
        "WARNING binance:spot:X trades cannot be had: unknown symbol",
    ),
    (
        StreamsRefused(VENUE, (Stream(InstrumentId("binance:spot:X"), DataType.TRADES),) * 7, "refused: no", NOW),
        f"WARNING {', '.join(['binance:spot:X trades'] * 5)} and 2 more cannot be had: refused: no",
    ),
    (
        LinkChanged(VENUE, LinkId("1"), "market-0", LinkState.CONNECT, "connecting", NOW),
        "DEBUG binance:spot link market-0 connect: connecting",
    ),
    (LinkChanged(VENUE, LinkId("1"), "market-0", LinkState.LIVE, "", NOW), "INFO binance:spot link market-0 live"),
    (
        LinkChanged(VENUE, LinkId("1"), "market-0", LinkState.DOWN, "reset", NOW),
        "WARNING binance:spot link market-0 down: reset",
    ),
    (Gap(BTC, 41, 44, NOW), "WARNING binance:spot:BTCUSDT gap: expected 41, received 44"),
    (
        BookBroken(BTC, "checksum", 41, 44, NOW),
        "WARNING binance:spot:BTCUSDT book broken: checksum: expected 41, received 44",
    ),
    (
        BookDiverged(BTC, 900, 2, NOW, "snapshot"),
        "WARNING binance:spot:BTCUSDT book diverged from the venue's snapshot: 2 of 900 price levels",
    ),
    (BookStateChanged(BTC, BookState.VALID, "", NOW), "INFO binance:spot:BTCUSDT book valid"),
    (BookStateChanged(BTC, BookState.STALE, "silent", NOW), "WARNING binance:spot:BTCUSDT book stale: silent"),
    (BookStateChanged(BTC, BookState.STALE, "unsubscribed", NOW), "INFO binance:spot:BTCUSDT book stale: unsubscribed"),
    (BookStateChanged(BTC, BookState.STALE, "silence", NOW), "INFO binance:spot:BTCUSDT book stale: silence"),
    (BookStateChanged(BTC, BookState.SUSPECT, "gap", NOW), "WARNING binance:spot:BTCUSDT book suspect: gap"),
    (
        LinkChanged(VENUE, LinkId("1"), "instruments", LinkState.DOWN, "dry run", NOW),
        "INFO binance:spot link instruments down: dry run",
    ),
    (
        FeedUnreliable(BTC, "no believed book for 2000 ms", NOW),
        "WARNING binance:spot:BTCUSDT circuit open, nothing is decided on it: no believed book for 2000 ms",
    ),
    (FeedReliable(BTC, NOW), "INFO binance:spot:BTCUSDT circuit closed: it can be relied on again"),
    (
        SourceChanged("BTC", BTC, None, f"{BTC}: valid", NOW),
        "INFO BTC follows binance:spot:BTCUSDT: valid",
    ),
    (
        SourceChanged("BTC", ETH, BTC, f"{BTC}: stale link down", NOW),
        f"WARNING BTC follows {ETH} instead of {BTC}: stale link down",
    ),
    (
        SourceChanged("BTC", BTC, ETH, f"{BTC}: healthy again", NOW),
        "INFO BTC follows binance:spot:BTCUSDT instead of bybit:spot:ETHUSDT: healthy again",
    ),
    (
        SourceChanged("BTC", None, BTC, f"{BTC}: stale silence", NOW),
        "WARNING BTC has no source that can be believed: binance:spot:BTCUSDT: stale silence",
    ),
    (
        Alarm(VENUE, AlarmKind.LATENCY_P99, True, 2_345.67, 2_000.0, NOW),
        "WARNING binance:spot alarm latency-p99: 2345.7 ms, the limit is 2000 ms",
    ),
    (
        Alarm(VENUE, AlarmKind.LATENCY_P99, False, 12.0, 2_000.0, NOW),
        "INFO binance:spot alarm latency-p99 is over: 12.0 ms, the limit is 2000 ms",
    ),
    (polled(), "WARNING binance:spot:BTCUSDT is fetched by REST while its stream is down: 100.5 / 101.0"),
    (FeedStale(BTC, Nanos(5 * SECOND), NOW), "WARNING binance:spot:BTCUSDT silent for 5.0 s"),
    (quarantined("price"), "WARNING binance:spot quarantined 2 bytes: price: not a number"),
    (TradingStateChanged(TradingState.ACTIVE, "", NOW), "INFO trading active"),
    (TradingStateChanged(TradingState.HALTED, "operator", NOW), "WARNING trading halted: operator"),
    (
        Latched(StrategyId("arbitrage"), BTC, "repeats-max: 600 times", NOW),
        "WARNING arbitrage in binance:spot:BTCUSDT is latched until an operator resumes it: repeats-max: 600 times",
    ),
    (
        PlanDenied(plan_id=PlanId("p1"), strategy=StrategyId("arbitrage"), code="notional", detail="too large", at=NOW),
        "INFO plan p1 denied: notional: too large",
    ),
    (finished("", 0), "INFO plan p1 finished: done"),
    (finished("0.1", 2), "WARNING plan p1 finished: done, 2 orders to follow and repair, 0.1 BTC left unhedged"),
    (
        opportunity(),
        "INFO BTC: buy 0.5 binance:spot:BTCUSDT at 50000, sell bybit:spot:ETHUSDT at 50100: edge 30 (12.35 bps)",
    ),
    (order(), "INFO order c1 unknown: sell 0.002 binance:spot:BTCUSDT, filled 0.001: no answer"),
    (fill(), "INFO fill c1: buy 0.001 binance:spot:BTCUSDT at 50000.10"),
    (Reconciled(NOW), "INFO orders, fills and balances agree with every venue"),
    (
        ActorFailed(ActorName("oms"), "KeyError: 'x'", False, NOW),
        "ERROR actor oms failed: KeyError: 'x': not restarted: stopping",
    ),
    (ActorFailed(ActorName("feed"), "ValueError", True, NOW), "ERROR actor feed failed: ValueError: restarted"),
]


@pytest.mark.parametrize(("fact", "line"), EXPECTED, ids=lambda value: type(value).__name__)
def test_each_fact_is_one_line_whose_level_says_how_bad_it_is(lines: list[str], fact: Any, line: str) -> None:
    LogTap().tell(fact)
    assert lines == [line]


def test_the_examples_above_cover_every_kind() -> None:
    assert {type(fact) for fact, _ in EXPECTED} == set(KINDS)


def test_it_hears_the_facts_through_the_bus(lines: list[str]) -> None:
    bus, tap = Bus(), LogTap()
    for kind in KINDS:
        bus.subscribe(kind, tap)
    bus.publish(Reconciled(NOW))
    assert len(lines) == 1


def test_a_flood_is_counted_and_reported_with_the_next_line(lines: list[str]) -> None:
    clock = Clock()
    tap = LogTap(clock)
    for _ in range(LINES_PER_WINDOW_MAX + 7):
        tap.tell(Gap(BTC, 1, 3, NOW))
    assert len(lines) == LINES_PER_WINDOW_MAX
    assert tap.suppressed == {"Gap": 7}
    clock.now += WINDOW_SECONDS
    tap.tell(Gap(BTC, 1, 3, NOW))
    tap.tell(Gap(BTC, 1, 3, NOW))
    assert lines[-2].endswith("received 3 (and 7 like it before)")
    assert lines[-1].endswith("received 3")


def test_one_kind_of_flood_does_not_hide_another(lines: list[str]) -> None:
    tap = LogTap(Clock())
    for _ in range(LINES_PER_WINDOW_MAX + 1):
        tap.tell(quarantined("price"))
    tap.tell(quarantined("crossed"))
    tap.tell(Gap(BTC, 1, 3, NOW))
    assert len(lines) == LINES_PER_WINDOW_MAX + 2


def test_a_flood_of_good_news_does_not_hide_bad_news(lines: list[str]) -> None:
    tap = LogTap(Clock())
    for number in range(LINES_PER_WINDOW_MAX + 5):
        tap.tell(BookStateChanged(InstrumentId(f"binance:spot:{number}"), BookState.VALID, "", NOW))
        tap.tell(LinkChanged(VENUE, LinkId(str(number)), f"market-{number}", LinkState.LIVE, "", NOW))
    tap.tell(BookStateChanged(BTC, BookState.SUSPECT, "gap", NOW))
    tap.tell(LinkChanged(VENUE, LinkId("1"), "market-0", LinkState.DOWN, "reset", NOW))
    tap.tell(LinkChanged(VenueId("okx:spot"), LinkId("1"), "market-0", LinkState.LIVE, "", NOW))
    assert [line.split()[0] for line in lines[-3:]] == ["WARNING", "WARNING", "INFO"]


def test_what_cannot_be_rendered_or_written_is_counted_and_never_raised(lines: list[str]) -> None:
    tap = LogTap()
    tap.tell("no fact at all")

    def broken(_: object) -> None:
        raise OSError("sink")

    sink = logger.add(broken, catch=False)
    tap.tell(Reconciled(NOW))
    logger.remove(sink)
    assert tap.failures == 2


def test_of_prices_by_rest_only_the_beginning_and_the_end_are_told(lines: list[str]) -> None:
    tap = LogTap(Clock())
    for _ in range(3):
        tap.tell(polled())
    tap.tell(polled(ETH))
    tap.tell(BookStateChanged(BTC, BookState.STALE, "silence", NOW))
    tap.tell(BookStateChanged(BTC, BookState.SYNCING, "link up", NOW))
    tap.tell(BookStateChanged(BTC, BookState.VALID, "", NOW))
    by_rest = [line for line in lines if "REST" in line]
    assert [line.split()[1] for line in by_rest] == [BTC, ETH, BTC]
    assert by_rest[-1] == "INFO binance:spot:BTCUSDT is fetched by REST no more"
    tap.tell(polled())
    assert lines[-1].startswith("WARNING binance:spot:BTCUSDT is fetched by REST while")
