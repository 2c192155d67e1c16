"""What Binance says of a key. The spot host tells it for every product; here each server answers for itself."""

from collections.abc import Callable
from typing import Any

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Route, Security
from integrated_trading_system.simulation.exchange.exchange import Exchange

RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
USER = "/api/v3/account"


class Restrictions:
    """Handlers of requests about the key."""

    def __init__(self, exchange: Exchange, millis_of: Callable[[Nanos], int]) -> None:
        self._exchange = exchange
        self._millis = millis_of

    def routes(self, *, user: bool) -> dict[tuple[str, str], Route]:
        """With `user` also what the spot host tells of the account, for a server that is not spot."""
        rows = {("GET", RESTRICTIONS): Route(self.restrictions, 1, Security.SIGNED)}
        return rows | {("GET", USER): Route(self.user, 20, Security.SIGNED)} if user else rows

    def restrictions(self, call: Call) -> Any:
        """A key that can trade and read; and withdraw, where the account says so."""
        may_not = (
            *("enableInternalTransfer", "permitsUniversalTransfer", "enableVanillaOptions"),
            *("enableMargin", "enablePortfolioMarginTrading", "enableFixApiTrade", "enableFixReadOnly"),
        )
        may = ("ipRestrict", "enableReading", "enableSpotAndMarginTrading", "enableFutures")
        known = {
            "enableWithdrawals": call.customer.may_withdraw,
            "createTime": self._millis(self._exchange.started_at),
        }
        return dict.fromkeys(may, True) | dict.fromkeys(may_not, False) | known

    def user(self, call: Call) -> Any:
        """An account without spot balances."""
        return {"accountType": "SPOT", "canTrade": True, "balances": [], "uid": call.customer.number}
