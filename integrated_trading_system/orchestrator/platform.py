"""A wired core as others see it: the names of its actors, what it starts from, and what stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import TradingStateChanged
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    VenueId,
    venue_of,
)
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.drivers.callbacks import Callbacks
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.oms.records import (
    PlanClosed,
    PlanIntended,
    decode,
    fills_of,
    funding_of,
    openings_of,
    orders_of,
)
from integrated_trading_system.orchestrator.listing import Listing
from integrated_trading_system.orchestrator.notes import Notes
from integrated_trading_system.pms.attribution import Owner
from integrated_trading_system.risk.kill_switch import KillGate
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.system import System
from integrated_trading_system.venues.venue import Venue

FEED: Final = ActorName("feed")
SUBSCRIPTIONS: Final = ActorName("subscriptions")
CANDLES: Final = ActorName("candles")
BREAKER: Final = ActorName("breaker")
ALARMS: Final = ActorName("alarms")
OMS: Final = ActorName("oms")
RISK: Final = ActorName("risk")
PMS: Final = ActorName("pms")


@dataclass(frozen=True)
class Recovered:
    """What a run starts from."""

    records: tuple[bytes, ...] = ()
    """The journal's, oldest first."""
    halted: str | None = None
    """Why trading was halted when the last run ended; only an operator lifts it."""
    run: int = 1
    """Counts starts in this state directory; larger than ever before."""

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Every fill that was ever booked."""
        return fills_of(self.records)

    @property
    def openings(self) -> dict[tuple[VenueId, AccountId, Asset], Decimal]:
        """What every account held before our first fill, and what came to it from outside since."""
        return openings_of(self.records)

    @property
    def funding(self) -> tuple[FundingPaid, ...]:
        """Every payment of funding that was ever booked."""
        return funding_of(self.records)

    @property
    def owners(self) -> dict[ClientOrderId, Owner]:
        """Whose every order ever intended was."""
        return {one.client_order_id: Owner(one.plan_id, one.strategy) for one in orders_of(self.records)}

    @property
    def plans_in_flight(self) -> tuple[Plan, ...]:
        """Plans that were begun and are not finished."""
        plans: dict[PlanId, Plan] = {}
        for record in (decode(raw) for raw in self.records):
            if isinstance(record, PlanIntended):
                plans[record.plan.plan_id] = record.plan
            elif isinstance(record, PlanClosed):
                plans.pop(record.finished.plan_id, None)
        return tuple(plans.values())


@dataclass(frozen=True)
class Platform:
    """A wired core, and what stands beside it."""

    settings: PlatformSettings
    system: System
    gate: KillGate
    books: Books
    clocks: Clocks
    buffers: Buffers
    outputs: Fingerprint
    venues: Mapping[VenueId, Venue]
    accounts: Mapping[VenueId, AccountId]
    comparisons: tuple[Comparison, ...]
    strategies: Mapping[str, ActorName]
    streams: Mapping[InstrumentId, tuple[DataType, ...]]
    listing: Listing = field(default_factory=Listing)
    notes: Notes = field(default_factory=Notes)
    callbacks: Callbacks = field(default_factory=Callbacks)
    """Functions of users."""


class GateSwitch:
    """A ref: sets the kill gate in the very turn in which the trading state changes."""

    def __init__(self, gate: KillGate) -> None:
        """Of whoever sends."""
        self._gate = gate

    def tell(self, message: TradingStateChanged, /) -> None:
        """From now on."""
        self._gate.set(message.state)


def connector_name(venue: VenueId) -> ActorName:
    """The actor that speaks for a venue."""
    return ActorName(f"connector.{venue}")


def trading_name(settings: PlatformSettings, instrument: InstrumentId) -> ActorName:
    """The actor that takes the orders for an instrument."""
    venue = venue_of(instrument)
    return paper_name(venue) if settings.mode is Mode.PAPER else connector_name(venue)


def paper_name(venue: VenueId) -> ActorName:
    """The actor that plays a venue's account in paper mode."""
    return ActorName(f"paper.{venue}")
