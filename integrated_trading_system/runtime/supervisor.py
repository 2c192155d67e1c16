"""When an actor fails: restart it, unless that happens too often or its state may not be thrown away.

The semantics are OTP's one_for_one: only the failed child restarts; more than `intensity` restarts
within `period` pass the failure on (escalation). Actors that hold money have intensity 0: their
failure is always passed on, and the whole process takes the one start path again.
"""

from collections import deque

from msgspec import Struct

from integrated_trading_system.domain.time import MINUTE, Nanos


class RestartPolicy(Struct, frozen=True):
    """How often a child may be restarted within `period`."""

    intensity: int = 3
    period: Nanos = MINUTE


NEVER = RestartPolicy(intensity=0)
"""For risk, OMS and PMS."""


class RestartCounter:
    """Remembers one child's restarts."""

    def __init__(self, policy: RestartPolicy) -> None:
        """None yet."""
        self._policy = policy
        self._recent: deque[Nanos] = deque()
        self.total = 0

    def allows(self, now: Nanos) -> bool:
        """Count a failure at `now`; True if the child may be restarted, False if the failure escalates."""
        while self._recent and now - self._recent[0] > self._policy.period:
            self._recent.popleft()
        if len(self._recent) >= self._policy.intensity:
            return False
        self._recent.append(now)
        self.total += 1
        return True
