"""Follows what is booked and says how well it went; the ledger knows nothing of it."""

from collections.abc import Mapping
from decimal import Decimal

from integrated_trading_system.config.pms import PmsSettings
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import Asset, ClientOrderId
from integrated_trading_system.domain.opportunity import EdgeRealised
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.position import Equity, FundingPaid
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.pms.attribution import Attribution, Owner, Parts
from integrated_trading_system.pms.capital import Capital
from integrated_trading_system.pms.curve import EquityCurve
from integrated_trading_system.pms.ledger import Holding, Ledger
from integrated_trading_system.pms.performance import (
    Figures,
    Performance,
    PlanTally,
    Profit,
    Turnover,
    fees_by_gross,
)
from integrated_trading_system.pms.valuation import Valuation


class Analyst:
    """Curve, closed plans, turnover, capital, and the parts of the profit."""

    def __init__(
        self, settings: PmsSettings, ledger: Ledger, valuation: Valuation, owners: Mapping[ClientOrderId, Owner]
    ) -> None:
        """`owners`: of the orders of earlier runs."""
        self._ledger = ledger
        self._valuation = valuation
        self._attribution = Attribution(settings.plans_kept_max, settings.orders_kept_max, owners)
        self._curve = EquityCurve(settings.curve_points_max, Nanos(settings.return_period_s * SECOND))
        self._capital = Capital()
        self._turnover = Turnover()
        self.tally = PlanTally(settings.plans_kept_max)

    def on_order(self, order: Order) -> None:
        """Whose its fills will be."""
        request = order.request
        self._attribution.own(request.client_order_id, Owner(request.plan_id, request.strategy))

    def book(self, fill: Fill, holding: Holding, fee_rate: Decimal | None, now: Nanos) -> None:
        """A fill that the ledger has, with the rate at which the ledger counts its fee."""
        instrument = holding.instrument
        self._attribution.book(fill, holding, fee_rate)
        quoted = self._valuation.rate_then(instrument.quote, fill, instrument, now)
        self._turnover.add(instrument.notional(fill.price, fill.quantity), quoted)

    def fund(self, paid: FundingPaid) -> None:
        """A payment that the ledger has."""
        key = None if paid.instrument is None else (paid.instrument, paid.account)
        self._attribution.fund(paid.asset, paid.amount, paid.venue, key)

    def given(self, asset: Asset, amount: Decimal) -> None:
        """What nobody earned: there at first, or from outside."""
        self._capital.add(asset, amount)

    def closed(self, edge: EdgeRealised) -> None:
        """A plan of several legs that traded is over."""
        self.tally.add(edge)

    def sample(self, equity: Equity) -> None:
        """One more point of the curve."""
        self._curve.sample(equity.at, equity.total, self._capital.value(self._valuation.rate))

    def figures(self) -> Figures:
        """What is cheap enough for every look."""
        return Figures(
            drawdown=self._curve.drawdown(),
            ratios=self._curve.ratios(),
            plans=self.tally.figures(),
            turnover=self._turnover.total,
            by_strategy=self._parts(self._attribution.by_strategy),
            by_venue=self._parts(self._attribution.by_venue),
        )

    def performance(self, equity: Equity) -> Performance:
        """Everything, with the profit valued as in this equity."""
        return Performance(
            currency=equity.currency,
            equity=equity,
            capital=self._capital.value(self._valuation.rate),
            capital_unpriced=self._capital.waiting(),
            curve=self._curve.points(),
            drawdown=self._curve.drawdown(),
            ratios=self._curve.ratios(),
            plans=self.tally.figures(),
            turnover=self._turnover.total,
            turnover_unpriced=self._turnover.unpriced,
            fees_by_turnover_bps=self._turnover.fees_bps(equity.fees),
            fees_by_gross_profit=fees_by_gross(equity),
            fees_apart=self._ledger.fees.apart(),
            profit=self._profit(equity),
            closed=tuple(self.tally.closed),
        )

    def _profit(self, equity: Equity) -> Profit:
        cuts = self._attribution
        return Profit(
            total=equity.total,
            by_plan=self._parts(cuts.by_plan),
            by_strategy=self._parts(cuts.by_strategy),
            by_venue=self._parts(cuts.by_venue),
            by_instrument=self._parts(cuts.by_instrument),
        )

    def _parts(self, parts: Parts) -> dict[str, Decimal]:
        return parts.values(self._ledger, self._valuation.mid, self._valuation.rate)
