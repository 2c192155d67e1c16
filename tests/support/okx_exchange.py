"""Simulated OKXs to test with, one of each product, and a client of theirs that signs as documented."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply
from integrated_trading_system.simulation.exchange.dialects.okx.dialect import Okx, OkxSpot, OkxSwap
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from tests.support.dialect_clients import WireClient
from tests.support.exchange import KEY, SECRET, START, Desk, linear_listing, rules, spot_listing

PASSPHRASE = "correct horse"
SYMBOLS = {"spot": "BTC-USDT", "swap": "BTC-USDT-SWAP"}
RULES: dict[str, Any] = {"post_only_refused": False, "self_trade_ends_maker": True, "open_orders_max": 5}


class OkxClient(WireClient):
    """Speaks OKX v5 to one product, knowing nothing of its insides."""

    def __init__(self, dialect: Okx, flavour: str) -> None:
        super().__init__(dialect)
        self.okx = dialect
        self.symbol = SYMBOLS[flavour]
        self.spot = flavour == "spot"

    def sign(self, payload: bytes) -> str:
        return b64encode(hmac.new(SECRET.encode(), payload, hashlib.sha256).digest()).decode()

    def signed(
        self,
        method: str,
        path: str,
        params: Any = None,
        *,
        ahead: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> ServerReply:
        """`ahead`: our clock minus the venue's, in ms. `headers` replace ours."""
        query = "&".join(f"{name}={value}" for name, value in (params or {}).items()) if method == "GET" else ""
        body = params if isinstance(params, bytes) else b"" if method == "GET" else msgspec.json.encode(params)
        path = f"/api/v5/{path}"
        target = f"{path}?{query}" if query else path
        moment = datetime.fromtimestamp((self.millis + ahead) / 1000, UTC)
        stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        sent = {
            "ok-access-key": KEY,
            "ok-access-passphrase": PASSPHRASE,
            "ok-access-timestamp": stamp,
            "ok-access-sign": self.sign(f"{stamp}{method}{target}".encode() + body),
        }
        return self.http(method, path, query, body, sent | dict(headers or {}))

    def get(self, path: str, **params: Any) -> Any:
        """The data of a public request that succeeds."""
        query = "&".join(f"{name}={value}" for name, value in params.items())
        return data(self.http("GET", f"/api/v5/{path}", query))

    def ask(self, path: str, **params: Any) -> Any:
        """The data of a signed GET that succeeds."""
        return data(self.signed("GET", path, params))

    def order(self, **changes: Any) -> dict[str, Any]:
        """What becomes of a limit order to buy 1 at 100, or what `changes` make of it: its one entry."""
        fields: dict[str, Any] = {
            "instId": self.symbol,
            "tdMode": "cash" if self.spot else "cross",
            "side": "buy",
            "ordType": "limit",
            "sz": "1",
            "px": "100",
        }
        entry: dict[str, Any] = entries(self.signed("POST", "trade/order", fields | changes))[0]
        return entry

    def cancel(self, **names: str) -> dict[str, Any]:
        entry: dict[str, Any] = entries(self.signed("POST", "trade/cancel-order", {"instId": self.symbol} | names))[0]
        return entry

    def raw(self, link: str) -> list[bytes | None]:
        """What was sent to a link, as bytes."""
        return [outgoing.frame for outgoing in self.dialect.take() if outgoing.link == LinkId(link)]

    def subscribe(self, link: str, *channels: str, door: str = "public") -> list[Any]:
        """On a link of its own; what came, without the acknowledgements."""
        assert self.connect(link, f"/ws/v5/{door}")
        args = [{"channel": channel, "instId": self.symbol} for channel in channels]
        self.send(link, {"id": "1", "op": "subscribe", "args": args})
        frames = self.frames(link)
        assert [frame["arg"] for frame in frames if frame.get("event") == "subscribe"] == args, frames
        return [frame for frame in frames if "event" not in frame]

    def log_on(self, link: str, **changes: str) -> Any:
        """The answer to a logon at the private door."""
        assert self.connect(link, "/ws/v5/private")
        stamp = str(self.millis // 1000)
        argument = {"apiKey": KEY, "passphrase": PASSPHRASE, "timestamp": stamp}
        argument |= changes
        argument.setdefault("sign", self.sign(f"{argument['timestamp']}GET/users/self/verify".encode()))
        self.send(link, {"op": "login", "args": [argument]})
        (answer,) = self.frames(link)
        return answer

    def follow(self, link: str, *channels: str) -> list[Any]:
        """The account's channels on a link of its own; what they began with."""
        assert self.log_on(link)["event"] == "login"
        product = "SPOT" if self.spot else "SWAP"
        args = [{"channel": "orders", "instType": product}, {"channel": "account"}]
        self.send(link, {"op": "subscribe", "args": [arg for arg in args if arg["channel"] in channels]})
        return [frame for frame in self.frames(link) if "event" not in frame]


def venue(flavour: str, *, lively: bool = False, levels: int = 20) -> OkxClient:
    """Where "you" is the other customer, who offers 5 at 101 and wants 5 at 99; lively: others trade, too."""
    listing = spot_listing if flavour == "spot" else linear_listing
    changes = {"symbol": SYMBOLS[flavour], "price_band": Decimal("0.2"), "quantity_max": Decimal(500)}
    if flavour == "swap":
        changes |= {"multiplier": Decimal("0.1")}
    balances = {"USDT": Decimal(1_000), "BTC": Decimal(2)}
    rich = {"USDT": Decimal(100_000), "BTC": Decimal(100)}
    accounts = [
        Account("me", balances, api_key=KEY, secret=SECRET, passphrase=PASSPHRASE),
        Account("you", rich, api_key="y" * 64, secret=SECRET, passphrase=PASSPHRASE),
    ]
    exchange = Exchange([listing(**changes)], rules(**RULES), accounts, start=START)
    if lively:
        market = MarketSettings(history_minutes=30, level_bps=50.0, level_notional=500.0, levels=levels)
        populate(exchange, Market(7, START, market), VenueId(f"okx:{flavour}"))
    else:
        desk = Desk(exchange)
        desk.sell("you", "5", "101", symbol=SYMBOLS[flavour])
        desk.buy("you", "5", "99", symbol=SYMBOLS[flavour])
    return OkxClient((OkxSpot if flavour == "spot" else OkxSwap)(exchange), flavour)


def desk(client: OkxClient) -> Desk:
    return Desk(client.okx.exchange)


def entries(reply: ServerReply) -> Any:
    """What a reply says of each item, whatever became of them."""
    return msgspec.json.decode(reply.body)["data"]


def data(reply: ServerReply) -> Any:
    body = msgspec.json.decode(reply.body)
    assert (reply.status, body["code"]) == (200, "0"), reply
    return body["data"]


def code(reply: ServerReply) -> str:
    body = msgspec.json.decode(reply.body)
    assert body["code"] != "0", reply
    text: str = body["code"]
    return text
