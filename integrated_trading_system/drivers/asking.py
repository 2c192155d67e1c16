"""Asks venues single questions without a core: for whoever examines them before anything is started.

The questions leave through the same driver as every call of a run, signed at the send. Nothing that could
change an account passes: orders and cancels are refused at the gate.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, ActorName, CallId, VenueId
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.http import HttpDriver
from integrated_trading_system.venues.signer import Signer

QUESTIONS: Final = frozenset({Tag.DATA, Tag.QUERY})


class Unanswered(Exception):
    """No reply has come; the text is the driver's short word for it (``timeout``, ``refused``, ``dns`` …)."""


class QuestionsOnly:
    """A gate."""

    def allows(self, tag: Tag) -> bool:
        """Only what changes nothing."""
        return tag in QUESTIONS


class Asker:
    """One question, one answer. Close it."""

    def __init__(self, signers: Mapping[VenueId, Signer], now: Callable[[], Nanos], user_agent: str) -> None:
        """`now` is the clock by which requests are signed and replies are stamped."""
        self._now = now
        self._http = HttpDriver(self, signers, QuestionsOnly(), user_agent)
        self._waiting: dict[CallId, asyncio.Future[HttpReply | HttpFailed]] = {}
        self._count = 0

    async def ask(
        self,
        venue: VenueId,
        request: HttpRequest,
        *,
        seconds: float,
        account: AccountId | None = None,
        clock_offset: Nanos = Nanos(0),  # noqa: B008 - a number
    ) -> HttpReply:
        """The reply, whatever its status; signed where an account is named. Raises Unanswered after `seconds`."""
        self._count += 1
        call = CallId(f"{venue}#ask.{self._count}")
        answer: asyncio.Future[HttpReply | HttpFailed] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        self._http.call(
            HttpCall(
                call=call,
                venue=venue,
                purpose="ask",
                request=request,
                tag=Tag.DATA if account is None else Tag.QUERY,
                deadline=Nanos(self._now() + int(seconds * SECOND)),
                account=account,
                clock_offset=clock_offset,
            )
        )
        told = await answer
        if isinstance(told, HttpFailed):
            raise Unanswered(told.reason)
        return told

    async def close(self) -> None:
        """Questions under way are Unanswered."""
        await self._http.stop()

    # -- what the driver needs -----------------------------------------------------------------

    def tell(self, actor: ActorName, message: Input) -> None:
        """The driver's answer; it is for whoever asked, not for an actor."""
        assert isinstance(message, HttpReply | HttpFailed), f"{actor} was told {type(message).__name__}"
        waiting = self._waiting.pop(message.call)
        if not waiting.done():  # else whoever asked was cancelled
            waiting.set_result(message)

    def now(self) -> Nanos:
        """By the clock that was given."""
        return self._now()
