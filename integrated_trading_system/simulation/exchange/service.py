"""What all dialects share: links, timers, and letting time pass in the right order.

A dialect derives from `VenueService` and says, in its venue's words, how a request is answered, what
a client's frame means, and how an exchange event is told. Everything that is due before a call is
done first, at its own time, so frames do not depend on how often `run` is called.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from heapq import heappop, heappush

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import Outgoing, ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.events import ExchangeEvent
from integrated_trading_system.simulation.exchange.exchange import Exchange


class VenueService(ABC):
    """A `Dialect` (see dialect.py) without words. `clock_offset`: the venue's clock minus true time."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        self.exchange = exchange
        self.now = exchange.now
        """Of the call, or of what is being done at its own time: never runs backwards."""
        exchange.clock_offset = clock_offset or exchange.clock_offset
        self._outgoing: list[Outgoing] = []
        self._timers: list[tuple[Nanos, int, Callable[[Nanos], None]]] = []
        self._timers_set = 0

    # -- to be said by the dialect --------------------------------------------------------------

    @abstractmethod
    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        """Answer one HTTP request."""

    @abstractmethod
    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        """A client connects; False refuses the handshake."""

    @abstractmethod
    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        """A text frame of a connected client."""

    @abstractmethod
    def forget(self, link: LinkId, now: Nanos) -> None:
        """A client is gone, by itself or by `close`; called once, also for links that were never accepted."""

    @abstractmethod
    def on_event(self, event: ExchangeEvent) -> None:
        """Something happened on the exchange, at `exchange.now`."""

    # -- for the dialect ------------------------------------------------------------------------

    def venue_time(self, now: Nanos) -> Nanos:
        """What the venue's own clock shows."""
        return self.exchange.venue_time(now)

    def send(self, link: LinkId, frame: bytes) -> None:
        """Queue a text frame for a client."""
        self._outgoing.append(Outgoing(link, frame))

    def close(self, link: LinkId, now: Nanos) -> None:
        """Close a client's connection, after what has been sent to it."""
        self._outgoing.append(Outgoing(link, None))
        self.forget(link, now)

    def call_at(self, due: Nanos, action: Callable[[Nanos], None]) -> None:
        """Call `action(due)` once that time has come. It cannot be called off: an action looks whether it is wanted."""
        self._timers_set += 1
        heappush(self._timers, (due, self._timers_set, action))

    def flush(self) -> None:
        """Tell what the exchange did since the last call."""
        for event in self.exchange.take():
            self.on_event(event)

    # -- Dialect --------------------------------------------------------------------------------

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        now = self._catch_up(now)
        reply = self.answer(request, now)
        self.flush()
        return reply

    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        return self.accept(link, path, query, self._catch_up(now))

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        self.read(link, frame, self._catch_up(now))
        self.flush()

    def disconnect(self, link: LinkId, now: Nanos) -> None:
        self.forget(link, self._catch_up(now))

    def run(self, now: Nanos) -> None:
        timers, exchange = self._timers, self.exchange
        while True:
            due = exchange.deadline()
            if due is not None and due <= now and not (timers and timers[0][0] < due):
                self.now = due
                exchange.advance(now)
            elif timers and timers[0][0] <= now:
                self.now, _, action = heappop(timers)
                action(self.now)
            else:
                break
            self.flush()
        self.now = max(now, self.now)

    def deadline(self) -> Nanos | None:
        due = self.exchange.deadline()
        if self._timers and (due is None or self._timers[0][0] < due):
            return self._timers[0][0]
        return due

    def take(self) -> list[Outgoing]:
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def _catch_up(self, now: Nanos) -> Nanos:
        """Do what is due first. Returns the time of the call: not before anything that has already happened."""
        self.run(now)
        self.flush()
        return self.now
