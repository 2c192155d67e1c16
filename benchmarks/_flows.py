"""What each venue sends, for `venues.py`: one connection's frames for each kind of data, with the times they came.

recorded: real captures of Binance. simulated: what the venue's dialect in `simulation/` says while people trade there.
written: the messages that the conformance suite writes down from the venue's documentation, numbered and timed anew.
"""

import gzip
import itertools
import re
import sys
from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, get_args

import _bench
import msgspec
from msgspec import Struct

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import CallId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType, MarketEvent
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.inference import infer_instruments

sys.path.insert(0, str(_bench.ROOT))  # the tests are no installed package
from tests.conformance.description import SENT
from tests.conformance.simulated import Counterpart
from tests.conformance.subjects import of_catalog

CAPTURES: Final = {
    "binance:spot": "spot/btcusdt_20240808.gz",
    "binance:usdm": "usdm/btcusdt_20240808.gz",
    "binance:coinm": "cm/btcusd_perp_20240808.gz",
}
RECORDED: Final = {DataType.QUOTES: b"@bookTicker", DataType.TRADES: b"@trade", DataType.DEPTH: b"@depth"}
SIMULATED: Final = (
    "binance:usdm",
    "bybit:linear",
    "bybit:spot",
    "backpack:spot",
    "okx:spot",
    "okx:swap",
    "kraken:spot",
)
WRITTEN: Final = ("coinbase:exchange", "coinbase:advanced", "alpaca:crypto", "ccxt:kucoin")
CLOCKED: Final = (DataType.STATISTICS, DataType.CANDLES, DataType.MARK_PRICE, DataType.FUNDING)
"""Told by the clock, and not when somebody trades."""
SPACING: Final = 20 * MILLISECOND
"""Of messages that are told when something happens: fifty a second."""
NUMBERS: Final = {"sequence", "sequence_num", "trade_id", "i", "nonce"}
TIMES: Final = {"time", "timestamp", "t", "event_time"}


class Flow(Struct, frozen=True, kw_only=True):
    """The frames of one kind of data of one instrument."""

    venue: VenueId
    kind: DataType
    source: str
    instrument: Instrument
    frames: list[tuple[Nanos, bytes]]
    snapshot: HttpReply | None = None
    """The book by REST, where one is needed."""
    snapshot_after: int = 0
    """How many frames had come by then."""
    pages: tuple[HttpReply, ...] = ()
    """What the venue lists; some folders learn from it how to read frames."""


def flows(limit: int, wanted: Container[DataType]) -> Iterator[Flow]:
    """Of every venue and wanted kind that it offers, at most `limit` frames each."""
    for name in CAPTURES:
        yield from (flow for flow in recorded(VenueId(name), limit) if flow.kind in wanted)
    for name in SIMULATED:
        for kind in [kind for kinds in Counterpart(VenueId(name)).doors().values() for kind in kinds]:
            if kind in wanted and (name not in CAPTURES or kind not in RECORDED):
                yield simulated(VenueId(name), kind, limit)
    for name in WRITTEN:
        yield from (flow for flow in written(VenueId(name), limit) if flow.kind in wanted)


# -- recorded ------------------------------------------------------------------------------------


def recorded(venue: VenueId, limit: int) -> Iterator[Flow]:
    frames: dict[DataType, list[tuple[Nanos, bytes]]] = {kind: [] for kind in RECORDED}
    head: list[bytes] = []
    snapshot, after = None, 0
    with gzip.open(_bench.recordings() / "hft_binance_20240808" / CAPTURES[venue]) as lines:
        for line in lines:
            at, _, payload = line.strip().partition(b" ")
            if len(head) < 500:
                head.append(payload)
            kind = next((kind for kind, word in RECORDED.items() if word in payload[:60]), None)
            if kind is not None and len(frames[kind]) < limit:
                frames[kind].append((Nanos(int(at)), payload))
            elif kind is None and not payload.startswith(b'{"stream"') and snapshot is None:
                snapshot, after = reply(payload, Nanos(int(at))), max(1, len(frames[DataType.DEPTH]))
            if min(map(len, frames.values())) >= limit:
                break
    (instrument,) = infer_instruments(venue, head)
    for kind, found in frames.items():
        book = (snapshot, after) if kind is DataType.DEPTH else (None, 0)
        yield Flow(
            venue=venue,
            kind=kind,
            source="recorded",
            instrument=instrument,
            frames=found,
            snapshot=book[0],
            snapshot_after=book[1],
        )


def reply(body: bytes, at: Nanos) -> HttpReply:
    return HttpReply(call=CallId("book"), status=200, headers={}, body=body, sent_at=at, received_at=at)


# -- simulated -----------------------------------------------------------------------------------


def simulated(venue: VenueId, kind: DataType, limit: int) -> Flow:
    """A better bid comes or is taken, fifty times a second, or for what the clock tells every other second."""
    there = Counterpart(venue)
    plan = there.plan(kind)
    link, said = there.connect(plan)
    frames: list[tuple[Nanos, bytes]] = []

    def hear(said: Iterable[bytes]) -> None:
        """Keep what is data: no acknowledgements, heartbeats and pongs."""
        for frame in said:
            events = there.folder.codec.decode(frame, there.now)
            frames.extend([(there.now, frame)] * any(isinstance(event, get_args(MarketEvent)) for event in events))

    hear(said)
    by_request = there.folder.market.snapshot(there.instrument) if kind is DataType.DEPTH else None
    if by_request is not None and there.folder.session.resubscribe(there.instrument):
        by_request = None
    snapshot, after = None, 0
    for turn in range(6 * limit):
        tick = turn // 2 % 16 - 8
        one, other = ("you", "they") if turn % 4 < 2 else ("they", "you")
        if turn % 2 == 0:
            there.trade("buy", tick, who=one)
        else:
            there.trade("sell", tick, who=other)
        there.wait(Nanos(2 * SECOND) if kind in CLOCKED else Nanos(SPACING))
        if plan.ping is not None and turn % 5 == 0:
            there.dialect.receive(link, plan.ping, there.now)
        hear(there.heard(link))
        if by_request is not None and turn == 2:
            snapshot, after = there.ask(by_request.request).reply, len(frames)
        if len(frames) >= limit:
            break
    if kind in CLOCKED:  # closer together: the seconds between them would be counted as theirs
        frames = [(Nanos(frames[0][0] + number * SPACING), frame) for number, (_, frame) in enumerate(frames)]
    return Flow(
        venue=venue,
        kind=kind,
        source="simulated",
        instrument=there.instrument,
        frames=frames[:limit],
        snapshot=snapshot,
        snapshot_after=after,
        pages=tuple(page.reply for page in there.listed),
    )


# -- written -------------------------------------------------------------------------------------


def written(venue: VenueId, limit: int) -> Iterator[Flow]:
    (subject,) = (each for each in of_catalog() if each.name == venue)
    for kind, frames in subject.traffic.events.items():
        head, again = (frames[:1], frames[1:]) if len(frames) > 1 else ((), frames)
        endless: Iterable[bytes] = itertools.chain(head, itertools.cycle(again))
        made = [
            (Nanos(SENT + number * SPACING), anew(frame, number))
            for number, frame in enumerate(itertools.islice(endless, limit))
        ]
        yield Flow(
            venue=venue,
            kind=kind,
            source="written",
            instrument=subject.instrument,
            frames=made,
            pages=tuple(page.reply for page in subject.traffic.listed),
        )


def anew(frame: bytes, number: int) -> bytes:
    """The same message, as if it were the venue's next."""
    return msgspec.json.encode(renumbered(msgspec.json.decode(frame), number))


def renumbered(value: Any, number: int) -> Any:
    if isinstance(value, list):
        return [renumbered(each, number) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: changed(name, each, number) for name, each in value.items()}


def changed(name: str, value: Any, number: int) -> Any:
    at = SENT + number * SPACING
    if name in NUMBERS and isinstance(value, int):
        return number
    if (name in NUMBERS or name == "id") and isinstance(value, str) and re.search(r"\d", value):
        return str(number)
    if name in TIMES and isinstance(value, int):
        return at // MILLISECOND
    if name in TIMES and isinstance(value, str):
        return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return renumbered(value, number)
