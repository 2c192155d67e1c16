"""What we hold, and what it earned."""

from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, Asset, InstrumentId, VenueId
from integrated_trading_system.domain.time import Nanos


class Position(Struct, frozen=True, kw_only=True, tag=True):
    """Signed quantity in one instrument on one account, at average cost."""

    instrument: InstrumentId
    account: AccountId
    quantity: Decimal
    average_price: Decimal
    realised: Decimal
    """In the settle currency, before fees."""
    fees: dict[Asset, Decimal]
    changed_at: Nanos


class Equity(Struct, frozen=True, kw_only=True, tag=True):
    """Worth of everything, in the reporting currency, at an instant."""

    currency: Asset
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    total: Decimal
    """realised + unrealised - fees."""
    unpriced: tuple[Asset, ...]
    """Assets without a conversion into the currency; they are not in the sums."""
    at: Nanos


class OpeningBalance(Struct, frozen=True, kw_only=True, tag=True):
    """What an account held of an asset before our first fill: from here our ledger counts, over all runs."""

    venue: VenueId
    account: AccountId
    asset: Asset
    amount: Decimal
    at: Nanos


class ExternalFlow(Struct, frozen=True, kw_only=True, tag=True):
    """The venue's balance moved by what no fill of ours explains: funding, a deposit, somebody's trade."""

    venue: VenueId
    account: AccountId
    asset: Asset
    amount: Decimal
    at: Nanos
