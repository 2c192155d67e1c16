"""What to make of a message: where it lies in time, whether it is believed, and what it does to the book.

A quote that cannot be believed says at least that the best prices are no longer what they were: the
instrument is SUSPECT until something believable arrives. Nothing that is refused counts as a sign of
life, so what is refused for long makes its instrument STALE, and a stale instrument begins anew: that
is how a real jump of the market, or a venue that numbers its messages anew, is taken in after all.
"""

from integrated_trading_system.domain.health import BookBroken, BookState
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.audit import Difference
from integrated_trading_system.feed.books import NOTHING
from integrated_trading_system.feed.lane import Lane
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.feed.outlet import Outlet
from integrated_trading_system.feed.validation import Reason, levels_reason, quote_reason, trade_reason


def place(lane: Lane, venue_time: Nanos, received_at: Nanos, *, reaches: bool = True) -> Reason | None:
    """Tell the venue's clock of a message; AGE or FUTURE when its time cannot be believed.

    `reaches`: it came on the link of the prices, so these were true until then.
    """
    clock = lane.clock
    late = None
    if venue_time == 0:
        reach, late = clock.untimed_reach(received_at)
    else:
        difference = received_at - venue_time
        if not clock.low <= difference < clock.high:
            late = clock.observe(difference, received_at)
            if late is Reason.FUTURE:
                return late
        reach = venue_time - clock.offset
    if reaches and reach > clock.reach:
        clock.reach = reach
    return late


class Judge:
    """Decides about quotes, changes of books, snapshots and trades of lanes whose links are up."""

    def __init__(self, outlet: Outlet) -> None:
        """Tells what it decides through `outlet`."""
        self._outlet = outlet

    # -- quotes --------------------------------------------------------------------------------

    def quote(self, lane: Lane, quote: Quote) -> None:
        """A quote that differs from the ordinary in something; most often the first at a new price."""
        machine = lane.entry.machine
        if quote.sequence > max(lane.entry.top.sequence, lane.floor):
            lane.bookish = lane.watched = True
            self._top(lane, quote, place(lane, quote.venue_time, quote.received_at), made=False)
        elif quote.sequence < lane.newest_of_stream:
            lane.quotes.refuse(Reason.SEQUENCE)
            self._outlet.refuse(lane, Reason.SEQUENCE, quote)
        else:  # a duplicate, or the book was quicker
            lane.quotes.conflate("nothing new")
            if machine is not None and quote.sequence == machine.order and not lane.compare(quote, machine):
                self._contradicted(lane, machine)

    def _top(self, lane: Lane, quote: Quote, late: Reason | None, *, made: bool) -> None:
        """Believe new best prices and tell them, or doubt. `made`: from the book, not received."""
        entry = lane.entry
        top = entry.top
        if (
            late is not None
            or not ((quote.bid == top.bid and quote.ask == top.ask) or lane.plausible(quote))
            or not (0.0 < quote.bid_size < lane.size_max and 0.0 < quote.ask_size < lane.size_max)
        ):
            lane.measure()
            reason = quote_reason(quote, lane.bounds(lane.last_mid, lane.typical_quote)) or late
            if reason is not None:
                if not made:
                    lane.quotes.refuse(reason)
                self._outlet.doubt(lane, reason)
                self._outlet.refuse(lane, reason, quote)
                return
            lane.anchor(quote)
        if not made:
            lane.quotes.delivered += 1
        else:
            if top is not lane.made:
                lane.stream_sequence = lane.newest_of_stream
            lane.made = quote
            lane.heard = quote.received_at
        entry.top = quote
        lane.recent_quotes.append(quote)
        if entry.state is not BookState.VALID:
            if entry.machine is None:
                lane.silent = False
            if lane.trusted:
                self._outlet.change(lane, BookState.VALID, "")
        for ref in lane.active:
            ref.tell(quote)
        for listener in lane.quote_listeners:
            listener.tell(quote)

    # -- books ---------------------------------------------------------------------------------

    def delta(self, lane: Lane, machine: BookMachine, delta: BookDelta) -> None:
        """A change of the book."""
        clock = lane.clock
        late = None
        difference = delta.received_at - delta.venue_time
        if delta.venue_time and clock.low <= difference < clock.high:
            lane.delta_differences.append(difference)
            reach = delta.venue_time - clock.offset
            if clock.untimed:
                clock.pace(reach)
            if reach > clock.reach:
                clock.reach = reach
        else:
            late = place(lane, delta.venue_time, delta.received_at)
        outcome = machine.delta(delta)
        if outcome is not Outcome.APPLIED:
            self._unproven(lane, machine, outcome)
            return
        if lane.audit is not None:
            lane.audit.touch(delta)
        if delta.order <= lane.entry.top.sequence and not lane.compare_at(delta.order, machine):
            self._contradicted(lane, machine)
            return
        self._book(lane, machine, late)
        for ref in lane.delta_listeners:
            ref.tell(delta)

    def snapshot(self, lane: Lane, machine: BookMachine, snapshot: BookSnapshot) -> None:
        """A whole book."""
        # That levels are crossed is found by whoever puts them in order.
        reason = levels_reason(snapshot.bids) or levels_reason(snapshot.asks)
        if reason is not None:
            lane.depth.refuse(reason)
            self._outlet.refuse(lane, reason, snapshot)
            machine.refuse()
            if snapshot.in_stream:
                self.disprove(lane, machine, reason)
            else:
                self._outlet.ask(lane, machine)
            return
        outcome = machine.snapshot(snapshot)
        if outcome is Outcome.APPLIED:
            self._book(lane, machine, place(lane, snapshot.venue_time, snapshot.received_at))
            self._outlet.publish(snapshot)
        elif outcome is Outcome.WAITING:
            self._outlet.change(lane, BookState.SYNCING, "snapshot")
        else:
            self._unproven(lane, machine, outcome)

    def broken(self, lane: Lane, machine: BookMachine, broken: BookBroken) -> None:
        """The venue's own proof of the book failed."""
        self._outlet.publish(broken)
        self.disprove(lane, machine, broken.reason)

    def disprove(self, lane: Lane, machine: BookMachine, reason: str) -> None:
        """The book is wrong although nothing is missing: it is discarded, and told again once it is proven anew."""
        machine.disprove()
        if lane.entry.top is lane.made:
            lane.withdraw()
        self._outlet.change(lane, BookState.SUSPECT, reason)
        self._outlet.ask(lane, machine)

    def _contradicted(self, lane: Lane, machine: BookMachine) -> None:
        """Book and quote stream tell different best prices of one moment: one of them is wrong, so none is known."""
        self._outlet.diverged(lane, Difference(compared=1, differing=1), "quotes")
        lane.withdraw()
        self.disprove(lane, machine, "contradicted")

    def _book(self, lane: Lane, machine: BookMachine, late: Reason | None) -> None:
        """The book is proven and has changed: its top counts, unless the quote stream is ahead of it."""
        entry = lane.entry
        lane.silent = False
        order = machine.order
        if order > entry.top.sequence and order > lane.floor:
            if machine.top is None:
                lane.heard = machine.heard_at
                self._outlet.doubt(lane, "one-sided")
                return
            bid, bid_size, ask, ask_size = machine.top
            quote = Quote(lane.instrument, bid, bid_size, ask, ask_size, order, machine.venue_time, machine.heard_at)
            self._top(lane, quote, late, made=True)
        else:
            lane.heard = machine.heard_at
            if entry.state is not BookState.VALID and entry.top is not NOTHING:
                self._outlet.change(lane, BookState.VALID, "")
                self._outlet.synchronize(lane, entry.top)

    def _unproven(self, lane: Lane, machine: BookMachine, outcome: Outcome) -> None:
        """The message did not prove the book, or undid it."""
        if outcome is Outcome.OUTDATED:
            return
        if outcome is Outcome.RESTARTED:
            lane.forget()
        if lane.entry.top is lane.made:
            lane.withdraw()
        if outcome in (Outcome.GAP, Outcome.RESTARTED):
            self._outlet.gap(lane, machine)
        if outcome in (Outcome.GAP, Outcome.RESTARTED, Outcome.CROSSED):
            self._outlet.change(lane, BookState.SUSPECT, outcome.name.lower())
        self._outlet.ask(lane, machine)

    # -- trades --------------------------------------------------------------------------------

    def trade(self, lane: Lane, trade: Trade) -> None:
        """A public print that is not a duplicate. It may be late, for it stays a fact."""
        late = place(lane, trade.venue_time, trade.received_at, reaches=lane.entry.machine is None)
        reason: Reason | None = late if late is Reason.FUTURE else None
        if not lane.plausible_trade(trade):
            lane.measure()
            before = lane.last_mid or lane.trade_price
            reason = trade_reason(trade, lane.bounds(before, lane.typical_trade)) or reason
        if reason is not None:
            lane.trades.refuse(reason)
            self._outlet.refuse(lane, reason, trade)
            return
        lane.take_trade(trade)
