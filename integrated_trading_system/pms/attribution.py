"""To whom the profit belongs: to every plan, strategy, venue and instrument its part, and the parts add up exactly.

Cost by average or by lots cannot be cut into plans: one plan's closing is another's opening. So a part is what its own
fills moved: what they took in, less what they paid out, and what they left is worth today's price. Added up over all,
that is the same sum as realised and unrealised profit together, whichever way a position was built.

Rounding (of what inverse contracts are worth) goes from one part to the next and is never lost: parts are differences
of one running sum.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import AccountId, Asset, ClientOrderId, InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.pms.fees import Fees
from integrated_trading_system.pms.ledger import Holding, worth
from integrated_trading_system.pms.shares import part, split

EXTERNAL: Final = "external"
"""Fills of orders that are none of ours."""
EARLIER: Final = "earlier"
"""Plans of which there are too many to show each."""
UNATTRIBUTED: Final = "unattributed"
"""Funding that nobody's position explains."""
_NOBODYS: Final = (EARLIER, EXTERNAL)

HoldingKey = tuple[InstrumentId, AccountId]
Price = Callable[[InstrumentId], Decimal | None]
Rate = Callable[[Asset], Decimal | None]


class Owner(Struct, frozen=True):
    """Whose order it is."""

    plan_id: PlanId
    strategy: StrategyId


class _Share:
    """What one part did in one holding."""

    __slots__ = ("paid", "quantity")

    def __init__(self) -> None:
        self.quantity = ZERO
        """Signed."""
        self.paid = ZERO
        """What was bought was worth this when it traded, less what was sold."""


class Parts:
    """One way of cutting the profit: by plan, say."""

    def __init__(self, kept_max: int = 0) -> None:
        """Of more than `kept_max` names the oldest become one, `EARLIER`; 0 keeps all."""
        self._kept_max = kept_max
        self._shares: dict[HoldingKey, dict[str, _Share]] = {}
        self._last: dict[HoldingKey, Decimal] = {}
        self._fees: dict[str, Fees] = {}
        self._funding: dict[str, dict[Asset, Decimal]] = {}

    def book(self, name: str, fill: Fill, holding: Holding, fee_rate: Decimal | None) -> None:
        """A fill of this name; its holding has it already."""
        key = (fill.instrument, fill.account)
        signed = fill.side.sign * fill.quantity
        share = self._shares.setdefault(key, {}).setdefault(name, _Share())
        share.quantity += signed
        share.paid += fill.side.sign * worth(holding.instrument, fill.price, fill.quantity)
        self._last[key] = fill.price
        fees = self._fees.setdefault(name, Fees())
        if fill.fee.amount:
            fees.pay(fill.fee.asset, fill.fee.amount, fee_rate)
        self._keep()

    def fund(self, asset: Asset, amount: Decimal, key: HoldingKey | None, name: str | None = None) -> None:
        """Funding of a holding, to whoever holds how much of it now; or to a name."""
        shares = self._shares.get(key, {}) if key is not None else {}
        given = split(amount, {each: share.quantity for each, share in shares.items()}) if name is None else {}
        for each, share in (given or {name or UNATTRIBUTED: amount}).items():
            funding = self._funding.setdefault(each, {})
            funding[asset] = funding.get(asset, ZERO) + share

    def names(self) -> tuple[str, ...]:
        """Everyone who has a part, oldest first."""
        return tuple(dict.fromkeys((*self._fees, *self._funding)))

    def values(self, holdings: Iterable[Holding], price: Price, rate: Rate) -> dict[str, Decimal]:
        """In the reporting currency, after fees and funding: valued as `Valuation.equity` values the whole."""
        values = dict.fromkeys(self.names(), ZERO)
        for holding in holdings:
            in_currency = rate(holding.profit_asset) or ZERO
            for name, profit in self._profits(holding, price).items():
                values[name] += profit * in_currency
        for name, fees in self._fees.items():
            values[name] -= fees.cost_now(rate)
        for name, funding in self._funding.items():
            values[name] += sum(((rate(asset) or ZERO) * amount for asset, amount in funding.items()), ZERO)
        return values

    def fees(self) -> dict[str, Decimal]:
        """As they were worth when they were paid."""
        return {name: fees.worth() for name, fees in self._fees.items()}

    def _profits(self, holding: Holding, price: Price) -> Mapping[str, Decimal]:
        """By name, in the holding's own profit asset, before fees."""
        instrument = holding.instrument
        key = (instrument.instrument, holding.account)
        mark = price(instrument.instrument)
        inverse = instrument.kind is Kind.INVERSE
        profits: dict[str, Decimal] = {}
        reached = upto = ZERO
        for name, share in self._shares.get(key, {}).items():
            reached += share.quantity
            now = self._worth(holding, mark, reached)
            profit = now - upto - share.paid
            profits[name] = -profit if inverse else profit
            upto = now
        return profits

    def _worth(self, holding: Holding, mark: Decimal | None, quantity: Decimal) -> Decimal:
        """Signed worth of a part of the holding; at its cost while it has no price."""
        if mark is None and holding.quantity:
            return part(holding.cost if holding.quantity > 0 else -holding.cost, quantity, holding.quantity)
        at = mark or self._last[holding.instrument.instrument, holding.account]
        value = worth(holding.instrument, at, abs(quantity))
        return value if quantity > 0 else -value

    def _keep(self) -> None:
        """`EARLIER` and `EXTERNAL` do not count."""
        while self._kept_max and len(self._fees) - sum(name in self._fees for name in _NOBODYS) > self._kept_max:
            oldest = next(name for name in self._fees if name not in _NOBODYS)
            self._fees.setdefault(EARLIER, Fees()).add(self._fees.pop(oldest))
            for shares in self._shares.values():
                share = shares.pop(oldest, None)
                if share is not None:
                    earlier = shares.setdefault(EARLIER, _Share())
                    earlier.quantity += share.quantity
                    earlier.paid += share.paid
            for asset, amount in self._funding.pop(oldest, {}).items():
                funding = self._funding.setdefault(EARLIER, {})
                funding[asset] = funding.get(asset, ZERO) + amount


class Attribution:
    """The same profit cut four ways."""

    def __init__(self, plans_kept_max: int, orders_kept_max: int, owners: Mapping[ClientOrderId, Owner]) -> None:
        """`owners`: of every order of earlier runs. What is not known is nobody's of ours: `EXTERNAL`."""
        self._owners = dict(owners)
        self._orders_kept_max = orders_kept_max + len(owners)
        self.by_plan = Parts(plans_kept_max)
        self.by_strategy = Parts()
        self.by_venue = Parts()
        self.by_instrument = Parts()

    def own(self, order: ClientOrderId, owner: Owner) -> None:
        """Whose fills those of this order are."""
        if order not in self._owners:
            self._owners[order] = owner
            if len(self._owners) > self._orders_kept_max:
                del self._owners[next(iter(self._owners))]

    def book(self, fill: Fill, holding: Holding, fee_rate: Decimal | None) -> None:
        """One fill, four parts."""
        owner = self._owners.get(fill.client_order_id)
        self.by_plan.book(EXTERNAL if owner is None else owner.plan_id, fill, holding, fee_rate)
        self.by_strategy.book(EXTERNAL if owner is None else owner.strategy, fill, holding, fee_rate)
        self.by_venue.book(holding.instrument.venue, fill, holding, fee_rate)
        self.by_instrument.book(fill.instrument, fill, holding, fee_rate)

    def fund(self, asset: Asset, amount: Decimal, venue: str, key: HoldingKey | None) -> None:
        """Venue and instrument are known, or not; plans and strategies share by what they hold now."""
        for parts in (self.by_plan, self.by_strategy):
            parts.fund(asset, amount, key)
        self.by_venue.fund(asset, amount, None, venue)
        self.by_instrument.fund(asset, amount, None, UNATTRIBUTED if key is None else key[0])
