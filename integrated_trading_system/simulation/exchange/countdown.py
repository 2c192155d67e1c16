"""A dead-man timer for each account: what is open is cancelled unless the countdown is begun anew in time."""

from collections.abc import Callable

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.exchange import Exchange


class Countdown:
    """One exchange's."""

    def __init__(self, exchange: Exchange, call_at: Callable[[Nanos, Callable[[Nanos], None]], None]) -> None:
        """`call_at` is the venue's service's."""
        self._exchange = exchange
        self._call_at = call_at
        self._due: dict[tuple[str, str | None], Nanos] = {}

    def begin(self, account: Account, wait: Nanos, now: Nanos, symbol: str | None = None) -> None:
        """Of one symbol, or of everything; in place of what was counted for it before. 0: no more."""
        key = (account.name, symbol)
        if not wait:
            self._due.pop(key, None)
            return
        due = self._due[key] = Nanos(now + wait)
        self._call_at(due, lambda at: self._over(account, key, at))

    def _over(self, account: Account, key: tuple[str, str | None], at: Nanos) -> None:
        """Where it was not begun anew."""
        if self._due.get(key) == at:
            del self._due[key]
            self._exchange.cancel_all(account, max(at, self._exchange.now), key[1])
