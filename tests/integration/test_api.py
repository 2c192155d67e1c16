"""The HTTP interface over a real socket: five pages, for this machine only, and no way to change anything."""

import errno
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from integrated_trading_system.config.http import HttpSettings
from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.api.server import ApiServer
from integrated_trading_system.drivers.api.status import Health, Latest, Metrics, Queue, RaisedAlarm, RefusedMessage

BINANCE, BYBIT = VenueId("binance:spot"), VenueId("bybit:spot")
PATHS = ("/health", "/metrics", "/latest?symbol=BTCUSDT", "/bus-stats", "/quarantine")


def latest(venue: VenueId, at: int, *, quote: bool = True) -> Latest:
    instrument = InstrumentId(f"{venue}:BTCUSDT")
    return Latest(
        venue=venue,
        instrument=instrument,
        trade=Trade(instrument, f"t{at}", 50_000.0 + at, 0.5, Side.BUY, Nanos(at), Nanos(at)),
        quote=Quote(instrument, 1.0, 2.0, 3.0, 4.0, at, Nanos(at), Nanos(at)) if quote else None,
    )


def queue(name: str, waiting: int, capacity: int = 100) -> Queue:
    return Queue(
        name=name, waiting=waiting, capacity=capacity, delivered=10, conflated=1, dropped=2, high_water=waiting
    )


class Source:
    """Knows what a test says."""

    def __init__(self) -> None:
        self.now = Health(
            state="running", mode="dev", version="1.0", uptime_seconds=1.5, trading=TradingState.ACTIVE, reason=""
        )
        self.known: Sequence[Latest] = ()
        self.queues: Sequence[Queue] = ()
        self.refused: Sequence[RefusedMessage] = ()
        self.failure: Exception | None = None

    def health(self) -> Health:
        if self.failure is not None:
            raise self.failure
        return self.now

    def metrics(self) -> Metrics:
        return Metrics(uptime_seconds=1.5, trading=TradingState.ACTIVE)

    def latest(self, symbol: str) -> Sequence[Latest]:
        return self.known if symbol == "BTCUSDT" else ()

    def bus_stats(self) -> Sequence[Queue]:
        return self.queues

    def quarantine(self, limit: int) -> Sequence[RefusedMessage]:
        return self.refused[:limit]


class Page:
    """An answer, read whole."""

    def __init__(self, status: int, headers: Any, body: Any) -> None:
        self.status, self.headers, self.body = status, headers, body


class Site:
    """A running server and a client."""

    def __init__(self, source: Source, server: ApiServer, port: int, client: aiohttp.ClientSession) -> None:
        self.source, self.server, self.port, self.client = source, server, port, client

    async def get(self, path: str, method: str = "GET", **fields: Any) -> Page:
        async with self.client.request(method, f"http://127.0.0.1:{self.port}{path}", **fields) as response:
            is_json = response.content_type == "application/json"
            return Page(response.status, response.headers, await (response.json() if is_json else response.text()))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    source = Source()
    server = ApiServer(HttpSettings(port=0), source)
    async with aiohttp.ClientSession() as client:
        yield Site(source, server, await server.start(), client)
        await server.stop()


# -- the pages ------------------------------------------------------------------------------------


async def test_health_tells_state_mode_version_uptime_and_trading(site: Site) -> None:
    page = await site.get("/health")
    assert page.status == 200
    assert page.body == {
        "state": "running",
        "mode": "dev",
        "version": "1.0",
        "uptime_seconds": 1.5,
        "trading": "active",
        "reason": "",
        "circuits_open": {},
        "venues_blocked": {},
        "alarms": [],
        "sources": {},
    }


async def test_health_tells_what_of_the_feed_cannot_be_relied_on(site: Site) -> None:
    site.source.now = replace(
        site.source.now,
        circuits_open={InstrumentId("binance:spot:BTCUSDT"): "no believed book for 2000 ms"},
        venues_blocked={BYBIT: "http-451"},
        alarms=(RaisedAlarm(venue=BINANCE, kind="latency-p99", figure=2_500.0, limit=2_000.0),),
        sources={"BTC": None},
    )
    page = await site.get("/health")
    assert page.status == 200
    assert page.body["circuits_open"] == {"binance:spot:BTCUSDT": "no believed book for 2000 ms"}
    assert page.body["venues_blocked"] == {"bybit:spot": "http-451"}
    assert page.body["alarms"] == [{"venue": "binance:spot", "kind": "latency-p99", "figure": 2500.0, "limit": 2000.0}]
    assert page.body["sources"] == {"BTC": None}


@pytest.mark.parametrize("state", TradingState)
async def test_only_a_halt_makes_health_unavailable(site: Site, state: TradingState) -> None:
    site.source.now = replace(site.source.now, trading=state, reason="because")
    page = await site.get("/health")
    assert page.status == (503 if state is TradingState.HALTED else 200)
    assert (page.body["trading"], page.body["reason"]) == (state, "because")


async def test_metrics_is_a_page_of_prometheus(site: Site) -> None:
    page = await site.get("/metrics")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/plain; version=")
    assert "# TYPE market_events_total counter" in page.body
    assert "uptime_seconds 1.5" in page.body


async def test_latest_tells_the_newest_of_all_venues_and_what_each_has(site: Site) -> None:
    site.source.known = (latest(BINANCE, 7), latest(BYBIT, 9, quote=False))
    page = await site.get("/latest?symbol=BTCUSDT")
    assert page.status == 200
    assert (page.body["symbol"], page.body["trade"]["price"], page.body["quote"]["ask"]) == ("BTCUSDT", 50_009.0, 3.0)
    assert [one["venue"] for one in page.body["venues"]] == ["binance:spot", "bybit:spot"]
    assert page.body["venues"][1]["quote"] is None


async def test_a_quote_that_is_believed_goes_before_a_newer_one_that_is_not(site: Site) -> None:
    believed = replace(latest(BINANCE, 7), state="valid")
    polled = replace(latest(BYBIT, 9), state="stale", polled=True)
    quote = polled.quote
    assert quote is not None
    polled = replace(polled, quote=replace(quote, sequence=-1))
    site.source.known = (polled, believed)
    page = await site.get("/latest?symbol=BTCUSDT")
    assert (page.body["quote"]["instrument"], page.body["polled"]) == ("binance:spot:BTCUSDT", False)
    assert [(one["state"], one["polled"]) for one in page.body["venues"]] == [("stale", True), ("valid", False)]
    site.source.known = (polled,)
    page = await site.get("/latest?symbol=BTCUSDT")
    assert (page.body["quote"]["instrument"], page.body["polled"]) == ("bybit:spot:BTCUSDT", True)


def refused(number: int, *, text: str | None = "{}") -> RefusedMessage:
    return RefusedMessage(
        venue=BINANCE,
        instrument="binance:spot:BTCUSDT",
        reason="price",
        detail="binance:spot:BTCUSDT",
        at=Nanos(number),
        size=2,
        text=text,
        hex="ff00" if text is None else None,
    )


async def test_quarantine_tells_what_was_not_believed_and_why(site: Site) -> None:
    site.source.refused = (refused(2), refused(1, text=None))
    page = await site.get("/quarantine")
    assert page.status == 200
    first, second = page.body["newest"]
    assert (first["venue"], first["instrument"], first["reason"]) == ("binance:spot", "binance:spot:BTCUSDT", "price")
    assert (first["text"], first["hex"], first["at"], first["size"]) == ("{}", None, 2, 2)
    assert (second["text"], second["hex"]) == (None, "ff00")


async def test_as_many_of_the_quarantine_are_told_as_are_asked_for_within_bounds(site: Site) -> None:
    site.source.refused = tuple(refused(number) for number in range(600))
    assert len((await site.get("/quarantine")).body["newest"]) == 50
    assert len((await site.get("/quarantine?limit=500")).body["newest"]) == 500
    for query in ("?limit=0", "?limit=501", "?limit=-1", "?limit=x", "?limit=", "?limit=1&limit=2"):
        assert (await site.get("/quarantine" + query)).status == 400


async def test_an_unknown_symbol_is_not_found_and_a_missing_one_explained(site: Site) -> None:
    assert (await site.get("/latest?symbol=NOPE")).status == 404
    bad = ("", "?symbol=", "?symbol=" + "x" * 65, "?other=BTCUSDT", "?symbol=BTCUSDT&symbol=ETHUSDT", "?symbol=BTC%0A")
    for query in bad:
        page = await site.get("/latest" + query)
        assert (page.status, page.body) == (400, {"error": "expected /latest?symbol=SYMBOL"})


async def test_bus_stats_tells_size_fill_and_back_pressure(site: Site) -> None:
    site.source.queues = (queue("oms", 10), queue("redis", 95), queue("unlimited", 5, capacity=0))
    page = await site.get("/bus-stats")
    overall = {name: page.body[name] for name in ("queue_size", "fill_percent", "backpressure", "dropped")}
    assert overall == {"queue_size": 110, "fill_percent": 95.0, "backpressure": "dropping quotes", "dropped": 6}
    assert page.body["queues"]["oms"] == {
        "waiting": 10,
        "capacity": 100,
        "delivered": 10,
        "conflated": 1,
        "dropped": 2,
        "high_water": 10,
        "fill_percent": 10.0,
        "backpressure": "normal",
    }
    assert page.body["queues"]["unlimited"]["fill_percent"] == 0.0


@pytest.mark.parametrize(
    ("waiting", "state"),
    [
        (0, "normal"),
        (79, "normal"),
        (80, "dropping heartbeats"),
        (89, "dropping heartbeats"),
        (90, "dropping quotes"),
        (99, "dropping quotes"),
        (100, "full"),
    ],
)
async def test_back_pressure_follows_the_stated_drop_policy(site: Site, waiting: int, state: str) -> None:
    site.source.queues = (queue("redis", waiting),)
    assert (await site.get("/bus-stats")).body["backpressure"] == state


async def test_without_queues_nothing_presses_back(site: Site) -> None:
    page = await site.get("/bus-stats")
    assert (page.body["fill_percent"], page.body["backpressure"], page.body["queues"]) == (0.0, "normal", {})


# -- who may ask, and how -------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "localhost.evil.example", ""]
)
async def test_a_forged_host_name_gets_nothing(site: Site, path: str, host: str) -> None:
    site.source.known = (latest(BINANCE, 7),)
    page = await site.get(path, headers={"Host": host})
    assert (page.status, page.body) == (403, {"error": "unknown host name"})


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_every_name_of_this_machine_is_good(site: Site, name: str) -> None:
    assert (await site.get("/health", headers={"Host": f"{name}:{site.port}"})).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
async def test_there_is_only_get(site: Site, path: str, method: str) -> None:
    page = await site.get(path, method)
    assert page.status == 405
    assert page.headers["Allow"] == "GET"


async def test_there_is_nothing_else(site: Site) -> None:
    for path in ("/", "/health/", "/metrics/../etc/passwd", "/%2e%2e/etc/passwd", "/static/x", "/latest%00"):
        assert (await site.get(path)).status == 404


async def test_every_answer_forbids_guessing_and_storing_and_allows_no_other_site(site: Site) -> None:
    for path in (*PATHS, "/nothing"):
        page = await site.get(path, headers={"Origin": "https://evil.example"})
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Content-Security-Policy"] == "default-src 'none'"
        assert "Access-Control-Allow-Origin" not in page.headers


async def test_a_page_that_fails_shows_nothing_of_us_and_the_next_one_works(site: Site) -> None:
    site.source.failure = ValueError("with a secret in its text")
    page = await site.get("/health")
    assert (page.status, page.body) == (500, {"error": "internal error"})
    site.source.failure = None
    assert (await site.get("/health")).status == 200


async def test_an_endless_request_line_is_refused(site: Site) -> None:
    assert (await site.get("/latest?symbol=" + "x" * 5000)).status == 400


# -- starting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.1.evil.example"])
async def test_an_address_that_others_can_reach_is_refused(host: str) -> None:
    server = ApiServer(HttpSettings(host=host, port=0), Source())
    with pytest.raises(Refused, match=r"--set http\.host=127\.0\.0\.1"):
        await server.start()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2"])
async def test_an_address_of_this_machine_is_taken(host: str) -> None:
    server = ApiServer(HttpSettings(host=host, port=0), Source())
    port = await server.start()
    async with aiohttp.ClientSession() as client, client.get(f"http://{host}:{port}/health") as response:
        assert response.status == 200
    await server.stop()


async def test_a_port_that_is_taken_is_named_with_the_remedy(site: Site) -> None:
    second = ApiServer(HttpSettings(port=site.port), Source())
    remedy = rf"http\.port {site.port} on 127\.0\.0\.1 is in use; .* --set http\.port={site.port + 1}$"
    with pytest.raises(ConfigurationError, match=remedy):
        await second.start()


async def test_a_port_that_is_not_allowed_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forbidden(_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(aiohttp.web.TCPSite, "start", forbidden)
    with pytest.raises(ConfigurationError, match=r"http\.port 80 on 127\.0\.0\.1 cannot be listened on: Permission"):
        await ApiServer(HttpSettings(port=80), Source()).start()


async def test_switched_off_it_does_not_listen() -> None:
    server = ApiServer(HttpSettings(enabled=False), Source())
    assert await server.start() == 0
    await server.stop()
