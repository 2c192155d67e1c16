"""How every Bybit v5 request is asked and answered: parameters, envelope, numbers, error codes."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest

CATEGORIES: Final = ("spot", "linear", "inverse", "option")
PARAMS_ERROR: Final = 10001
FOREVER_MS: Final = 10**15


class Failure(Exception):
    """A request that is answered by a `retCode`; the HTTP status is 200 all the same."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def invalid(text: str) -> Failure:
    """10001, the venue's answer to parameters that make no sense."""
    return Failure(PARAMS_ERROR, text)


TOO_MANY: Final = Failure(10006, "Too many visits. Exceeded the API Rate Limit.")


class Call(Struct, frozen=True, kw_only=True):
    """A request that may be carried out."""

    params: Mapping[str, Any]
    """Of the query (all text), or of the JSON body."""
    account: Account | None
    now: Nanos
    """True time."""
    allowed: int = 1
    """How many of a batch's orders the limit admits: its head."""

    @property
    def customer(self) -> Account:
        """Of a signed request."""
        assert self.account is not None
        return self.account

    def optional(self, name: str, default: str = "") -> str:
        """A parameter that must be text if it is there; empty counts as absent."""
        value = self.params.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            raise invalid(f"params error: {name} must be a string")
        return value

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.optional(name)
        if not value:
            raise invalid(f"params error: {name} is required")
        return value

    def integer(self, name: str, default: int) -> int:
        """An optional whole number, as a number or as text."""
        value = self.params.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 19:
            raise invalid(f"params error: {name} invalid")
        return int(value)

    def flag(self, name: str) -> bool:
        """An optional true or false."""
        value = self.params.get(name, False)
        if not isinstance(value, bool):
            raise invalid(f"params error: {name} must be a boolean")
        return value

    def limit(self, default: int, most: int) -> int:
        """How many rows are wanted; what is out of range gives the nearest that is not."""
        return min(max(self.integer("limit", default), 1), most)

    def decimal(self, name: str) -> Decimal:
        """A mandatory number, written plainly."""
        try:
            return parse_decimal(self.text(name))
        except ValueError:
            raise invalid(f"params error: {name} invalid") from None

    def span(self) -> tuple[int, int]:
        """``startTime`` and ``endTime`` in ms; wide open where they are not given."""
        return self.integer("startTime", 0), self.integer("endTime", FOREVER_MS)

    def cursor(self) -> str:
        """Where the last page ended. It is handed out percent-encoded; clients may encode it once more."""
        return unquote(self.optional("cursor"))


class Limit(Struct, frozen=True):
    """So many requests of one kind per second and account."""

    name: str
    per_second: int


class Route(Struct, frozen=True):
    """How one request is carried out."""

    handle: Callable[[Call], Any]
    """Gives the `result`; or an `Answer` where more is to be said."""
    limit: Limit | None = None
    """Signed requests have one; without it the request is public."""


class Answer(Struct, frozen=True):
    """A result with something in ``retExtInfo``."""

    result: Any
    extra: Any


def envelope(result: Any, millis: int) -> ServerReply:
    """A successful reply."""
    extra: Any = {}
    if isinstance(result, Answer):
        result, extra = result.result, result.extra
    return json_reply({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": extra, "time": millis})


def failed(failure: Failure, millis: int) -> ServerReply:
    """A refusal."""
    body = {"retCode": failure.code, "retMsg": failure.text, "result": {}, "retExtInfo": {}, "time": millis}
    return json_reply(body)


def json_reply(body: Any) -> ServerReply:
    """HTTP 200 with this JSON body."""
    return ServerReply(status=200, body=msgspec.json.encode(body))


def parse_params(request: ServerRequest) -> dict[str, Any]:
    """The query of a GET, the JSON object of a POST."""
    if request.method == "GET":
        return dict(parse_qsl(request.query, keep_blank_values=True))
    try:
        body = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("Request parameter error.") from None
    if not isinstance(body, dict):
        raise invalid("Request parameter error.")
    return body


def fixed(value: Decimal, decimals: int) -> str:
    """With so many digits after the point."""
    return f"{value:.{decimals}f}"


def millis(time: int) -> int:
    """Nanoseconds to the venue's milliseconds."""
    return time // MILLISECOND
