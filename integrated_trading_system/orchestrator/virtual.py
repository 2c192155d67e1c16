"""Dev mode in virtual time: no clock, no disk, and the same seed gives the same hash."""

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.time import DAY, SECOND, Nanos
from integrated_trading_system.drivers.recorder import Recorder
from integrated_trading_system.orchestrator.dev import build_world
from integrated_trading_system.orchestrator.observation import Observation
from integrated_trading_system.orchestrator.options import Exit, RunOptions
from integrated_trading_system.orchestrator.platform import OMS, RISK, Platform, Recovered
from integrated_trading_system.orchestrator.recording import header_of
from integrated_trading_system.orchestrator.shown.outcome import FillLog
from integrated_trading_system.orchestrator.shown.report import exit_code, finish
from integrated_trading_system.orchestrator.shown.summary import outcome_of
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.simulation.virtual import MemoryStore, VirtualDriver

VIRTUAL_START = Nanos(20_454 * DAY)
"""1 January 2026, 00:00 UTC: where virtual time begins, so that it is part of no run's randomness."""
VIRTUAL_DURATION_S = 60.0
STOP_WITHIN = Nanos(10 * SECOND)


def run_virtual(settings: PlatformSettings, options: RunOptions) -> Exit:
    """Dev mode without a clock: same seed, same hash. Its state lives in memory and touches no directory."""
    if settings.mode is not Mode.DEV:
        raise ConfigurationError("--speed max runs simulated venues in virtual time: it needs mode: dev")
    recovered = Recovered()
    platform = wire(settings, recovered)
    world = build_world(settings, platform, VIRTUAL_START)
    world.connect_core(platform.system.tell)
    inputs = Fingerprint()
    recorder = None
    if options.record is not None:
        recorder = Recorder(options.record, header_of(settings, recovered, VIRTUAL_START), inputs, platform.outputs)
    platform.system.observer = Observation(inputs, recorder)
    fills = FillLog()
    platform.system.bus.subscribe(Fill, fills)
    platform.system.start(VIRTUAL_START)
    driver = VirtualDriver(platform.system, world, MemoryStore())
    driver.run(Nanos(VIRTUAL_START + int((options.duration_s or VIRTUAL_DURATION_S) * SECOND)))
    for actor in (RISK, OMS):
        platform.system.tell(actor, Shutdown("the run is over"))
    driver.run(Nanos(driver.now + STOP_WITHIN), stop=lambda: _idle(platform))
    if recorder is not None:
        recorder.close()
    outcome = outcome_of(
        platform=platform,
        mode=settings.mode.value,
        seed=settings.seed,
        started_at=VIRTUAL_START,
        ended_at=driver.now,
        inputs=inputs.hex(),
        fills=fills,
    )
    finish(outcome, options.summary, None)
    return exit_code(outcome)


def _idle(platform: Platform) -> bool:
    """No order is open and no plan unfinished."""
    view = platform.system.view(OMS)
    return bool(view.open == 0 and view.plans == 0)
