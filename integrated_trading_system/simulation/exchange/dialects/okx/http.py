"""How every OKX v5 request is asked and answered: parameters, envelope, numbers, error codes."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest

WINDOW: Final = Nanos(2 * SECOND)
"""In which requests are counted."""


class Failure(Exception):
    """A request that is answered by a `code`."""

    def __init__(self, code: str, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


def invalid(name: str) -> Failure:
    """51000, the venue's answer to a parameter that makes no sense."""
    return Failure("51000", f"Parameter {name} error")


class Call(Struct, frozen=True, kw_only=True):
    """A request that may be carried out."""

    params: Mapping[str, Any]
    """Of the query (all text), or of the JSON body."""
    account: Account | None
    now: Nanos
    """True time."""

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
            raise invalid(name)
        return value

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.optional(name)
        if not value:
            raise Failure("50014", f"Parameter {name} can not be empty.", 400)
        return value

    def integer(self, name: str, default: int) -> int:
        """An optional whole number, as text or as a number."""
        value = self.params.get(name)
        if value is None or value == "":
            return default
        text = str(value)
        if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > 19:
            raise invalid(name)
        return int(text)

    def flag(self, name: str) -> bool:
        """An optional true or false, also as text."""
        value = self.params.get(name, False)
        if value not in (True, False, "true", "false"):
            raise invalid(name)
        return value in (True, "true")

    def limit(self, most: int, default: int = 100) -> int:
        """How many rows are wanted; what is out of range gives the nearest that is not."""
        return min(max(self.integer("limit", default), 1), most)

    def decimal(self, name: str) -> Decimal:
        """A mandatory number, written plainly."""
        try:
            return parse_decimal(self.text(name))
        except ValueError:
            raise invalid(name) from None


class Limit(Struct, frozen=True):
    """So many requests of one kind in two seconds: by account where they are signed, else by address."""

    name: str
    most: int


class Route(Struct, frozen=True):
    """How one request is carried out."""

    handle: Callable[[Call], Any]
    """Gives `data`, a list; or an `Outcome` where the code is not simply "0"."""
    limit: Limit
    signed: bool = True


class Outcome(Struct, frozen=True):
    """A request of which some or all items failed."""

    code: str
    text: str
    data: list[Any]


def envelope(data: Any) -> ServerReply:
    """A reply with data."""
    outcome = data if isinstance(data, Outcome) else Outcome("0", "", data)
    return json_reply({"code": outcome.code, "msg": outcome.text, "data": outcome.data})


def failed(failure: Failure) -> ServerReply:
    """A refusal."""
    return json_reply({"code": failure.code, "msg": failure.text, "data": []}, failure.status)


def json_reply(body: Any, status: int = 200) -> ServerReply:
    """This JSON body."""
    return ServerReply(status=status, body=msgspec.json.encode(body))


def parse_params(request: ServerRequest) -> dict[str, Any]:
    """The query of a GET, the JSON object of a POST. A batch is a list: it becomes the parameter ``items``."""
    if request.method == "GET":
        return dict(parse_qsl(request.query, keep_blank_values=True))
    try:
        body = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failure("50002", "JSON syntax error", 400) from None
    if isinstance(body, list):
        return {"items": body}
    if not isinstance(body, dict):
        raise Failure("50002", "JSON syntax error", 400)
    return body


def fixed(value: Decimal, decimals: int) -> str:
    """With so many digits after the point."""
    return f"{value:.{decimals}f}"


def millis(time: int) -> int:
    """Nanoseconds to the venue's milliseconds."""
    return time // MILLISECOND
