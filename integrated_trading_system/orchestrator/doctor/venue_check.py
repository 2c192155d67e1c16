"""Looks at one venue before anything is traded there. It asks only; nothing of it changes anything.

Can it be reached, what time has it, does it list what is configured; whose is the key, and what may it do.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, ClientOrderId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import plain
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.drivers.asking import Asker, Unanswered
from integrated_trading_system.orchestrator.doctor.finding import SHOWN_MAX, Finding, Verdict, some
from integrated_trading_system.orchestrator.doctor.key_check import PAGES_MAX, Key, KeyCheck
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from integrated_trading_system.venues.venue import Venue

SKEW_MAX: Final = SECOND
"""Of our clock against a venue's: beyond, nothing is traded. A venue refuses requests not much later."""
QUESTION_SECONDS: Final = 5.0
"""For one answer."""
VENUE_SECONDS: Final = 20.0
"""For everything that is asked of one venue."""
CLOCK_QUESTIONS: Final = 3
"""The one that was answered soonest tells the time best."""


@dataclass(frozen=True)
class Subject:
    """One venue as a run would use it."""

    venue: Venue
    settings: VenueSettings
    keys: tuple[Key, ...]
    """Of all its accounts."""
    compared: bool
    """A strategy decides on it: with real orders it must be possible to trade here."""
    live: bool
    """Real orders are meant: what is only unwise otherwise forbids the start."""

    @property
    def grave(self) -> Verdict:
        """Of what forbids real orders, and nothing else."""
        return Verdict.FAIL if self.live else Verdict.WARN


@dataclass(frozen=True)
class Examined:
    """What was found at one venue."""

    findings: tuple[Finding, ...]
    accounts: Mapping[str, str] = field(default_factory=dict)
    """Of accounts with a key: by which name each is confirmed, the venue's own id. Empty: not known."""


class VenueCheck:
    """One venue's examination. Use once."""

    def __init__(self, asker: Asker, subject: Subject, known_orders: Collection[ClientOrderId]) -> None:
        """`known_orders`: every client order id that was ever ours."""
        self._asker = asker
        self._subject = subject
        self._venue = subject.venue
        self._known = known_orders
        self._findings: list[Finding] = []
        self._offset = Nanos(0)
        self._accounts = {key.name: "" for key in subject.keys if key.found}

    async def examine(self) -> Examined:
        """Everything; raises nothing, and ends within `VENUE_SECONDS`."""
        try:
            async with asyncio.timeout(VENUE_SECONDS):
                listed = await self._instruments()
                if listed is not None:
                    await self._clock(listed)
                    await self._keys()
        except TimeoutError:
            self._find("answers", Verdict.FAIL, f"not all within {VENUE_SECONDS:.0f} s", "try again later")
        return Examined(tuple(self._findings), self._accounts)

    def _find(self, check: str, verdict: Verdict, seen: str, remedy: str = "") -> None:
        self._findings.append(Finding(str(self._venue.venue), check, verdict, seen, remedy))

    async def _ask(self, request: HttpRequest, account: AccountId | None = None) -> HttpReply:
        """Signed where an account is named."""
        signs = account or self._venue.data_account
        return await self._asker.ask(
            self._venue.venue, request, seconds=QUESTION_SECONDS, account=signs, clock_offset=self._offset
        )

    # -- what everybody may ask ------------------------------------------------------------------

    async def _instruments(self) -> HttpReply | None:
        """Whether the venue answers, and lists what is configured; one of its replies, None where it is of no use."""
        found: list[Instrument] = []
        waiting: list[WeightedRequest] = list(self._venue.market.instruments())
        reply = None
        try:
            for _ in range(PAGES_MAX):
                reply = await self._ask(waiting.pop(0).request)
                page, following = self._venue.market.decode_instruments(reply)
                found += page
                waiting += [] if following is None else [following]
                if not waiting:
                    break
        except Unanswered as error:
            self._find("reach", Verdict.FAIL, f"no answer: {error}", "is there a network, and is the address right?")
            return None
        except MalformedReply as error:
            self._find("reach", Verdict.FAIL, f"an answer that is none: {error}", "is the address right?")
            return None
        assert reply is not None
        self._find("reach", Verdict.OK, f"lists {len(found)} instruments")
        self._symbols({instrument.symbol: instrument for instrument in found})
        return reply

    def _symbols(self, listed: dict[str, Instrument]) -> None:
        wanted = self._subject.settings.symbols
        unknown = [symbol for symbol in wanted if symbol not in listed]
        if unknown:
            self._find("symbols", Verdict.FAIL, f"not listed: {some(unknown)}", "correct venues.*.symbols")
        shut = [symbol for symbol in wanted if symbol in listed and not listed[symbol].tradable]
        if shut:
            self._find("symbols", self._subject.grave, f"not trading now: {some(shut)}", "leave them out, or wait")
        good = [listed[symbol] for symbol in wanted if symbol not in (*unknown, *shut)]
        if good or not wanted:
            self._find("symbols", Verdict.OK, _filters(good) or "everything that is listed")

    async def _clock(self, listed: HttpReply) -> None:
        """Theirs minus ours, and how well that is known."""
        asked = self._venue.market.time()
        guesses: list[tuple[int, int]] = []
        try:
            for _ in range(CLOCK_QUESTIONS if asked is not None else 0):
                assert asked is not None
                reply = await self._ask(asked.request)
                half = (reply.received_at - reply.sent_at) // 2
                guesses.append((half, self._venue.market.decode_time(reply) - reply.sent_at - half))
        except (Unanswered, MalformedReply) as error:
            self._find("clock", self._subject.grave, f"cannot be asked: {error}", "try again later")
            return
        if not guesses and (date := _date(listed)) is not None:  # whole seconds, cut off
            half = (listed.received_at - listed.sent_at) // 2
            guesses.append((half + SECOND // 2, date + SECOND // 2 - listed.sent_at - half))
        if not guesses:
            self._find("clock", Verdict.WARN, "the venue tells no time", "see that this machine keeps its clock")
            return
        doubt, offset = min(guesses)
        self._offset = Nanos(offset) if asked is not None else Nanos(0)
        seen = f"{offset / MILLISECOND:+.1f} ms ± {doubt / MILLISECOND:.1f} ms against ours"
        if abs(offset) - (doubt if asked is None else 0) > SKEW_MAX:
            self._find("clock", self._subject.grave, f"{seen}: more than 1 s", "set this machine's clock (NTP)")
        elif abs(offset) + doubt > SKEW_MAX:
            self._find("clock", Verdict.WARN, f"{seen}: perhaps more than 1 s", "see that this machine keeps its clock")
        else:
            self._find("clock", Verdict.OK, seen)

    # -- what only the key may ask ---------------------------------------------------------------

    async def _keys(self) -> None:
        subject, trading = self._subject, self._venue.trading
        if trading is None:
            verdict = subject.grave if subject.compared else Verdict.OK
            remedy = "leave it out of the comparisons" if subject.compared else ""
            self._find("trading", verdict, f"not possible here: {self._venue.no_trading}", remedy)
            return
        for key in subject.keys:
            if key.found:
                check = KeyCheck(self._venue, key, subject.grave, self._ask, self._known)
                self._accounts[key.name] = await check.examine()
                self._findings += check.findings
            elif key.settings.api_key is not None:
                pass  # that it cannot be found was said
            elif not subject.live:
                self._findings.append(Finding(key.name, "key", Verdict.OK, "none; none is needed for market data"))
            elif not key.used:
                self._findings.append(Finding(key.name, "key", Verdict.OK, "none; nothing is traded here"))


def _filters(instruments: Sequence[Instrument]) -> str:
    """The rules for an order in each."""
    shown = [
        f"{one.symbol} tick {plain(one.tick)} lot {plain(one.lot)} minimum {plain(one.notional_min)} {one.quote}"
        for one in instruments[:SHOWN_MAX]
    ]
    more = len(instruments) - SHOWN_MAX
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _date(reply: HttpReply) -> int | None:
    """When the server wrote its answer, in whole seconds; None where it does not say so."""
    try:
        return int(parsedate_to_datetime(reply.headers["date"]).timestamp()) * SECOND
    except (KeyError, ValueError):
        return None
