"""Fills, instruments and books for the position management."""

from decimal import Decimal

from integrated_trading_system.domain.execution import Balance, BalancesReported, Fill, Liquidity
from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import Level
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.domain.time import Nanos

VENUE = VenueId("alpha:spot")
ACCOUNT = AccountId("alpha:spot/main")


def instrument(
    kind: Kind = Kind.SPOT, symbol: str = "BTCUSDT", multiplier: str = "1", quote: str = "USDT"
) -> Instrument:
    return Instrument(
        instrument=InstrumentId(f"{VENUE}:{symbol}"),
        venue=VENUE,
        symbol=symbol,
        base=Asset("BTC"),
        quote=Asset(quote),
        settle=Asset("BTC" if kind is Kind.INVERSE else quote),
        kind=kind,
        tick=Decimal("0.01"),
        lot=Decimal("0.001"),
        multiplier=Decimal(multiplier),
    )


def fill(
    of: Instrument,
    side: Side,
    quantity: str,
    price: str,
    *,
    fee: str = "0",
    fee_asset: str = "USDT",
    trade: str = "1",
    account: AccountId = ACCOUNT,
    at: int = 1,
    liquidity: Liquidity = Liquidity.TAKER,
    order: str = "c",
) -> Fill:
    return Fill(
        client_order_id=ClientOrderId(order),
        venue_order_id=VenueOrderId("v"),
        trade_id=TradeId(trade),
        instrument=of.instrument,
        account=account,
        side=side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Money(Decimal(fee), Asset(fee_asset)),
        liquidity=liquidity,
        venue_time=Nanos(at),
        received_at=Nanos(2),
    )


def funding(
    amount: str, number: str = "1", *, of: Instrument | None = None, asset: str = "USDT", at: int = 1
) -> FundingPaid:
    return FundingPaid(
        venue=VENUE,
        account=ACCOUNT,
        instrument=None if of is None else of.instrument,
        asset=Asset(asset),
        amount=Decimal(amount),
        funding_id=number,
        venue_time=Nanos(at),
        received_at=Nanos(2),
    )


def reported(*, complete: bool = True, at: int = 0, **totals: str) -> BalancesReported:
    """Half of each total is locked."""
    halves = {asset: Decimal(total) / 2 for asset, total in totals.items()}
    return BalancesReported(
        venue=VENUE,
        account=ACCOUNT,
        balances=tuple(Balance(Asset(asset), half, half) for asset, half in halves.items()),
        positions=(),
        complete=complete,
        venue_time=Nanos(at),
        received_at=Nanos(5),
    )


class StillBooks:
    """Books of one level each; a missing one is not VALID."""

    def __init__(self, **mids: float) -> None:
        self.mids = {InstrumentId(f"{VENUE}:{symbol}"): mid for symbol, mid in mids.items()}

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        assert limit == 1
        mid = self.mids.get(instrument)
        return () if mid is None else ((mid + side.sign, 1.0),)

    def state(self, instrument: InstrumentId) -> BookState:
        return BookState.VALID if instrument in self.mids else BookState.SYNCING
