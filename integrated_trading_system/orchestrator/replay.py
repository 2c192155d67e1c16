"""Reproduce a run from its recording: the same inputs into the same machine, and the outputs compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from integrated_trading_system.domain.errors import ReplayDiffers
from integrated_trading_system.orchestrator.observation import Observation
from integrated_trading_system.orchestrator.platform import Platform
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.recording import SCHEMA, Block, Entry, Header, Ran, Stopped, Told


@dataclass(frozen=True)
class Reproduction:
    """What came of a replay."""

    platform: Platform
    header: Header
    inputs: str
    """Hash of the inputs."""
    complete: bool
    """False when the recording ends before its run did: a torn end, or a recorder that fell behind."""


def reproduce(blocks: Iterable[Block], build: Callable[[Header], Platform]) -> Reproduction:
    """Run the recording again; raises ReplayDiffers where the outputs are not those that were recorded."""
    platform: Platform | None = None
    header: Header | None = None
    inputs = Fingerprint()
    observation = Observation(inputs)
    complete = False
    for number, block in enumerate(blocks):
        if platform is None:
            header = _header(block)
            platform = build(header)
            platform.system.observer = observation
            platform.system.start(header.started_at)
        for entry in block.entries:
            complete = _enter(platform, entry) or complete
        if inputs.hex() != block.inputs:
            message = f"block {number}: the inputs are not those that were recorded, or not in their order"
            raise ReplayDiffers(message)
        if platform.outputs.hex() != block.outputs:
            message = f"block {number}: the outputs differ from those that were recorded"
            raise ReplayDiffers(message)
    if platform is None or header is None:
        raise ReplayDiffers("the recording holds no whole block")
    return Reproduction(platform, header, inputs.hex(), complete)


def _header(block: Block) -> Header:
    if block.header is None:
        raise ReplayDiffers("the recording does not begin with its header")
    if block.header.schema != SCHEMA:
        message = f"the recording has schema {block.header.schema}; this program reads {SCHEMA}"
        raise ReplayDiffers(message)
    return block.header


def _enter(platform: Platform, entry: Entry) -> bool:
    """One entry; True when it says that the run ended in order."""
    match entry:
        case Told(actor, message):
            platform.system.tell(actor, message)
        case Ran(now, budget):
            platform.system.run(now, budget)
            platform.system.take_effects()
        case Stopped(_, complete):
            return complete
    return False
