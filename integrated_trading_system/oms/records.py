"""What the OMS writes to its journal, and how. The state is these records, applied in order.

A record is JSON with a schema version in front: a line can be read by a person years later, and a
newer journal is refused by an older program instead of being half understood.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from integrated_trading_system.domain.errors import JournalUnavailable
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderRequest, OrderStatus
from integrated_trading_system.domain.plan import Plan, PlanFinished
from integrated_trading_system.domain.position import ExternalFlow, FundingPaid, OpeningBalance
from integrated_trading_system.domain.time import Nanos

VERSION: Final = 1


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
    """Every fill in the instrument up to this instant is booked."""

    instrument: InstrumentId
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


Record: TypeAlias = (
    Started
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


_ENCODER: Final = msgspec.json.Encoder()
_VERSION: Final = msgspec.json.Decoder(_Versioned)
_LINE: Final = msgspec.json.Decoder(_Line)


def encode(record: Record) -> bytes:
    """One journal record, without a line break."""
    return _ENCODER.encode(_Line(VERSION, record))


def decode(line: bytes) -> Record:
    """The record; raises JournalUnavailable when it is damaged or of a newer version."""
    try:
        version = _VERSION.decode(line).version
        if version > VERSION:
            raise JournalUnavailable(
                f"the journal holds records of version {version}; this program reads up to {VERSION}: use a newer one"
            )
        return _LINE.decode(line).record
    except msgspec.DecodeError as error:
        raise JournalUnavailable(f"not an order journal record: {error}: {line[:200]!r}") from error


def openings_of(lines: Iterable[bytes]) -> dict[tuple[VenueId, AccountId, Asset], Decimal]:
    """What every account held at first, and what has come to it from outside since."""
    amounts: dict[tuple[VenueId, AccountId, Asset], Decimal] = {}
    for record in map(decode, lines):
        if isinstance(record, BalanceOpened):
            balance = record.balance
            amounts[balance.venue, balance.account, balance.asset] = balance.amount
        elif isinstance(record, ExternalBooked):
            flow = record.flow
            amounts[flow.venue, flow.account, flow.asset] += flow.amount
    return amounts


def fills_of(lines: Iterable[bytes]) -> tuple[Fill, ...]:
    """Every fill ever booked, in order: what the position management is recovered from."""
    return tuple(record.fill for record in map(decode, lines) if isinstance(record, FillBooked))


def funding_of(lines: Iterable[bytes]) -> tuple[FundingPaid, ...]:
    """Every payment of funding ever booked, in order; copies too, as they came."""
    return tuple(record.funding for record in map(decode, lines) if isinstance(record, FundingBooked))


def orders_of(lines: Iterable[bytes]) -> Iterator[OrderRequest]:
    """Every order ever intended, in order."""
    for record in map(decode, lines):
        if isinstance(record, PlanIntended):
            yield from record.orders
        elif isinstance(record, RepairIntended):
            yield record.order


def traded_by_leg(lines: Iterable[bytes]) -> dict[PlanId, list[Decimal]]:
    """What each leg of every plan traded so far, in its own direction: undoing it subtracts."""
    traded: dict[PlanId, list[Decimal]] = {}
    legs: dict[ClientOrderId, tuple[list[Decimal], int, int]] = {}
    for record in map(decode, lines):
        match record:
            case PlanIntended(plan=plan, orders=orders):
                traded[plan.plan_id] = [ZERO] * len(plan.legs)
                for order in orders:
                    legs[order.client_order_id] = (traded[order.plan_id], order.leg, 1)
            case RepairIntended(order=order, purpose=purpose):
                sign = -1 if purpose is Purpose.UNWIND else 1
                legs[order.client_order_id] = (traded[order.plan_id], order.leg, sign)
            case FillBooked(fill=fill) if fill.client_order_id in legs:
                of, leg, sign = legs[fill.client_order_id]
                of[leg] += sign * fill.quantity
            case _:
                pass
    return traded
