"""What can be set about candles that are made here from trades."""

from typing import Annotated

from pydantic import AfterValidator, Field

from integrated_trading_system.config.base import Settings
from integrated_trading_system.domain.intervals import INTERVALS, LENGTHS, MONTH
from integrated_trading_system.domain.time import DAY


def _are_intervals(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names; raises ValueError for unknown ones, and where the longer ones are not made of the shortest."""
    unknown = [name for name in names if name not in LENGTHS]
    if unknown:
        raise ValueError(f"unknown interval {', '.join(unknown)}; there are {' '.join(INTERVALS)}")
    if len(set(names)) != len(names):
        raise ValueError("an interval is named twice")
    if names:
        base = min(names, key=LENGTHS.__getitem__)
        for name in names:
            whole = DAY if name == MONTH else LENGTHS[name]
            if name != base and whole % LENGTHS[base]:
                raise ValueError(f"{name} is not made of whole {base}: add a shorter interval that divides both")
    return names


class CandleSettings(Settings):
    """The `candles:` section."""

    intervals: Annotated[tuple[str, ...], AfterValidator(_are_intervals)] = Field(
        (),
        description="Made from the trades of every instrument, all at once; the shortest has to divide the others."
        " Empty: none is made; those that venues stream themselves come all the same.",
    )
    publish_every_ms: float = Field(
        1_000.0, ge=10, description="Milliseconds between two looks at what has changed in running candles."
    )
