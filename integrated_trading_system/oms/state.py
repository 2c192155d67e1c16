"""Orders, plans and fills as the journal's records make them. Live and replayed, the same code runs.

Nothing here decides: `apply` does what the record says, and `settled` closes an order whose fills
are complete. What is only remembered for a while (open questions, timers) is kept elsewhere.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import asdict, replace

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    TradeId,
    VenueOrderId,
)
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import TERMINAL, Order, OrderRequest, OrderStatus, Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.lifecycle import UNKNOWN, Evidence, after, settled
from integrated_trading_system.oms.records import (
    BalanceOpened,
    ExternalBooked,
    FillBooked,
    FillsCovered,
    FundingBooked,
    OrderChanged,
    PlanClosed,
    PlanIntended,
    Purpose,
    Record,
    RepairIntended,
    Snapshot,
    Started,
)

TradeKey = tuple[InstrumentId, AccountId, Side, TradeId]
"""Account and side tell the two halves apart when one order of ours trades with another."""


def trade_key(fill: Fill) -> TradeKey:
    """What makes a fill itself: a second one with this key is the same."""
    return fill.instrument, fill.account, fill.side, fill.trade_id


class Tracked(Struct):
    """One order of ours and what its plan needs to know about it."""

    order: Order
    purpose: Purpose
    done: OrderStatus | None = None
    value: Decimal = ZERO
    """Sum of price times quantity over its fills."""
    fees: dict[Asset, Decimal] = {}

    @property
    def client_order_id(self) -> ClientOrderId:
        return self.order.request.client_order_id

    @property
    def where(self) -> tuple[InstrumentId, AccountId]:
        return self.order.request.instrument, self.order.request.account

    @property
    def open(self) -> bool:
        """Not terminal."""
        return self.order.status not in TERMINAL


class InFlight(Struct):
    """A plan that is not finished, and its orders in the order of their making."""

    plan: Plan
    orders: list[Tracked]


class Counts(Struct):
    """Since the journal began."""

    submitted: int = 0
    filled: int = 0
    cancelled: int = 0
    rejected: int = 0
    expired: int = 0
    external: int = 0
    """Fills of orders that are not ours."""
    fills: int = 0
    plans: int = 0


class State:
    """All that must survive a crash."""

    def __init__(self, orders_kept_max: int, trades_kept_max: int) -> None:
        """Empty, as before the first record."""
        self._orders_kept_max = orders_kept_max
        self._trades_kept_max = trades_kept_max
        self.fence = 0
        self.epoch = Nanos(0)
        """When the journal began: older fills are none of ours."""
        self.orders: dict[ClientOrderId, Tracked] = {}
        self.open: dict[ClientOrderId, Tracked] = {}
        self.plans: dict[PlanId, InFlight] = {}
        self.trades: dict[TradeKey, None] = {}
        self.covered: dict[tuple[InstrumentId, AccountId | None], Nanos] = {}
        """Until when every fill is booked. None: said before there could be several accounts, of any."""
        self.counts = Counts()
        self._finished: dict[ClientOrderId, None] = {}
        self._by_venue: dict[tuple[InstrumentId, AccountId, VenueOrderId], ClientOrderId] = {}

    def apply(self, record: Record) -> tuple[Tracked, ...]:
        """Do what the record says; the orders that it changed."""
        match record:
            case PlanIntended():
                return self._plan(record)
            case RepairIntended():
                return self._repair(record)
            case OrderChanged():
                return self._change(record)
            case FillBooked():
                return self._book(record)
            case Started():
                return self._start(record)
            case FillsCovered():
                self.covered[record.instrument, record.account] = record.until
            case Snapshot():
                self._restore(record)
            case BalanceOpened() | ExternalBooked() | FundingBooked():
                pass  # not about orders
            case PlanClosed():
                for tracked in self.plans.pop(record.finished.plan_id).orders:
                    self._finished[tracked.client_order_id] = None
                self._forget()
        return ()

    @property
    def finished(self) -> tuple[ClientOrderId, ...]:
        """Orders of finished plans, in the order in which they will be forgotten."""
        return tuple(self._finished)

    def same(self, other: "State") -> bool:
        """Whether nothing that comes after could tell the two apart."""

        def ages(of: State) -> list[list[object]]:
            """Oldest first: in that order they are looked at and forgotten."""
            return [list(of.orders), list(of.open), list(of.plans), list(of.trades), list(of.finished)]

        return vars(self) == vars(other) and ages(self) == ages(other)

    def find(
        self, instrument: InstrumentId, account: AccountId, client: ClientOrderId, venue: VenueOrderId | None
    ) -> Tracked | None:
        """Our order, by our id or else by the venue's."""
        tracked = self.orders.get(client)
        if tracked is None and venue is not None:
            known = self._by_venue.get((instrument, account, venue))
            tracked = None if known is None else self.orders.get(known)
        return tracked if tracked is not None and tracked.where == (instrument, account) else None

    def covered_until(self, instrument: InstrumentId, account: AccountId) -> Nanos:
        """Every fill up to then is booked; at first as of the journal's beginning."""
        before = self.covered.get((instrument, None), self.epoch)
        return self.covered.get((instrument, account), before)

    # -- what each record does -----------------------------------------------------------------

    def _restore(self, kept: Snapshot) -> None:
        assert not self.fence, "a snapshot is the first record of its journal"
        self.fence, self.epoch, self.counts = kept.fence, kept.epoch, Counts(**kept.counts)
        for each in kept.orders:
            tracked = Tracked(**asdict(each))
            order = tracked.order
            self.orders[tracked.client_order_id] = tracked
            if tracked.open:
                self.open[tracked.client_order_id] = tracked
            if order.venue_order_id is not None:
                self._by_venue[_at_venue(order.request, order.venue_order_id)] = tracked.client_order_id
        self._finished = dict.fromkeys(kept.finished)
        for of in kept.plans:
            self.plans[of.plan.plan_id] = InFlight(of.plan, [self.orders[name] for name in of.orders])
        remembered = kept.fills[len(kept.fills) - kept.trades :]
        self.trades = dict.fromkeys(trade_key(fill) for fill in remembered)
        self.covered = {(instrument, None): until for instrument, until in kept.covered.items()}
        self.covered |= {(instrument, account): until for instrument, account, until in kept.covered_accounts}

    def _start(self, record: Started) -> tuple[Tracked, ...]:
        assert record.fence > self.fence, f"start {record.fence} does not come after start {self.fence}"
        self.fence = record.fence
        self.epoch = self.epoch or record.at
        changed = []
        for tracked in self.open.values():
            order = tracked.order
            status = after(order.status, Evidence.RESTARTED)
            if status is UNKNOWN:
                # The run before was alive until at most now: what it sent, it sent before. (The clock
                # may have been set since, so its own limit alone proves nothing.)
                latest_send = max(order.latest_send, record.at)
                tracked.order = replace(order, status=status, latest_send=latest_send, changed_at=record.at)
                changed.append(tracked)
        return tuple(changed)

    def _plan(self, record: PlanIntended) -> tuple[Tracked, ...]:
        tracked = [self._add(request, Purpose.FIRST, record.latest_send, record.at) for request in record.orders]
        self.plans[record.plan.plan_id] = InFlight(record.plan, tracked)
        self.counts.plans += 1
        return tuple(tracked)

    def _repair(self, record: RepairIntended) -> tuple[Tracked, ...]:
        tracked = self._add(record.order, record.purpose, record.latest_send, record.at)
        self.plans[record.order.plan_id].orders.append(tracked)
        return (tracked,)

    def _add(self, request: OrderRequest, purpose: Purpose, latest_send: Nanos, at: Nanos) -> Tracked:
        assert request.client_order_id not in self.orders, f"{request.client_order_id} is used twice"
        order = Order(
            request=request, status=OrderStatus.INTENDED, latest_send=latest_send, created_at=at, changed_at=at
        )
        tracked = Tracked(order, purpose)
        self.orders[request.client_order_id] = self.open[request.client_order_id] = tracked
        return tracked

    def _change(self, record: OrderChanged) -> tuple[Tracked, ...]:
        tracked = self.orders[record.client_order_id]
        order = tracked.order
        if order.status is OrderStatus.INTENDED and record.status is OrderStatus.SUBMITTED:
            self.counts.submitted += 1
        if record.venue_order_id is not None and order.venue_order_id is None:
            self._by_venue[_at_venue(order.request, record.venue_order_id)] = record.client_order_id
        tracked.done = record.done
        tracked.order = replace(
            order,
            status=record.status,
            venue_order_id=record.venue_order_id,
            venue_filled=record.venue_filled,
            reason=record.reason,
            changed_at=record.at,
        )
        self._close(tracked)
        return (tracked,)

    def _book(self, record: FillBooked) -> tuple[Tracked, ...]:
        fill = record.fill
        self.trades[trade_key(fill)] = None
        self.counts.fills += 1
        tracked = self.find(fill.instrument, fill.account, fill.client_order_id, fill.venue_order_id)
        if tracked is None:
            self.counts.external += 1
            self._forget()
            return ()
        order = tracked.order
        tracked.value += fill.price * fill.quantity
        tracked.fees[fill.fee.asset] = tracked.fees.get(fill.fee.asset, ZERO) + fill.fee.amount
        tracked.order = replace(
            order,
            filled=order.filled + fill.quantity,
            status=after(order.status, Evidence.TRADED),
            changed_at=record.at,
        )
        self._close(tracked)
        return (tracked,)

    def _close(self, tracked: Tracked) -> None:
        """Make the order terminal once its fills are complete, and count how it ended."""
        tracked.order = replace(tracked.order, status=settled(tracked.order, tracked.done))
        if tracked.open or self.open.pop(tracked.client_order_id, None) is None:
            return
        match tracked.order.status:
            case OrderStatus.FILLED:
                self.counts.filled += 1
            case OrderStatus.CANCELLED:
                self.counts.cancelled += 1
            case OrderStatus.EXPIRED:
                self.counts.expired += 1
            case _:
                self.counts.rejected += 1

    def _forget(self) -> None:
        """Keep memory bounded: the oldest orders of finished plans, and the oldest trades, go."""
        while len(self._finished) > self._orders_kept_max:
            client_order_id = next(iter(self._finished))
            del self._finished[client_order_id]
            order = self.orders.pop(client_order_id).order
            if order.venue_order_id is not None:
                self._by_venue.pop(_at_venue(order.request, order.venue_order_id), None)
        while len(self.trades) > self._trades_kept_max:
            del self.trades[next(iter(self.trades))]


def _at_venue(request: OrderRequest, name: VenueOrderId) -> tuple[InstrumentId, AccountId, VenueOrderId]:
    """What the venue knows the order by."""
    return request.instrument, request.account, name


def replay(records: tuple[Record, ...], orders_kept_max: int, trades_kept_max: int) -> State:
    """The state after these records."""
    state = State(orders_kept_max, trades_kept_max)
    for record in records:
        state.apply(record)
    return state
