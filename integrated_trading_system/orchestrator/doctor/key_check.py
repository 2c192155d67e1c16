"""Looks at one key of a venue before anything is traded with it: whose is it, what may it do, what is open there."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from integrated_trading_system.config.venues import AccountSettings
from integrated_trading_system.domain.execution import OpenOrdersListed, RequestFailed
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, VenueOrderId
from integrated_trading_system.drivers.asking import Unanswered
from integrated_trading_system.orchestrator.doctor.finding import Finding, Verdict, some
from integrated_trading_system.venues.account import KeyFacts
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Venue

PAGES_MAX: Final = 100
PERMISSIONS: Final = "permissions"
"""Of the key: the one check that is repeated while it runs."""


@dataclass(frozen=True)
class Key:
    """An account of a venue, as a run would use it."""

    name: str
    """Under which findings speak of it."""
    path: str
    """Of its settings in the configuration."""
    account: AccountId
    settings: AccountSettings
    used: bool
    """A strategy decides with it: with real orders it must be possible to trade."""
    found: bool
    """It is there."""


class KeyCheck:
    """One key's examination. Use once."""

    def __init__(
        self,
        venue: Venue,
        key: Key,
        grave: Verdict,
        ask: Callable[[HttpRequest, AccountId], Awaitable[HttpReply]],
        known_orders: Collection[ClientOrderId],
    ) -> None:
        """`grave`: of what forbids real orders. `ask` signs, and raises Unanswered."""
        self._venue = venue
        self._key = key
        self._grave = grave
        self._ask = ask
        self._known = known_orders
        self.findings: list[Finding] = []

    async def examine(self) -> str:
        """Everything; the venue's own id of the account, empty where that is not known."""
        account = await self._facts()
        await self._open_orders()
        return account

    def _find(self, check: str, verdict: Verdict, seen: str, remedy: str = "") -> None:
        self.findings.append(Finding(self._key.name, check, verdict, seen, remedy))

    async def _facts(self) -> str:
        check = self._venue.account
        if check is None:
            return self._judge(KeyFacts(), self._venue.no_account)
        try:
            replies = [await self._ask(request, self._key.account) for request in check.requests()]
            facts = check.decode(replies)
        except (Unanswered, MalformedReply) as error:
            remedy = "is it the right key, is it enabled, may it be used from this address?"
            self._find("key", self._grave, f"not accepted: {error}", remedy)
            return ""
        return self._judge(facts, "the venue does not say what the key may do")

    def _judge(self, facts: KeyFacts, unknown: str) -> str:
        key, grave = self._key, self._grave
        allowed = key.settings.allow_unverified_key
        if facts.account:
            self._find("account", Verdict.OK, facts.account)
        if facts.moves_money is None:
            remedy = f"see at the venue that it cannot withdraw, then set {key.path}.allow_unverified_key: true"
            self._find(PERMISSIONS, Verdict.WARN if allowed else grave, unknown, "" if allowed else remedy)
        elif facts.moves_money:
            seen = f"the key can move money away: {', '.join(facts.moves_money)}"
            self._find(PERMISSIONS, grave, seen, "make a key that can only read and trade")
        if facts.trades is False:
            verdict = grave if key.used else Verdict.WARN
            self._find(PERMISSIONS, verdict, "the key may not trade here", "grant it trading of these products")
        elif facts.moves_money == ():
            self._find(PERMISSIONS, Verdict.OK, "it can trade, and take nothing away")
        if facts.addresses is False:
            self._find("addresses", Verdict.WARN, "the key works from anywhere", "bind it to this machine's address")
        elif facts.addresses:
            self._find("addresses", Verdict.OK, "the key works from named addresses only")
        return facts.account or (str(key.account) if allowed else "")

    async def _open_orders(self) -> None:
        try:
            names, failure = await self._listed_orders()
        except (Unanswered, MalformedReply) as error:
            self._find("orders", self._grave, f"cannot be asked for: {error}", "try again later")
            return
        if failure:
            remedy = "is it the right key, and may it read orders?"
            self._find("orders", self._grave, f"cannot be asked for: {failure}", remedy)
        elif strange := [name for name in names.values() if name not in self._known]:
            seen = f"{len(strange)} open that are not ours: {some([name or 'unnamed' for name in strange])}"
            self._find("orders", Verdict.WARN, seen, "they count as exposure; cancel what is not wanted")
        else:
            self._find("orders", Verdict.OK, f"{len(names)} open, all of them ours")

    async def _listed_orders(self) -> tuple[dict[VenueOrderId, ClientOrderId], str]:
        """Of all pages our names by the venue's, or why there are none."""
        trading, account = self._venue.trading, self._key.account
        assert trading is not None
        names: dict[VenueOrderId, ClientOrderId] = {}
        cursor = ""
        for _ in range(PAGES_MAX):
            reply = await self._ask(trading.open_orders(account, cursor).request, account)
            told, cursor = trading.decode_open_orders(account, reply)
            for one in told:
                if isinstance(one, RequestFailed):
                    return {}, one.reason
                if isinstance(one, OpenOrdersListed):
                    names |= {order.venue_order_id: order.client_order_id for order in one.orders}
            if not cursor:
                return names, ""
        return {}, "pages without end"
