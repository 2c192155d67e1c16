"""Ours: raw frame -> validated -> buffered -> synchronised -> arbitrage decision, in the platform as it is wired.

The core of `orchestrator.wiring` in paper mode, two venues, one comparison, the arbitrage strategy: what a run has,
without recorder, display and sockets. A frame is told to its venue's connector as the live loop does it; the rest is
connector -> feeder -> synchronizer -> strategy. `each`: the system runs after every frame; `burst`: after 64, as when
the socket delivered several at once. Beside the strategy one subscriber counts what is published.
Best prices from a book are Quotes, so the proof of work of `depth` are the quotes that the book yielded.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from _driver import Load, Message, read, serve

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.http import HttpCall, HttpReply
from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import FrameReceived, LinkOpened, OpenLink
from integrated_trading_system.domain.market import BookDelta, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.platform import Platform, Recovered, connector_name
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.inference import infer_instruments

BURST = 64
SYMBOLS = {VenueId("binance:usdm"): "BTCUSDT", VenueId("binance:coinm"): "BTCUSD_PERP"}
KINDS: dict[str, tuple[str, type]] = {
    "l1": ("quotes", Quote),
    "trade": ("trades", Trade),
    "depth": ("depth", BookDelta),
}


class Counter:
    """A subscriber."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, _message: object, /) -> None:
        self.count += 1


def platform_for(stream: str) -> Platform:
    """With fees at which nothing pays: every snapshot ends as a counted decision not to trade."""
    members = [f"{venue}:{symbol}" for venue, symbol in SYMBOLS.items()]
    settings = PlatformSettings.model_validate(
        {
            "mode": "paper",
            "venues": {
                venue: {"symbols": [symbol], "streams": [stream], "taker_fee_bps": 5, "maker_fee_bps": 0}
                for venue, symbol in SYMBOLS.items()
            },
            "comparisons": [
                {
                    "name": "btc",
                    "currency": "USDT",
                    "members": members,
                    "conversions": [{"asset": "USD", "rate": 1}],
                }
            ],
            "strategies": [{"name": "arb-btc", "comparison": "btc", "settings": {"edge_bps_min": "0.5"}}],
            "risk": {"rates": {"USD": 1, "BTC": 61700}},
            "pms": {"rates": {"USD": 1, "BTC": 61700}},
        }
    )
    return wire(settings, Recovered())


def bring_up(platform: Platform, first: Message, samples: list[Message], snapshot: bytes) -> dict[str, LinkId]:
    """List the instruments, open the links, tell the first frame, for which a book is asked; each venue's link."""
    system = platform.system
    links: dict[str, LinkId] = {}
    at = Nanos(first.at)

    def perform(effect: Effect) -> None:
        match effect:
            case OpenLink(link, venue):
                links[venue] = link
                system.tell(connector_name(venue), LinkOpened(link, at, acknowledged=True))
            case HttpCall(purpose="snapshot", venue="binance:usdm"):
                reply = HttpReply(call=effect.call, status=200, headers={}, body=snapshot, sent_at=at, received_at=at)
                system.tell(connector_name(effect.venue), reply)
            case _:
                pass  # nobody answers the rest

    system.start(at)
    for venue in SYMBOLS:
        frames = [message.payload for message in samples if message.venue == venue]
        system.tell(connector_name(venue), InstrumentsListed(venue, infer_instruments(venue, frames)))
    settle(platform, at, perform)
    system.tell(connector_name(VenueId(first.venue)), FrameReceived(links[first.venue], first.payload, at))
    settle(platform, at, perform)
    return links


def settle(platform: Platform, at: Nanos, perform: Callable[[Effect], None]) -> None:
    while True:
        while platform.system.run(at):
            pass
        effects = platform.system.take_effects()
        if not effects:
            return
        for effect in effects:
            perform(effect)


def prepare(kind: str, burst: int, folder: Path) -> tuple[Load, int]:
    stream, published = KINDS[kind]
    messages = read(folder, kind)
    snapshot = read(folder, "snapshot")[0]
    platform = platform_for(stream)
    system = platform.system
    samples = [message for name in ("l1", "trade") for message in read(folder, name)[:4_000]]
    links = bring_up(platform, messages[0], samples, snapshot.payload)
    counter = Counter()
    system.bus.subscribe(published, counter)
    frames: list[tuple[Any, LinkId, bytes, Any]] = [
        (connector_name(VenueId(message.venue)), links[message.venue], message.payload, message.at)
        for message in messages[1:]
    ]
    work = partial(one_by_one, system, frames) if burst == 1 else partial(in_bursts, system, frames, burst)
    return Load(work, lambda: counter.count), len(frames)


def one_by_one(system: Any, frames: list[tuple[Any, LinkId, bytes, Any]]) -> None:
    for actor, link, payload, at in frames:
        system.step(actor, FrameReceived(link, payload, at), at)
        system.take_effects()


def in_bursts(system: Any, frames: list[tuple[Any, LinkId, bytes, Any]], burst: int) -> None:
    for begin in range(0, len(frames), burst):
        part = frames[begin : begin + burst]
        for actor, link, payload, at in part:
            system.tell(actor, FrameReceived(link, payload, at))
        system.run(part[-1][3])
        system.take_effects()


if __name__ == "__main__":
    sizes = {"each": 1, "burst": BURST}
    serve({f"{kind} {name}": partial(prepare, kind, size) for kind in KINDS for name, size in sizes.items()})
