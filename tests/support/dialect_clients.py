"""Clients of simulated Bybit and Backpack that sign as the documentation says, knowing nothing of their insides."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import Dialect, ServerReply, ServerRequest
from tests.support.exchange import KEY, SECRET, START

SEED = bytes(range(32))
"""Of the Ed25519 key in the published vectors."""


class WireClient:
    """One client of a dialect: its clock, its links, and what they received."""

    def __init__(self, dialect: Dialect, now: Nanos = START) -> None:
        self.dialect = dialect
        self.now = now
        self._frames: list[tuple[LinkId, Any]] = []

    @property
    def millis(self) -> int:
        return self.now // MILLISECOND

    def http(
        self, method: str, path: str, query: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> ServerReply:
        request = ServerRequest(method=method, path=path, query=query, headers=dict(headers or {}), body=body)
        return self.dialect.http(request, self.now)

    def connect(self, link: str, path: str, query: str = "") -> bool:
        return self.dialect.connect(LinkId(link), path, query, self.now)

    def send(self, link: str, message: Any) -> None:
        data = message if isinstance(message, bytes) else msgspec.json.encode(message)
        self.dialect.receive(LinkId(link), data, self.now)

    def wait(self, millis: int) -> None:
        self.now = Nanos(self.now + millis * MILLISECOND)
        self.dialect.run(self.now)

    def settle(self) -> None:
        """Have the dialect tell what was done on its exchange behind its back."""
        self.http("GET", "/nothing")

    def frames(self, link: str) -> list[Any]:
        """What the link received since the last call, decoded; None for a closing."""
        self._frames += [
            (outgoing.link, None if outgoing.frame is None else msgspec.json.decode(outgoing.frame))
            for outgoing in self.dialect.take()
        ]
        mine = [frame for of, frame in self._frames if of == link]
        self._frames = [(of, frame) for of, frame in self._frames if of != link]
        return mine


class BybitClient(WireClient):
    """Speaks Bybit v5."""

    def __init__(self, dialect: Dialect, category: str, *, key: str = KEY, secret: str = SECRET) -> None:
        super().__init__(dialect)
        self.category = category
        self.key = key
        self.secret = secret

    def sign(self, payload: str) -> str:
        return hmac.new(self.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

    def signed(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        *,
        ahead: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> ServerReply:
        """`ahead`: our clock minus the venue's, in ms. `headers` replace ours."""
        query = "&".join(f"{name}={value}" for name, value in params.items()) if method == "GET" else ""
        body = b"" if method == "GET" else msgspec.json.encode(dict(params))
        timestamp = str(self.millis + ahead)
        sent = {
            "x-bapi-api-key": self.key,
            "x-bapi-timestamp": timestamp,
            "x-bapi-recv-window": "5000",
            "x-bapi-sign": self.sign(f"{timestamp}{self.key}5000{query or body.decode()}"),
        } | dict(headers or {})
        return self.http(method, path, query, body, sent)

    def get(self, path: str, **params: Any) -> Any:
        """The result of a public request that succeeds."""
        query = "&".join(f"{name}={value}" for name, value in params.items())
        return result(self.http("GET", f"/v5/market/{path}", query))

    def ask(self, path: str, **params: Any) -> Any:
        """The result of a signed GET that succeeds."""
        return result(self.signed("GET", f"/v5/{path}", {"category": self.category} | params))

    def post(self, path: str, **params: Any) -> Any:
        """The result of a signed POST that succeeds."""
        return result(self.signed("POST", f"/v5/{path}", {"category": self.category} | params))

    def refused(self, path: str, **params: Any) -> int:
        """The code of a signed POST that fails."""
        return code(self.signed("POST", f"/v5/{path}", {"category": self.category} | params))

    def order(self, **changes: Any) -> str:
        """The id of a limit order to buy 1 at 100, or what `changes` make of it."""
        fields: dict[str, Any] = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "100"}
        created = self.post("order/create", **fields | changes)
        identity: str = created["orderId"]
        return identity

    def log_on(self, link: str, *topics: str) -> None:
        """To the private stream, subscribed to these topics."""
        assert self.connect(link, "/v5/private")
        expires = self.millis + 1_000
        self.send(link, {"op": "auth", "args": [self.key, expires, self.sign(f"GET/realtime{expires}")]})
        self.send(link, {"op": "subscribe", "args": list(topics)})
        assert [frame["success"] for frame in self.frames(link)] == [True, True]


def result(reply: ServerReply) -> Any:
    body = msgspec.json.decode(reply.body)
    assert (reply.status, body["retCode"]) == (200, 0), reply
    return body["result"]


def code(reply: ServerReply) -> int:
    body = msgspec.json.decode(reply.body)
    assert reply.status == 200, reply
    assert body["retCode"] != 0, reply
    number: int = body["retCode"]
    return number


class BackpackClient(WireClient):
    """Speaks Backpack."""

    def __init__(self, dialect: Dialect, seed: bytes = SEED) -> None:
        super().__init__(dialect)
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = b64encode(self._private.public_key().public_bytes_raw()).decode()

    def sign(self, text: str) -> str:
        return b64encode(self._private.sign(text.encode())).decode()

    def signed(
        self,
        method: str,
        path: str,
        instruction: str,
        params: Mapping[str, Any] | list[dict[str, Any]],
        *,
        ahead: int = 0,
        window: int = 5_000,
        headers: Mapping[str, str] | None = None,
    ) -> ServerReply:
        """`ahead`: our clock minus the venue's, in ms. `headers` replace ours."""
        several = params if isinstance(params, list) else [params]
        named = [
            "".join([f"instruction={instruction}", *(f"&{name}={plain(each[name])}" for name in sorted(each))])
            for each in several
        ]
        text = f"{'&'.join(named)}&timestamp={self.millis + ahead}&window={window}"
        sent = {
            "x-api-key": self.key,
            "x-timestamp": str(self.millis + ahead),
            "x-window": str(window),
            "x-signature": self.sign(text),
        } | dict(headers or {})
        if method == "GET":
            assert not isinstance(params, list)
            return self.http("GET", path, "&".join(f"{name}={value}" for name, value in params.items()), b"", sent)
        return self.http(method, path, "", msgspec.json.encode(params), sent)

    def get(self, path: str, **params: Any) -> Any:
        """The body of a public request that succeeds."""
        reply = self.http("GET", f"/api/v1/{path}", "&".join(f"{name}={value}" for name, value in params.items()))
        assert reply.status == 200, reply
        return msgspec.json.decode(reply.body)

    def ask(self, method: str, path: str, instruction: str, **params: Any) -> Any:
        """The body of a signed request that succeeds."""
        reply = self.signed(method, path, instruction, params)
        assert reply.status == 200, reply
        return msgspec.json.decode(reply.body)

    def order(self, **changes: Any) -> Any:
        """A limit order to buy 1 at 100, or what `changes` make of it."""
        return self.ask("POST", "/api/v1/order", "orderExecute", **self.fields(**changes))

    def fields(self, **changes: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit"}
        wanted = fields | {"quantity": "1", "price": "100"} | changes
        return {name: value for name, value in wanted.items() if value is not None}

    def proof(self) -> list[str]:
        """What a frame for private streams brings along."""
        text = f"instruction=subscribe&timestamp={self.millis}&window=5000"
        return [self.key, self.sign(text), str(self.millis), "5000"]


def plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def error(reply: ServerReply) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert reply.status >= 400, reply
    return reply.status, msgspec.json.decode(reply.body)["code"]
