"""The outputs that are switched on: built from the settings, subscribed on the bus, started and stopped together."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import to_builtins

from integrated_trading_system.config.environment import resolve_secret
from integrated_trading_system.config.outputs import (
    MARKET_KINDS,
    NATS_SCHEMES,
    REDIS_SCHEMES,
    EventKind,
    JsonlSettings,
    NatsSettings,
    OutputSettings,
    RedisSettings,
    check_address,
)
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.drivers.api.status import Family, Queue
from integrated_trading_system.drivers.publish.board import (
    Board,
    BookReader,
    Painter,
    book_painter,
    price_painter,
)
from integrated_trading_system.drivers.publish.events import KINDS
from integrated_trading_system.drivers.publish.jsonl import JsonlFile
from integrated_trading_system.drivers.publish.nats import NatsServer, StreamTerms
from integrated_trading_system.drivers.publish.outbox import Outbox
from integrated_trading_system.drivers.publish.publisher import Box, Broker, Publisher
from integrated_trading_system.drivers.publish.redis import RedisBoard
from integrated_trading_system.drivers.publish.sample import Sample
from integrated_trading_system.drivers.publish.statistics import OutputStatistics
from integrated_trading_system.drivers.storage.sqlite import History
from integrated_trading_system.runtime.bus import Bus

STOP_SECONDS: Final = 2.0
"""For what waits to get out, at the end."""

Terms = RedisSettings | NatsSettings | JsonlSettings


class Outputs:
    """All of them. None is imported, made or subscribed unless it is switched on."""

    def __init__(
        self,
        settings: OutputSettings,
        *,
        books: BookReader,
        state_dir: Path,
        run: str,
        environment: Mapping[str, str],
    ) -> None:
        """`run` is in the ids of this run's events. Raises ConfigurationError or Refused for an address."""
        self._settings = settings
        self._books = books
        self._publishers: list[Publisher[Any]] = []
        self._subscriptions: list[tuple[type, Any]] = []
        self.secrets: tuple[str, ...] = ()
        """Addresses that came by reference: they may hold passwords."""
        if settings.redis.enabled:
            self._add_redis(settings.redis, self._address(settings.redis, environment, REDIS_SCHEMES, "redis"))
        if settings.nats.enabled:
            self._add_nats(settings.nats, self._address(settings.nats, environment, NATS_SCHEMES, "nats"), run)
        if settings.jsonl.enabled:
            self._add_jsonl(settings.jsonl, settings.jsonl.path or state_dir / "events.jsonl")
        if settings.print_every:
            kinds = [KINDS[word] for word in MARKET_KINDS]
            self._subscribe(kinds, Sample(kinds, settings.print_every))

    # -- life ------------------------------------------------------------------------------------

    def start(self, bus: Bus) -> None:
        """Listen, and begin to send. Nobody waits for a server to be there."""
        for kind, ref in self._subscriptions:
            bus.subscribe(kind, ref)
        for publisher in self._publishers:
            publisher.start()

    async def stop(self) -> None:
        """Send what waits, for STOP_SECONDS at most, all at the same time; harmless when not started."""
        await asyncio.gather(*(publisher.stop(STOP_SECONDS) for publisher in self._publishers))

    # -- what is shown -----------------------------------------------------------------------------

    def statistics(self) -> dict[str, dict[str, Any]]:
        """For the summary, by name."""
        found = {one.name: to_builtins(one) for one in self._statistics()}
        for figures in found.values():
            del figures["name"]
        return found

    @property
    def queues(self) -> list[Callable[[], Queue]]:
        """For /bus-stats: each output as a queue."""
        return [_queue_reader(publisher) for publisher in self._publishers]

    def figures(self) -> Iterable[Family]:
        """For /metrics: what queues do not tell."""
        if not self._publishers:
            return ()
        statistics = self._statistics()
        dropped = [((one.name, kind), float(count)) for one in statistics for kind, count in one.dropped.items()]
        return (
            Family(
                name="output_connected",
                kind="gauge",
                help="1 while the server or file takes what it is sent",
                labels=("output",),
                samples=tuple(((one.name,), float(one.connected)) for one in statistics),
            ),
            Family(
                name="output_failures",
                kind="counter",
                help="Connections and writes that failed",
                labels=("output",),
                samples=tuple(((one.name,), float(one.failures)) for one in statistics),
            ),
            Family(
                name="output_dropped",
                kind="counter",
                help="Events dropped for want of room, or because nothing could be shown",
                labels=("output", "kind"),
                samples=tuple(dropped),
            ),
        )

    def _statistics(self) -> list[OutputStatistics]:
        return [publisher.statistics() for publisher in self._publishers]

    # -- one output each ---------------------------------------------------------------------------

    def _add_redis(self, settings: RedisSettings, address: str) -> None:
        ttl = float(settings.ttl_s)
        self._add_board(
            settings, address, "redis", "price", price_painter(self._books), settings.write_every_ms, ttl / 3
        )
        if settings.book_levels:
            painter, every = book_painter(self._books, settings.book_levels), settings.book_every_ms
            self._add_board(settings, address, "redis_books", "book", painter, every, min(every / 1_000, ttl / 3))

    def _add_board(
        self, settings: RedisSettings, address: str, name: str, what: str, paint: Painter, every_ms: int, look_s: float
    ) -> None:
        board = Board(
            name,
            settings.venue,
            paint,
            every_s=every_ms / 1_000,
            renew_s=settings.ttl_s / 3,
            look_s=look_s,
            symbols_max=settings.symbols_max,
        )
        broker = RedisBoard(
            address,
            key=f"{settings.key_prefix}pms:{what}:",
            channel=f"{settings.key_prefix}{settings.channel}",
            ttl_ms=settings.ttl_s * 1_000,
            timeout_s=settings.timeout_s,
        )
        self._publish(board, broker, settings)
        self._subscriptions.append((Quote, board))

    def _add_nats(self, settings: NatsSettings, address: str, run: str) -> None:
        stream = StreamTerms(settings.stream, settings.stream_bytes_max, settings.stream_age_max_s)
        broker = NatsServer(
            address,
            prefix=settings.subject_prefix,
            run=run,
            timeout_s=settings.timeout_s,
            stream=stream if settings.jetstream else None,
        )
        self._add_events("nats", settings, broker, settings.conflate_from_percent)

    def _add_jsonl(self, settings: JsonlSettings, path: Path) -> None:
        broker = JsonlFile(path, rotate_bytes=settings.rotate_bytes, files_kept=settings.files_kept)
        self._add_events("jsonl", settings, broker, 100)

    def _add_events(
        self, name: str, settings: NatsSettings | JsonlSettings, broker: Broker[Any], conflate_from_percent: int
    ) -> None:
        kinds = [KINDS[EventKind(word)] for word in settings.events]
        outbox = Outbox(
            name,
            kinds,
            settings.capacity,
            flush_s=settings.flush_ms / 1_000,
            conflate_from_percent=conflate_from_percent,
        )
        self._publish(outbox, broker, settings)
        self._subscribe(kinds, outbox)

    def _publish(self, box: Box[Any], broker: Broker[Any], settings: Terms) -> None:
        self._publishers.append(
            Publisher(
                box,
                broker,
                timeout_s=settings.timeout_s,
                retry_first_s=settings.retry_first_s,
                retry_max_s=settings.retry_max_s,
                seed=len(self._publishers),
            )
        )

    def _subscribe(self, kinds: Iterable[Any], ref: Any) -> None:
        self._subscriptions += [(kind.type, ref) for kind in kinds]

    def _address(
        self, settings: RedisSettings | NatsSettings, environment: Mapping[str, str], schemes: Iterable[str], name: str
    ) -> str:
        """Raises ConfigurationError, never with the address itself."""
        written = settings.url.get_secret_value()
        if written.partition(":")[0] not in ("env", "file"):
            return written
        try:
            found = check_address(resolve_secret(written, environment), schemes)
        except ValueError as error:
            raise ConfigurationError(f"outputs.{name}.url ({written}): {error}") from None
        self.secrets += (found, urlsplit(found).password or "")
        return found


def history_queue(history: History, capacity: int) -> Callable[[], Queue]:
    """For /bus-stats: the rows that wait for the database."""

    def read() -> Queue:
        outbox = history.outbox
        return Queue(
            name="history",
            waiting=len(outbox),
            capacity=capacity,
            delivered=history.written,
            conflated=0,
            dropped=outbox.dropped,
            high_water=outbox.high_water,
        )

    return read


def _queue_reader(publisher: Publisher[Any]) -> Callable[[], Queue]:
    def read() -> Queue:
        one = publisher.statistics()
        return Queue(
            name=one.name,
            waiting=one.waiting,
            capacity=one.capacity,
            delivered=one.delivered,
            conflated=one.conflated,
            dropped=sum(one.dropped.values()) + one.refused,
            high_water=one.high_water,
        )

    return read
