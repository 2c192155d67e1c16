"""What we hold, and what it earned."""

from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, Asset, InstrumentId, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import Nanos


class Position(Struct, frozen=True, kw_only=True, tag=True):
    """Signed quantity in one instrument on one account, at average cost."""

    instrument: InstrumentId
    account: AccountId
    quantity: Decimal
    average_price: Decimal
    realised: Decimal
    """In the settle currency, at average cost, before fees and funding."""
    fees: dict[Asset, Decimal]
    changed_at: Nanos
    realised_fifo: Decimal = ZERO
    """The same fills, closing the oldest lots first."""


class Equity(Struct, frozen=True, kw_only=True, tag=True):
    """Worth of everything, in the reporting currency, at an instant."""

    currency: Asset
    realised: Decimal
    unrealised: Decimal
    """Of positions, and of what was paid as fees in other assets: they were worth more or less since."""
    fees: Decimal
    """As they were worth when they were paid."""
    total: Decimal
    """realised + unrealised - fees - fees_apart + funding."""
    unpriced: tuple[Asset, ...]
    """Assets without a conversion into the currency; they are not in the sums."""
    at: Nanos
    fees_apart: Decimal = ZERO
    """Today's worth of fees of which nobody knows what they were worth when they were paid."""
    funding: Decimal = ZERO
    """Received, less paid."""


class OpeningBalance(Struct, frozen=True, kw_only=True, tag=True):
    """What an account held of an asset before our first fill: from here our ledger counts, over all runs."""

    venue: VenueId
    account: AccountId
    asset: Asset
    amount: Decimal
    at: Nanos


class FundingPaid(Struct, frozen=True, kw_only=True, tag=True):
    """A derivative's holders paid each other, and our account took part."""

    venue: VenueId
    account: AccountId
    instrument: InstrumentId | None
    """For which position; None where the venue does not say."""
    asset: Asset
    amount: Decimal
    """Positive came in, negative went out."""
    funding_id: str
    """The same for every copy of this payment, and for no other payment of the account."""
    venue_time: Nanos
    received_at: Nanos


class ExternalFlow(Struct, frozen=True, kw_only=True, tag=True):
    """The venue's balance moved by what neither a fill nor funding explains: a deposit, somebody's trade."""

    venue: VenueId
    account: AccountId
    asset: Asset
    amount: Decimal
    at: Nanos
