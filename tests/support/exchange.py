"""An exchange to test with, and a client of its own that signs as Binance's documentation says."""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import Dialect, ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.listing import Listing, Rules
from integrated_trading_system.simulation.exchange.orders import NewOrder, Order, Refusal

START = Nanos(1_700_000_000 * SECOND)
KEY = "k" * 64
SECRET = "s" * 64


def spot_listing(**changes: Any) -> Listing:
    """BTCUSDT in round steps: tick 0.5, lot 0.001."""
    fields: dict[str, Any] = dict(
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        settle="USDT",
        tick=Decimal("0.5"),
        lot=Decimal("0.001"),
        quantity_min=Decimal("0.001"),
        notional_min=Decimal(5),
        reference_price=Decimal(100),
    )
    return Listing(**fields | changes)


def linear_listing(**changes: Any) -> Listing:
    return spot_listing(**{"kind": Kind.LINEAR} | changes)


def rules(**changes: Any) -> Rules:
    return Rules(**{"maker_bps": Decimal(2), "taker_bps": Decimal(10)} | changes)


def customer(name: str, *, key: str = "", secret: str = SECRET, **balances: str | int) -> Account:
    """An account with these balances, by asset."""
    return Account(name, {asset: Decimal(amount) for asset, amount in balances.items()}, api_key=key, secret=secret)


def numbers(*values: int | str) -> tuple[Decimal, ...]:
    """These as decimals."""
    return tuple(Decimal(value) for value in values)


class Desk:
    """Places orders on an exchange in few words."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.now = exchange.now

    def account(self, name: str) -> Account:
        return self.exchange.bank.accounts[name]

    def ask(self, name: str, side: Side, quantity: str, price: str | None, **fields: Any) -> Order | Refusal:
        request = NewOrder(
            symbol=fields.pop("symbol", "BTCUSDT"),
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=Decimal(quantity),
            price=Decimal(price or 0),
            **fields,
        )
        return self.exchange.place(self.account(name), request, self.now)

    def buy(self, name: str, quantity: str, price: str | None, **fields: Any) -> Order:
        order = self.ask(name, Side.BUY, quantity, price, **fields)
        assert isinstance(order, Order), order
        return order

    def sell(self, name: str, quantity: str, price: str | None, **fields: Any) -> Order:
        order = self.ask(name, Side.SELL, quantity, price, **fields)
        assert isinstance(order, Order), order
        return order


IOC = TimeInForce.IOC
FOK = TimeInForce.FOK


class BinanceClient:
    """Talks to a simulated Binance over its wire, knowing nothing of its insides."""

    def __init__(self, dialect: Dialect, now: Nanos = START, *, key: str = KEY, secret: str = SECRET) -> None:
        self.dialect = dialect
        self.now = now
        self.key = key
        self.secret = secret
        self._frames: list[tuple[LinkId, Any]] = []

    def request(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, *, key: bool = False
    ) -> ServerReply:
        query = "&".join(f"{name}={value}" for name, value in (params or {}).items())
        return self.raw(method, path, query, key=key)

    def raw(self, method: str, path: str, query: str, body: str = "", *, key: bool = False) -> ServerReply:
        headers = {"x-mbx-apikey": self.key} if key else {}
        request = ServerRequest(method=method, path=path, query=query, headers=headers, body=body.encode())
        return self.dialect.http(request, self.now)

    def signed(self, method: str, path: str, **params: Any) -> ServerReply:
        query = "&".join(f"{name}={value}" for name, value in ({"timestamp": self.millis} | params).items())
        return self.raw(method, path, f"{query}&signature={self.sign(query)}", key=True)

    def sign(self, payload: str) -> str:
        return hmac.new(self.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

    @property
    def millis(self) -> int:
        return self.now // MILLISECOND

    def get(self, path: str, **params: Any) -> Any:
        """The body of a public request that succeeds."""
        reply = self.request("GET", path, params)
        assert reply.status == 200, reply
        return msgspec.json.decode(reply.body)

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """The body of a signed request that succeeds."""
        reply = self.signed(method, path, **params)
        assert reply.status == 200, reply
        return msgspec.json.decode(reply.body)

    def refused(self, method: str, path: str, **params: Any) -> tuple[int, str]:
        """Code and text of a signed request that fails."""
        return failure(self.signed(method, path, **params))

    # -- WebSocket ------------------------------------------------------------------------------

    def connect(self, link: str, path: str, query: str = "") -> bool:
        return self.dialect.connect(LinkId(link), path, query, self.now)

    def send(self, link: str, message: Any) -> None:
        self.dialect.receive(LinkId(link), msgspec.json.encode(message), self.now)

    def wait(self, millis: int) -> None:
        self.now = Nanos(self.now + millis * MILLISECOND)
        self.dialect.run(self.now)

    def frames(self, link: str) -> list[Any]:
        """What the link received since the last call, decoded; None for a closing."""
        self._frames += [
            (outgoing.link, None if outgoing.frame is None else msgspec.json.decode(outgoing.frame))
            for outgoing in self.dialect.take()
        ]
        mine = [frame for of, frame in self._frames if of == link]
        self._frames = [(of, frame) for of, frame in self._frames if of != link]
        return mine

    def subscribe_user(self, link: str) -> None:
        """Spot: to the account's events, by signature."""
        self.connect(link, "/ws-api/v3")
        params = {"apiKey": self.key, "timestamp": self.millis}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        self.send(
            link,
            {
                "id": "u",
                "method": "userDataStream.subscribe.signature",
                "params": params | {"signature": self.sign(payload)},
            },
        )
        assert self.frames(link)[0]["result"] == {"subscriptionId": 0}


def failure(reply: ServerReply) -> tuple[int, str]:
    assert reply.status >= 400, reply
    body = msgspec.json.decode(reply.body)
    return body["code"], body["msg"]
