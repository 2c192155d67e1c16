"""What the venue lists: every request, every page, all of it or nothing; tried until it succeeds."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.runtime.actor import Context
from integrated_trading_system.venues.connector.backoff import Backoff
from integrated_trading_system.venues.connector.calls import Calls
from integrated_trading_system.venues.rest import WeightedRequest
from integrated_trading_system.venues.venue import Market

PAGES_MAX: Final = 200
"""Of one try: a venue whose pages never end is not believed."""


class ListingDue(Struct, frozen=True):
    """Timer: ask for the instruments (again)."""


class Listing:
    """Asks until the whole answer is there, once."""

    def __init__(
        self,
        context: Context,
        market: Market,
        calls: Calls,
        backoff: Backoff,
        done: Callable[[tuple[Instrument, ...]], None],
        failed: Callable[[str], None],
    ) -> None:
        """Nothing is asked yet. `done` is called once; `failed` at every failure, which is tried again."""
        self._context = context
        self._market = market
        self._calls = calls
        self._backoff = backoff
        self._done = done
        self._failed = failed
        self._attempt = 0
        self._waiting = 0
        self._pages = 0
        self._found: list[Instrument] = []
        self._over = False

    def start(self) -> None:
        """Ask everything from the beginning."""
        if self._over:
            return
        requests = self._market.instruments()
        self._attempt += 1
        self._found = []
        self._pages = self._waiting = len(requests)
        for request in requests:
            self._ask(request, self._attempt)

    def stop(self) -> None:
        """It is known from elsewhere, or not wanted any more: answers still on their way are dropped."""
        self._over = True

    def _ask(self, request: WeightedRequest, attempt: int) -> None:
        def answered(page: tuple[tuple[Instrument, ...], WeightedRequest | None], _: object) -> None:
            if attempt == self._attempt and not self._over:
                self._take(*page)

        def failed(reason: str) -> None:
            if attempt == self._attempt and not self._over:
                self._try_again(reason)

        self._calls.fetch("instruments", request, self._market.decode_instruments, answered, failed)

    def _take(self, instruments: tuple[Instrument, ...], following: WeightedRequest | None) -> None:
        self._found += instruments
        if following is None:
            self._waiting -= 1
            if self._waiting == 0:
                self._over = True
                self._done(tuple(self._found))
        elif self._pages >= PAGES_MAX:
            self._try_again("pages without end")
        else:
            self._pages += 1
            self._ask(following, self._attempt)

    def _try_again(self, reason: str) -> None:
        self._attempt += 1
        self._failed(reason)
        self._context.after(self._backoff.delay(), ListingDue())
