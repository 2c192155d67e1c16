"""Public REST: what is listed, the venue's clock, a book's snapshot; and how every REST answer is read."""

from decimal import Decimal
from typing import Final, TypeVar
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.binance import symbols
from integrated_trading_system.venues.binance.endpoints import WEIGHT, Rules
from integrated_trading_system.venues.binance.wire import Levels, Millis, Problem, Sequence
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

T = TypeVar("T")

SNAPSHOT_LEVELS: Final = 1000
"""Of each side. Spot offers 5,000 for five times the weight."""


class ServerTime(Struct, rename="camel"):
    """``/time``."""

    server_time: Millis


class Depth(Struct, rename="camel"):
    """``/depth``."""

    last_update_id: Sequence
    bids: Levels
    asks: Levels


class FuturesDepth(Depth):
    """``/depth`` with the time at which it was made; spot does not tell."""

    E: Millis


_PROBLEM: Final = Decoder(Problem)
_TIME: Final = Decoder(ServerTime)
_DEPTH: Final = Decoder(Depth, strict=False)
_FUTURES_DEPTH: Final = Decoder(FuturesDepth, strict=False)


def problem(reply: HttpReply) -> Problem:
    """The error in a reply; one with code 0 where the body says none (a proxy's page)."""
    try:
        return _PROBLEM.decode(reply.body)
    except (ValueError, RecursionError):
        return Problem(code=0, msg=f"HTTP {reply.status}")


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status or shape."""
    if reply.status != 200:
        raise MalformedReply(f"HTTP {reply.status}: {words(reply)}")
    try:
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


def words(reply: HttpReply) -> str:
    """The error in a reply, for people."""
    said = problem(reply)
    return f"{said.code} {said.msg}"[:200]


def number(text: str) -> Decimal:
    """A plain decimal number; raises MalformedReply for anything else."""
    try:
        return parse_decimal(text)
    except ValueError as error:
        raise MalformedReply(str(error)) from error


class BinanceMarket:
    """The public endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._base = rest_url + rules.prefix
        self._rules = rules

    def instruments(self) -> tuple[WeightedRequest, ...]:
        return (self._get("exchangeInfo", "", self._rules.weights.instruments),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        if reply.status != 200:
            raise MalformedReply(f"HTTP {reply.status}: {words(reply)}")
        try:
            return symbols.instruments(self._venue, self._rules.kind, reply.body), None
        except (ValueError, RecursionError) as error:
            raise MalformedReply(str(error)[:200]) from error

    def time(self) -> WeightedRequest | None:
        return self._get("time", "", 1)

    def decode_time(self, reply: HttpReply) -> Nanos:
        return from_millis(read(reply, _TIME).server_time)

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        query = f"symbol={quote(instrument.symbol)}&limit={SNAPSHOT_LEVELS}"
        return self._get("depth", query, self._rules.weights.snapshot)

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """Spot: the next event covers `lastUpdateId` + 1. Futures: U <= `lastUpdateId` <= u, and no + 1."""
        spot = self._rules.kind is Kind.SPOT
        depth: Depth = read(reply, _DEPTH) if spot else read(reply, _FUTURES_DEPTH)
        return BookSnapshot(
            instrument=instrument.instrument,
            bids=depth.bids,
            asks=depth.asks,
            last_sequence=depth.last_update_id,
            resume_from=depth.last_update_id + 1 if spot else depth.last_update_id,
            order=depth.last_update_id,
            venue_time=from_millis(depth.E) if isinstance(depth, FuturesDepth) else Nanos(0),
            received_at=reply.received_at,
        )

    def _get(self, endpoint: str, query: str, weight: int) -> WeightedRequest:
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query)
        return WeightedRequest(request, ((WEIGHT, weight),))
