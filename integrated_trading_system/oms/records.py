"""What the OMS writes to its journal, and how. The state is these records, applied in order.

A record is JSON with a schema version in front: a line can be read by a person years later, and a
newer journal is refused by an older program instead of being half understood.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from integrated_trading_system.domain.errors import JournalDamaged, JournalUnavailable
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.order import Order, OrderRequest, OrderStatus
from integrated_trading_system.domain.plan import Plan, PlanFinished
from integrated_trading_system.domain.position import ExternalFlow, FundingPaid, OpeningBalance
from integrated_trading_system.domain.time import Nanos

VERSION: Final = 3
"""1: the first; funding came into it later, unannounced. 2: funding, and snapshots. 3: fills covered by account."""


class Purpose(StrEnum):
    """What an order is for in its plan."""

    FIRST = "first"
    HEDGE = "hedge"
    """Trades what is missing of a leg."""
    UNWIND = "unwind"
    """Trades back what is too much of a leg."""


class Started(Struct, frozen=True, kw_only=True, tag="started"):
    """A run began. Nothing of an earlier run is sent after this."""

    fence: int
    at: Nanos


class PlanIntended(Struct, frozen=True, kw_only=True, tag="plan"):
    """All first orders of a plan, in the order of its legs: nothing is ever half-intended."""

    plan: Plan
    orders: tuple[OrderRequest, ...]
    latest_send: Nanos
    at: Nanos


class RepairIntended(Struct, frozen=True, kw_only=True, tag="repair"):
    """One more order of a plan, inside its hedge envelope."""

    order: OrderRequest
    purpose: Purpose
    latest_send: Nanos
    at: Nanos


class OrderChanged(Struct, frozen=True, kw_only=True, tag="order"):
    """What we know of an order, other than its fills."""

    client_order_id: ClientOrderId
    status: OrderStatus
    venue_order_id: VenueOrderId | None
    venue_filled: Decimal
    done: OrderStatus | None
    """How the venue says that it ended; the order is over once we own the fills."""
    reason: str
    at: Nanos


class FillBooked(Struct, frozen=True, kw_only=True, tag="fill"):
    """A fill, the first time that it is seen. Its client order id is ours where the order is."""

    fill: Fill
    at: Nanos


class FillsCovered(Struct, frozen=True, kw_only=True, tag="covered"):
    """Every fill in the instrument on the account up to this instant is booked."""

    instrument: InstrumentId
    account: AccountId | None = None
    """None before version 3: on every account, for a venue had but one."""
    until: Nanos


class PlanClosed(Struct, frozen=True, kw_only=True, tag="closed"):
    """A plan is over."""

    finished: PlanFinished


class BalanceOpened(Struct, frozen=True, kw_only=True, tag="opened"):
    """The position management's; kept here because there is one journal."""

    balance: OpeningBalance


class ExternalBooked(Struct, frozen=True, kw_only=True, tag="external"):
    """The position management's, too."""

    flow: ExternalFlow


class FundingBooked(Struct, frozen=True, kw_only=True, tag="funding"):
    """And this: a venue may tell a payment once and never again."""

    funding: FundingPaid


class OrderKept(Struct, frozen=True, kw_only=True):
    """An order in a snapshot."""

    order: Order
    purpose: Purpose
    done: OrderStatus | None
    value: Decimal
    fees: dict[Asset, Decimal]


class PlanKept(Struct, frozen=True, kw_only=True):
    """A plan in flight in a snapshot."""

    plan: Plan
    orders: tuple[ClientOrderId, ...]
    traded: tuple[Decimal, ...]
    """What each leg did, in its own direction."""


class Snapshot(Struct, frozen=True, kw_only=True, tag="snapshot"):
    """All that the records before it came to. It stands in their place, first in its journal.

    Fills, funding and the owners of orders are all kept: the ledger is made from them anew at every start.
    """

    fence: int
    epoch: Nanos
    counts: dict[str, int]
    orders: tuple[OrderKept, ...]
    """Those that are remembered, oldest first."""
    finished: tuple[ClientOrderId, ...]
    """Of these, those of finished plans, in the order in which they will be forgotten."""
    plans: tuple[PlanKept, ...]
    trades: int
    """Of so many of the newest fills the trade ids are remembered."""
    covered: dict[InstrumentId, Nanos]
    """As records before version 3 said it, of no account."""
    covered_accounts: tuple[tuple[InstrumentId, AccountId, Nanos], ...] = ()
    fills: tuple[Fill, ...]
    funding: tuple[FundingPaid, ...]
    openings: tuple[tuple[VenueId, AccountId, Asset, Decimal], ...]
    owners: tuple[tuple[ClientOrderId, PlanId, StrategyId], ...]


Record: TypeAlias = (
    Snapshot
    | Started
    | PlanIntended
    | RepairIntended
    | OrderChanged
    | FillBooked
    | FillsCovered
    | PlanClosed
    | BalanceOpened
    | ExternalBooked
    | FundingBooked
)


class _Versioned(Struct, frozen=True):
    version: int


class _Line(Struct, frozen=True):
    version: int
    record: Record


class _Kind(Struct, frozen=True):
    type: str


class _OfKind(Struct, frozen=True):
    record: _Kind


_ENCODER: Final = msgspec.json.Encoder()
_VERSION: Final = msgspec.json.Decoder(_Versioned)
_LINE: Final = msgspec.json.Decoder(_Line)
_OF_KIND: Final = msgspec.json.Decoder(_OfKind)


def encode(record: Record) -> bytes:
    """One journal record, without a line break."""
    return _ENCODER.encode(_Line(VERSION, record))


def decode(line: bytes) -> Record:
    """The record; raises JournalDamaged, or JournalUnavailable when it is of a newer version."""
    try:
        version = _VERSION.decode(line).version
        if version > VERSION:
            raise JournalUnavailable(
                f"the journal holds records of version {version}; this program reads up to {VERSION}: use a newer one"
            )
        return _LINE.decode(line).record
    except msgspec.DecodeError as error:
        raise _damaged(line, error) from error


def last_fence(lines: Sequence[bytes]) -> int:
    """The number of the last run that began; 0 where none did."""
    for line in reversed(lines):
        if kind_of(line) in ("started", "snapshot"):
            record = decode(line)
            assert isinstance(record, Started | Snapshot)
            return record.fence
    return 0


def kind_of(line: bytes) -> str:
    """Which record it is, without reading all of it; raises JournalDamaged."""
    try:
        return _OF_KIND.decode(line).record.type
    except msgspec.DecodeError as error:
        raise _damaged(line, error) from error


def fills_of(lines: Iterable[bytes]) -> tuple[Fill, ...]:
    """Every fill ever booked, in order."""
    return tuple(chain.from_iterable(_fills(decode(line)) for line in lines))


def _damaged(line: bytes, error: Exception) -> JournalDamaged:
    return JournalDamaged(f"not an order journal record: {error}: {line[:200]!r}")


def _fills(record: Record) -> tuple[Fill, ...]:
    match record:
        case FillBooked(fill=fill):
            return (fill,)
        case Snapshot(fills=fills):
            return fills
        case _:
            return ()
