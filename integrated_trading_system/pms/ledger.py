"""The ledger: what every fill did to positions, balances and fees, and funding to balances. Exact, to the last decimal.

A position is kept by its cost, which is a sum, and not by its average price, which would be a
rounded quotient. Closing a part takes that part of the cost; like on the venues, booked profits and
parts of a cost have eight decimals. Rounding moves a hundred-millionth from one closing to the next and
never loses it: what was realised and what is still invested always add up to what was paid.

What a closing brings depends on the fills before it, and fills reach us in any order: an event is lost
and found by a question later. So fills are counted in the venue's order, whenever they come. Beside the
average cost every holding keeps its lots, first in, first out (`lots`).

Fees are never part of a cost or a profit. Funding is a flow of its own kind.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from integrated_trading_system.domain.execution import Fill, Liquidity
from integrated_trading_system.domain.ids import AccountId, Asset, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.position import FundingPaid, Position
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.fees import Fees
from integrated_trading_system.pms.lots import Lots
from integrated_trading_system.pms.shares import CENT, part

LATE_MAX: Final = 1_000
"""So many fills of an instrument may come before one that traded earlier; what is later counts as the first of them."""

FUNDED_MAX: Final = 10_000
"""So many payments of funding are remembered, to know their copies."""


class Rank(NamedTuple):
    """The place of a fill among all fills of its instrument."""

    number: int | None
    """The venue's own; None where it has none."""
    traded_at: Nanos
    place: Decimal
    """Within one number, or one millisecond."""

    def before(self, other: "Rank") -> bool:
        """Venues' clocks may step back, their numbers do not: the time decides only where a number is missing."""
        if self.number is not None and other.number is not None and self.number != other.number:
            return self.number < other.number
        return (self.traded_at, self.place) < (other.traded_at, other.place)


class Purse(NamedTuple):
    """One asset on one account."""

    venue: VenueId
    account: AccountId
    asset: Asset


def worth(instrument: Instrument, price: Decimal, quantity: Decimal) -> Decimal:
    """Value of `quantity` in the asset in which profit is counted: quote, or settle for derivatives.

    An INVERSE contract is worth `multiplier` quote units, so in its settle asset quantity x multiplier / price.
    """
    if instrument.kind is Kind.INVERSE:
        return (quantity * instrument.multiplier / price).quantize(CENT)
    return quantity * instrument.multiplier * price


class Holding:
    """One instrument on one account, at average cost, and by lots."""

    __slots__ = (
        *("_before", "_lots_before", "_recent", "account", "changed_at", "cost", "fees", "instrument", "lots"),
        *("quantity", "realised"),
    )

    def __init__(self, instrument: Instrument, account: AccountId) -> None:
        """Flat."""
        self.instrument = instrument
        self.account = account
        self.quantity = ZERO
        """Signed, in the instrument's own units."""
        self.cost = ZERO
        """What is held was worth this when it was bought or sold short; never negative."""
        self.realised = ZERO
        self.fees: dict[Asset, Decimal] = {}
        self.changed_at = Nanos(0)
        self.lots = Lots()
        """The same fills, first in, first out."""
        self._recent: list[tuple[Rank, Decimal, Decimal]] = []
        """The last fills in the venue's order: signed quantity and price."""
        self._before = (ZERO, ZERO, ZERO)
        """Quantity, cost and profit before the first of them."""
        self._lots_before = Lots()

    def insert(self, rank: Rank, signed: Decimal, price: Decimal) -> Decimal:
        """`trade`, in the place in which it happened; by how much that changed the profit, of later closings too."""
        recent, entry = self._recent, (rank, signed, price)
        realised = self.realised
        if not recent or not rank.before(recent[-1][0]):
            recent.append(entry)
            self.trade(signed, price)
            self._trade_lots(self.lots, entry)
        else:
            at = len(recent) - 1
            while at and rank.before(recent[at - 1][0]):
                at -= 1
            recent.insert(at, entry)
            self.quantity, self.cost, self.realised = self._before
            self.lots = self._lots_before.copy()
            for each in recent:
                self.trade(each[1], each[2])
                self._trade_lots(self.lots, each)
        change = self.realised - realised
        if len(recent) > LATE_MAX:
            now = (self.quantity, self.cost, self.realised)
            self.quantity, self.cost, self.realised = self._before
            oldest = recent.pop(0)
            self.trade(oldest[1], oldest[2])
            self._trade_lots(self._lots_before, oldest)
            self._before = (self.quantity, self.cost, self.realised)
            self.quantity, self.cost, self.realised = now
        return change

    def trade(self, signed: Decimal, price: Decimal) -> Decimal:
        """Add a signed quantity; the profit that closing brought. Through zero: close all, open the rest."""
        value = worth(self.instrument, price, abs(signed))
        held = self.quantity
        self.quantity += signed
        if not held or (held > 0) is (signed > 0):
            self.cost += value
            return ZERO
        closed = min(abs(signed), abs(held))
        left_at = part(value, closed, abs(signed))
        entered_at = part(self.cost, closed, abs(held))
        self.cost += (value - left_at) - entered_at
        profit = self._signed(left_at - entered_at, long=held > 0)
        self.realised += profit
        return profit

    @property
    def realised_fifo(self) -> Decimal:
        """What closing the oldest lots first brought, in the asset of `worth`, before fees."""
        return self._signed(self.lots.gained, long=True)

    def unrealised(self, price: Decimal) -> Decimal:
        """What closing all at this price would bring, in the asset of `worth`."""
        return self._signed(worth(self.instrument, price, abs(self.quantity)) - self.cost, long=self.quantity > 0)

    @property
    def profit_asset(self) -> Asset:
        """In which profit is counted."""
        return self.instrument.quote if self.instrument.kind is Kind.SPOT else self.instrument.settle

    @property
    def average_price(self) -> Decimal:
        """What one base unit cost; 0 when flat."""
        size = abs(self.quantity) * self.instrument.multiplier
        if not size or not self.cost:
            return ZERO
        return size / self.cost if self.instrument.kind is Kind.INVERSE else self.cost / size

    def position(self) -> Position:
        """As published."""
        return Position(
            instrument=self.instrument.instrument,
            account=self.account,
            quantity=self.quantity,
            average_price=self.average_price,
            realised=self.realised,
            realised_fifo=self.realised_fifo,
            fees=dict(self.fees),
            changed_at=self.changed_at,
        )

    def _trade_lots(self, lots: Lots, entry: tuple[Rank, Decimal, Decimal]) -> None:
        rank, signed, price = entry
        lots.trade(signed, worth(self.instrument, price, abs(signed)), rank.traded_at)

    def _signed(self, gain: Decimal, *, long: bool) -> Decimal:
        """A long gains when its worth grows; an inverse long is a short of the settle asset."""
        return gain if long is not (self.instrument.kind is Kind.INVERSE) else -gain


def rank(fill: Fill) -> Rank:
    """Its place among all fills of its instrument.

    Most venues number their trades. Where one does not, or gives one number to all trades of an order, an order
    that trades with several at once takes the best price first.
    """
    traded_at = fill.venue_time or fill.received_at
    if not fill.sequence and fill.trade_id.isascii() and fill.trade_id.isdecimal():
        return Rank(int(fill.trade_id), traded_at, ZERO)
    taker = fill.side if fill.liquidity is Liquidity.TAKER else fill.side.opposite
    return Rank(fill.sequence or None, traded_at, fill.price * taker.sign)


class Ledger:
    """All holdings, and what flowed into and out of every purse because of our fills and positions."""

    def __init__(self) -> None:
        """Nothing was ever traded."""
        self._holdings: dict[tuple[InstrumentId, AccountId], Holding] = {}
        self.flows: dict[Purse, Decimal] = {}
        """Since the first fill; fees included. For every venue equal to what its account moved by."""
        self.fees = Fees()
        self.funding: dict[Asset, Decimal] = {}
        """Received, less paid."""
        self.fills = 0
        self._funded: dict[tuple[VenueId, AccountId, str], None] = {}

    def __iter__(self) -> Iterator[Holding]:
        """Every holding, flat ones too, in order of their first fill."""
        return iter(self._holdings.values())

    def find(self, instrument: InstrumentId, account: AccountId) -> Holding | None:
        """The holding, flat ones too; None where nothing was ever traded."""
        return self._holdings.get((instrument, account))

    def book(self, fill: Fill, instrument: Instrument, fee_rate: Decimal | None = None) -> Holding:
        """One fill, each exactly once, in any order. The holding that it changed.

        `fee_rate`: what one unit of the fee's asset was worth in the reporting currency when it traded; None where
        nobody can say.
        """
        key = (fill.instrument, fill.account)
        holding = self._holdings.get(key)
        if holding is None:
            holding = self._holdings[key] = Holding(instrument, fill.account)
        signed = fill.side.sign * fill.quantity
        profit = holding.insert(rank(fill), signed, fill.price)
        if instrument.kind is Kind.SPOT:
            self._flow(fill, instrument, instrument.base, signed * instrument.multiplier)
            self._flow(
                fill, instrument, instrument.quote, -fill.side.sign * worth(instrument, fill.price, fill.quantity)
            )
        elif profit:
            self._flow(fill, instrument, instrument.settle, profit)
        fee = fill.fee
        if fee.amount:
            self._flow(fill, instrument, fee.asset, -fee.amount)
            holding.fees[fee.asset] = holding.fees.get(fee.asset, ZERO) + fee.amount
            self.fees.pay(fee.asset, fee.amount, fee_rate)
        holding.changed_at = max(holding.changed_at, fill.received_at)
        self.fills += 1
        return holding

    def fund(self, paid: FundingPaid) -> bool:
        """Funding came in or went out; False for one that was booked before: streams and questions tell both."""
        key = (paid.venue, paid.account, paid.funding_id)
        if key in self._funded:
            return False
        self._funded[key] = None
        if len(self._funded) > FUNDED_MAX:
            del self._funded[next(iter(self._funded))]
        purse = Purse(paid.venue, paid.account, paid.asset)
        self.flows[purse] = self.flows.get(purse, ZERO) + paid.amount
        self.funding[paid.asset] = self.funding.get(paid.asset, ZERO) + paid.amount
        return True

    def flow(self, purse: Purse) -> Decimal:
        """What our fills and our funding did to the purse, all together."""
        return self.flows.get(purse, ZERO)

    def by_asset(self) -> dict[Asset, Decimal]:
        """Flows of all accounts together."""
        sums: dict[Asset, Decimal] = {}
        for purse, amount in self.flows.items():
            sums[purse.asset] = sums.get(purse.asset, ZERO) + amount
        return sums

    def _flow(self, fill: Fill, instrument: Instrument, asset: Asset, amount: Decimal) -> None:
        purse = Purse(instrument.venue, fill.account, asset)
        self.flows[purse] = self.flows.get(purse, ZERO) + amount
