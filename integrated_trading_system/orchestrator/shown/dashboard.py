"""Looks at the core between two turns, and puts what people want to see into a Screen."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import InstrumentId, venue_of
from integrated_trading_system.domain.market import DataType, Quote
from integrated_trading_system.domain.money import BPS, ZERO
from integrated_trading_system.domain.opportunity import OpportunityMissed
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.position import Position
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.drivers.screen import (
    ActorRow,
    MissedRow,
    OrderRow,
    PositionRow,
    PriceRow,
    Screen,
    SpreadRow,
)
from integrated_trading_system.orchestrator.platform import CANDLES, FEED, OMS, PMS, RISK, Platform
from integrated_trading_system.orchestrator.shown.condition import circuits_open, subscriptions
from integrated_trading_system.orchestrator.shown.venue_board import VenueBoard, group_rows, troubles
from integrated_trading_system.strategies.arbitrage.conversion import Rates, unit
from integrated_trading_system.venues import catalog

CONVERSION_AGE_MAX = Nanos(5 * SECOND)
ORDER_COUNTS = ("submitted", "filled", "expired", "cancelled", "rejected", "unknown", "open")


class Dashboard:
    """One platform's. Passive: it subscribes to the misses and otherwise only reads."""

    def __init__(self, platform: Platform, started_at: Nanos) -> None:
        """Of a platform that is running since `started_at`."""
        self._platform = platform
        self._started_at = started_at
        self._best: dict[str, float] = {}
        self._edges: dict[str, Decimal] = {}
        self._venues = VenueBoard(platform, started_at)
        self._fees = {
            catalog.resolve(name): float(venue.taker_fee_bps / BPS) for name, venue in platform.settings.venues.items()
        }
        platform.system.bus.subscribe(OpportunityMissed, self)

    def tell(self, missed: OpportunityMissed, /) -> None:
        """A ref: remember by reason what was missed."""
        best = self._best.get(missed.reason)
        self._best[missed.reason] = missed.edge_bps if best is None else max(best, missed.edge_bps)
        self._edges[missed.reason] = self._edges.get(missed.reason, ZERO) + missed.edge

    def look(self, now: Nanos) -> Screen:
        """Everything as it is."""
        system = self._platform.system
        risk, pms, oms = system.view(RISK), system.view(PMS), system.view(OMS)
        strategies = [
            view for name in self._platform.strategies.values() if hasattr(view := system.view(name), "missed")
        ]
        return Screen(
            mode=self._platform.settings.mode.value,
            elapsed_s=(now - self._started_at) / SECOND,
            trading=risk.trading,
            reason=risk.reason,
            messages={venue: view.messages for venue, view in system.view(FEED).venues.items()},
            troubles=tuple(troubles(self._platform)),
            venues=self._venues.look(now),
            groups=tuple(group_rows(self._platform)),
            streams=sum(sum(counts.values()) for counts in subscriptions(self._platform).values()),
            candles=sum(system.view(CANDLES).closed.values()) if CANDLES in system.names else 0,
            decides=bool(self._platform.strategies),
            prices=tuple(self._prices(now)),
            spreads=tuple(row for comparison in self._platform.comparisons for row in self._spreads(comparison, now)),
            snapshots=self._snapshots(),
            detected=sum(view.detected for view in strategies),
            approved=risk.approved,
            executed=pms.plans_traded,
            expected_edge=sum((view.expected_edge for view in strategies), ZERO),
            realised_edge=pms.realised_edge,
            missed=self._missed(strategies, risk.denied),
            currency=pms.equity.currency,
            pnl=pms.pnl,
            positions=tuple(_position(one) for one in pms.positions),
            orders={name: getattr(oms, name) for name in ORDER_COUNTS},
            open_orders=tuple(_order(one) for one in oms.orders),
            actors=tuple(self._actors()),
        )

    def _prices(self, now: Nanos) -> Iterator[PriceRow]:
        feed, circuits = self._platform.system.view(FEED), circuits_open(self._platform)
        for instrument, view in feed.instruments.items():
            top = self._platform.books.top(instrument) or self._last_quote(instrument)
            yield PriceRow(
                instrument=instrument,
                state=view.state,
                bid=None if top is None else top.bid,
                bid_size=None if top is None else top.bid_size,
                ask=None if top is None else top.ask,
                ask_size=None if top is None else top.ask_size,
                age_ms=None if top is None else (now - top.received_at) / MILLISECOND,
                latency_ms=view.latency_ms_average,
                messages=view.messages,
                errors=view.errors,
                circuit_open=instrument in circuits,
                polled=top is not None and top.polled,
            )

    def _last_quote(self, instrument: InstrumentId) -> Quote | None:
        """What was last believed, while the book is not."""
        quotes = self._platform.buffers.latest(instrument, DataType.QUOTES)
        return quotes[0] if quotes else None

    def _spreads(self, comparison: Comparison, now: Nanos) -> Iterator[SpreadRow]:
        """Every pair both ways, in the Comparison's currency, by the detector's own conversion."""
        values = self._values(comparison)
        for buy in comparison.instruments:
            for sell in comparison.instruments:
                if buy == sell:
                    continue
                gross = net = None
                if buy in values and sell in values:
                    ratio = values[sell][0] / values[buy][1]
                    gross = (ratio - 1.0) * 1e4
                    net = (ratio * (1.0 - self._fees[venue_of(sell)]) - (1.0 + self._fees[venue_of(buy)])) * 1e4
                yield SpreadRow(comparison=comparison.name, buy=buy, sell=sell, gross_bps=gross, net_bps=net)

    def _values(self, comparison: Comparison) -> dict[InstrumentId, tuple[float, float]]:
        """Bid and ask per base unit of the Comparison, in its currency, where the book is VALID."""
        platform = self._platform
        rates = Rates(comparison, CONVERSION_AGE_MAX)
        for book in comparison.conversion_books:
            listed, top = platform.listing.get(book), platform.books.top(book)
            if listed is not None and top is not None:
                rates.list(listed)
                rates.quote(top)
        values = {}
        for member in comparison.members:
            listed, top = platform.listing.get(member.instrument), platform.books.top(member.instrument)
            if listed is None or top is None or platform.books.state(member.instrument) is not BookState.VALID:
                continue
            known = unit(listed, member.multiplier, rates)
            if known is not None:
                values[member.instrument] = (top.bid * float(known.rate), top.ask * float(known.rate))
        return values

    def _snapshots(self) -> int:
        system = self._platform.system
        names = [f"synchronizer.{comparison.name}" for comparison in self._platform.comparisons]
        return sum(system.view(name).snapshots for name in system.names if name in names)

    def _missed(self, strategies: Sequence[Any], denied: Mapping[str, int]) -> tuple[MissedRow, ...]:
        """Of all strategies together, and the denials of risk."""
        episodes: dict[str, int] = {}
        for view in strategies:
            for reason, count in view.missed.items():
                episodes[reason] = episodes.get(reason, 0) + count.episodes
        episodes.update((f"risk: {code}", count) for code, count in denied.items())
        rows = (
            MissedRow(
                reason=reason,
                episodes=count,
                best_bps=self._best.get(reason),
                edge=self._edges.get(reason, ZERO),
            )
            for reason, count in episodes.items()
        )
        return tuple(sorted(rows, key=lambda row: (-row.episodes, row.reason)))

    def _actors(self) -> Iterator[ActorRow]:
        system = self._platform.system
        restarts = system.restarts()
        for name, box in system.mailboxes().items():
            yield ActorRow(
                name=name,
                waiting=box.waiting,
                high_water=box.high_water,
                delivered=box.delivered,
                dropped=box.dropped,
                restarts=restarts[name],
            )


def _position(one: Position) -> PositionRow:
    return PositionRow(
        account=one.account,
        instrument=one.instrument,
        quantity=one.quantity,
        average_price=one.average_price,
        realised=one.realised,
    )


def _order(order: Order) -> OrderRow:
    request = order.request
    return OrderRow(
        instrument=request.instrument,
        side=request.side.value,
        quantity=request.quantity,
        price=request.price,
        filled=order.filled,
        status=order.status.value,
    )
