"""The listenKeys of a user data stream: who has one opens the stream, and loses it when nobody keeps it alive."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Failure

KEY_LIFETIME: Final = HOUR


class ListenKeys:
    """Handlers of ``listenKey`` and ``userDataStream``: one key per account, valid for an hour from its last use."""

    def __init__(
        self,
        seed: int,
        call_at: Callable[[Nanos, Callable[[Nanos], None]], None],
        expired: Callable[[str, Nanos], None],
        *,
        named: bool = False,
    ) -> None:
        """`expired(key, now)` is called when nobody kept a key alive. `named`: requests must name theirs."""
        self._seed = seed
        self._call_at = call_at
        self._expired = expired
        self._named = named
        self._keys: dict[str, str] = {}
        """By account."""
        self._valid_until: dict[str, Nanos] = {}
        self._made = 0

    def key_of(self, account: str) -> str | None:
        """The account's key, if it has one."""
        return self._keys.get(account)

    def create(self, call: Call) -> Any:
        """A new key, or the active one made to last longer."""
        name = call.customer.name
        if name not in self._keys:
            self._made += 1
            self._keys[name] = hashlib.sha256(f"{self._seed}:{name}:{self._made}".encode()).hexdigest()
        return self._extend(name, call.now)

    def keep_alive(self, call: Call) -> Any:
        """The same key for another hour."""
        self._check(call)
        return self._extend(call.customer.name, call.now)

    def delete(self, call: Call) -> Any:
        """No more events."""
        self._check(call)
        del self._valid_until[self._keys.pop(call.customer.name)]
        return {}

    def _check(self, call: Call) -> None:
        key = self._keys.get(call.customer.name)
        if key is None or (self._named and call.text("listenKey") != key):
            raise Failure(-1125, "This listenKey does not exist.")

    def _extend(self, account: str, now: Nanos) -> dict[str, str]:
        key = self._keys[account]
        until = Nanos(now + KEY_LIFETIME)
        self._valid_until[key] = until
        self._call_at(until, lambda due: self._expire(account, key, due))
        return {"listenKey": key}

    def _expire(self, account: str, key: str, due: Nanos) -> None:
        if self._valid_until.get(key) == due:
            del self._valid_until[key], self._keys[account]
            self._expired(key, due)
