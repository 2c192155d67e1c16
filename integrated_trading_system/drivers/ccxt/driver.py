"""Performs links and calls to ``ccxt://`` addresses with the library, and tells the connector what comes of it.

The same promises as those of the sockets: one LinkOpened or LinkClosed for each link and one LinkClosed at its
end, exactly one answer for each call. A link whose stream fails ends as a whole, and the core decides what then.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec
from loguru import logger

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpInput, HttpReply
from integrated_trading_system.domain.ids import ActorName, CallId, LinkId, VenueId
from integrated_trading_system.domain.link import CloseLink, FrameReceived, LinkClosed, LinkOpened, OpenLink, SendFrame
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.drivers.ccxt.library import PREFIX, Library, plain, status_of
from integrated_trading_system.drivers.ccxt.streams import source_of
from integrated_trading_system.drivers.loop import Performer
from integrated_trading_system.drivers.port import Gate, Port

CALLS: Final = frozenset(
    {"load_markets", "fetch_time", "fetch_order_book", "fetch_ohlcv", "fetch_funding_rate_history"}
)
"""Methods that may be asked for. None of them changes anything, or needs a key."""

MARKET: Final = (
    *("symbol", "base", "quote", "settle", "spot", "contract", "option", "linear", "inverse", "active"),
    *("contractSize", "precision", "limits"),
)
"""What is told of a market: the whole of it would be megabytes of what nobody reads."""

CALLS_MAX: Final = 1_000
"""Calls without an answer; one more fails with reason ``busy``."""


class _Command(msgspec.Struct):
    """What the core sends over a link."""

    id: str
    op: str
    streams: list[tuple[DataType, str]]


_COMMAND: Final = msgspec.json.Decoder(_Command)


class _Link:
    """One link: a client of its own, and a task for each stream."""

    def __init__(self, effect: OpenLink) -> None:
        self.name = effect.link
        self.venue = effect.venue
        self.client: Any = None
        self.open = False
        self.opening: asyncio.Task[None] | None = None
        self.streams: dict[tuple[DataType, str], asyncio.Task[None]] = {}


class CcxtDriver:
    """Every venue of the library. Called on the loop's thread; only `stop` waits."""

    def __init__(self, port: Port, gate: Gate, venues: Mapping[VenueId, VenueSettings]) -> None:
        """Raises ConfigurationError for a missing library, and for exchanges that it does not have."""
        self._port = port
        self._gate = gate
        self._library = Library(venues)
        self._clients: dict[VenueId, Any] = {}
        """For calls. Links have their own, which end with them."""
        self._links: dict[LinkId, _Link] = {}
        self._calls: dict[CallId, asyncio.Task[HttpInput]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    # -- links -----------------------------------------------------------------------------------

    def open(self, effect: OpenLink) -> None:
        """Make a client that knows the markets. The link's id must never have been used before."""
        assert effect.link not in self._links, f"link {effect.link} is open"
        link = self._links[effect.link] = _Link(effect)
        link.opening = asyncio.get_running_loop().create_task(self._open(link), name=f"link {link.name}")

    def send(self, effect: SendFrame) -> None:
        """Start or end streams. Kinds of data that the exchange does not offer are left out, and logged."""
        link = self._links.get(effect.link)
        if link is None or not link.open:
            return
        if not self._gate.allows(effect.tag):
            logger.warning("{} frame to {} held back by the kill gate", effect.tag, link.venue)
            return
        command = _COMMAND.decode(effect.frame)
        problems = [self._apply(link, command.op, *stream) for stream in command.streams]
        self._tell_frame(link, {"id": command.id, "error": "; ".join(filter(None, problems))})

    def close(self, effect: CloseLink) -> None:
        """End the link. LinkClosed carries the effect's reason."""
        link = self._links.get(effect.link)
        if link is not None:
            self._end(link, effect.reason)

    async def _open(self, link: _Link) -> None:
        try:
            known = self._client(link.venue)
            await known.load_markets()
            link.client = self._library.client(link.venue)
            link.client.set_markets_from_exchange(known)
        except Exception as error:  # noqa: BLE001 - the library raises what it likes, and the core must hear of it
            self._end(link, type(error).__name__)
            return
        link.open = True
        self._port.tell(_connector(link.venue), LinkOpened(link.name, self._port.now()))

    def _apply(self, link: _Link, op: str, data_type: DataType, symbol: str) -> str:
        """Do one stream's part of a command; why it cannot be done, or nothing."""
        key = data_type, symbol
        if op == "unsubscribe":
            if task := link.streams.pop(key, None):
                task.cancel()
            return ""
        if symbol not in link.client.markets:
            return f"no market {symbol}"
        source = source_of(link.client, data_type)
        if source is None:
            logger.warning("{} offers no {}", link.venue, data_type.value)
        elif key not in link.streams:

            def emit(data: Any) -> None:
                if link.streams.get(key) is asyncio.current_task():
                    self._tell_frame(link, {"stream": data_type, "symbol": symbol, "data": plain(data)})

            loop = asyncio.get_running_loop()
            task = link.streams[key] = loop.create_task(_run(source(link.client, symbol, emit)))
            task.add_done_callback(partial(self._stream_ended, link, key))
        return ""

    def _stream_ended(self, link: _Link, key: tuple[DataType, str], task: asyncio.Task[None]) -> None:
        if not task.cancelled() and link.streams.get(key) is task:
            error = task.exception()
            logger.info("{} {} of {} failed: {}", link.venue, key[0].value, key[1], type(error).__name__)
            self._end(link, type(error).__name__)

    def _tell_frame(self, link: _Link, content: dict[str, Any]) -> None:
        if link.name in self._links:
            received = FrameReceived(link.name, msgspec.json.encode(content), self._port.now())
            self._port.tell(_connector(link.venue), received)

    def _end(self, link: _Link, reason: str) -> None:
        if self._links.pop(link.name, None) is None:
            return
        tasks = [task for task in (link.opening, *link.streams.values()) if task is not None]
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if link.client is not None:
            closing = asyncio.get_running_loop().create_task(_close(link.client))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._port.tell(_connector(link.venue), LinkClosed(link.name, reason, self._port.now()))

    # -- calls -----------------------------------------------------------------------------------

    def call(self, effect: HttpCall) -> None:
        """Call the method that the address names. The call's id must never have been used before."""
        assert effect.call not in self._calls, f"call {effect.call} is under way"
        loop = asyncio.get_running_loop()
        if len(self._calls) >= CALLS_MAX:
            loop.call_soon(self._port.tell, _connector(effect.venue), self._failed(effect, "busy", maybe_sent=False))
            return
        task = self._calls[effect.call] = loop.create_task(self._perform(effect), name=f"call {effect.call}")
        task.add_done_callback(partial(self._answered, effect))

    async def _perform(self, call: HttpCall) -> HttpInput:
        method = call.request.url.rpartition("/")[2]
        if method not in CALLS:
            return self._failed(call, "method", maybe_sent=False)
        if not self._gate.allows(call.tag):
            return self._failed(call, "gate", maybe_sent=False)
        sent_at = self._port.now()
        try:
            async with asyncio.timeout(max(0.0, (call.deadline - sent_at) / SECOND)):
                status, said = 200, await self._ask(call.venue, method, msgspec.json.decode(call.request.body))
        except TimeoutError:
            return self._failed(call, "timeout", maybe_sent=True)
        except Exception as error:  # noqa: BLE001 - the library raises what it likes, and each call has one answer
            found, name = status_of(error), type(error).__name__
            if found is None:
                return self._failed(call, name, maybe_sent=True)
            status, said = found, {"error": name, "message": str(error)[:300]}
        return HttpReply(
            call=call.call,
            status=status,
            headers={},
            body=msgspec.json.encode(said),
            sent_at=sent_at,
            received_at=self._port.now(),
        )

    async def _ask(self, venue: VenueId, method: str, arguments: list[Any]) -> Any:
        client = self._client(venue)
        if method == "load_markets":
            markets = await client.load_markets(reload=True)
            rows = [{name: market.get(name) for name in MARKET} for market in markets.values()]
            return {"precisionMode": client.precisionMode, "markets": plain(rows)}
        return plain(await getattr(client, method)(*arguments))

    def _client(self, venue: VenueId) -> Any:
        if venue not in self._clients:
            self._clients[venue] = self._library.client(venue)
        return self._clients[venue]

    def _failed(self, call: HttpCall, reason: str, *, maybe_sent: bool) -> HttpFailed:
        return HttpFailed(call=call.call, reason=reason, maybe_sent=maybe_sent, received_at=self._port.now())

    def _answered(self, call: HttpCall, task: asyncio.Task[HttpInput]) -> None:
        del self._calls[call.call]
        answer = self._failed(call, "stopped", maybe_sent=True) if task.cancelled() else task.result()
        self._port.tell(_connector(call.venue), answer)

    # -- the end ---------------------------------------------------------------------------------

    async def stop(self) -> None:
        """End every link and call, and close all that the library holds open."""
        for link in tuple(self._links.values()):
            self._end(link, "stopped")
        calls = list(self._calls.values())
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, *self._closing, return_exceptions=True)
        clients, self._clients = self._clients, {}
        await asyncio.gather(*(_close(client) for client in clients.values()))


def beside(own: Performer, library: Performer) -> Performer:
    """Performs an effect by the library where it is meant for a venue of it, and by our own driver elsewhere."""

    def perform(effect: Any) -> None:
        name = effect.venue if isinstance(effect, OpenLink | HttpCall) else effect.link
        (library if name.startswith(PREFIX) else own)(effect)

    return perform


def _connector(venue: VenueId) -> ActorName:
    return ActorName(f"connector.{venue}")


async def _run(source: Any) -> None:
    await source


async def _close(client: Any) -> None:
    try:
        await client.close()
    except Exception as error:  # noqa: BLE001 - it is to be gone, and cannot go any further
        logger.info("ccxt did not close in order: {}", type(error).__name__)
