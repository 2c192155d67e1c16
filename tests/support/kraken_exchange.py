"""A simulated Kraken to test with, and a client that signs as the documentation says."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.simulation.exchange.dialect import ServerReply
from integrated_trading_system.simulation.exchange.dialects.kraken.dialect import KrakenSpot
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from tests.support.dialect_clients import WireClient
from tests.support.exchange import KEY, SECRET, START, Desk, customer, rules, spot_listing

SYMBOL = "BTC/USD"


class KrakenClient(WireClient):
    """Speaks Kraken."""

    def __init__(self, dialect: KrakenSpot) -> None:
        super().__init__(dialect)
        self.desk = Desk(dialect.exchange)
        self._nonce = 0

    def public(self, endpoint: str, **params: Any) -> Any:
        """The result of a public request that succeeds."""
        return result(self.http("GET", f"/0/public/{endpoint}", urlencode(params)))

    def signed(
        self, endpoint: str, params: dict[str, Any], *, nonce: int | None = None, secret: str = SECRET
    ) -> ServerReply:
        self._nonce += 1
        number = str(self._nonce if nonce is None else nonce)
        path, body = f"/0/private/{endpoint}", urlencode({"nonce": number} | params)
        payload = path.encode() + hashlib.sha256(f"{number}{body}".encode()).digest()
        sign = b64encode(hmac.new(b64decode(secret), payload, hashlib.sha512).digest()).decode()
        return self.http("POST", path, "", body.encode(), {"api-key": KEY, "api-sign": sign})

    def private(self, endpoint: str, **params: Any) -> Any:
        """The result of a signed request that succeeds."""
        return result(self.signed(endpoint, params))

    def refused(self, endpoint: str, **params: Any) -> str:
        """The error of a signed request that fails."""
        return error(self.signed(endpoint, params))

    def fields(self, **changes: Any) -> dict[str, Any]:
        """A limit order to buy 1 at 100, or what `changes` make of it."""
        fields = {
            "pair": "XBTUSD",
            "type": "buy",
            "ordertype": "limit",
            "volume": "1",
            "price": "100",
            "oflags": "fciq",
        }
        return {name: value for name, value in (fields | changes).items() if value is not None}

    def order(self, **changes: Any) -> str:
        """Its name."""
        (name,) = self.private("AddOrder", **self.fields(**changes))["txid"]
        return str(name)

    def subscribe(self, link: str, channel: str, **params: Any) -> None:
        named = {} if channel in ("executions", "balances") else {"symbol": [SYMBOL]}
        self.send(link, {"method": "subscribe", "params": {"channel": channel, **named, **params}, "req_id": 7})

    def greeted(self, link: str) -> None:
        """Connect, and forget what was said so far."""
        assert self.connect(link, "/v2")
        self.frames(link)

    def of(self, link: str, channel: str) -> list[Any]:
        """What the link was told of a channel since the last call; everything else is forgotten."""
        return [frame for frame in self.frames(link) if frame is not None and frame.get("channel") == channel]


def kraken(*, levels: int = 0, seed: int = 7) -> KrakenClient:
    """Where "you" is the other customer, who offers 5 at 101 and wants 5 at 99; with `levels` a lively market."""
    accounts = [customer("me", key=KEY, USD=1_000, BTC=2), customer("you", key="y" * 64, USD=100_000, BTC=100)]
    listing = spot_listing(
        symbol=SYMBOL, quote="USD", settle="USD", price_band=Decimal("0.2"), quantity_max=Decimal(500)
    )
    made = rules(post_only_refused=False, fee_in_received_asset=False)
    exchange = Exchange([listing], made, accounts, start=START)
    if levels:
        settings = MarketSettings(history_minutes=30, level_bps=50.0, level_notional=500.0, levels=levels)
        populate(exchange, Market(seed, START, settings), VenueId("kraken:spot"))
    client = KrakenClient(KrakenSpot(exchange))
    if not levels:
        client.desk.sell("you", "5", "101", symbol=SYMBOL)
        client.desk.buy("you", "5", "99", symbol=SYMBOL)
        client.settle()
    return client


def result(reply: ServerReply) -> Any:
    body = msgspec.json.decode(reply.body)
    assert (reply.status, body["error"]) == (200, []), reply
    return body["result"]


def error(reply: ServerReply) -> str:
    body = msgspec.json.decode(reply.body)
    assert "result" not in body, reply
    (text,) = body["error"]
    return str(text)
