"""Pictures into Redis: SET with a life time and PUBLISH, in one pipeline a batch. Nothing else is ever asked of it.

The server may be shared with others, so no key is read, deleted or flushed; beside the two commands only
what opens a connection is sent (AUTH and SELECT, where the address says so).
"""

from collections.abc import Mapping
from typing import Any, Final

from integrated_trading_system.drivers.publish.board import Picture
from integrated_trading_system.drivers.publish.publisher import Refusal

COMMANDS: Final = frozenset({"SET", "PUBLISH"})
"""All that is ever sent, once connected."""

BATCH: Final = 25
"""Symbols in one pipeline: less than a millisecond's work."""


class RedisBoard:
    """A Broker. One connection; nothing is retried behind our back."""

    batch = BATCH

    def __init__(self, address: str, *, key: str, channel: str, ttl_ms: int, timeout_s: float) -> None:
        """`key` is what stands before the symbol. `channel` is told what is new."""
        self._address = address
        self._key = key
        self._channel = channel
        self._ttl_ms = ttl_ms
        self._beyond = 2 * timeout_s
        """The client's own time limits stay behind those of whoever uses this."""
        self._client: Any = None

    async def connect(self) -> None:
        """Open the connection, with AUTH and SELECT where the address says so."""
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        await self.close()
        self._client = Redis.from_url(
            self._address,
            protocol=2,
            socket_timeout=self._beyond,
            socket_connect_timeout=self._beyond,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,  # else it introduces itself with a command of its own
            single_connection_client=True,
            health_check_interval=0,
        )
        await self._client.initialize()

    async def send(self, batch: list[Picture]) -> Mapping[int, str]:
        """One round trip."""
        pipeline = self._client.pipeline(transaction=False)
        owners = []
        for at, picture in enumerate(batch):
            _queue(pipeline, "SET", self._key + picture.symbol, picture.value, "PX", self._ttl_ms)
            owners.append(at)
            if picture.news:
                _queue(pipeline, "PUBLISH", self._channel, picture.news)
                owners.append(at)
        answers = await pipeline.execute(raise_on_error=False)
        if len(answers) != len(owners):
            raise Refusal(f"{len(answers)} answers to {len(owners)} commands")
        return {at: str(answer) for at, answer in zip(owners, answers, strict=True) if isinstance(answer, Exception)}

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _queue(pipeline: Any, command: str, *arguments: str | bytes | int) -> None:
    assert command in COMMANDS, command
    pipeline.execute_command(command, *arguments)
