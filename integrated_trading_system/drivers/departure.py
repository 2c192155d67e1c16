"""The last moment before a request leaves: sign, look at the clock, ask the gate, and note that it may be gone.

aiohttp has no hook that late, so the request itself is ours: it takes its content only once its
connection is held, and asks again where the library puts a turn of the loop before the first byte.
"""

from aiohttp import ClientRequest, ClientResponse
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.connector import Connection

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpCall, HttpRequest
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.port import Gate, Port
from integrated_trading_system.venues.signer import Signer


class CallFailed(Exception):
    """There is no reply. `reason` is a short fixed word: the text of a library's error may show a signature."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Departure:
    """One call's way to the wire. It leaves at most once."""

    def __init__(self, call: HttpCall, port: Port, gate: Gate, signer: Signer | None) -> None:
        self._call = call
        self._port = port
        self._gate = gate
        self._signer = signer
        self.maybe_sent = False
        """Whether a byte of it may have left. Once it may have, it may have for ever."""
        self.sent_at = Nanos(0)

    async def attach(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """A client middleware: makes the request ours. Refuses the library's own second try."""
        assert isinstance(request, DepartingRequest)
        if self.maybe_sent:
            raise CallFailed("disconnected")
        request.departure = self
        return await handler(request)

    def content(self) -> HttpRequest:
        """What to send, signed as of now where the call names an account; raises CallFailed."""
        call = self._call
        if call.account is None:
            return call.request
        if self._signer is None:
            raise CallFailed("no-key")
        try:
            return self._signer.request(call.request, call.account, Nanos(self._port.now() + call.clock_offset))
        except Refused:
            raise CallFailed("no-key") from None
        except Exception:  # noqa: BLE001 - keys of any shape; the error's text could show one
            raise CallFailed("signing") from None

    def check(self) -> None:
        """Raises CallFailed unless it may leave now."""
        now = self._port.now()
        if now >= self._call.deadline:
            raise CallFailed("timeout")
        if self._call.latest_send is not None and now > self._call.latest_send:
            raise CallFailed("late")
        if not self._gate.allows(self._call.tag):
            raise CallFailed("gate")
        self.sent_at = now
        self.maybe_sent = True


class DepartingRequest(ClientRequest):
    """A request that is written only if its departure allows it at the last moment."""

    departure: Departure

    async def send(self, conn: Connection) -> ClientResponse:
        """Called by the library once the connection is held."""
        content = self.departure.content()
        self.url = type(self.url)(content.target, encoded=True)  # exactly the bytes that were signed
        for name, value in content.headers:
            self.headers[name] = value
        if content.body:
            await self.update_body(content.body.encode())
        self.departure.check()
        return await super().send(conn)

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """Headers and body leave here, together; on Python 3.11 that is one turn of the loop after `send`."""
        try:
            self.departure.check()
        except CallFailed as refusal:
            if writer.output_size == 0:
                self.departure.maybe_sent = False
            if conn.protocol is not None:
                conn.protocol.set_exception(refusal)
            conn.close()
            return
        await super().write_bytes(writer, conn, content_length)
