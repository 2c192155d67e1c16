"""The position management: every fill booked exactly once, everything valued now and then."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.pms import PmsSettings
from integrated_trading_system.domain.book import BookReader
from integrated_trading_system.domain.execution import Balance, BalancesReported, Fill
from integrated_trading_system.domain.health import Reconciled
from integrated_trading_system.domain.ids import AccountId, Asset, ClientOrderId, InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.opportunity import EdgeRealised
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus, TimeInForce
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.domain.position import Equity, FundingPaid, Position
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.pms.analyst import Analyst
from integrated_trading_system.pms.attribution import Owner
from integrated_trading_system.pms.audit import Audit
from integrated_trading_system.pms.ledger import Holding, Ledger, Purse
from integrated_trading_system.pms.lots import Lot
from integrated_trading_system.pms.performance import Figures, Performance
from integrated_trading_system.pms.valuation import Valuation, realised_edge
from integrated_trading_system.runtime.actor import Actor


class EquityDue(Struct, frozen=True):
    """Timer: value everything."""


PmsInbox: TypeAlias = (
    Fill | FundingPaid | Order | BalancesReported | Reconciled | InstrumentsListed | PlanFinished | EquityDue
)


class PositionManagementView(Struct, frozen=True, kw_only=True):
    """What is held and what it brought. Profit is in the reporting currency."""

    positions: tuple[Position, ...]
    balances: dict[str, dict[Asset, Decimal]]
    """By account: free and locked together, as the venue last reported."""
    expected: dict[str, dict[Asset, Decimal]]
    """By account: what should be there by our own ledger."""
    external: dict[str, dict[Asset, Decimal]]
    """By account: what moved for another reason than our fills and our funding."""
    pnl: dict[str, Decimal]
    """``realised``, ``unrealised``, ``fees``, ``fees_apart``, ``funding``, ``total``."""
    by_asset: dict[Asset, Decimal]
    """What our fills and our funding moved, fees included, over all accounts."""
    fees: dict[Asset, Decimal]
    funding: dict[Asset, Decimal]
    """Received, less paid."""
    equity: Equity
    figures: Figures
    """How well it went; `performance()` says more."""
    realised_edge: Decimal
    """Of all plans of several legs that finished in this run."""
    plans_traded: int
    """Of those, how many traded anything."""
    fills: int
    waiting: int
    """Fills whose instrument is not listed yet."""


class PositionManagementSystem(Actor[PmsInbox]):
    """Keeps the ledger, values it, and compares it with the venues."""

    def __init__(
        self,
        settings: PmsSettings,
        books: BookReader,
        fills: tuple[Fill, ...] = (),
        openings: Mapping[tuple[VenueId, AccountId, Asset], Decimal] = MappingProxyType({}),
        funding: tuple[FundingPaid, ...] = (),
        owners: Mapping[ClientOrderId, Owner] = MappingProxyType({}),
    ) -> None:
        """Recover from the journal.

        `fills`: every fill, in order; each is booked as soon as its instrument is listed. `openings`: what each
        account held before the first of them. `funding`: every payment; `owners`: whose each order was.
        """
        self._settings = settings
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._waiting: dict[InstrumentId, list[Fill]] = {}
        for fill in fills:
            self._waiting.setdefault(fill.instrument, []).append(fill)
        self._plans_waiting: list[PlanFinished] = []
        self._balances: dict[tuple[str, AccountId], dict[Asset, Balance]] = {}
        self.ledger = Ledger()
        self.valuation = Valuation(settings, books, self._instruments)
        self.audit = Audit(
            self.ledger.flow,
            Nanos(settings.external_after_ms * MILLISECOND),
            {Purse(*key): amount for key, amount in openings.items()},
        )
        self._analyst = Analyst(settings, self.ledger, self.valuation, owners)
        for (_, _, asset), amount in openings.items():
            self._analyst.given(asset, amount)
        self._funding_waiting = list(funding)
        self._unsettled: dict[ClientOrderId, tuple[VenueId, AccountId]] = {}
        """Orders of which a fill may be missing."""
        self._traded_at: dict[tuple[VenueId, AccountId], Nanos] = {}
        self._reported_at: dict[tuple[VenueId, AccountId], Nanos] = {}
        self._reconciled = False
        self._early: dict[tuple[VenueId, AccountId], BalancesReported] = {}
        """The last whole report of each account from before that."""

    def start(self) -> None:
        """Value everything from now on, again and again."""
        self._value_later()

    def receive(self, message: PmsInbox) -> None:
        """Book, compare, or value."""
        match message:
            case Fill():
                self._on_fill(message)
            case FundingPaid():
                self._on_funding(message)
            case Order():
                self._on_order(message)
            case InstrumentsListed():
                self._on_instruments(message)
            case BalancesReported():
                self._on_balances(message)
            case Reconciled():
                self._on_reconciled()
            case PlanFinished():
                self._on_plan(message)
            case EquityDue():
                self._value()
                self._value_later()
            case _:
                assert_never(message)

    # -- reading -------------------------------------------------------------------------------

    def position(self, instrument: InstrumentId, account: AccountId | None = None) -> tuple[Position, ...]:
        """Ours in the instrument, on this account or on every one; empty where nothing was ever traded."""
        return tuple(
            holding.position()
            for holding in self.ledger
            if holding.instrument.instrument == instrument and account in (None, holding.account)
        )

    def lots(self, instrument: InstrumentId) -> tuple[Lot, ...]:
        """Open lots of the instrument, oldest first on each account."""
        return tuple(
            lot for holding in self.ledger if holding.instrument.instrument == instrument for lot in holding.lots
        )

    def unrealised(self, instrument: InstrumentId, price: Decimal) -> Decimal:
        """What closing all of the instrument at `price` would bring, in its quote (or settle) asset."""
        holdings = (holding for holding in self.ledger if holding.instrument.instrument == instrument)
        return sum((holding.unrealised(price) for holding in holdings), ZERO)

    def equity(self) -> Equity:
        """Everything, valued now."""
        return self.valuation.equity(self.ledger, self.context.now)

    def performance(self) -> Performance:
        """How well it went, as of now. Takes longer the more plans there were: nothing for a hot path."""
        return self._analyst.performance(self.equity())

    def view(self) -> PositionManagementView:
        """Everything, as of the end of the last turn."""
        equity = self.equity()
        return PositionManagementView(
            positions=tuple(holding.position() for holding in self.ledger),
            balances={
                account: {asset: balance.free + balance.locked for asset, balance in assets.items()}
                for (_, account), assets in self._balances.items()
            },
            expected=_by_account(self.audit.expected()),
            external=_by_account(self.audit.external),
            pnl={
                "realised": equity.realised,
                "unrealised": equity.unrealised,
                "fees": equity.fees,
                "fees_apart": equity.fees_apart,
                "funding": equity.funding,
                "total": equity.total,
            },
            by_asset=self.ledger.by_asset(),
            fees=self.ledger.fees.amounts(),
            funding=dict(self.ledger.funding),
            equity=equity,
            figures=self._analyst.figures(),
            realised_edge=self._analyst.tally.realised,
            plans_traded=self._analyst.tally.traded,
            fills=self.ledger.fills,
            waiting=sum(len(fills) for fills in self._waiting.values()),
        )

    # -- what happens --------------------------------------------------------------------------

    def _on_fill(self, fill: Fill) -> None:
        owner = (venue_of(fill.instrument), fill.account)
        self._traded_at[owner] = max(fill.venue_time, self._traded_at.get(owner, Nanos(0)))
        instrument = self._instruments.get(fill.instrument)
        if instrument is None:
            self._waiting.setdefault(fill.instrument, []).append(fill)
        else:
            self.context.publish(self._book(fill, instrument).position())

    def _book(self, fill: Fill, instrument: Instrument) -> Holding:
        now = self.context.now
        rate = self.valuation.rate_then(fill.fee.asset, fill, instrument, now)
        holding = self.ledger.book(fill, instrument, rate)
        self._analyst.book(fill, holding, rate, now)
        return holding

    def _on_funding(self, paid: FundingPaid) -> None:
        """It is shared by what everyone holds, so fills that wait for their instrument go first."""
        owner = (paid.venue, paid.account)
        self._traded_at[owner] = max(paid.venue_time, self._traded_at.get(owner, Nanos(0)))
        if paid.instrument is not None and paid.instrument in self._waiting:
            self._funding_waiting.append(paid)
        elif self.ledger.fund(paid):
            self._analyst.fund(paid)

    def _on_order(self, order: Order) -> None:
        """Remember it as long as it may have traded what we have not heard of."""
        self._analyst.on_order(order)
        request = order.request
        rests = order.status is OrderStatus.WORKING and request.time_in_force is TimeInForce.GTC
        if order.status in TERMINAL or (rests and order.filled == order.venue_filled):
            self._unsettled.pop(request.client_order_id, None)
        else:
            self._unsettled[request.client_order_id] = (venue_of(request.instrument), request.account)

    def _on_instruments(self, message: InstrumentsListed) -> None:
        """What an instrument is was known when its first fill was booked, and stays so."""
        for instrument in message.instruments:
            self._instruments[instrument.instrument] = instrument
            fills = self._waiting.pop(instrument.instrument, [])
            changed = {fill.account: self._book(fill, instrument) for fill in fills}
            for holding in changed.values():
                self.context.publish(holding.position())
        funding, self._funding_waiting = self._funding_waiting, []
        for paid in funding:
            self._on_funding(paid)
        plans, self._plans_waiting = self._plans_waiting, []
        for plan in plans:
            self._on_plan(plan)

    def _on_balances(self, message: BalancesReported) -> None:
        owner = (message.venue, message.account)
        if 0 < message.venue_time < self._reported_at.get(owner, Nanos(0)):
            return  # of a stream that lags behind what was asked
        self._reported_at[owner] = max(message.venue_time, self._reported_at.get(owner, Nanos(0)))
        known = self._balances.setdefault(owner, {})
        if message.complete:
            known.clear()
        known.update({balance.asset: balance for balance in message.balances})
        if self._reconciled:
            self._compare(message)
        elif message.complete:
            self._early[owner] = message

    def _on_reconciled(self) -> None:
        """From now on the fills of earlier runs are known, also those that were told just before a crash."""
        self._reconciled = True
        for report in self._early.values():
            self._compare(report)
        self._early.clear()

    def _compare(self, report: BalancesReported) -> None:
        if self._comparable(report):
            for found in self.audit.report(report, self.context.now):
                self._analyst.given(found.asset, found.amount)
                self.context.publish(found)

    def _comparable(self, report: BalancesReported) -> bool:
        """Whether the ledger knows every fill and payment that the report knows, and no other."""
        owner = (report.venue, report.account)
        if owner in self._unsettled.values() or any(venue_of(name) == report.venue for name in self._waiting):
            return False
        if any(paid.venue == report.venue for paid in self._funding_waiting):
            return False
        return (report.venue_time or report.received_at) >= self._traded_at.get(owner, Nanos(0))

    def _on_plan(self, finished: PlanFinished) -> None:
        """What a trade of several legs brought, beside what was expected of it."""
        if len(finished.legs) < 2 or not any(leg.filled or leg.flow for leg in finished.legs):
            return
        if any(leg.instrument not in self._instruments for leg in finished.legs):
            self._plans_waiting.append(finished)
            return
        realised, fees, unpriced = realised_edge(finished, self._instruments, self.valuation)
        edge = EdgeRealised(
            plan_id=finished.plan_id,
            strategy=finished.strategy,
            expected=finished.expected_edge,
            realised=realised,
            fees=fees,
            residuals=finished.residuals,
            currency=self.valuation.currency,
            unpriced=unpriced,
            at=finished.at,
        )
        self._analyst.closed(edge)
        self.context.publish(edge)

    def _value(self) -> None:
        equity = self.equity()
        self._analyst.sample(equity)
        self.context.publish(equity)

    def _value_later(self) -> None:
        self.context.after(self._settings.equity_every_ms * MILLISECOND, EquityDue())


def _by_account(amounts: dict[Purse, Decimal]) -> dict[str, dict[Asset, Decimal]]:
    accounts: dict[str, dict[Asset, Decimal]] = {}
    for purse, amount in amounts.items():
        accounts.setdefault(purse.account, {})[purse.asset] = amount
    return accounts
