"""Asking the venues, and knowing when everything that was asked has been answered.

A venue's events may be lost, all of them; so every fact they carry is also asked for: at the
start, whenever an account's stream comes back, and on a timer. A question that gets no answer is
asked again, each time after a longer pause.

Where a venue's limits have no room for a question, those of the account form a line: only the first of it
is asked, and the next one when it was answered. Otherwise what is asked often would always be there first,
and what became of an order never be told.
"""

from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId
from integrated_trading_system.domain.time import Nanos

TRIES_MAX: Final = 20
"""The first of a line that was refused so often goes to its end: perhaps there never is room for it."""


class About(StrEnum):
    """What can be asked."""

    ORDER = "order"
    FILLS = "fills"
    OPEN_ORDERS = "open-orders"
    BALANCES = "balances"


Question: TypeAlias = tuple[About, ClientOrderId | AccountId] | tuple[About, InstrumentId, AccountId]
"""Of an order by its id; of fills by instrument and account; of everything else by account."""


class _Asked(Struct):
    account: AccountId
    at: Nanos
    pause: Nanos
    tries: int = 0
    """In the line."""
    once_more: bool = False
    """The answer that may be on its way will not do."""


class Questions:
    """The questions without an answer."""

    def __init__(self, pause_first: Nanos, pause_max: Nanos) -> None:
        """None yet."""
        self._pause_first = pause_first
        self._pause_max = pause_max
        self._asked: dict[Question, _Asked] = {}
        self._lines: dict[AccountId, dict[Question, None]] = {}

    def __len__(self) -> int:
        """How many wait for their answer."""
        return len(self._asked)

    def ask(self, question: Question, account: AccountId, now: Nanos, *, again: bool = False) -> bool:
        """Whether to send it now: not while an answer may still come, unless only a later answer will do (`again`).

        Nor while others of the account stand in line: it joins them.
        """
        asked, line = self._asked.get(question), self._lines.get(account)
        if asked is not None and not again:
            return False
        if asked is None:
            asked = self._asked[question] = _Asked(account, now, self._pause_first)
        elif line and next(iter(line)) == question:
            asked.once_more = True
        if line:
            line.setdefault(question)
            return False
        asked.at = now
        return True

    def no_room(self, question: Question) -> None:
        """It was not sent: it stands in line, where it is already in its place, until it was refused too often."""
        asked = self._asked.get(question)
        if asked is None:
            return
        line = self._lines.setdefault(asked.account, {})
        asked.pause = self._pause_first
        asked.tries += 1
        if asked.tries > TRIES_MAX:
            asked.tries = 0
            line.pop(question, None)
        line.setdefault(question)

    def answered(self, question: Question, now: Nanos) -> Question | None:
        """It need not be repeated; which other one there is room for now."""
        asked = self._asked.pop(question, None)
        line = {} if asked is None else self._lines.get(asked.account, {})
        if asked is None or question not in line:
            return None
        first = next(iter(line)) == question
        del line[question]
        if asked.once_more:
            self._asked[question] = _Asked(asked.account, now, self._pause_first)
            line[question] = None
        if not line:
            del self._lines[asked.account]
        following = next(iter(line), None) if first else None
        if following is not None:
            self._asked[following].at = now
        return following

    def overdue(self, now: Nanos) -> list[Question]:
        """Those to be sent again now; their pause doubles, except in a line."""
        due = []
        for question, asked in self._asked.items():
            if now < asked.at + asked.pause:
                continue
            if line := self._lines.get(asked.account):
                line.setdefault(question)
                if next(iter(line)) != question:
                    continue
            else:
                asked.pause = min(Nanos(2 * asked.pause), self._pause_max)
            asked.at = now
            due.append(question)
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
