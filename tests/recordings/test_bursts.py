"""The busiest recorded second, and twenty thousand messages a second, through the whole core: right, bounded, counted.

The synthetic minute is as long as `ITS_BURST_SECONDS` says: 2 where it is not set, 60 for the whole of it.
"""

import os
from collections import Counter
from pathlib import Path

import pytest
from msgspec import json

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import instrument_id
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.orchestrator.commands.replaying import Capture, play, read_captures, settings_for
from integrated_trading_system.orchestrator.platform import Platform
from integrated_trading_system.orchestrator.shown.summary import summarise
from integrated_trading_system.simulation.capture import Kind, Line
from integrated_trading_system.simulation.inference import infer_instruments
from integrated_trading_system.venues import catalog
from tests.support.accounting import refused, unaccounted

PER_SECOND = 20_000
SECONDS = int(os.environ.get("ITS_BURST_SECONDS", "2"))
VENUE = "binance:spot"
BUFFER = 1_000
BEGAN = Nanos(1_723_161_254 * SECOND)


def base(**feed: int) -> PlatformSettings:
    return PlatformSettings.model_validate({"mode": "paper", "venues": {VENUE: {}, "binance:usdm": {}}, "feed": feed})


class Burst:
    """One replay, with the platform at hand for what has to stay small."""

    def __init__(self, *captures: Capture, **feed: int) -> None:
        platforms: list[Platform] = []
        settings = settings_for(base(**feed), captures)
        self.outcome, self.playback = play(settings, captures, prepare=platforms.append)
        (self.platform,) = platforms
        self.summary = summarise(self.outcome)


def test_the_busiest_recorded_second_is_told_completely(recordings: Path) -> None:
    path = recordings / "hft_binance_20240808" / "usdm" / "btcusdt_20240808.gz"
    (capture,) = read_captures([f"binance:usdm={path}"])
    per_second = Counter(line.at // SECOND for line in capture.lines)
    busiest, count = per_second.most_common(1)[0]
    assert count > 2_000
    (whole,) = [line for line in capture.lines if line.kind is Kind.ANSWER]
    kept = [line for line in capture.lines if line is whole or line.at // SECOND <= busiest]
    ends = [line for line in kept if line.at // SECOND == busiest]
    del capture.lines[:]
    capture.lines.extend(kept)
    run = Burst(capture)
    assert unaccounted(run.summary) == []
    assert refused(run.summary) == {}
    assert run.summary["books"]["binance:usdm:BTCUSDT"]["state"] == "valid"
    last = next(line for line in reversed(ends) if b"@bookTicker" in line.payload)
    data = json.decode(last.payload)["data"]
    top = run.platform.books.top(capture.instruments[0].instrument)
    assert top is not None
    if top.sequence == data["u"]:
        assert [top.bid, top.bid_size, top.ask, top.ask_size] == [float(data[name]) for name in ("b", "B", "a", "A")]
    else:  # a change of the book was the last word
        assert top.sequence > data["u"]


class Walk:
    """A market that says twenty thousand things a second, and how often it said each."""

    def __init__(self, seconds: int) -> None:
        self.said: Counter[str] = Counter()
        self.sequence = 1_000
        self.bid = 60_000_00
        self.sizes = (1, 1)
        self.told = self.bid
        self.continued = self.sequence
        frames = [self._message(number) for number in range(seconds * PER_SECOND)]
        book = (
            b'{"lastUpdateId":1000,"bids":[["60000.00","1"],["1.00","5"]],"asks":[["60000.01","1"],["99999.00","5"]]}'
        )
        self.lines = [Line(BEGAN, Kind.ANSWER, "", book)]
        for number, frame in enumerate(frames):
            self.lines.append(Line(Nanos(BEGAN + number * SECOND // PER_SECOND), Kind.FRAME, "", frame))

    def capture(self) -> Capture:
        venue = catalog.resolve(VENUE)
        instruments = infer_instruments(venue, [line.payload for line in self.lines[1:1_000]])
        return Capture(venue, self.lines, (), instruments, tuple(one.symbol for one in instruments))

    @property
    def best(self) -> list[float]:
        return [self.bid / 100, float(self.sizes[0]), (self.bid + 1) / 100, float(self.sizes[1])]

    def _message(self, number: int) -> bytes:
        at = (BEGAN + number * SECOND // PER_SECOND) // MILLISECOND
        match number % 10:
            case 4 | 9:
                self.said["trade"] += 1
                return (
                    f'{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{at},"s":"BTCUSDT","t":{number},'
                    f'"p":"{self.bid / 100:.2f}","q":"0.5","T":{at},"m":true,"M":true}}}}'
                ).encode()
            case 7:
                self.said["depth"] += 1
                return self._change(at)
            case 3:
                self.said["again"] += 1
                return self._quote()
            case _:
                self.said["quote"] += 1
                self.sequence += 1
                self.bid += (number * 7_919 // 13) % 3 - 1
                self.sizes = (1 + number % 9, 1 + number % 7)
                return self._quote()

    def _quote(self) -> bytes:
        bid, size, ask, ask_size = self.best
        best = f'"b":"{bid:.2f}","B":"{size}","a":"{ask:.2f}","A":"{ask_size}"'
        return f'{{"stream":"btcusdt@bookTicker","data":{{"u":{self.sequence},"s":"BTCUSDT",{best}}}}}'.encode()

    def _change(self, at: int) -> bytes:
        """The best prices of the change before give way to those of the newest quote."""
        bid, size, ask, ask_size = self.best
        first, self.continued = self.continued + 1, self.sequence
        bids = [f'["{self.told / 100:.2f}","0"]', f'["{bid:.2f}","{size}"]']
        asks = [f'["{(self.told + 1) / 100:.2f}","0"]', f'["{ask:.2f}","{ask_size}"]']
        self.told = self.bid
        return (
            f'{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{at},"s":"BTCUSDT","U":{first},'
            f'"u":{self.sequence},"b":[{",".join(bids)}],"a":[{",".join(asks)}]}}}}'
        ).encode()


@pytest.fixture(scope="module")
def walk() -> Walk:
    return Walk(SECONDS)


@pytest.fixture(scope="module")
def burst(walk: Walk) -> Burst:
    return Burst(walk.capture(), buffer_size=BUFFER)


def test_of_a_synthetic_burst_the_last_best_prices_are_right(walk: Walk, burst: Burst) -> None:
    (book,) = burst.summary["books"].values()
    assert (book["state"], book["gaps"], book["crossed"]) == ("valid", 0, 0)
    assert book["compared"] == book["equal"] > 0
    top = burst.platform.books.top(instrument_id(catalog.resolve(VENUE), "BTCUSDT"))
    assert top is not None
    assert [top.bid, top.bid_size, top.ask, top.ask_size] == walk.best


def test_of_a_synthetic_burst_everything_is_counted(walk: Walk, burst: Burst) -> None:
    assert unaccounted(burst.summary) == []
    assert refused(burst.summary) == {}
    streams = burst.summary["streams"]
    quotes = streams[f"{VENUE}:quote"]
    assert (quotes["delivered"], quotes["conflated"]) == (walk.said["quote"], walk.said["again"])
    assert quotes["reasons"] == {"nothing new": walk.said["again"]}
    assert streams[f"{VENUE}:trade"]["delivered"] == walk.said["trade"]
    assert streams[f"{VENUE}:depth"]["received"] == walk.said["depth"] + 1


def test_a_synthetic_burst_leaves_nothing_that_grows(burst: Burst) -> None:
    assert max(burst.platform.buffers.sizes().values()) == BUFFER
    for name, box in burst.platform.system.mailboxes().items():
        assert (box.waiting, box.dropped) == (0, 0), name
        assert box.high_water < 100, name
    (book,) = burst.summary["books"].values()
    assert max(book["levels"]) <= 3
    assert burst.summary["streams"][f"{VENUE}:depth"]["waiting"] == 0
