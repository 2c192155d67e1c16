"""What is compared, what decides, and how the arbitrage strategy decides."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from integrated_trading_system.config.base import Settings
from integrated_trading_system.config.basis import BasisSettings
from integrated_trading_system.config.exact import Amount, Bps
from integrated_trading_system.config.pairs import PairsSettings
from integrated_trading_system.config.plans import PlanSettings
from integrated_trading_system.config.triangular import TriangularSettings
from integrated_trading_system.domain.comparison import Comparison, Conversion, Member
from integrated_trading_system.domain.ids import Asset, InstrumentId
from integrated_trading_system.domain.money import ONE

ARBITRAGE = "arbitrage"

_BUILT_IN = (ARBITRAGE, "triangular", "basis", "pairs")
_INSTRUMENT = re.compile(r"[a-z0-9_]+:[a-z0-9_]+:\S+")
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)


def _is_instrument(value: str) -> str:
    if _INSTRUMENT.fullmatch(value) is None:
        raise ValueError("expected venue:flavour:SYMBOL, as in binance:spot:BTCUSDT")
    return value


def _member(value: Any) -> Any:
    """An instrument's name alone stands for a member with multiplier 1."""
    return {"instrument": value} if isinstance(value, str) else value


def _is_strategy(value: str) -> str:
    if value not in _BUILT_IN and _CLASS.fullmatch(value) is None:
        raise ValueError(f"expected {', '.join(_BUILT_IN)} or package.module:Class")
    return value


InstrumentName = Annotated[str, AfterValidator(_is_instrument)]


class MemberSettings(Settings):
    """One instrument of a Comparison; may be written as the instrument's name alone."""

    instrument: InstrumentName = Field(description="venue:flavour:SYMBOL, the symbol in the venue's spelling.")
    multiplier: Amount = Field(
        ONE, description="Base units of the Comparison in one of its own: 1000 for a symbol like 1000SHIBUSDT."
    )


class ConversionSettings(Settings):
    """How a quote currency is valued in the Comparison's."""

    asset: str = Field(min_length=1, description="The currency to be valued.")
    rate: Amount | None = Field(None, description="A stated rate. Stating 1 means betting that a peg holds.")
    book: InstrumentName | None = Field(None, description="An instrument between the two currencies: its mid price.")
    depeg_bps_max: Bps = Field(
        Decimal(50), description="Where rate and book are both given: further apart than this, and nothing is traded."
    )

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        if self.rate is None and self.book is None:
            raise ValueError("a conversion needs a rate, a book, or both")
        return self


class ComparisonSettings(Settings):
    """Instruments that stand for the same thing."""

    name: str = Field(min_length=1, description="How strategies refer to it.")
    currency: str = Field(min_length=1, description="What everything in it is valued in.")
    members: tuple[Annotated[MemberSettings, BeforeValidator(_member)], ...] = Field(
        min_length=1, description="What may be compared; two at least for arbitrage."
    )
    conversions: tuple[ConversionSettings, ...] = Field(
        (), description="For every quote currency that is not `currency`; without one its instruments are left out."
    )

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        names = [member.instrument for member in self.members]
        assets = [conversion.asset for conversion in self.conversions]
        if len(set(names)) != len(names) or len(set(assets)) != len(assets):
            raise ValueError(f"comparison {self.name}: an instrument or a conversion is named twice")
        return self

    def to_domain(self) -> Comparison:
        """As the stages use it."""
        return Comparison(
            name=self.name,
            currency=Asset(self.currency),
            members=tuple(
                Member(instrument=InstrumentId(member.instrument), multiplier=member.multiplier)
                for member in self.members
            ),
            conversions=tuple(
                Conversion(
                    asset=Asset(conversion.asset),
                    rate=conversion.rate,
                    book=None if conversion.book is None else InstrumentId(conversion.book),
                    depeg_bps_max=conversion.depeg_bps_max,
                )
                for conversion in self.conversions
            ),
        )


class Style(StrEnum):
    """How the first leg trades."""

    TAKER = "taker"
    """Both legs at once, against what is there."""
    MAKER = "maker"
    """One leg rests as a post-only order; the other is traded whenever the first was."""


class ArbitrageSettings(PlanSettings):
    """How the arbitrage strategy decides. Amounts in the Comparison's currency, quantities in its base units."""

    edge_bps_min: Bps = Field(
        Decimal(2), description="Of every unit traded, after fees and latency decay; below it nothing is done."
    )
    edge_bps_max: Bps = Field(
        Decimal(300), description="Too good to be true: a larger raw difference is somebody's mistake, perhaps ours."
    )
    notional_max: Amount = Field(Decimal(1_000), description="Of one leg of one plan.")
    quantity_max: Amount | None = Field(None, description="Of one leg of one plan.")
    position_max: Amount | None = Field(
        None, description="Of each derivative, long or short, as far as this strategy goes; risk has limits of its own."
    )
    levels_max: int = Field(20, ge=1, le=1_000, description="Levels of each book that are walked.")
    quote_age_ms_max: float = Field(1_000.0, gt=0, description="Milliseconds since a quote reached us.")
    bound_ms_max: float = Field(
        150.0, gt=0, description="Milliseconds that the two quotes may really lie apart, clock uncertainty included."
    )
    decay_bps_per_ms: Bps = Field(
        Decimal("0.01"), description="Edge expected to be lost for each millisecond of that bound."
    )
    conversion_age_ms_max: float = Field(
        5_000.0, gt=0, description="Milliseconds since the conversion's book had a quote."
    )
    plans_in_flight_max: int = Field(1, ge=1, le=100, description="Per pair of instruments.")
    inventory_required: bool = Field(
        True, description="Balances that the venue has not reported count as nothing. Off: they count as enough."
    )
    style: Style = Field(
        Style.TAKER, description="taker: both legs at once; maker: one leg rests, the other follows each of its fills."
    )
    rest_ms_max: int = Field(2_000, gt=0, description="Milliseconds that a maker's order rests before it is cancelled.")
    rest_bps_max: Bps = Field(
        Decimal(5), description="A maker's order further behind the best price of its side is not worth its place."
    )
    holding_hours: float = Field(
        0, ge=0, le=8_760, description="Until a perpetual's position is closed: funding of that time is in the edge."
    )
    conversion_cost_bps: Bps = Field(
        Decimal(0), description="Of each leg in another quote currency, for bringing it back into the Comparison's."
    )
    transfer_costs: dict[str, Amount] = Field(
        {}, description="By asset, in units of it: what moving it to another venue costs. For advice only."
    )
    rebalance_every_s: float = Field(
        60.0, ge=0, description="Seconds between two looks at which venue runs dry next; 0: no advice."
    )
    missed_interval_ms: float = Field(
        1_000.0, ge=0, description="The same reason of the same pair is published at most this often; all are counted."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.edge_bps_max <= self.edge_bps_min:
            raise ValueError("edge_bps_max is not above edge_bps_min")
        return self


SETTINGS: Final[dict[str, type[Settings]]] = {
    ARBITRAGE: ArbitrageSettings,
    "triangular": TriangularSettings,
    "basis": BasisSettings,
    "pairs": PairsSettings,
}
"""What each of our own strategies can be set to, by the strategy's name."""


class StrategySettings(Settings):
    """One strategy: which class, on which Comparison, with what settings of its own."""

    name: str = Field(
        min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9-]*$", description="On every plan and order it makes."
    )
    strategy: Annotated[str, AfterValidator(_is_strategy)] = Field(
        ARBITRAGE, description="arbitrage, triangular, basis, pairs, or package.module:Class of your own."
    )
    comparison: str = Field(min_length=1, description="The name of the Comparison it works on.")
    enabled: bool = Field(True, description="false: it is not started.")
    accounts: dict[str, str] = Field(
        {}, description="By venue:flavour: the account that it trades on, where that is not the venue's first."
    )
    settings: dict[str, Any] = Field({}, description="Its own settings; for ours see below.")

    @model_validator(mode="after")
    def _knows_its_settings(self) -> Self:
        """What can be checked without importing anybody's code is checked at once."""
        try:
            if self.strategy in SETTINGS:
                SETTINGS[self.strategy].model_validate(self.settings)
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
            raise ValueError(f"settings of strategy {self.name}: {'; '.join(problems)}") from None
        return self
