"""Asking the venues, and knowing when everything that was asked has been answered.

A venue's events may be lost, all of them; so every fact they carry is also asked for: at the
start, whenever an account's stream comes back, and on a timer. A question that gets no answer is
asked again, each time after a longer pause.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId
from integrated_trading_system.domain.time import Nanos


class About(StrEnum):
    """What can be asked."""

    ORDER = "order"
    FILLS = "fills"
    OPEN_ORDERS = "open-orders"
    BALANCES = "balances"


Question: TypeAlias = tuple[About, ClientOrderId | AccountId] | tuple[About, InstrumentId, AccountId]
"""Of an order by its id; of fills by instrument and account; of everything else by account."""


class _Asked(Struct):
    at: Nanos
    pause: Nanos


class Questions:
    """The questions without an answer."""

    def __init__(self, pause_first: Nanos, pause_max: Nanos) -> None:
        """None yet."""
        self._pause_first = pause_first
        self._pause_max = pause_max
        self._asked: dict[Question, _Asked] = {}

    def __len__(self) -> int:
        """How many wait for their answer."""
        return len(self._asked)

    def ask(self, question: Question, now: Nanos, *, again: bool = False) -> bool:
        """Whether to send it now: not while an answer may still come, unless only a later answer will do (`again`)."""
        asked = self._asked.get(question)
        if asked is None:
            self._asked[question] = _Asked(now, self._pause_first)
            return True
        if again:
            asked.at = now
        return again

    def answered(self, question: Question) -> None:
        """It need not be repeated."""
        self._asked.pop(question, None)

    def overdue(self, now: Nanos) -> list[Question]:
        """Those to be sent again now; their pause doubles."""
        due = [question for question, asked in self._asked.items() if now >= asked.at + asked.pause]
        for question in due:
            asked = self._asked[question]
            asked.at = now
            asked.pause = min(Nanos(2 * asked.pause), self._pause_max)
        return due


class _Account(Struct):
    listed: bool = False
    heard: bool = False
    """Its event stream is up, or was waited for long enough."""
    begun: bool = False
    unanswered: dict[Question, None] = {}


class StartOfDay:
    """The first comparison with every account, after which trading may begin."""

    def __init__(self, accounts: tuple[AccountId, ...]) -> None:
        """Nothing is known of any of them."""
        self._accounts = {account: _Account() for account in accounts}
        self._announced = False

    def listed(self, account: AccountId) -> bool:
        """The instruments of its venue are known. True when its comparison is to begin now."""
        self._accounts[account].listed = True
        return self._ready(account)

    def heard(self, account: AccountId) -> bool:
        """Its stream is up, or was waited for long enough. True when its comparison is to begin now."""
        self._accounts[account].heard = True
        return self._ready(account)

    def begin(self, account: AccountId, questions: tuple[Question, ...]) -> None:
        """These have to be answered."""
        self._accounts[account].begun = True
        self._accounts[account].unanswered = dict.fromkeys(questions)

    def begun(self, account: AccountId) -> bool:
        """Whether its comparison has begun: a stream that comes up from then on came back."""
        return self._accounts[account].begun

    def answered(self, question: Question) -> None:
        """One answer is there."""
        for account in self._accounts.values():
            account.unanswered.pop(question, None)

    def finished(self) -> bool:
        """True once: when every account has answered everything."""
        if self._announced or not all(account.begun and not account.unanswered for account in self._accounts.values()):
            return False
        self._announced = True
        return True

    def _ready(self, account: AccountId) -> bool:
        state = self._accounts[account]
        return state.listed and state.heard and not state.begun
