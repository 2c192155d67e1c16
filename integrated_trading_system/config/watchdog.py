"""What can be set about the process that watches the platform, and kills it when it hangs."""

from enum import StrEnum

from pydantic import Field

from integrated_trading_system.config.base import Settings


class OnDeath(StrEnum):
    """What is done when the platform is suddenly no more."""

    CANCEL = "cancel"
    """Open orders are cancelled by `recover`, and trading stays halted until an operator resumes."""
    LEAVE = "leave"
    """Nothing: whoever supervises the process starts it again, and the start looks after what is open."""


class WatchdogSettings(Settings):
    """The `watchdog:` section. It belongs to the command `run`; inside other programs there is none."""

    enabled: bool = Field(True, description="A child process watches the run.")
    hang_ms: int = Field(
        1_500,
        ge=500,
        le=60_000,
        description="Milliseconds. A run without a sign of life (it gives one every 250) for so long is killed, its"
        " open orders are cancelled, and trading is halted.",
    )
    stacks_ms: int = Field(
        1_000,
        ge=0,
        le=60_000,
        description="Milliseconds. After so long without a sign of life the platform writes what every thread is at to"
        " the file hang.txt; below hang_ms, and above 250. 0: never.",
    )
    on_death: OnDeath = Field(
        OnDeath.CANCEL,
        description="When a platform with real orders dies by itself: cancel what is open and halt, or leave it to the"
        " next start.",
    )
    recover_s: float = Field(
        60.0,
        ge=5,
        le=600,
        description="Seconds for one attempt to cancel what is open; then it is killed and repeated.",
    )
    attempts_max: int = Field(20, ge=1, le=1_000, description="Attempts to cancel before the watchdog gives up.")
    restarts_per_minute_max: int = Field(
        3, ge=0, le=60, description="A watchdog that died is started again so many times within a minute."
    )
