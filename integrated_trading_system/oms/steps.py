"""What can be done next about a plan, and what that depends on beside its orders."""

from collections.abc import Collection
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, ClientOrderId
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.progress import Instruments
from integrated_trading_system.oms.records import Purpose


class Permission(StrEnum):
    """Which repairs the trading state lets through."""

    ALL = "all"
    UNWIND = "unwind"
    """Reducing: only what trades a position back."""
    NONE = "none"
    LATER = "later"
    """Starting: not yet, but soon."""


class Around(Struct, frozen=True, kw_only=True):
    """The world around a plan."""

    instruments: Instruments
    """Knows those of the plan."""
    permission: Permission
    now: Nanos
    pause: Nanos
    """Between two repairs, for books to refill; and how long an order that does not rest is waited for."""
    silent: Collection[AccountId] = ()
    """Accounts whose event stream is down: fills there are seen late."""


class Wait(Struct, frozen=True):
    """Look again when an order changes, and at the latest then."""

    until: Nanos | None = None


class Cancel(Struct, frozen=True):
    """Cancel these, for the time to wait for them is over."""

    orders: tuple[ClientOrderId, ...]


class Repair(Struct, frozen=True):
    """Send one more IOC order."""

    leg: int
    purpose: Purpose
    side: Side
    quantity: Decimal
    price: Decimal


class Finish(Struct, frozen=True):
    """Nothing is left to be done."""

    reason: str


Step: TypeAlias = Wait | Cancel | Repair | Finish
