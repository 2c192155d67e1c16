"""Everything the feeder keeps about one instrument, and the band in which its next price is ordinary.

Nine quotes in ten change no price. The others are compared with a band around the last price that
was judged in full; only what leaves the band, or meets a lane with no trusted price, is judged again.
"""

from collections import deque
from itertools import islice
from math import inf
from typing import Final, TypeAlias

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import BookStateChanged, ClockEstimated
from integrated_trading_system.domain.ids import InstrumentId, LinkId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, DataType, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.audit import Audit, AuditRecord
from integrated_trading_system.feed.books import NOTHING, Entry
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import VenueClock
from integrated_trading_system.feed.machine import UNPROVEN, BookMachine
from integrated_trading_system.feed.outliers import UNKNOWN, Typical, limits_of, typical
from integrated_trading_system.feed.statistics import Counts
from integrated_trading_system.feed.validation import Bounds, on_lot, on_tick
from integrated_trading_system.runtime.actor import Ref

SyncMessage: TypeAlias = Quote | BookStateChanged | ClockEstimated
"""What a synchronizer is told."""

TRADES_PER_HALF: Final = 2_048
"""Of the trade ids among which a duplicate is looked for: two links of a rollover both bring every trade."""
DIFFERENCES_KEPT: Final = 1_024
"""Delays of changes, for averages and percentiles; those of quotes and trades are in their rings."""
OTHERS: Final = (DataType.STATISTICS, DataType.CANDLES, DataType.MARK_PRICE, DataType.FUNDING)
"""Passed on as they come."""
NEVER: Final = Nanos(-1 << 62)
MEASURE_AFTER: Final = 16
"""So many new messages say something new about what is typical."""
QUOTES_SEARCHED: Final = 64
"""How far back the quote is looked for that tells the same moment as a change of the book."""


class Lane:
    """One instrument. Its attributes are public: the feeder is their only user."""

    __slots__ = (
        *(
            "_ids",
            "_older_ids",
            "active",
            "audit",
            "audits",
            "began",
            "bookish",
            "clock",
            "compared",
            "delta_differences",
        ),
        *(
            "delta_listeners",
            "depth",
            "down",
            "entry",
            "equal",
            "floor",
            "heard",
            "high",
            "instrument",
            "limits",
            "links",
        ),
        *(
            "lots_per_unit",
            "low",
            "made",
            "measured",
            "measured_at",
            "mid",
            "others",
            "quantity_max",
            "quote_listeners",
        ),
        *("quotes", "recent_quotes", "recent_trades", "refused", "rings", "settings", "silences", "silent", "size_max"),
        *("step_max", "stream_sequence", "synchronizers", "ticks_per_unit", "trade_listeners", "trade_price", "trades"),
        *("typical_quote", "typical_trade", "venue", "watched"),
    )
    # Slots are read faster than a dictionary of so many attributes, and every message reads some.

    def __init__(
        self,
        instrument: InstrumentId,
        entry: Entry,
        clock: VenueClock,
        buffers: Buffers,
        settings: FeedSettings,
        synchronizers: tuple[Ref[SyncMessage], ...],
    ) -> None:
        """Nothing heard."""
        self.instrument = instrument
        self.venue: VenueId = venue_of(instrument)
        self.entry = entry
        self.clock = clock
        self.settings = settings
        self.synchronizers = synchronizers
        self.active: tuple[Ref[SyncMessage], ...] = ()
        """The synchronizers while the instrument is VALID, nobody otherwise."""
        self.quote_listeners: list[Ref[Quote]] = []
        self.trade_listeners: list[Ref[Trade]] = []
        self.delta_listeners: list[Ref[BookDelta]] = []
        """The bus's own lists, so that nobody has to be asked per message who listens."""
        self._begin_counting(buffers)
        self._begin_judging()
        self.floor = UNPROVEN
        """No quote up to this sequence is taken while the top is unknown."""
        self.stream_sequence = UNPROVEN
        """The newest of the quote stream, as far as it is not the top itself."""
        self.made: Quote | None = None
        """The newest quote made from the book."""
        self.audit: Audit | None = None
        """Under way: it is told what changes of the book touch."""
        self.audits: AuditRecord | None = None
        """What audits came to so far; None while none was thought of."""
        self.bookish = False
        """Whether quotes or depth are expected: such a lane has a state, others can only fall silent."""
        self.watched = False
        """Whether its silence matters."""
        self.down = False
        """Its links are gone. What still arrives is of a dead link."""
        self.silent = False
        self.heard = Nanos(0)
        """The last sign of life, but for quotes: the newest of these is in `entry.top`."""
        self.links: dict[LinkId, None] = {}
        """Those that carry it now."""
        self._ids: dict[str, None] = {}
        self._older_ids: dict[str, None] = {}

    def _begin_counting(self, buffers: Buffers) -> None:
        self.quotes = Counts()
        self.trades = Counts()
        self.depth = Counts()
        """Snapshots that were not believed; everything else of a book is counted by its machine."""
        self.others = {kind: Counts() for kind in OTHERS}
        kinds = (*self.others, DataType.QUOTES, DataType.TRADES)
        self.rings = {kind: buffers.of(self.instrument, kind) for kind in kinds}
        self.recent_quotes: deque[Quote] = self.rings[DataType.QUOTES]
        self.recent_trades: deque[Trade] = self.rings[DataType.TRADES]
        self.delta_differences: deque[int] = deque(maxlen=DIFFERENCES_KEPT)
        self.compared = self.equal = self.silences = 0
        self.refused = 0
        """Quarantined."""

    def _begin_judging(self) -> None:
        self.limits = limits_of(self.settings)
        self.step_max = self.limits.step_max
        self.ticks_per_unit = self.lots_per_unit = 0.0
        self.low = self.high = inf
        """The band; `low` is infinite while no price is trusted, so that every quote is judged."""
        self.mid = 0.0
        """The last price judged in full, or the last one before the top was withdrawn."""
        self.trade_price = 0.0
        self.typical_quote = self.typical_trade = UNKNOWN
        self.size_max = self.quantity_max = inf
        """Of best prices and of trades; what is larger is judged in full."""
        self.measured = 0
        """How many messages there were when the typical was last measured."""
        self.measured_at = Nanos(0)
        self.began = self.newest_kept
        """When the newest message was received that says nothing about prices any more."""

    # -- prices --------------------------------------------------------------------------------

    def plausible(self, quote: Quote) -> bool:
        """Whether its prices lie inside the band. False says only that `quote_reason` has to judge."""
        per_unit = self.ticks_per_unit
        return (
            self.low < quote.bid < quote.ask < self.high
            and on_tick(quote.bid, per_unit)
            and on_tick(quote.ask, per_unit)
        )

    def anchor(self, quote: Quote) -> None:
        """Lay the band around this quote: inside it none of the checks of `quote_reason` can fail on a price."""
        self.mid = (quote.bid + quote.ask) / 2
        low, high = self.typical_quote.low, self.typical_quote.high
        if not low <= self.mid <= high:  # it has walked away from the median: no step in this band is a long one
            low, high = self.mid * (1.0 - self.step_max / 2), self.mid * (1.0 + self.step_max / 2)
        self.low = max(0.0, self.mid * (1.0 - self.limits.half_width), low)
        self.high = min(self.mid * (1.0 + self.limits.half_width), high)

    def measure(self) -> bool:
        """Learn from the newest messages what is typical; False where there are too few new ones."""
        machine = self.entry.machine
        count = self.quotes.delivered + self.trades.delivered + (machine.updates if machine is not None else 0)
        if count - self.measured < MEASURE_AFTER:
            return False
        self.measured = count
        newest, began = self.settings.outlier_samples, self.began
        quotes = [one for one in islice(reversed(self.recent_quotes), newest) if one.received_at > began]
        sizes = [(one.bid_size + one.ask_size) / 2 for one in quotes]
        self.typical_quote = typical([(one.bid + one.ask) / 2 for one in quotes], sizes, self.settings)
        trades = [one for one in islice(reversed(self.recent_trades), newest) if one.received_at > began]
        self.typical_trade = typical([one.price for one in trades], [one.quantity for one in trades], self.settings)
        self.size_max, self.quantity_max = self.typical_quote.size_max, self.typical_trade.size_max
        if self.low < inf and self.entry.top is not NOTHING:
            self.anchor(self.entry.top)
        return True

    def bounds(self, price_before: float, usual: Typical) -> Bounds:
        """What is ordinary now."""
        limits = self.limits
        return Bounds(
            price_before=price_before,
            jump_max=limits.jump_max,
            step_max=limits.step_max,
            spread_max=limits.spread_max,
            ticks_per_unit=self.ticks_per_unit,
            lots_per_unit=self.lots_per_unit,
            typical=usual,
        )

    @property
    def last_mid(self) -> float:
        """The last believed mid price; 0 when there is none."""
        top = self.entry.top
        return self.mid if top is NOTHING else (top.bid + top.ask) / 2

    def withdraw(self) -> None:
        """The top is no longer known; the next quote is judged in full."""
        top = self.entry.top
        if top is not NOTHING:
            self.heard = self.heard_at
            self.mid = self.last_mid
            self.floor = max(self.floor, top.sequence)
            self.stream_sequence = self.newest_of_stream
            self.entry.top = NOTHING
        self.low = inf

    def forget(self) -> None:
        """Prices and numbering may begin anew."""
        self.withdraw()
        self.floor = self.stream_sequence = UNPROVEN
        self.mid = self.trade_price = 0.0
        self.typical_quote = self.typical_trade = UNKNOWN
        self.size_max = self.quantity_max = inf
        self.began = self.newest_kept
        self.measured = 0

    @property
    def newest_kept(self) -> Nanos:
        """When the newest quote or trade that is kept was received."""
        return max((ring[-1].received_at for ring in (self.recent_quotes, self.recent_trades) if ring), default=NEVER)

    @property
    def newest_of_stream(self) -> int:
        """The highest sequence that the quote stream has told."""
        top = self.entry.top
        return self.stream_sequence if top is NOTHING or top is self.made else max(self.stream_sequence, top.sequence)

    # -- life ----------------------------------------------------------------------------------

    @property
    def heard_at(self) -> Nanos:
        """When something was last believed on which its state rests: changes of its book, or else its quotes."""
        return self.heard if self.entry.machine is not None else max(self.heard, self.entry.top.received_at)

    @property
    def trusted(self) -> bool:
        """Whether a good quote makes it VALID."""
        machine = self.entry.machine
        return not self.down and not self.silent and (machine is None or machine.proven)

    # -- comparing the two sources --------------------------------------------------------------

    def compare(self, quote: Quote, machine: BookMachine) -> bool:
        """Count whether the book and the quote stream tell the same best prices at one sequence; False: they do not."""
        self.compared += 1
        equal = machine.top == (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        self.equal += equal
        return equal

    def compare_at(self, order: int, machine: BookMachine) -> bool:
        """The same for a change of the book that the quote stream has overtaken; True also when nothing was told."""
        for quote in islice(reversed(self.recent_quotes), QUOTES_SEARCHED):
            if quote.sequence <= order:
                return quote.sequence < order or self.compare(quote, machine)
        return True

    # -- trades --------------------------------------------------------------------------------

    def known_trade(self, trade_id: str) -> bool:
        """Whether this trade was here before; remembers it."""
        ids = self._ids
        if trade_id in ids or trade_id in self._older_ids:
            return True
        if len(ids) >= TRADES_PER_HALF:
            self._older_ids, self._ids = ids, {trade_id: None}
        else:
            ids[trade_id] = None
        return False

    def plausible_trade(self, trade: Trade) -> bool:
        """Whether its price is an ordinary next one. False says only that `trade_reason` has to judge."""
        price = trade.price
        top = self.entry.top
        before = (self.mid if top is NOTHING else (top.bid + top.ask) / 2) or self.trade_price
        allowed = before * self.step_max
        return (
            0.0 < price < inf
            and 0.0 < trade.quantity < self.quantity_max
            and -allowed <= price - before <= allowed
            and (self.ticks_per_unit == 0.0 or on_tick(price, self.ticks_per_unit))
            and (self.lots_per_unit == 0.0 or on_lot(trade.quantity, self.lots_per_unit))
        )

    def take_trade(self, trade: Trade) -> None:
        """Believe it: keep it and tell it."""
        self.watched = True
        self.trade_price = trade.price
        self.trades.delivered += 1
        self.recent_trades.append(trade)
        if not self.bookish:
            self.silent = False
            self.heard = trade.received_at
        for listener in self.trade_listeners:
            listener.tell(trade)

    # -- reading -------------------------------------------------------------------------------

    def differences(self, limit: int) -> list[int]:
        """`received_at - venue_time` of at most `limit` of the newest quotes, as many trades, and as many changes."""
        newest: list[Quote | Trade] = [*islice(reversed(self.recent_quotes), limit)]
        newest += islice(reversed(self.recent_trades), limit)
        timed = [message.received_at - message.venue_time for message in newest if message.venue_time]
        return [*timed, *islice(reversed(self.delta_differences), limit)]

    def pushes(self, limit: int) -> list[int]:
        """The same of changes of the book alone, where there are any.

        They are stamped when they are sent, as a quote without time would be; trades carry the time of the
        match, which may be much earlier.
        """
        return [*islice(reversed(self.delta_differences), limit)] or self.differences(limit)

    def list(self, instrument: Instrument) -> None:
        """The venue's rules for it. What was only guessed is not held against a message."""
        known = not instrument.inferred and self.settings.enable_validation
        self.ticks_per_unit = float(1 / instrument.tick) if known and instrument.tick else 0.0
        lots = known and self.settings.enable_lot_check and instrument.lot
        self.lots_per_unit = float(1 / instrument.lot) if lots else 0.0
