"""Kraken spot, server side: REST, and WebSocket v2 with its public and private channels."""

from typing import Any

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.countdown import Countdown
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.kraken.feed import Feed
from integrated_trading_system.simulation.exchange.dialects.kraken.guard import Guard, Router
from integrated_trading_system.simulation.exchange.dialects.kraken.http import Route
from integrated_trading_system.simulation.exchange.dialects.kraken.links import Key, Links
from integrated_trading_system.simulation.exchange.dialects.kraken.private import CHANNELS, Private
from integrated_trading_system.simulation.exchange.dialects.kraken.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.kraken.rows import Rows
from integrated_trading_system.simulation.exchange.dialects.kraken.trading import Trading
from integrated_trading_system.simulation.exchange.events import (
    AccountChanged,
    BookChanged,
    ExchangeEvent,
    OrderChanged,
    TradeHappened,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.service import VenueService


class KrakenSpot(VenueService):
    """Speaks Kraken for an exchange whose symbols are spelled BTC/USD. `clock_offset`: its clock minus true time."""

    def __init__(self, exchange: Exchange, clock_offset: Nanos | None = None) -> None:
        super().__init__(exchange, clock_offset)
        rows = Rows(exchange)
        guard = Guard(exchange)
        self._links = Links(self.send, self.call_at, self._key_of, self.venue_time)
        self._feed = Feed(rows, self._links)
        self._private = Private(rows, guard, self._links)
        public = {("GET", f"/0/public/{name}"): Route(handle) for name, handle in Queries(rows).routes().items()}
        signed = {
            ("POST", f"/0/private/{name}"): Route(handle, cost)
            for name, (handle, cost) in Trading(rows, guard, Countdown(exchange, self.call_at)).routes().items()
        }
        self._router = Router(guard, public | signed)

    def answer(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return self._router.answer(request, now, self.venue_time(now))

    def accept(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        if path != "/v2":
            return False
        self._links.open(link, now)
        return True

    def read(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        if link in self._links:
            self._links.receive(link, frame, now, self)

    def forget(self, link: LinkId, now: Nanos) -> None:
        self._links.close(link, self)

    def on_event(self, event: ExchangeEvent) -> None:
        match event:
            case TradeHappened():
                self._feed.on_trade(event)
            case BookChanged():
                self._feed.on_book(event)
            case OrderChanged():
                self._private.on_order(event)
            case AccountChanged():
                self._private.on_account(event)

    # -- what the links ask ---------------------------------------------------------------------

    def open(self, key: Key, now: Nanos, *, snapshot: bool) -> list[Any]:
        """Somebody more listens to a channel."""
        channels = self._private if key[0] in CHANNELS else self._feed
        return channels.open(key, now, snapshot=snapshot)

    def shut(self, key: Key) -> None:
        """Nobody listens to it any more."""
        self._feed.shut(key)

    def _key_of(self, channel: str, params: dict[str, Any], symbol: str, now: Nanos) -> Key | str:
        if channel in CHANNELS:
            return self._private.key_of(channel, params, now)
        return self._feed.key_of(channel, params, symbol)
