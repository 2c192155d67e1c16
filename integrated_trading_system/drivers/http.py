"""Performs HttpCall on real connections: exactly one HttpReply or HttpFailed each, and never a second request.

TLS is always verified, redirects and proxies are never followed, cookies are not kept, bodies and
times have limits. `maybe_sent` is False only where not one byte can have left.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
from loguru import logger

from integrated_trading_system.domain.http import BODY_BYTES_MAX, HttpCall, HttpFailed, HttpInput, HttpReply
from integrated_trading_system.domain.ids import ActorName, CallId, VenueId
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.drivers.departure import CallFailed, DepartingRequest, Departure
from integrated_trading_system.drivers.port import Gate, Port
from integrated_trading_system.venues.signer import Signer

CONNECTIONS_MAX: Final = 16
"""To one host, for data; and as many again for orders, cancels and queries, which so never wait for data."""

CALLS_MAX: Final = 1_000
"""Calls without an answer; one more fails with reason ``busy``."""

IDLE_SECONDS: Final = 55.0
"""How long an unused connection is kept: below the minute after which servers like to cut it."""


class HttpDriver:
    """All calls of this process. Called on the loop's thread; `call` never waits."""

    def __init__(self, port: Port, signers: Mapping[VenueId, Signer], gate: Gate, user_agent: str) -> None:
        self._port = port
        self._signers = signers
        self._gate = gate
        self._user_agent = user_agent
        self._sessions: dict[tuple[str, bool], aiohttp.ClientSession] = {}
        self._tasks: dict[CallId, asyncio.Task[HttpInput]] = {}

    def call(self, effect: HttpCall) -> None:
        """Perform the request. The call's id must never have been used before."""
        assert effect.call not in self._tasks, f"call {effect.call} is under way"
        loop = asyncio.get_running_loop()
        if len(self._tasks) >= CALLS_MAX:
            loop.call_soon(self._tell, effect, self._failed(effect, "busy"))
            return
        departure = Departure(effect, self._port, self._gate, self._signers.get(effect.venue))
        task = self._tasks[effect.call] = loop.create_task(self._perform(effect, departure), name=f"call {effect.call}")
        # Not at the end of the task's own code: a task cancelled before its first step never gets there.
        task.add_done_callback(lambda done: self._ended(effect, departure, done))

    async def stop(self) -> None:
        """Answer every open call with HttpFailed, and close the connections."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _perform(self, call: HttpCall, departure: Departure) -> HttpInput:
        try:
            seconds = (call.deadline - self._port.now()) / SECOND
            if seconds <= 0:
                return self._failed(call, "timeout")
            async with asyncio.timeout(seconds):
                return await self._exchange(call, departure)
        except CallFailed as failure:
            reason = failure.reason
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = _reason(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the core must get its one answer
            logger.error("call {} to {} failed: {}", call.purpose, call.venue, type(error).__name__)
            reason = "failed"
        return self._failed(call, reason, departure)

    async def _exchange(self, call: HttpCall, departure: Departure) -> HttpReply:
        """Send and read. The request itself is filled in at its departure."""
        request = call.request
        async with self._session(call).request(
            request.method,
            request.url,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
            middlewares=(departure.attach,),
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise CallFailed("oversized")
            return HttpReply(
                call=call.call,
                status=response.status,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=bytes(body),
                sent_at=departure.sent_at,
                received_at=self._port.now(),
            )

    def _session(self, call: HttpCall) -> aiohttp.ClientSession:
        """The connections to this host, of this kind."""
        key = (call.request.url.split("/", 3)[2:3] or [""])[0], call.tag is Tag.DATA
        if key not in self._sessions:
            self._sessions[key] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=IDLE_SECONDS),
                request_class=DepartingRequest,
                headers={"User-Agent": self._user_agent},
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # the call's own deadline rules
                trust_env=False,
            )
        return self._sessions[key]

    def _failed(self, call: HttpCall, reason: str, departure: Departure | None = None) -> HttpFailed:
        maybe_sent = departure is not None and departure.maybe_sent
        return HttpFailed(call=call.call, reason=reason, maybe_sent=maybe_sent, received_at=self._port.now())

    def _ended(self, call: HttpCall, departure: Departure, task: asyncio.Task[HttpInput]) -> None:
        del self._tasks[call.call]
        self._tell(call, self._failed(call, "stopped", departure) if task.cancelled() else task.result())

    def _tell(self, call: HttpCall, answer: HttpInput) -> None:
        self._port.tell(ActorName(f"connector.{call.venue}"), answer)


def _reason(error: Exception) -> str:
    """A short fixed word. Never the error's own text: it may show the address with its signature."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientConnectorCertificateError():
            return "certificate"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorError():
            return "refused" if isinstance(error.os_error, ConnectionRefusedError) else "unreachable"
        case aiohttp.ClientPayloadError():
            return "truncated"
        case aiohttp.ClientResponseError():
            return "malformed"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return "url"
        case ValueError():
            return "request"
        case _:
            return "disconnected"
