"""What exchanges really sent about one instrument's book: as events, and as the truth that they amount to.

The truth is kept by the plainest book there is, so that it shares no line with the one that is tested.
"""

import gzip
import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace

from integrated_trading_system.domain.ids import AccountId, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Quote
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.commands.replaying import read_captures
from integrated_trading_system.simulation.capture import Kind
from integrated_trading_system.venues import catalog
from tests.support import binance
from tests.support.bybit import instrument as bybit_instrument
from tests.support.feed_rig import START

Event: TypeAlias = Quote | BookDelta
Best: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class Recorded:
    """A book's beginning, and everything that followed. Times begin with the rig's."""

    name: str
    instrument: InstrumentId
    first: BookSnapshot
    events: tuple[Event, ...]
    futures: bool = False

    @property
    def deltas(self) -> list[int]:
        """Where among the events the changes of the book are."""
        return [index for index, event in enumerate(self.events) if isinstance(event, BookDelta)]


@dataclass
class Truth:
    """The venue's own book, event by event."""

    recorded: Recorded
    bids: dict[float, float] = field(default_factory=dict)
    asks: dict[float, float] = field(default_factory=dict)
    past: deque[BookSnapshot] = field(default_factory=lambda: deque(maxlen=8))
    """The newest books, oldest first."""

    def __post_init__(self) -> None:
        self.bids, self.asks = dict(self.recorded.first.bids), dict(self.recorded.first.asks)
        self.past.append(self.recorded.first)

    def apply(self, delta: BookDelta) -> None:
        for side, levels in ((self.bids, delta.bids), (self.asks, delta.asks)):
            side.update(levels)
            for price, size in levels:
                if size == 0.0:
                    side.pop(price, None)
        last = delta.last_sequence
        self.past.append(
            replace(
                self.recorded.first,
                bids=list(self.bids.items()),
                asks=list(self.asks.items()),
                last_sequence=last,
                resume_from=last if self.recorded.futures else last + 1,
                order=delta.order,
                venue_time=delta.venue_time,
                received_at=delta.received_at,
            )
        )

    @property
    def best(self) -> Best:
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]


def best_by_sequence(recorded: Recorded) -> dict[int, Best]:
    """What both streams say of every sequence that they tell; where both tell one, they agree."""
    truth = Truth(recorded)
    found = {recorded.first.order: truth.best}
    for event in recorded.events:
        if isinstance(event, Quote):
            best = (event.bid, event.bid_size, event.ask, event.ask_size)
            sequence = event.sequence
        else:
            truth.apply(event)
            best, sequence = truth.best, event.order
        assert found.setdefault(sequence, best) == best
    return found


def binance_btc(recordings: Path, flavour: str, path: str, changes: int) -> Recorded:
    """The first so many changes of a BTC capture, with the quotes between them."""
    instrument = binance.instrument(flavour, "BTCUSD_PERP" if flavour == "coinm" else "BTCUSDT")
    venue = binance.venue(flavour)
    venue.codec.list([instrument])
    first: BookSnapshot | None = None
    events: list[Event] = []
    with gzip.open(recordings / "hft_binance_20240808" / path) as lines:
        for line in lines:
            received, frame = line.rstrip().split(b" ", 1)
            if frame.startswith(b'{"lastUpdateId"'):
                first = venue.market.decode_snapshot(instrument, binance.reply(frame))
                first = replace(first, received_at=Nanos(int(received)))
                continue
            decoded = venue.codec.decode(frame, Nanos(int(received)))
            events += [event for event in decoded if isinstance(event, Quote | BookDelta)]
            if first is not None and sum(isinstance(event, BookDelta) for event in decoded):
                changes -= 1
                if not changes:
                    break
    assert first is not None
    return _recorded(flavour, instrument, first, events, futures=flavour != "spot")


def transcript(recordings: Path, venue: str, prefix: str, symbol: str) -> Recorded:
    """One symbol of a connection transcript."""
    parts = ("0", "http.0.0", "ws.1.0")
    (capture,) = read_captures([f"{venue}={recordings / 'cryptofeed' / f'{prefix}.{part}.gz'}" for part in parts])
    instrument = binance.instrument(venue.partition(":")[2], symbol)
    built = catalog.build(VenueId(venue), catalog.endpoints_of(VenueId(venue)), AccountId("none"))
    built.codec.list([instrument])
    first: BookSnapshot | None = None
    events: list[Event] = []
    for line in capture.lines:
        if line.kind is Kind.ANSWER and "/depth" in line.url and f"symbol={symbol}" in line.url:
            first = replace(built.market.decode_snapshot(instrument, binance.reply(line.payload)), received_at=line.at)
        elif line.kind is Kind.FRAME:
            decoded = built.codec.decode(line.payload, line.at)
            events += [event for event in decoded if isinstance(event, Quote | BookDelta)]
    assert first is not None
    return _recorded(f"{venue} {symbol}", instrument, first, events, futures=venue == "binance:usdm")


def bybit_book(recordings: Path) -> Recorded:
    """The 500 levels of XRPUSDT; its stream begins with the book."""
    instrument = bybit_instrument("linear", "XRPUSDT")
    codec = catalog.build(
        VenueId("bybit:linear"), catalog.endpoints_of(VenueId("bybit:linear")), AccountId("none")
    ).codec
    codec.list([instrument])
    with zipfile.ZipFile(recordings / "other" / "bybit_v5_xrpusdt_ob500_20241201.data.zip") as archive:
        lines = archive.read(archive.namelist()[0]).splitlines()
    decoded = [event for line in lines for event in codec.decode(_deep_topic(line), _stamp(line))]
    first, *rest = decoded
    assert isinstance(first, BookSnapshot)
    first = replace(first, window=0)  # the capture has all the levels that its changes are about
    events: list[Event] = [event for event in rest if isinstance(event, BookDelta)]
    return _recorded("bybit", instrument, first, events, futures=False)


def _deep_topic(line: bytes) -> bytes:
    """As the stream that we subscribe to is called: the same messages, fewer levels."""
    return line.replace(b"orderbook.500.", b"orderbook.50.", 1)


def _stamp(line: bytes) -> Nanos:
    return Nanos(int(line.partition(b'"ts":')[2].partition(b",")[0]) * 1_000_000)


def _recorded(
    name: str, instrument: Instrument, first: BookSnapshot, events: list[Event], *, futures: bool
) -> Recorded:
    """Without what the snapshot holds already."""
    kept = [
        event
        for event in events
        if (event.sequence > first.order if isinstance(event, Quote) else event.last_sequence > first.last_sequence)
    ]
    # Of futures, the first change covers the snapshot's last number: what it says of before is in the snapshot.
    moved = list(_moved([first, *kept]))
    assert isinstance(moved[0], BookSnapshot)
    return Recorded(name, instrument.instrument, moved[0], tuple(moved[1:]), futures)  # type: ignore[arg-type]


def _moved(messages: list[BookSnapshot | Event]) -> Iterator[BookSnapshot | Event]:
    """To the rig's time, in order of arrival."""
    zero = min(message.received_at for message in messages)
    for message in messages:
        venue_time = Nanos(message.venue_time - zero + START) if message.venue_time else Nanos(0)
        yield replace(message, received_at=Nanos(max(0, message.received_at - zero) + START), venue_time=venue_time)
