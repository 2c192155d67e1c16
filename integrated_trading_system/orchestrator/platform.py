"""A wired core as others see it: the names of its actors, what it starts from, and what stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Final

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.strategies import StrategySettings
from integrated_trading_system.config.venues import AccountSettings
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import Latched, TradingStateChanged
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    VenueId,
    account_id,
    venue_of_account,
)
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.drivers.callbacks import Callbacks
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.oms.memory import Memory, remember
from integrated_trading_system.oms.records import decode
from integrated_trading_system.orchestrator.listing import Listing
from integrated_trading_system.orchestrator.notes import Notes
from integrated_trading_system.orchestrator.withheld import Withheld
from integrated_trading_system.pms.attribution import Owner
from integrated_trading_system.risk.kill_switch import KillGate
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.system import System
from integrated_trading_system.venues import catalog
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
    reducing: str | None = None
    """Why an operator had allowed only what reduces risk; only an operator lifts it."""
    latched: tuple[Latched, ...] = ()
    """Strategies that repeated themselves too often, and wait for an operator."""
    run: int = 1
    """Counts starts in this state directory; larger than ever before."""

    @cached_property
    def memory(self) -> Memory:
        """What the records say besides orders."""
        return remember(map(decode, self.records))

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Every fill that was ever booked."""
        return tuple(self.memory.fills)

    @property
    def openings(self) -> dict[tuple[VenueId, AccountId, Asset], Decimal]:
        """What every account held before our first fill, and what came to it from outside since."""
        return self.memory.openings

    @property
    def funding(self) -> tuple[FundingPaid, ...]:
        """Every payment of funding that was ever booked."""
        return tuple(self.memory.funding)

    @property
    def owners(self) -> dict[ClientOrderId, Owner]:
        """Whose every order ever intended was."""
        return {order: Owner(*of) for order, of in self.memory.owners.items()}

    @property
    def plans_in_flight(self) -> tuple[Plan, ...]:
        """Plans that were begun and are not finished."""
        return tuple(self.memory.plans.values())

    @property
    def traded(self) -> dict[PlanId, list[Decimal]]:
        """What each leg of these plans traded so far, in its own direction."""
        return self.memory.traded


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
    """The first of each: whoever does not choose uses it."""
    account_settings: Mapping[AccountId, AccountSettings]
    """Of every account of every venue."""
    traded: tuple[AccountId, ...]
    """Those that orders can go to."""
    comparisons: tuple[Comparison, ...]
    strategies: Mapping[str, ActorName]
    streams: Mapping[InstrumentId, tuple[DataType, ...]]
    listing: Listing = field(default_factory=Listing)
    notes: Notes = field(default_factory=Notes)
    withheld: Withheld = field(default_factory=Withheld)
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


def taker_name(settings: PlatformSettings, account: AccountId) -> ActorName:
    """The actor that takes the orders for an account: on paper it plays the account, in a shadow it keeps them."""
    if settings.mode in (Mode.PAPER, Mode.SHADOW):
        return ActorName(f"{settings.mode.value}.{account}")
    return connector_name(venue_of_account(account))


def chosen_accounts(settings: PlatformSettings, strategy: StrategySettings) -> dict[VenueId, AccountId]:
    """By venue: the account that the strategy uses."""
    return {
        (venue := catalog.resolve(name)): account_id(venue, strategy.accounts.get(name, of.account))
        for name, of in settings.venues.items()
    }
