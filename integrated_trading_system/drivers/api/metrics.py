"""The metrics page. Its figures are plain integers of the actors, read when somebody asks: counting costs nothing."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.drivers.api.status import InstrumentMetrics, Metrics

RATE_SECONDS_MIN: Final = 1.0
"""Two pages closer together than this show the same rate."""


class MetricsPage:
    """Renders `Metrics` in Prometheus' text format."""

    def __init__(self, read: Callable[[], Metrics], clock: Callable[[], float] = time.monotonic) -> None:
        """`read` is called once a page; `clock` in seconds, for rates only."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Reader(read, _Rate(clock)))

    def render(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)


class _Rate:
    """Events per second between one page and the next."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at: float | None = None
        self._counts: dict[str, int] = {}
        self._rates: dict[str, float] = {}

    def of(self, counts: dict[str, int], uptime: float) -> dict[str, float]:
        """By provider; on the first page the average since the start."""
        now = self._clock()
        elapsed = uptime if self._at is None else now - self._at
        if self._at is None or elapsed >= RATE_SECONDS_MIN:
            self._rates = {
                name: (count - self._counts.get(name, 0)) / max(elapsed, RATE_SECONDS_MIN)
                for name, count in counts.items()
            }
            self._at, self._counts = now, counts
        return self._rates


class _Reader(Collector):
    """Prometheus' side of it."""

    def __init__(self, read: Callable[[], Metrics], rate: _Rate) -> None:
        self._read = read
        self._rate = rate

    def collect(self) -> Iterator[Metric]:
        metrics = self._read()
        yield from _market(metrics)
        counts: dict[str, int] = {}
        for one in metrics.instruments:
            counts[one.venue] = counts.get(one.venue, 0) + sum(one.events.values())
        rates = self._rate.of(counts, metrics.uptime_seconds)
        yield _gauge(
            "market_events_per_second",
            "Events received, between the last two pages",
            ("provider",),
            [((provider,), rate) for provider, rate in rates.items()],
        )
        yield from _queues(metrics)
        yield from _trading(metrics)
        for family in metrics.more:
            make = _counter if family.kind == "counter" else _gauge
            yield make(family.name, family.help, family.labels, list(family.samples))


Samples = list[tuple[tuple[str, ...], float]]


def _counter(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), samples)


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), samples)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, samples: Samples) -> Metric:
    for values, figure in samples:
        family.add_metric(values, figure)
    return family


def _market(metrics: Metrics) -> Iterator[Metric]:
    """What comes from venues."""
    labels = ("provider", "symbol")
    instruments = metrics.instruments
    yield _counter(
        "market_events",
        "Market events received",
        (*labels, "type"),
        [((*_key(one), kind), count) for one in instruments for kind, count in one.events.items()],
    )
    yield _counter(
        "market_outcomes",
        "What became of the market events received",
        (*labels, "type", "outcome"),
        [((*_key(one), *key), count) for one in instruments for key, count in one.outcomes.items()],
    )
    yield _gauge(
        "market_exchange_latency_ms",
        "From the venue's stamp to our receipt",
        labels,
        [(_key(one), one.latency_ms) for one in instruments if one.latency_ms is not None],
    )
    yield _counter(
        "market_gaps",
        "Sequence gaps, each answered by a new book",
        labels,
        [(_key(one), one.gaps) for one in instruments],
    )
    yield _gauge(
        "market_book_valid",
        "1 while the order book may be believed",
        labels,
        [(_key(one), one.book_valid) for one in instruments if one.book_valid is not None],
    )
    yield _counter(
        "market_quarantined", "Messages not believed", ("provider", "reason"), list(metrics.quarantined.items())
    )
    yield _gauge("market_link_live", "1 while the link is live", ("provider", "link"), list(metrics.links_live.items()))
    yield _gauge(
        "market_clock_offset_ms",
        "The venue's clock minus ours",
        ("provider",),
        [((venue,), offset) for venue, offset in metrics.clock_offset_ms.items()],
    )


def _queues(metrics: Metrics) -> Iterator[Metric]:
    """What waits between actors."""
    for field, text in (("waiting", "Messages waiting"), ("capacity", "Room"), ("high_water", "Most that ever waited")):
        yield _gauge(
            f"mailbox_{field}", text, ("actor",), [((queue.name,), getattr(queue, field)) for queue in metrics.queues]
        )
    for field, text in (
        ("delivered", "Messages delivered"),
        ("conflated", "Messages replaced by a newer one"),
        ("dropped", "Messages dropped for want of room"),
    ):
        yield _counter(
            f"mailbox_{field}", text, ("actor",), [((queue.name,), getattr(queue, field)) for queue in metrics.queues]
        )
    yield _counter(
        "actor_restarts", "Restarts", ("actor",), [((actor,), count) for actor, count in metrics.restarts.items()]
    )


def _trading(metrics: Metrics) -> Iterator[Metric]:
    """What we do."""
    yield _gauge("uptime_seconds", "Since the start", (), [((), metrics.uptime_seconds)])
    yield _gauge(
        "trading_state",
        "1 for the state that trading is in",
        ("state",),
        [((state,), state is metrics.trading) for state in TradingState],
    )
    yield _counter("opportunities", "Price differences worth acting on", (), [((), metrics.opportunities)])
    yield _counter(
        "plans_denied",
        "Plans that risk did not allow",
        ("code",),
        [((code,), count) for code, count in metrics.plans_denied.items()],
    )
    yield _counter(
        "orders", "Orders by state reached", ("status",), [((name,), count) for name, count in metrics.orders.items()]
    )
    yield _counter("fills", "Fills owned", (), [((), metrics.fills)])


def _key(one: InstrumentMetrics) -> tuple[str, ...]:
    return one.venue, one.symbol
