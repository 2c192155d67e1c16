"""Our ledger against the venues' word: what a balance moved by that no fill of ours explains.

The first report of an asset is its opening balance. From then on opening balance plus our flows is
what should be there. A difference may be a fill on its way, in either direction; one that stays the
same for long enough is a flow from outside. It is taken over as it is, and never traded away. Only
reports that can be compared come here: while a fill may be missing, none does.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.execution import BalancesReported
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.position import ExternalFlow, OpeningBalance
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.ledger import Purse


class _Difference(Struct, frozen=True):
    amount: Decimal
    since: Nanos


class Audit:
    """Opening balances, differences that may still go away, and flows from outside."""

    def __init__(
        self, flow: Callable[[Purse], Decimal], external_after: Nanos, openings: Mapping[Purse, Decimal]
    ) -> None:
        """`flow`: what our fills did to a purse. `openings`: what earlier runs counted from, outside flows added."""
        self._flow = flow
        self._external_after = external_after
        self._opening: dict[Purse, Decimal] = dict(openings)
        self._differences: dict[Purse, _Difference] = {}
        self.external: dict[Purse, Decimal] = {}

    def report(self, report: BalancesReported, now: Nanos) -> tuple[OpeningBalance | ExternalFlow, ...]:
        """Compare; the flows from outside that this report proves, and the balances that it tells for the first time.

        A complete report means 0 where it is silent.
        """
        reported = {
            Purse(report.venue, report.account, balance.asset): balance.free + balance.locked
            for balance in report.balances
        }
        if report.complete:
            for purse in self._opening:
                if purse[:2] == (report.venue, report.account):
                    reported.setdefault(purse, ZERO)
        found = (self._compare(purse, total, now) for purse, total in reported.items())
        return tuple(each for each in found if each is not None)

    def expected(self) -> dict[Purse, Decimal]:
        """What every known purse should hold."""
        return {purse: opening + self._flow(purse) for purse, opening in self._opening.items()}

    @property
    def differences(self) -> dict[Purse, Decimal]:
        """What does not agree at present."""
        return {purse: difference.amount for purse, difference in self._differences.items()}

    def _compare(self, purse: Purse, total: Decimal, now: Nanos) -> OpeningBalance | ExternalFlow | None:
        venue, account, asset = purse
        opening = self._opening.get(purse)
        if opening is None:
            # An asset may be named only after we traded it: what our fills moved was not there before.
            opening = self._opening[purse] = total - self._flow(purse)
            return OpeningBalance(venue=venue, account=account, asset=asset, amount=opening, at=now)
        amount = total - opening - self._flow(purse)
        if not amount:
            self._differences.pop(purse, None)
            return None
        known = self._differences.get(purse)
        if known is None or known.amount != amount:
            self._differences[purse] = known = _Difference(amount, now)
        if now - known.since < self._external_after:
            return None
        del self._differences[purse]
        self._opening[purse] = opening + amount
        self.external[purse] = self.external.get(purse, ZERO) + amount
        return ExternalFlow(venue=venue, account=account, asset=asset, amount=amount, at=now)
