"""What the venues tell us, turned into records: evidence about orders, fills, and proofs of absence.

An order is nowhere when, in this order and all asked after its last possible acceptance, the venue
does not find it, does not list it as open, and lists no fill of it that we do not own. One "not found"
is not enough: some venues forget an order once it is over, and then its fills are all that is left.
A resting order may have traded just before it was forgotten, so its fills are asked for a while later.
"""

from decimal import Decimal
from itertools import islice
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from integrated_trading_system.domain.execution import (
    CancelFailed,
    Fill,
    FillsListed,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    SubmitRefused,
    SubmitUncertain,
)
from integrated_trading_system.domain.ids import ClientOrderId, VenueOrderId
from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus, TimeInForce
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.desk import Desk
from integrated_trading_system.oms.external import External
from integrated_trading_system.oms.journal import Journal
from integrated_trading_system.oms.lifecycle import Evidence, after, contradicts
from integrated_trading_system.oms.reconciliation import About
from integrated_trading_system.oms.records import FillBooked, FillsCovered, OrderChanged
from integrated_trading_system.oms.state import Tracked, TradeKey, trade_key

MISSING_ASKED_MAX: Final = 50
"""Orders asked for because a list of open orders has not got them; the next list tells of the others."""

OrderNews: TypeAlias = (
    OrderAccepted
    | OrderRejected
    | OrderDone
    | OrderReport
    | OrderNotFound
    | SubmitUncertain
    | SubmitRefused
    | CancelFailed
)


class Seen(Struct):
    """Counters of what was dropped, or is not ours."""

    duplicates: int = 0
    strangers: int = 0
    """Events of orders that are not ours."""
    ancient: int = 0
    """Fills from before the journal began."""


class _Absence(Struct):
    """How far the proof has come."""

    not_found: Nanos
    not_open: Nanos | None = None


class Answers:
    """Reads evidence; writes records."""

    def __init__(
        self, desk: Desk, journal: Journal, external: External, fills_margin: Nanos, listing_lag: Nanos
    ) -> None:
        """`listing_lag`: how long after a trade a venue may still list fills without it."""
        self._desk = desk
        self._journal = journal
        self._state = journal.state
        self._fills_margin = fills_margin
        self._listing_lag = listing_lag
        self._absences: dict[ClientOrderId, _Absence] = {}
        self._held: dict[TradeKey, Fill] = {}
        """Fills that carry only the venue's order id, while one of our orders still waits to learn its own."""
        self.seen = Seen()
        self.external = external

    # -- orders --------------------------------------------------------------------------------

    def on_order(self, news: OrderNews) -> None:
        """One piece of evidence about one order."""
        if isinstance(news, OrderReport | OrderNotFound):
            self._desk.answered((About.ORDER, news.client_order_id))
        tracked = self._state.orders.get(news.client_order_id)
        if tracked is None:
            self._of_a_stranger(news)
            return
        match news:
            case OrderAccepted():
                self._present(tracked, news.venue_order_id)
            case OrderDone():
                self._ended(tracked, news, proven=False)
            case OrderReport():
                self._ended(tracked, news, proven=self._is_proof(tracked.order, news.asked_at))
            case OrderNotFound():
                self._not_found(tracked, news)
            case OrderRejected():
                self._doubt(tracked, Evidence.REFUSED, news.reason)
            case SubmitUncertain():
                self._doubt(tracked, Evidence.UNCERTAIN, news.reason)
            case SubmitRefused():
                self.unsent(tracked, news.reason)
            case CancelFailed(maybe_sent=maybe_sent):
                if maybe_sent and tracked.open:
                    self._desk.ask((About.ORDER, tracked.client_order_id))

    def _of_a_stranger(self, news: OrderNews) -> None:
        self.seen.strangers += 1
        if isinstance(news, OrderDone):
            self.external.ended(news)

    def unsent(self, tracked: Tracked, reason: str) -> None:
        """Not one byte of it left."""
        if (status := after(tracked.order.status, Evidence.UNSENT)) is not tracked.order.status:
            self._change(tracked, status=status, reason=reason)

    def sent(self, tracked: Tracked) -> None:
        """It was handed to the venue's connector."""
        self._change(tracked, status=after(tracked.order.status, Evidence.SENT))

    def _ended(self, tracked: Tracked, news: OrderDone | OrderReport, *, proven: bool) -> None:
        """The venue's word on the order's state."""
        done = news.status if news.status in TERMINAL else None
        if done is OrderStatus.REJECTED and news.venue_filled == ZERO and not proven:
            self._doubt(tracked, Evidence.REFUSED, news.reason if isinstance(news, OrderDone) else "rejected")
            return
        if done is OrderStatus.REJECTED and news.venue_filled > ZERO:
            done = OrderStatus.CANCELLED
        reason = news.reason if isinstance(news, OrderDone) else ""
        trades = isinstance(news, OrderReport) and done is None and news.asked_at >= tracked.order.changed_at
        self._present(tracked, news.venue_order_id, news.venue_filled, done, reason, trades=trades)

    def _present(
        self,
        tracked: Tracked,
        venue_order_id: VenueOrderId | None,
        venue_filled: Decimal = ZERO,
        done: OrderStatus | None = None,
        reason: str = "",
        *,
        trades: bool = False,
    ) -> None:
        """The venue has the order, or had it; `trades`: it has it now."""
        order = tracked.order
        if contradicts(order, Evidence.PRESENT):
            self._doubt_the_proof(order, trades or venue_filled > order.filled)
        if order.venue_order_id and venue_order_id not in (None, "", order.venue_order_id):
            self._desk.halt(f"two orders at the venue carry our id {order.request.client_order_id}")
        if not tracked.open:
            return
        self._absences.pop(tracked.client_order_id, None)
        status = after(order.status, Evidence.PRESENT)
        known = order.venue_order_id or venue_order_id or None
        executed, done = max(order.venue_filled, venue_filled), done or tracked.done
        if (status, known, executed, done) != (order.status, order.venue_order_id, order.venue_filled, tracked.done):
            self._change(
                tracked,
                status=status,
                venue_order_id=known,
                venue_filled=executed,
                done=done,
                reason=reason or order.reason,
            )
        if done is not None or executed > tracked.order.filled:
            self._desk.chase_later(tracked)

    def _doubt_the_proof(self, order: Order, certain: bool) -> None:
        """An order that should not be there. Word of one that was over before we looked may just come late."""
        if certain or order.status is not OrderStatus.REJECTED:
            self._desk.halt(f"{order.request.client_order_id} is at the venue, though it was {order.status.value}")
        else:
            self._desk.ask((About.OPEN_ORDERS, order.request.account), again=True)

    def _doubt(self, tracked: Tracked, evidence: Evidence, reason: str) -> None:
        """A no, or no answer: neither says that the order is not there."""
        status = after(tracked.order.status, evidence)
        if status is tracked.order.status:
            return
        self._change(tracked, status=status, reason=reason)
        self._desk.ask((About.ORDER, tracked.client_order_id))
        self._desk.prove_later(tracked.order)

    def _change(
        self,
        tracked: Tracked,
        *,
        status: OrderStatus,
        venue_order_id: VenueOrderId | None = None,
        venue_filled: Decimal | None = None,
        done: OrderStatus | None = None,
        reason: str | None = None,
    ) -> None:
        order = tracked.order
        self._journal.write(
            OrderChanged(
                client_order_id=order.request.client_order_id,
                status=status,
                venue_order_id=venue_order_id or order.venue_order_id,
                venue_filled=order.venue_filled if venue_filled is None else venue_filled,
                done=done or tracked.done,
                reason=order.reason if reason is None else reason,
                at=self._desk.now,
            )
        )

    # -- proving absence -----------------------------------------------------------------------

    def _is_proof(self, order: Order, asked_at: Nanos) -> bool:
        return (proof := self._desk.proof_after(order)) is not None and asked_at > proof

    def _not_found(self, tracked: Tracked, news: OrderNotFound) -> None:
        """First step of the proof."""
        if not tracked.open or not self._is_proof(tracked.order, news.asked_at):
            return
        self._absences.setdefault(tracked.client_order_id, _Absence(news.asked_at))
        self._desk.ask((About.OPEN_ORDERS, tracked.order.request.account), again=True)

    def on_open_orders(self, news: OpenOrdersListed) -> None:
        """Second step of the proof; and orders that are not ours come to light."""
        strangers = []
        for report, instrument in zip(news.orders, news.instruments, strict=True):
            tracked = self._state.find(instrument, news.account, report.client_order_id, report.venue_order_id)
            if tracked is None:
                strangers.append((report, instrument))
            else:
                self._ended(tracked, report, proven=self._is_proof(tracked.order, news.asked_at))
        self.external.listed(news, strangers)
        self._look_for_missing(news)
        for tracked, absence in self._open_absences():
            if tracked.where[1] == news.account and news.asked_at >= absence.not_found:
                absence.not_open = absence.not_open or news.asked_at
                self._desk.ask((About.FILLS, *tracked.where), again=True)

    def _look_for_missing(self, news: OpenOrdersListed) -> None:
        """Ask what became of orders that we believe to be open and the list has not; some of them at a time."""
        listed = {report.venue_order_id for report in news.orders}
        missing = (
            tracked
            for tracked in self._state.open.values()
            if tracked.order.status is OrderStatus.WORKING
            and tracked.order.changed_at < news.asked_at
            and tracked.order.request.account == news.account
            and tracked.order.venue_order_id not in listed
        )
        for tracked in islice(missing, MISSING_ASKED_MAX):
            self._desk.ask((About.ORDER, tracked.client_order_id))

    def on_fills(self, news: FillsListed) -> None:
        """Last step of the proof: whatever the order traded is in the list."""
        for fill in news.fills:
            self.on_fill(fill)
        of = (news.instrument, news.account)
        covered = self._state.covered_until(*of)
        held = any((fill.instrument, fill.account) == of for fill in self._held.values())
        if news.since <= covered and not held and news.asked_at - covered >= self._fills_margin:
            self._journal.write(FillsCovered(instrument=news.instrument, account=news.account, until=news.asked_at))
        for tracked, absence in self._open_absences():
            if tracked.where != of or absence.not_open is None:
                continue
            rests = tracked.order.request.time_in_force is TimeInForce.GTC
            if news.asked_at >= absence.not_open + (self._listing_lag if rests else 0):
                self._absent(tracked)

    def _open_absences(self) -> list[tuple[Tracked, _Absence]]:
        """The proofs under way; those of orders that ended otherwise are dropped."""
        self._absences = {key: absence for key, absence in self._absences.items() if key in self._state.open}
        return [(self._state.open[key], absence) for key, absence in self._absences.items()]

    def _absent(self, tracked: Tracked) -> None:
        """Proven, unless the venue once spoke of fills that it does not list: then it has to be asked again."""
        del self._absences[tracked.client_order_id]
        order = tracked.order
        if order.venue_filled <= order.filled:
            status = after(order.status, Evidence.ABSENT)
            self._change(tracked, status=status, venue_filled=order.filled, reason=order.reason or "not at the venue")

    # -- fills ---------------------------------------------------------------------------------

    def on_fill(self, fill: Fill) -> None:
        """Book it, once."""
        key = trade_key(fill)
        if key in self._state.trades or key in self._held:
            self.seen.duplicates += 1
            return
        for candidate in self._place(key, fill):
            self._desk.ask((About.ORDER, candidate.client_order_id))

    def release(self) -> None:
        """Look again at the fills that waited for an order to learn the venue's id of it."""
        held, self._held = self._held, {}
        for key, fill in held.items():
            self._place(key, fill)

    def _place(self, key: TradeKey, fill: Fill) -> list[Tracked]:
        """Book the fill, or hold it; the orders that have to be asked for before it can be booked."""
        tracked = self._state.find(fill.instrument, fill.account, fill.client_order_id, fill.venue_order_id)
        if tracked is not None:
            self._own(tracked, fill)
            return []
        if candidates := self._candidates(fill):
            self._held[key] = fill
            return candidates
        self._stranger(fill)
        return []

    def _own(self, tracked: Tracked, fill: Fill) -> None:
        order, told = tracked.order, f"{tracked.client_order_id} in {fill.instrument} traded"
        if contradicts(order, Evidence.TRADED):
            self._desk.halt(f"{told}, though it was {order.status.value}")
        elif (traded := order.filled + fill.quantity) > order.request.quantity:
            self._desk.halt(f"{told} {plain(traded)}, more than its {plain(order.request.quantity)}")
        self._present(tracked, fill.venue_order_id)
        self._journal.write(FillBooked(fill=replace(fill, client_order_id=tracked.client_order_id), at=self._desk.now))

    def _stranger(self, fill: Fill) -> None:
        """Somebody else traded on the account: it is our money all the same. Held before it is no longer open."""
        if fill.venue_time < self._state.epoch:
            self.seen.ancient += 1
        else:
            self._journal.write(FillBooked(fill=fill, at=self._desk.now))
        self.external.traded(fill)

    def _candidates(self, fill: Fill) -> list[Tracked]:
        """Our orders that the fill may belong to: it names none, and they do not know the venue's id yet."""
        if fill.client_order_id:
            return []
        return [
            tracked
            for tracked in self._state.open.values()
            if tracked.order.venue_order_id is None
            and tracked.order.status is not OrderStatus.INTENDED
            and tracked.where == (fill.instrument, fill.account)
            and tracked.order.request.side is fill.side
        ]
