"""The `replay` command: one of our own recordings, or captures that others made."""

import gzip
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Any

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import ConfigurationError, ReplayDiffers
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.recorder import Recorder, is_recording, read_blocks
from integrated_trading_system.orchestrator.observation import Observation
from integrated_trading_system.orchestrator.options import Exit, RunOptions
from integrated_trading_system.orchestrator.platform import Platform, Recovered, connector_name
from integrated_trading_system.orchestrator.recording import header_of, platform_of
from integrated_trading_system.orchestrator.replay import reproduce
from integrated_trading_system.orchestrator.shown.outcome import FillLog, Outcome
from integrated_trading_system.orchestrator.shown.report import exit_code, finish, say
from integrated_trading_system.orchestrator.shown.summary import outcome_of
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.simulation.capture import Kind, Line, Problems, read_lines
from integrated_trading_system.simulation.formats import in_todays_words
from integrated_trading_system.simulation.inference import infer_instruments
from integrated_trading_system.simulation.playback import Playback, Track, is_answer_to
from integrated_trading_system.venues import catalog

GRACE = Nanos(SECOND)
"""After the last line: what is on its way to the paper account arrives."""


@dataclass(frozen=True)
class Capture:
    """All files of one venue, read."""

    venue: VenueId
    lines: list[Line]
    problems: tuple[Problems, ...]
    instruments: tuple[Instrument, ...]
    """Inferred; empty where the capture carries the venue's own list."""
    symbols: tuple[str, ...]


def replay(sources: Sequence[str], options: RunOptions) -> Exit:
    """Replay; the exit code."""
    if len(sources) == 1 and "=" not in sources[0]:
        return _replay_recording(Path(sources[0]), options)
    return _replay_captures(sources, options)


# -- our own ---------------------------------------------------------------------------------------


def _replay_recording(path: Path, options: RunOptions) -> Exit:
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file")
    if not is_recording(path):
        raise ConfigurationError(
            f"{path}: not one of our recordings; a foreign capture is given as VENUE:FLAVOUR={path}"
        )
    fills = FillLog()

    def build(header: Any) -> Platform:
        platform = platform_of(header)
        platform.system.bus.subscribe(Fill, fills)
        return platform

    found = reproduce(read_blocks(path), build)
    outcome = outcome_of(
        platform=found.platform,
        mode="replay",
        seed=found.header.seed,
        started_at=found.header.started_at,
        ended_at=found.platform.system.now,
        inputs=found.inputs,
        fills=fills,
    )
    finish(outcome, options.summary, None)
    if not found.complete:
        raise ReplayDiffers(f"{path}: the recording is incomplete: its end is missing; what there is was reproduced")
    say("reproduced     the outputs are those that were recorded")
    return Exit.OK


# -- captures --------------------------------------------------------------------------------------


def _replay_captures(sources: Sequence[str], options: RunOptions) -> Exit:
    captures = read_captures(sources)
    settings = settings_for(options.settings(), captures)
    outcome, playback = play(settings, captures, options.record, pace(options.speed))
    finish(outcome, options.summary, None)
    for capture in captures:
        for problem in capture.problems:
            for text in problem.kept:
                say(f"not read       {text}", sys.stderr)
            if problem.count:
                say(f"not read       {problem.count} lines of {problem.name}")
    say(f"replayed       {sum(playback.messages.values())} messages of {len(captures)} venues")
    return exit_code(outcome)


def read_captures(sources: Sequence[str]) -> tuple[Capture, ...]:
    """The files, by venue in order of first mention; raises ConfigurationError for what is no capture."""
    files: dict[VenueId, list[Path]] = {}
    for source in sources:
        name, equals, path = source.partition("=")
        if not equals:
            raise ConfigurationError(f"{source}: expected VENUE:FLAVOUR=PATH, or one recording of our own alone")
        files.setdefault(catalog.resolve(name), []).append(Path(path))
    return tuple(_read_capture(venue, paths) for venue, paths in files.items())


def settings_for(settings: PlatformSettings, captures: Sequence[Capture]) -> PlatformSettings:
    """The configuration with exactly the captures' venues and symbols, traded on paper.

    Comparisons keep those of their members that are in the captures; strategies without at least two are left out.
    """
    venues = {}
    for capture in captures:
        given = settings.venues.get(capture.venue, VenueSettings())
        venues[str(capture.venue)] = given.model_copy(update={"symbols": capture.symbols, "enabled": True})
    present = {f"{capture.venue}:{symbol}" for capture in captures for symbol in capture.symbols}
    comparisons = []
    for comparison in settings.comparisons:
        members = tuple(member for member in comparison.members if member.instrument in present)
        if len(members) > 1:
            comparisons.append(comparison.model_copy(update={"members": members}))
    names = {comparison.name for comparison in comparisons}
    # Whoever recorded it may have had a clock of its own: that is no reason not to trade on paper now.
    alarms = settings.alarms.model_copy(update={"clock_offset_ms_max": 0.0})
    return settings.model_copy(
        update={
            "mode": Mode.PAPER,
            "venues": venues,
            "alarms": alarms,
            "comparisons": tuple(comparisons),
            "strategies": tuple(one for one in settings.strategies if one.comparison in names),
        }
    )


def play(
    settings: PlatformSettings,
    captures: Sequence[Capture],
    record: Path | None = None,
    wait_until: Callable[[Nanos], None] | None = None,
    prepare: Callable[[Platform], None] | None = None,
) -> tuple[Outcome, Playback]:
    """Run the captures through a core of their own; `prepare` may add listeners to it first."""
    recovered = Recovered()
    platform = wire(settings, recovered)
    started_at = min(capture.lines[0].at for capture in captures)
    inputs = Fingerprint()
    header = header_of(settings, recovered, started_at)
    recorder = Recorder(record, header, inputs, platform.outputs) if record else None
    platform.system.observer = Observation(inputs, recorder)
    fills = FillLog()
    platform.system.bus.subscribe(Fill, fills)
    if prepare is not None:
        prepare(platform)
    for capture in captures:
        if capture.instruments:
            listed = InstrumentsListed(capture.venue, capture.instruments)
            platform.system.tell(connector_name(capture.venue), listed)
    playback = Playback(platform.system, [Track(capture.venue, capture.lines) for capture in captures])
    playback.run(wait_until)
    playback.finish(GRACE)
    if recorder is not None:
        recorder.close()
    outcome = outcome_of(
        platform=platform,
        mode="replay",
        seed=settings.seed,
        started_at=started_at,
        ended_at=platform.system.now,
        inputs=inputs.hex(),
        fills=fills,
    )
    return outcome, playback


def pace(speed: str) -> Callable[[Nanos], None] | None:
    """Sleeps until a capture's time has come, at a factor of real time; None for as fast as possible."""
    if speed == "max":
        return None
    factor = float(speed)
    origin: list[tuple[Nanos, float]] = []

    def wait_until(at: Nanos) -> None:
        if not origin:
            origin.append((at, time.monotonic()))
        first, began = origin[0]
        ahead = (at - first) / SECOND / factor - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)

    return wait_until


def _read_capture(venue: VenueId, paths: Sequence[Path]) -> Capture:
    problems = tuple(Problems(str(path)) for path in paths)
    read = [read_lines(_raw_lines(path), of) for path, of in zip(paths, problems, strict=True)]
    files = [list(in_todays_words(venue, lines)) for lines in read]
    for of in problems:
        if not of.understood:
            what = of.kept[0] if of.kept else f"{of.name}: empty"
            raise ConfigurationError(f"{what}; expected a capture in one of the two formats of docs/captures.md")
    lines = list(merge(*files, key=lambda line: line.at))
    frames = [line.payload for line in lines if line.kind is Kind.FRAME]
    inferred = infer_instruments(venue, frames)
    answers = [line.url for line in lines if line.kind is Kind.ANSWER and line.url]
    listed = bool(answers) and _holds_list(venue, answers)
    return Capture(
        venue=venue,
        lines=lines,
        problems=problems,
        instruments=() if listed else inferred,
        symbols=tuple(one.symbol for one in inferred),
    )


def _holds_list(venue: VenueId, answers: Sequence[str]) -> bool:
    """Whether one of the recorded addresses is where the venue's instruments are listed today."""
    market = catalog.build(venue, catalog.endpoints_of(venue), AccountId("none")).market
    wanted = [one.request for one in market.instruments()]
    return any(is_answer_to(url, request) for url in answers for request in wanted)


def _raw_lines(path: Path) -> Iterator[bytes]:
    """The file's lines; gz by its content. Raises ConfigurationError where it cannot be read."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as lines:
            yield from lines
    except EOFError:
        return  # the end of a torn archive: what came before it was read
    except (OSError, gzip.BadGzipFile) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from None
