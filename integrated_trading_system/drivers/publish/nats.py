"""Events into NATS, each under its subject `{prefix}.{type}.{symbol}`: plainly, or into a JetStream stream.

Plainly, a batch has arrived when the server answers the ping behind it; whoever is subscribed gets it.
With JetStream each event is acknowledged, all of a batch together, and one that was sent again after a
failure is known by its id and kept once.
"""

import asyncio
from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from msgspec import Struct

from integrated_trading_system.drivers.publish.events import Event
from integrated_trading_system.drivers.publish.publisher import Refusal

BATCH: Final = 100
NANO: Final = 1_000_000_000

_NOT_IN_A_WORD: Final = {ord(character): "_" for character in " .*>\t\r\n\f\v\0"}


class StreamTerms(Struct, frozen=True):
    """Of the stream that is made where none of this name exists."""

    name: str
    bytes_max: int
    age_max_s: int


class NatsServer:
    """A Broker. The client's own reconnection is off: it would buffer and lose without counting."""

    batch = BATCH

    def __init__(self, address: str, *, prefix: str, run: str, timeout_s: float, stream: StreamTerms | None) -> None:
        """`run` makes the ids of this process's events its own. `stream`: with JetStream."""
        self._address = address
        self._prefix = prefix
        self._run = run
        self._beyond = 2 * timeout_s
        """The client's own time limits stay behind those of whoever uses this."""
        self._stream = stream
        self._client: Any = None
        self._jetstream: Any = None
        self._connecting = False
        self._unanswered: list[asyncio.Future[Any]] = []
        self._strays: list[str] = []
        """What the client could not attribute to an event."""

    async def connect(self) -> None:
        """Log on, and see to it that the stream exists."""
        from nats.aio.client import Client

        await self.close()
        self._client = client = Client()
        self._connecting = True
        await client.connect(
            servers=[self._address],
            name="integrated_trading_system",
            allow_reconnect=False,
            connect_timeout=ceil(self._beyond),
            flush_timeout=self._beyond,
            error_cb=self._on_error,
        )
        self._connecting = False
        if self._stream is not None:
            self._jetstream = client.jetstream(timeout=self._beyond)
            await self._find_or_make(self._stream)

    async def _find_or_make(self, terms: StreamTerms) -> None:
        from nats.js.api import DiscardPolicy, StreamConfig
        from nats.js.errors import NotFoundError

        try:
            await self._jetstream.stream_info(terms.name)
        except NotFoundError:
            await self._jetstream.add_stream(
                StreamConfig(
                    name=terms.name,
                    subjects=[f"{self._prefix}.>"],
                    max_bytes=terms.bytes_max,
                    max_age=float(terms.age_max_s),
                    discard=DiscardPolicy.OLD,
                )
            )

    def subject(self, event: Event) -> str:
        """Where it is published. What has a meaning in subjects is replaced in symbols."""
        _, symbol = event.kind.place(event.message)
        return f"{self._prefix}.{event.kind.word}.{symbol.translate(_NOT_IN_A_WORD) or '_'}"

    async def send(self, batch: list[Event]) -> Mapping[int, str]:
        """Publish all, and wait until the server has them."""
        if self._stream is not None:
            return await self._send_acknowledged(batch)
        from nats.errors import MaxPayloadError

        refused = {}
        self._strays.clear()
        subjects = [self.subject(event) for event in batch]
        for at, event in enumerate(batch):
            try:
                await self._client.publish(subjects[at], event.written())
            except MaxPayloadError:
                refused[at] = "larger than the server takes"
        # The client writes its first PING past what is still pending: only the second comes after all of it.
        for _ in range(2):
            await self._client.flush(self._beyond)
        if not self._client.is_connected:  # its flush does not tell
            raise Refusal("connection lost")
        if self._strays:
            refused |= self._forbidden("; ".join(self._strays), subjects)
        return refused

    def _forbidden(self, complaint: str, subjects: list[str]) -> dict[int, str]:
        """Which of the batch the complaint is about: rules forbid the subject. Raises Refusal for another one."""
        found = {at: complaint for at, subject in enumerate(subjects) if f'"{subject.lower()}"' in complaint.lower()}
        if not found:
            raise Refusal(complaint)
        return found

    async def _send_acknowledged(self, batch: list[Event]) -> Mapping[int, str]:
        futures: list[asyncio.Future[Any]] = []
        self._strays.clear()
        try:
            for event in batch:
                header = {"Nats-Msg-Id": f"{self._run}-{event.n}"}
                futures.append(
                    await self._jetstream.publish_async(self.subject(event), event.written(), headers=header)
                )
            self._unanswered = futures
            answers = await asyncio.gather(*futures, return_exceptions=True)
        finally:
            self._unanswered = []
            for future in futures:
                future.cancel()
        if self._strays:
            raise Refusal(
                "; ".join(self._strays)
            )  # of which event is not known: all go again, and are known by their ids
        return {at: str(answer) for at, answer in enumerate(answers) if isinstance(answer, BaseException)}

    async def close(self) -> None:
        client, self._client, self._jetstream = self._client, None, None
        if client is not None:
            await client.close()

    async def _on_error(self, error: Exception) -> None:
        """While it connects, end the client's own trying again; of what is sent, end the waiting for answers."""
        if self._connecting:
            self._connecting = False
            raise error
        if len(self._strays) < BATCH:
            self._strays.append(str(error))
        for future in self._unanswered:
            future.cancel()
