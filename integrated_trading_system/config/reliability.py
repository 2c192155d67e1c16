"""What can be set about feeds that come and go: when they count as unreliable, and who stands in for them."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from integrated_trading_system.config.base import Settings


class BreakerSettings(Settings):
    """The `breaker:` section: when the circuit of an instrument opens, and when it closes again."""

    down_after_ms: float = Field(
        2_000.0, gt=0, description="Milliseconds without a believed book after which an instrument is unreliable."
    )
    doubts_max: int = Field(
        5, ge=1, description="So many losses of a believed book within the window open the circuit at once."
    )
    doubts_window_ms: float = Field(60_000.0, gt=0, description="Milliseconds. The window of doubts_max.")
    calm_ms: float = Field(
        5_000.0, gt=0, description="Milliseconds. A book that was believed for so long without a break closes it."
    )
    calm_ms_max: float = Field(
        60_000.0,
        gt=0,
        description="Milliseconds. With every opening within this time after the last, the calm asked for doubles, up"
        " to this.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.calm_ms_max < self.calm_ms:
            raise ValueError("calm_ms_max is below calm_ms")
        return self


def _are_sources(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names; raises ValueError where one is no instrument, or named twice."""
    for name in names:
        if name.count(":") < 2:
            raise ValueError(f"expected venue:flavour:SYMBOL, not {name!r}")
    if len(set(names)) != len(names):
        raise ValueError("a source is named twice")
    return names


class FailoverSettings(Settings):
    """One entry of `failover:`: several sources of one price, of which one at a time is followed."""

    name: str = Field(min_length=1, description="What consumers know it by, for example a coin.")
    sources: Annotated[tuple[str, ...], AfterValidator(_are_sources)] = Field(
        min_length=1, description="Instruments as venue:flavour:SYMBOL, the preferred one first."
    )
    return_after_ms: float = Field(
        10_000.0,
        gt=0,
        description="Milliseconds. A better source has to be healthy for so long before it is returned to; a source"
        " that fails is left at once.",
    )


class AlarmSettings(Settings):
    """The `alarms:` section: what operators are told of clocks and latency. 0 turns one off."""

    clock_offset_ms_max: float = Field(
        1_000.0, ge=0, description="Milliseconds between a venue's clock and ours, either way."
    )
    clock_uncertainty_ms_max: float = Field(
        250.0, ge=0, description="Milliseconds by which the estimate of a venue's clock may be wrong."
    )
    latency_ms_p50_max: float = Field(
        500.0, ge=0, description="Milliseconds on the way, of half of a venue's newest messages."
    )
    latency_ms_p99_max: float = Field(
        2_000.0, ge=0, description="Milliseconds on the way, of 99 % of a venue's newest messages."
    )
