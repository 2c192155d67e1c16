"""A simulated venue whose history can be refused: it counts the pages that it gives, and stops when a test says so."""

from math import inf

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import Dialect, Outgoing, ServerReply, ServerRequest


class Limping:
    """In front of a dialect; everything but history passes."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.given = 0
        self.gives: float = inf
        """So many pages of history in all; then it answers 503."""

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        if request.path.endswith("lines"):
            if self.given >= self.gives:
                return ServerReply(status=503, body=b"")
            self.given += 1
        return self._dialect.http(request, now)

    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        return self._dialect.connect(link, path, query, now)

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        self._dialect.receive(link, frame, now)

    def disconnect(self, link: LinkId, now: Nanos) -> None:
        self._dialect.disconnect(link, now)

    def run(self, now: Nanos) -> None:
        self._dialect.run(now)

    def deadline(self) -> Nanos | None:
        return self._dialect.deadline()

    def take(self) -> list[Outgoing]:
        return self._dialect.take()
