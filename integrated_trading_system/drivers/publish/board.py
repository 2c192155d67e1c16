"""A board of the newest: one picture per symbol of one venue, shown at most so often, renewed before it expires.

Only the newest counts, so nothing queues up: a quote marks its symbol, and the picture is taken when it
is shown, from the books as they are then. Whatever the other side does, no more waits than there are
symbols, and nothing old is ever shown. A book that may not be believed, or has only one side, is not
shown: its key expires.
"""

import time
from collections.abc import Callable, Collection
from math import inf
from typing import Final, Protocol

from msgspec import Struct, json

from integrated_trading_system.domain.ids import InstrumentId, symbol_of
from integrated_trading_system.domain.market import Level, Quote
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import to_millis
from integrated_trading_system.drivers.publish.statistics import OutputStatistics

UNBELIEVED: Final = "not_valid"
ONE_SIDED: Final = "one_sided"
SYMBOLS: Final = "too_many_symbols"
REFUSED: Final = "refused"


class BookReader(Protocol):
    """Where books can be read between turns."""

    def top(self, instrument: InstrumentId) -> Quote | None:
        """The newest best prices, while they may be believed."""

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        """The levels that an order of this side would hit, best first."""


class Picture(Struct):
    """What is shown of a symbol."""

    symbol: str
    value: bytes
    news: bytes = b""
    """What subscribers are told; empty when nothing is new."""


Painter = Callable[[InstrumentId], Picture | str]
"""The picture now, or why there is none."""


def price_painter(books: BookReader) -> Painter:
    """Best prices: ``{"bid","ask","mid","ts","source":"l1"}``, `ts` in ms by the venue's stamp, or else our receipt."""

    def paint(instrument: InstrumentId) -> Picture | str:
        top = books.top(instrument)
        if top is None:
            return UNBELIEVED
        if not (0.0 < top.bid < inf and 0.0 < top.ask < inf and top.bid_size > 0.0 and top.ask_size > 0.0):
            return ONE_SIDED
        symbol = symbol_of(instrument)
        price = {
            "bid": top.bid,
            "ask": top.ask,
            "mid": (top.bid + top.ask) / 2,
            "ts": to_millis(top.venue_time or top.received_at),
            "source": "l1",
        }
        return Picture(symbol, json.encode(price), json.encode({"symbol": symbol, **price}))

    return paint


def book_painter(books: BookReader, levels: int) -> Painter:
    """The best levels: ``{"bids":[[price,size],…],"asks":[…],"ts","source":"l2"}``; `ts` is the newest best price's."""

    def paint(instrument: InstrumentId) -> Picture | str:
        top = books.top(instrument)
        bids, asks = books.depth(instrument, Side.SELL, levels), books.depth(instrument, Side.BUY, levels)
        if top is None or not (bids or asks):
            return UNBELIEVED
        ts = to_millis(top.venue_time or top.received_at)
        return Picture(symbol_of(instrument), json.encode({"bids": bids, "asks": asks, "ts": ts, "source": "l2"}))

    return paint


class _Place:
    """One symbol on the board."""

    __slots__ = ("instrument", "marked", "renewal", "shown", "shown_at")

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.marked = False
        self.renewal = False
        """Marked by the board itself, and not because somebody told news of it: counted only if it is shown."""
        self.shown = b""
        self.shown_at = -inf


class Board:
    """A ref for quotes, and the box that a Publisher empties. The time of a Board is its clock's."""

    def __init__(
        self,
        name: str,
        venue: str,
        paint: Painter,
        *,
        every_s: float,
        renew_s: float,
        look_s: float,
        symbols_max: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A symbol is shown every `every_s` at most, and again after `renew_s`, while it is believed.

        All of them are looked at every `look_s`, because a picture can change without a quote, and may have to be
        renewed.
        """
        self.name = name
        self.wake: Callable[[], None] = lambda: None
        self._venue = f"{venue}:"
        self._paint = paint
        self._every = every_s
        self._renew = renew_s
        self._look = look_s
        self._symbols_max = symbols_max
        self._clock = clock
        self._places: dict[InstrumentId, _Place | None] = {}
        """None: of no concern."""
        self._known: list[_Place] = []
        self._marked: list[_Place] = []
        self._leaving: list[tuple[_Place, Picture]] = []
        self._looked_at = clock()
        self._doubtful = False
        """What was shown may be gone: the other side was away."""
        self.told = self.delivered = self.conflated = 0
        self.dropped: dict[str, int] = {}
        self.high_water = 0

    # -- the ref -------------------------------------------------------------------------------

    def tell(self, quote: Quote, /) -> None:
        """There is news of this symbol."""
        try:
            place = self._places[quote.instrument]
        except KeyError:
            place = self._open(quote.instrument)
        if place is None:
            return
        self.told += 1
        if not place.marked:
            self._mark(place)
        elif place.renewal:
            place.renewal = False
        else:
            self.conflated += 1

    def _open(self, instrument: InstrumentId) -> _Place | None:
        if not instrument.startswith(self._venue):
            self._places[instrument] = None
            return None
        if len(self._known) >= self._symbols_max:
            self.told += 1
            self._drop(SYMBOLS)
            return None
        place = self._places[instrument] = _Place(instrument)
        self._known.append(place)
        return place

    def _mark(self, place: _Place) -> None:
        place.marked = True
        self._marked.append(place)
        self.high_water = max(self.high_water, len(self._marked))
        if len(self._marked) == 1:
            self.wake()

    def _drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    # -- the publisher's side ------------------------------------------------------------------

    def __len__(self) -> int:
        """Symbols that wait to be shown."""
        return len(self._marked) + len(self._leaving)

    def pause(self) -> float:
        """Until the first of those that wait may be shown again."""
        earliest = min((place.shown_at for place in self._marked), default=-inf) + self._every
        return min(max(0.0, earliest - self._clock()), self._every)

    def idle(self) -> float:
        """Until all symbols are looked at."""
        return max(0.0, self._looked_at + self._look - self._clock())

    def take(self, limit: int) -> list[Picture]:
        """The pictures of symbols that may be shown now, those that waited longest first."""
        assert not self._leaving, "one batch at a time"
        now = self._clock()
        if self._doubtful or now - self._looked_at >= self._look:
            self._look_at_all(now)
        waiting, self._marked = self._marked, []
        for at, place in enumerate(waiting):
            if len(self._leaving) >= limit:
                self._marked += waiting[at:]
                break
            if now - place.shown_at < self._every:
                self._marked.append(place)
            else:
                self._show(place, now)
        return [picture for _, picture in self._leaving]

    def _look_at_all(self, now: float) -> None:
        self._looked_at = now
        for place in self._known:
            if self._doubtful:
                place.shown = b""
            if not place.marked:
                place.renewal = True
                self._mark(place)
        self._doubtful = False

    def _show(self, place: _Place, now: float) -> None:
        renewal, place.marked, place.renewal = place.renewal, False, False
        picture = self._paint(place.instrument)
        if renewal:
            if isinstance(picture, str) or (picture.value == place.shown and now - place.shown_at < self._renew):
                return
            self.told += 1
        if isinstance(picture, str):
            self._drop(picture)
            return
        if picture.value == place.shown:
            picture.news = b""
        self._leaving.append((place, picture))

    def settle(self, lost: Collection[int] = ()) -> None:
        """What was taken is shown, but for these places in the batch."""
        now = self._clock()
        for at, (place, picture) in enumerate(self._leaving):
            place.shown_at = now
            if at in lost:
                self._drop(REFUSED)
            else:
                place.shown = picture.value
                self.delivered += 1
        self._leaving = []

    def put_back(self) -> None:
        """What was taken is not shown: it waits again, unless there is newer news of it; and the rest is doubtful."""
        now = self._clock()
        self._doubtful = True
        leaving, self._leaving = self._leaving, []
        for place, _ in leaving:
            place.shown_at = now  # it may have been
            if place.marked:
                self.conflated += 1
            else:
                self._mark(place)

    def statistics(self) -> OutputStatistics:
        """The counters now. `told` counts what was renewed, too."""
        renewals = sum(place.renewal for place in self._marked)
        return OutputStatistics(
            name=self.name,
            told=self.told,
            delivered=self.delivered,
            conflated=self.conflated,
            dropped=dict(self.dropped),
            waiting=len(self) - renewals,
            capacity=self._symbols_max,
            high_water=self.high_water,
        )
