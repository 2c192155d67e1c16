"""Every venue's messages: CPU time of decoding one, of its book, and of the whole way from the frame to a subscriber.

decode: the venue's codec alone. book: the codec and the book machine, for depth. whole: the platform in paper mode as
`orchestrator/wiring.py` makes it, with one venue, one instrument, this one kind of data and one subscriber of it; frame
by frame through the connector and the feed, with what the platform does once a second. Where the frames are from says
`_flows.py`; connecting, its first frames, and listing are outside the time. A kind of which a flow has few frames (a
funding rate that is told once) is left out, and named.
"""

import gc
import os
import time
from functools import partial
from statistics import median
from typing import Any, Final

import _bench
from _flows import Flow, flows
from msgspec.structs import replace

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.ids import AccountId, LinkId
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import FrameReceived, LinkOpened, OpenLink
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    DataType,
    FundingRate,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.orchestrator.platform import Platform, Recovered, connector_name
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.venue import Venue

FRAMES: Final = 1_000
QUICK: Final = 40
FEW: Final = 10
ROUNDS: Final = 5
PUBLISHED: Final[dict[DataType, type]] = {
    DataType.QUOTES: Quote,
    DataType.TRADES: Trade,
    DataType.DEPTH: Quote,  # what a book yields
    DataType.STATISTICS: Statistics,
    DataType.CANDLES: Candle,
    DataType.MARK_PRICE: MarkPrice,
    DataType.FUNDING: FundingRate,
}


class Counter:
    """A subscriber."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, _message: object, /) -> None:
        self.count += 1


def venue_of(flow: Flow) -> Venue:
    """The folder's parts, knowing the instrument."""
    made = catalog.build(flow.venue, catalog.endpoints_of(flow.venue), AccountId("none"))
    for page in flow.pages:
        made.market.decode_instruments(page)
    made.codec.list([flow.instrument])
    return made


# -- what is measured: CPU microseconds per frame ------------------------------------------------


def decode(flow: Flow) -> float:
    codec = venue_of(flow).codec

    def work() -> None:
        for at, frame in flow.frames:
            codec.decode(frame, at)

    return timed(work, len(flow.frames))


def book(flow: Flow) -> float:
    made, machine = venue_of(flow), BookMachine(1_000)
    first = flow.snapshot_after if flow.snapshot is not None else 0
    take(made, machine, flow.frames[:first])
    if flow.snapshot is not None:
        machine.snapshot(made.market.decode_snapshot(flow.instrument, flow.snapshot))
    spent = timed(lambda: take(made, machine, flow.frames[first:]), len(flow.frames) - first)
    assert machine.proven, f"{flow.venue}: the book is not proven"
    return spent


def take(made: Venue, machine: BookMachine, frames: list[tuple[Any, bytes]]) -> None:
    for at, frame in frames:
        for event in made.codec.decode(frame, at):
            if isinstance(event, BookDelta):
                machine.delta(event)
            elif isinstance(event, BookSnapshot):
                machine.snapshot(event)


def whole(flow: Flow, came_out: list[float]) -> float:
    """Also adds to `came_out` how many messages a frame brought to the subscriber."""
    platform = platform_for(flow)
    system, name = platform.system, connector_name(flow.venue)
    for page in flow.pages:  # its connector is told the listing ready made, its codec may learn from the pages
        system.actor(name)._venue.market.decode_instruments(page)
    counter = Counter()
    link = bring_up(platform, flow)
    first = max(1, flow.snapshot_after)
    for at, frame in flow.frames[:first]:
        system.tell(name, FrameReceived(link, frame, at))
        settle(platform, flow, at)
    system.bus.subscribe(PUBLISHED[flow.kind], counter)
    rest = flow.frames[first:]

    def work() -> None:
        for at, frame in rest:
            system.step(name, FrameReceived(link, frame, at), at)
            system.take_effects()

    spent = timed(work, len(rest))
    came_out.append(counter.count / len(rest))
    return spent


def timed(work: Any, count: int) -> float:
    gc.collect()
    gc.freeze()
    began = time.process_time()
    work()
    spent = time.process_time() - began
    gc.unfreeze()
    return spent / count * 1e6


# -- a platform with one stream ------------------------------------------------------------------


def platform_for(flow: Flow) -> Platform:
    os.environ["BENCH_KEY"] = "none"  # a venue that shows nothing without a key is given one
    settings: dict[str, Any] = {"symbols": [flow.instrument.symbol], "streams": [flow.kind.value]}
    settings |= {"taker_fee_bps": 5, "maker_fee_bps": 0}
    if venue_of(flow).data_account is not None:
        settings |= {"api_key": "env:BENCH_KEY", "api_secret": "env:BENCH_KEY"}
    return wire(PlatformSettings.model_validate({"mode": "paper", "venues": {flow.venue: settings}}), Recovered())


def bring_up(platform: Platform, flow: Flow) -> LinkId:
    """List the instrument and open its link."""
    system, at = platform.system, flow.frames[0][0]
    opened: list[LinkId] = []
    system.start(at)
    system.tell(connector_name(flow.venue), InstrumentsListed(flow.venue, (flow.instrument,)))
    settle(platform, flow, at, opened)
    assert opened, f"{flow.venue}: nothing was connected"
    return opened[0]


def settle(platform: Platform, flow: Flow, at: Any, opened: list[LinkId] | None = None) -> None:
    """Run until nothing is left to do; the one book that is asked for is there once it was recorded."""
    system, name = platform.system, connector_name(flow.venue)

    def perform(effect: Effect) -> None:
        match effect:
            case OpenLink(link):
                if opened is not None:
                    opened.append(link)
                system.tell(name, LinkOpened(link, at, acknowledged=True))
            case HttpCall(purpose="snapshot") if flow.snapshot is not None:
                system.tell(name, answered(flow, effect, at))
            case _:
                pass  # nobody answers the rest

    while True:
        while system.run(at):
            pass
        effects = system.take_effects()
        if not effects:
            return
        for effect in effects:
            perform(effect)


def answered(flow: Flow, call: HttpCall, at: Any) -> Any:
    assert flow.snapshot is not None
    return replace(flow.snapshot, call=call.call, sent_at=at, received_at=at)


# -- the table -----------------------------------------------------------------------------------


def main() -> None:
    options = _bench.arguments(__doc__)
    rounds = 1 if options.quick else ROUNDS
    rows: list[tuple[str | float, ...]] = []
    result = []
    kinds = (DataType.QUOTES, DataType.DEPTH) if options.quick else tuple(DataType)
    for flow in flows(QUICK if options.quick else FRAMES, kinds):
        if len(flow.frames) < FEW:
            print(f"  left out: {flow.venue} {flow.kind.value}, {len(flow.frames)} frames")
            continue
        came_out: list[float] = []
        contestants = {"decode": partial(decode, flow), "whole": partial(whole, flow, came_out)}
        if flow.kind is DataType.DEPTH:
            contestants["book"] = partial(book, flow)
        found = _bench.interleaved(rounds, contestants)
        figures = {name: median(figure) for name, figure in found.items()}
        spread = max(map(_bench.noise, found.values()))
        out = came_out[-1]
        rows.append(
            (
                f"{flow.venue} {flow.kind.value}",
                flow.source,
                f"{len(flow.frames):,}",
                f"{sum(len(frame) for _, frame in flow.frames) / len(flow.frames):,.0f}",
                figures["decode"],
                figures.get("book", ""),
                figures["whole"],
                out,
                f"{spread:.0%}",
            )
        )
        result.append(
            {
                "venue": flow.venue,
                "kind": flow.kind.value,
                "source": flow.source,
                "frames": len(flow.frames),
                "us": figures,
                "noise": spread,
                "out_per_frame": out,
            }
        )
    head = ("", "source", "frames", "bytes", "decode µs", "+ book µs", "whole µs", "out", "noise")
    _bench.show(f"CPU µs per frame, medians of {rounds} rounds; out: messages to the subscriber per frame", head, rows)
    _bench.finish(options, {"venues": result})


if __name__ == "__main__":
    main()
