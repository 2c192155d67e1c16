"""Names of things. Never an unqualified `id`.

A `VenueId` is ``venue:flavour`` (``binance:spot``); an `InstrumentId` adds the venue's own
spelling of the symbol (``binance:spot:BTCUSDT``), an `AccountId` our own name of an account there
(``binance:spot/main``). All are plain strings at run time, so they hash fast, print well and are
stable in recordings.
"""

from typing import NewType

VenueId = NewType("VenueId", str)
InstrumentId = NewType("InstrumentId", str)
AccountId = NewType("AccountId", str)
StrategyId = NewType("StrategyId", str)
PlanId = NewType("PlanId", str)
ClientOrderId = NewType("ClientOrderId", str)
VenueOrderId = NewType("VenueOrderId", str)
TradeId = NewType("TradeId", str)
LinkId = NewType("LinkId", str)
CallId = NewType("CallId", str)
ActorName = NewType("ActorName", str)
Asset = NewType("Asset", str)


def instrument_id(venue: VenueId, symbol: str) -> InstrumentId:
    """Our name of the venue's symbol."""
    return InstrumentId(f"{venue}:{symbol}")


def venue_of(instrument: InstrumentId) -> VenueId:
    """The venue on which the instrument is traded."""
    venue, flavour, _ = instrument.split(":", 2)
    return VenueId(f"{venue}:{flavour}")


def account_id(venue: VenueId, name: str) -> AccountId:
    """The account that we call so on the venue."""
    return AccountId(f"{venue}/{name}")


def venue_of_account(account: AccountId) -> VenueId:
    """The venue that keeps the account."""
    return VenueId(account.partition("/")[0])


def symbol_of(instrument: InstrumentId) -> str:
    """The venue's own spelling."""
    return instrument.split(":", 2)[2]
