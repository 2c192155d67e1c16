"""The metrics page: the names that dashboards know, read when somebody asks."""

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.drivers.api.metrics import MetricsPage
from integrated_trading_system.drivers.api.status import Family, InstrumentMetrics, Metrics, Queue

BINANCE, BYBIT = VenueId("binance:spot"), VenueId("bybit:spot")

EVERYTHING = Metrics(
    uptime_seconds=10.0,
    trading=TradingState.REDUCING,
    instruments=(
        InstrumentMetrics(
            venue=BINANCE,
            symbol="BTCUSDT",
            events={"quote": 70, "trade": 30},
            gaps=2,
            latency_ms=12.5,
            book_valid=True,
        ),
        InstrumentMetrics(venue=BYBIT, symbol="BTCUSDT", events={"trade": 5}),
    ),
    queues=(Queue(name="oms", waiting=1, capacity=100, delivered=7, conflated=2, dropped=3, high_water=9),),
    restarts={"feed": 4},
    links_live={(BINANCE, "market-0"): True, (BYBIT, "market-0"): False},
    quarantined={(BYBIT, "price"): 6},
    clock_offset_ms={BINANCE: -1.5},
    opportunities=8,
    plans_denied={"notional": 3},
    orders={"filled": 2, "unknown": 1},
    fills=5,
    more=(
        Family(name="log_lines_dropped", kind="counter", help="Lines", samples=(((), 1.0),)),
        Family(name="equity", kind="gauge", help="Worth", labels=("currency",), samples=((("USDT",), 9.5),)),
    ),
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def page_of(metrics: Metrics) -> dict[str, float]:
    return samples(MetricsPage(lambda: metrics, Clock()).render())


def samples(page: bytes) -> dict[str, float]:
    lines = [line for line in page.decode().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_every_figure_is_on_the_page_under_its_name_and_labels() -> None:
    assert page_of(EVERYTHING) == {
        'market_events_total{provider="binance:spot",symbol="BTCUSDT",type="quote"}': 70,
        'market_events_total{provider="binance:spot",symbol="BTCUSDT",type="trade"}': 30,
        'market_events_total{provider="bybit:spot",symbol="BTCUSDT",type="trade"}': 5,
        'market_exchange_latency_ms{provider="binance:spot",symbol="BTCUSDT"}': 12.5,
        'market_gaps_total{provider="binance:spot",symbol="BTCUSDT"}': 2,
        'market_gaps_total{provider="bybit:spot",symbol="BTCUSDT"}': 0,
        'market_book_valid{provider="binance:spot",symbol="BTCUSDT"}': 1,
        'market_quarantined_total{provider="bybit:spot",reason="price"}': 6,
        'market_link_live{link="market-0",provider="binance:spot"}': 1,
        'market_link_live{link="market-0",provider="bybit:spot"}': 0,
        'market_clock_offset_ms{provider="binance:spot"}': -1.5,
        'market_events_per_second{provider="binance:spot"}': 10,
        'market_events_per_second{provider="bybit:spot"}': 0.5,
        'mailbox_waiting{actor="oms"}': 1,
        'mailbox_capacity{actor="oms"}': 100,
        'mailbox_high_water{actor="oms"}': 9,
        'mailbox_delivered_total{actor="oms"}': 7,
        'mailbox_conflated_total{actor="oms"}': 2,
        'mailbox_dropped_total{actor="oms"}': 3,
        'actor_restarts_total{actor="feed"}': 4,
        "uptime_seconds": 10,
        'trading_state{state="starting"}': 0,
        'trading_state{state="active"}': 0,
        'trading_state{state="reducing"}': 1,
        'trading_state{state="halted"}': 0,
        "opportunities_total": 8,
        'plans_denied_total{code="notional"}': 3,
        'orders_total{status="filled"}': 2,
        'orders_total{status="unknown"}': 1,
        "fills_total": 5,
        "log_lines_dropped_total": 1,
        'equity{currency="USDT"}': 9.5,
    }


def test_an_empty_platform_has_a_page_too() -> None:
    page = page_of(Metrics(uptime_seconds=0.0, trading=TradingState.STARTING))
    assert page['trading_state{state="starting"}'] == 1


def test_names_of_venues_cannot_break_the_page() -> None:
    nasty = InstrumentMetrics(venue=BINANCE, symbol='A"\n} 1\nforged 1', events={"trade": 1})
    page = MetricsPage(lambda: Metrics(uptime_seconds=1.0, trading=TradingState.ACTIVE, instruments=(nasty,))).render()
    assert not any(line.startswith("forged") for line in page.decode().splitlines())


def test_figures_are_read_anew_for_every_page_and_the_rate_is_between_two_pages() -> None:
    clock, count = Clock(), 100

    def read() -> Metrics:
        one = InstrumentMetrics(venue=BINANCE, symbol="BTCUSDT", events={"trade": count})
        return Metrics(uptime_seconds=clock.now, trading=TradingState.ACTIVE, instruments=(one,))

    page = MetricsPage(read, clock)
    rates = []
    for seconds, events in ((10.0, 0), (5.0, 50), (0.1, 1000), (1.9, 0)):
        clock.now += seconds
        count += events
        rates.append(samples(page.render())['market_events_per_second{provider="binance:spot"}'])
    assert rates == [10.0, 10.0, 10.0, 500.0]
