"""What can be set about our own HTTP interface."""

from pydantic import Field

from integrated_trading_system.config.base import Settings


class HttpSettings(Settings):
    """Health, metrics and the latest data, for people and scrapers on this machine."""

    enabled: bool = Field(default=True, description="Whether anything listens at all.")
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on: 127.0.0.1, ::1 or localhost only, for no token is asked for.",
    )
    port: int = Field(default=8891, ge=0, le=65535, description="TCP port; 0 takes any that is free.")
