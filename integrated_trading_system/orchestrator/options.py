"""What was asked for on the command line, and the configuration that comes of it."""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from integrated_trading_system.config.load import find, load
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.orchestrator.providers import provided

LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")
DEFAULT_CONFIG: Final = "config/dev.yaml"
LISTENING_CONFIG: Final = "config/feed.yaml"


class Exit(IntEnum):
    """What the process ends with."""

    OK = 0
    UNFORESEEN = 1
    CONFIGURATION = 2
    REFUSED = 3
    HALTED = 4
    DIFFERS = 5


@dataclass(frozen=True)
class RunOptions:
    """Options of `run` and `replay`."""

    config: str | None = None
    overrides: tuple[str, ...] = ()
    duration_s: float | None = None
    speed: str = "1"
    """A factor of real time, or ``max``."""
    seed: int | None = None
    summary: Path | None = None
    record: Path | None = None
    log_level: str | None = None
    ui: bool = True
    confirm_live: tuple[str, ...] = ()
    """With mode: live: the accounts that are meant, by the ids that the venues themselves have for them."""
    providers: tuple[str, ...] = ()
    """Venues to listen to instead of the configured ones, and trade nothing."""
    symbols: tuple[str, ...] = ()
    """Of every provider that lists them."""
    listen_only: bool = False
    """No strategies, no history: for a recording."""

    def settings(self) -> PlatformSettings:
        """The configuration with everything laid over it; raises ConfigurationError, before anything is run."""
        if self.summary is not None and not self.summary.parent.is_dir():
            raise ConfigurationError(f"--summary {self.summary}: no such folder")
        overrides = list(self.overrides)
        if self.seed is not None:
            overrides.append(f"seed={self.seed}")
        if self.log_level is not None:
            overrides.append(f"log.level={self.log_level}")
        default = LISTENING_CONFIG if self.providers else DEFAULT_CONFIG
        settings = load(PlatformSettings, find(self.config or default), overrides)
        if self.symbols and not self.providers:
            raise ConfigurationError("--symbols goes with --provider; else name them in the file, or by --set")
        if self.providers:
            settings = provided(settings, self.providers, self.symbols)
        if self.listen_only:
            storage = settings.storage.model_copy(update={"enabled": False})
            settings = settings.model_copy(update={"strategies": (), "storage": storage})
        return settings
