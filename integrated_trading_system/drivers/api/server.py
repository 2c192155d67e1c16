"""The HTTP server: five pages to read, on this machine only.

Nothing asks for a token here, so nothing listens elsewhere; and because a browser on this machine
can be led to any address, requests under a foreign host name (DNS rebinding) are refused too.
"""

import errno
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web
from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST

from integrated_trading_system.config.http import HttpSettings
from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.drivers.api.metrics import MetricsPage
from integrated_trading_system.drivers.api.status import Latest, Queue, StatusSource

SYMBOL_CHARACTERS_MAX: Final = 64
QUARANTINE_SHOWN: Final = 50
QUARANTINE_SHOWN_MAX: Final = 500
HEADER_BYTES_MAX: Final = 4096
STOP_SECONDS: Final = 1.0

FILL_STATES: Final = ((100.0, "full"), (90.0, "dropping quotes"), (80.0, "dropping heartbeats"), (0.0, "normal"))
"""What a queue sheds from which fill on, in percent."""

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiServer:
    """Serves what a StatusSource knows."""

    def __init__(self, settings: HttpSettings, source: StatusSource) -> None:
        self._settings = settings
        self._source = source
        self._page = MetricsPage(source.metrics)
        self._hosts: frozenset[str] = frozenset()
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; the port (0 where the settings switch it off).

        Raises Refused for an address of another machine's reach, ConfigurationError where the port is taken.
        """
        settings = self._settings
        if not settings.enabled:
            return 0
        if not _is_loopback(settings.host):
            message = (
                f"http.host {settings.host}: other machines could reach it, and no token is asked for; "
                "use --set http.host=127.0.0.1, and a tunnel or a proxy that asks who it is"
            )
            raise Refused(message)
        app = web.Application(middlewares=[self._guard])
        for path, handler in (
            ("/health", self._health),
            ("/metrics", self._metrics),
            ("/latest", self._latest),
            ("/bus-stats", self._bus_stats),
            ("/quarantine", self._quarantine),
        ):
            app.router.add_get(path, handler, allow_head=False)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=STOP_SECONDS,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, settings.host, settings.port).start()
        except OSError as error:
            await self.stop()
            raise ConfigurationError(_not_listening(settings, error)) from None
        port: int = self._runner.addresses[0][1]
        names = ("127.0.0.1", "localhost", "[::1]", settings.host)
        self._hosts = frozenset(f"{name}:{port}" for name in names) | frozenset(names if port == 80 else ())
        return port

    async def stop(self) -> None:
        """Stop listening; requests under way get STOP_SECONDS."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around every request: who asks under which name, and errors that show nothing of us."""
        response: web.StreamResponse
        if request.headers.get("Host", "").lower() not in self._hosts:
            response = _error(403, "unknown host name")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = _error(error.status, error.reason)
                if "Allow" in error.headers:
                    response.headers["Allow"] = error.headers["Allow"]
            except Exception as error:  # noqa: BLE001 - a page that fails must not take anything with it
                logger.error("{} failed: {}", request.path, type(error).__name__)
                response = _error(500, "internal error")
        response.headers.update(_HEADERS)
        return response

    async def _health(self, _: web.Request) -> web.Response:
        health = self._source.health()
        return _json(health, 503 if health.trading is TradingState.HALTED else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._page.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _latest(self, request: web.Request) -> web.Response:
        asked = request.query.getall("symbol", [])
        symbol = asked[0] if len(asked) == 1 else ""
        if not symbol or len(symbol) > SYMBOL_CHARACTERS_MAX or not symbol.isprintable():
            return _error(400, "expected /latest?symbol=SYMBOL")
        found = self._source.latest(symbol)
        if not found:
            return _error(404, "unknown symbol")
        return _json(_newest(symbol, found))

    async def _bus_stats(self, _: web.Request) -> web.Response:
        queues = self._source.bus_stats()
        fill = max((_fill_percent(queue) for queue in queues), default=0.0)
        overall = {
            "queue_size": sum(queue.waiting for queue in queues),
            "fill_percent": fill,
            "backpressure": _fill_state(fill),
            "dropped": sum(queue.dropped for queue in queues),
        }
        return _json({**overall, "queues": {queue.name: _queue(queue) for queue in queues}})

    async def _quarantine(self, request: web.Request) -> web.Response:
        asked = request.query.getall("limit", [str(QUARANTINE_SHOWN)])
        limit = int(asked[0]) if len(asked) == 1 and asked[0].isascii() and asked[0].isdigit() else 0
        if not 1 <= limit <= QUARANTINE_SHOWN_MAX:
            return _error(400, f"expected /quarantine?limit=N, N from 1 to {QUARANTINE_SHOWN_MAX}")
        return _json({"newest": self._source.quarantine(limit)})


def _newest(symbol: str, found: Sequence[Latest]) -> dict[str, Any]:
    """The newest trade and quote of all venues, and what each has. A quote that is believed goes before all others."""
    trades = [one.trade for one in found if one.trade is not None]
    quotes = [
        (one.state == BookState.VALID, one.quote.received_at, one.quote) for one in found if one.quote is not None
    ]
    _, _, quote = max(quotes, key=lambda entry: entry[:2], default=(False, 0, None))
    return {
        "symbol": symbol,
        "trade": max(trades, key=lambda trade: trade.received_at, default=None),
        "quote": quote,
        "polled": quote is not None and quote.polled,
        "venues": found,
    }


def _queue(queue: Queue) -> dict[str, Any]:
    fill = _fill_percent(queue)
    figures = msgspec.structs.asdict(queue)
    del figures["name"]
    return {**figures, "fill_percent": fill, "backpressure": _fill_state(fill)}


def _fill_percent(queue: Queue) -> float:
    return round(100.0 * queue.waiting / queue.capacity, 1) if queue.capacity else 0.0


def _fill_state(fill: float) -> str:
    return next(state for least, state in FILL_STATES if fill >= least)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def _error(status: int, text: str) -> web.Response:
    return _json({"error": text}, status)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_listening(settings: HttpSettings, error: OSError) -> str:
    place = f"http.port {settings.port} on {settings.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use; choose another, for instance --set http.port={settings.port + 1}"
    return f"{place} cannot be listened on: {error.strerror}; choose another with --set http.port=8891"
