"""What the HTTP interface shows of a platform: read from the actors' views between two turns."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from integrated_trading_system import __version__
from integrated_trading_system.domain.health import BookState, LinkState, TradingState
from integrated_trading_system.domain.ids import VenueId, symbol_of, venue_of
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.api.status import (
    Family,
    Health,
    InstrumentMetrics,
    Latest,
    Metrics,
    Queue,
    RefusedMessage,
)
from integrated_trading_system.orchestrator.platform import FEED, OMS, PMS, RISK, Platform, connector_name
from integrated_trading_system.orchestrator.shown import condition
from integrated_trading_system.orchestrator.shown.condition_metrics import condition_metrics
from integrated_trading_system.orchestrator.shown.proof import STREAM_NAMES, audit_metrics
from integrated_trading_system.orchestrator.shown.venue_board import link_name

OUTCOMES: Final = ("delivered", "conflated", "dropped", "quarantined")
ORDER_COUNTS: Final = ("submitted", "filled", "cancelled", "rejected", "expired", "unknown")


class PlatformStatus:
    """A `StatusSource` over one platform."""

    def __init__(self, platform: Platform, now: Callable[[], Nanos], started_at: Nanos) -> None:
        """`now` is the time of the run, which began at `started_at`."""
        self._platform = platform
        self._now = now
        self._started_at = started_at
        self._outboxes: list[Callable[[], Queue]] = []
        self._figures: list[Callable[[], Iterable[Family]]] = []
        self.stopping = False
        """Set by whoever stops the platform."""

    def add_outbox(self, read: Callable[[], Queue]) -> None:
        """Show one more queue, of a driver."""
        self._outboxes.append(read)

    def add_figures(self, read: Callable[[], Iterable[Family]]) -> None:
        """Show more figures, of a driver."""
        self._figures.append(read)

    # -- what is asked ---------------------------------------------------------------------------

    def health(self) -> Health:
        """Whether it is well."""
        risk = self._platform.system.view(RISK)
        state = "stopping" if self.stopping else "starting" if risk.trading is TradingState.STARTING else "running"
        return Health(
            state=state,
            mode=self._platform.settings.mode.value,
            version=__version__,
            uptime_seconds=self._uptime(),
            trading=risk.trading,
            reason=risk.reason,
            circuits_open=condition.circuits_open(self._platform),
            venues_blocked=self._platform.notes.blocked,
            alarms=condition.alarms(self._platform),
            sources={name: group.followed for name, group in condition.groups(self._platform).items()},
        )

    def metrics(self) -> Metrics:
        """Everything that is counted."""
        system = self._platform.system
        feed, risk, oms = system.view(FEED), system.view(RISK), system.view(OMS)
        return Metrics(
            uptime_seconds=self._uptime(),
            trading=risk.trading,
            instruments=tuple(_instruments(feed)),
            queues=self.bus_stats(),
            restarts={str(name): count for name, count in system.restarts().items()},
            links_live=self._links(),
            quarantined={
                (venue, reason): count
                for venue, view in feed.venues.items()
                for reason, count in view.quarantined_by_reason.items()
            },
            clock_offset_ms={venue: view.clock_offset_ms for venue, view in feed.venues.items()},
            opportunities=sum(view.detected for view in self._detectors()),
            plans_denied=risk.denied,
            orders={name: getattr(oms, name) for name in ORDER_COUNTS},
            fills=oms.fills,
            more=(*self._more(), *audit_metrics(feed), *condition_metrics(self._platform, feed)),
        )

    def latest(self, symbol: str) -> tuple[Latest, ...]:
        """Every instrument with this symbol in its venue's spelling, or with this id."""
        platform = self._platform
        found = []
        for instrument, view in platform.system.view(FEED).instruments.items():
            if symbol not in (instrument, symbol_of(instrument)):
                continue
            trades = platform.buffers.latest(instrument, DataType.TRADES)
            quotes = platform.buffers.latest(instrument, DataType.QUOTES)
            quote = platform.books.top(instrument) or (quotes[0] if quotes else None)
            found.append(
                Latest(
                    venue=venue_of(instrument),
                    instrument=instrument,
                    trade=trades[0] if trades else None,
                    quote=quote,
                    state=view.state.value,
                    polled=quote is not None and quote.polled,
                )
            )
        return tuple(found)

    def quarantine(self, limit: int) -> tuple[RefusedMessage, ...]:
        """The newest messages that were not believed."""
        return condition.refused_messages(self._platform, limit)

    def bus_stats(self) -> tuple[Queue, ...]:
        """Every mailbox, then every outbox."""
        mailboxes = (
            Queue(
                name=name,
                waiting=box.waiting,
                capacity=box.capacity,
                delivered=box.delivered,
                conflated=box.conflated,
                dropped=box.dropped,
                high_water=box.high_water,
            )
            for name, box in self._platform.system.mailboxes().items()
        )
        return (*mailboxes, *(read() for read in self._outboxes))

    # -- parts of it -----------------------------------------------------------------------------

    def _uptime(self) -> float:
        return (self._now() - self._started_at) / SECOND

    def _detectors(self) -> list[Any]:
        """Views of the strategies that look for opportunities."""
        views = (self._platform.system.view(actor) for actor in self._platform.strategies.values())
        return [view for view in views if hasattr(view, "missed")]

    def _links(self) -> dict[tuple[VenueId, str], bool]:
        """By the link's name, which outlives its connections; live where one of them is (two while one takes over)."""
        live: dict[tuple[VenueId, str], bool] = {}
        for venue in self._platform.venues:
            for link, state in self._platform.system.view(connector_name(venue)).links.items():
                name = link_name(link)
                live[venue, name] = live.get((venue, name), False) or state is LinkState.LIVE
        return live

    def _more(self) -> Iterator[Family]:
        """Figures of ours that no dashboard of others knows."""
        pms, risk = self._platform.system.view(PMS), self._platform.system.view(RISK)
        missed: dict[str, int] = {}
        for view in self._detectors():
            for reason, count in view.missed.items():
                missed[reason] = missed.get(reason, 0) + count.episodes
        expected = sum((view.expected_edge for view in self._detectors()), ZERO)
        yield Family(
            name="opportunities_missed",
            kind="counter",
            help="Price differences not traded",
            labels=("reason",),
            samples=tuple(((reason,), float(count)) for reason, count in missed.items()),
        )
        for name, amount in (("expected", expected), ("realised", pms.realised_edge)):
            yield _figure(f"edge_{name}", f"Edge {name}, in the reporting currency", float(amount))
        yield Family(
            name="pnl",
            kind="gauge",
            help=f"Profit in {pms.equity.currency}",
            labels=("part",),
            samples=tuple(((part,), float(amount)) for part, amount in pms.pnl.items()),
        )
        yield Family(
            name="pnl_by_strategy",
            kind="gauge",
            help=f"Its part of the profit, in {pms.equity.currency}; all of them add up to the total",
            labels=("strategy",),
            samples=tuple(((name,), float(amount)) for name, amount in pms.figures.by_strategy.items()),
        )
        yield _figure("drawdown", "How far equity is below its highest", float(pms.figures.drawdown.now))
        yield _figure("drawdown_max", "How far it was at most, in this run", float(pms.figures.drawdown.deepest))
        yield _figure("turnover", "Notional of all fills, in the reporting currency", float(pms.figures.turnover))
        yield Family(
            name="position_quantity",
            kind="gauge",
            help="Signed position in the instrument's own units",
            labels=("account", "instrument"),
            samples=tuple(((one.account, one.instrument), float(one.quantity)) for one in pms.positions),
        )
        yield _figure("exposure", "Worst-case notional, in the reporting currency", float(risk.worst.total))
        for read in self._figures:
            yield from read()


def _instruments(feed: Any) -> Iterator[InstrumentMetrics]:
    for instrument, view in feed.instruments.items():
        book = feed.books.get(instrument)
        yield InstrumentMetrics(
            venue=venue_of(instrument),
            symbol=symbol_of(instrument),
            events={STREAM_NAMES[kind]: counts.received for kind, counts in view.streams.items()},
            outcomes={
                (STREAM_NAMES[kind], name): getattr(counts, name)
                for kind, counts in view.streams.items()
                for name in OUTCOMES
            },
            gaps=0 if book is None else book.gaps,
            latency_ms=view.latency_ms_average or None,
            book_valid=None if book is None else book.state is BookState.VALID,
        )


def _figure(name: str, text: str, value: float) -> Family:
    return Family(name=name, kind="gauge", help=text, samples=(((), value),))
