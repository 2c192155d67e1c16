"""What can be set about the log."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from integrated_trading_system.config.base import Settings


class LogSettings(Settings):
    """Where the log goes, and how much of it."""

    level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO",
        description="The least that is written. Libraries never say less than INFO: their DEBUG shows what they send.",
    )
    file: Path | None = Field(
        default=None, description="Also append every line as one JSON object to this file (made 0600); null: no file."
    )
