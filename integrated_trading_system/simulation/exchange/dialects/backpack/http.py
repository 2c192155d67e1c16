"""How Backpack requests are asked and answered: parameters, numbers, times as text, error bodies."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw, Struct

from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.time import MICROSECOND, MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest

BAD_REQUEST: Final = "INVALID_CLIENT_REQUEST"
"""The venue's answer to nearly everything that is wrong with a request."""
FOREVER_MS: Final = 10**15

Params: TypeAlias = Mapping[str, str | int | float | bool]
"""Of a query (all text) or of a JSON object, whose nulls are left out."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, Raw])
_OBJECTS: Final = msgspec.json.Decoder(list[dict[str, Raw]])


class Failure(Exception):
    """A request that is answered by an error body."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


def invalid(text: str) -> Failure:
    """The catch-all."""
    return Failure(BAD_REQUEST, text)


class Said(Struct, frozen=True):
    """Parameters, and each as it was written, which is how they are signed."""

    params: Params
    written: tuple[tuple[str, str], ...]
    """Texts without their quotes; sorted by name."""


class Call(Struct, frozen=True, kw_only=True):
    """A request that may be carried out."""

    params: Params
    batch: tuple[Params, ...]
    """Of a request whose body is a list."""
    account: Account | None
    now: Nanos
    """True time."""

    @property
    def customer(self) -> Account:
        """Of a signed request."""
        assert self.account is not None
        return self.account

    def optional(self, name: str, default: str = "") -> str:
        """A text, if it is there."""
        value = self.params.get(name, default)
        if not isinstance(value, str):
            raise invalid(f"Invalid type for {name}: expected a string")
        return value or default

    def text(self, name: str) -> str:
        """A mandatory text."""
        value = self.optional(name)
        if not value:
            raise invalid(f"Missing required parameter: {name}")
        return value

    def integer(self, name: str, default: int) -> int:
        """An optional whole number, as a number or as text."""
        value = self.params.get(name, default)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise invalid(f"Invalid value for {name}: expected an integer")

    def flag(self, name: str) -> bool:
        """An optional true or false."""
        value = self.params.get(name, False)
        if not isinstance(value, bool):
            raise invalid(f"Invalid type for {name}: expected a boolean")
        return value

    def limit(self, default: int) -> int:
        """How many rows are wanted; at most 1000."""
        limit = self.integer("limit", default)
        if not 1 <= limit <= 1000:
            raise invalid("Limit must be between 1 and 1000")
        return limit

    def decimal(self, name: str) -> Decimal:
        """A mandatory positive number, written plainly as text."""
        try:
            value = parse_decimal(self.text(name))
        except ValueError:
            raise invalid(f"Invalid decimal for {name}") from None
        if value <= 0:
            raise invalid(f"{name} must be positive")
        return value


class Plain(Struct, frozen=True):
    """A result that is a text, not JSON."""

    text: str


class Route(Struct, frozen=True):
    """How one request is carried out."""

    handle: Callable[[Call], Any]
    instruction: str = ""
    """The name under which it is signed; empty for public requests."""
    historical: bool = False
    """Counted against the smaller limit, too."""


def read_params(request: ServerRequest) -> tuple[Said, tuple[Said, ...]]:
    """The query of a GET, else the JSON body: one object, or a list of them. Raises Failure."""
    if request.method == "GET" or (request.query and not request.body):
        pairs = dict(parse_qsl(request.query, keep_blank_values=True))
        return Said(pairs, tuple(sorted(pairs.items()))), ()
    try:
        if request.body.lstrip().startswith(b"["):
            return Said({}, ()), tuple(_said(each) for each in _OBJECTS.decode(request.body))
        return _said(_OBJECT.decode(request.body or b"{}")), ()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"Bad Request parse request payload error: {error}") from None


def _said(fields: dict[str, Raw]) -> Said:
    params: dict[str, str | int | float | bool] = {}
    written: dict[str, str] = {}
    for name, raw in fields.items():
        value = msgspec.json.decode(raw)
        if value is None:
            continue
        if not isinstance(value, str | int | float | bool):
            raise invalid(f"Invalid value for {name}")
        params[name] = value
        written[name] = value if isinstance(value, str) else bytes(raw).decode()
    return Said(params, tuple(sorted(written.items())))


def reply(result: Any) -> ServerReply:
    """A successful reply; nothing to say is 204."""
    if result is None:
        return ServerReply(status=204, body=b"")
    if isinstance(result, Plain):
        return ServerReply(status=200, body=result.text.encode(), content_type="text/plain; charset=utf-8")
    return ServerReply(status=200, body=msgspec.json.encode(result), content_type="application/json; charset=utf-8")


def failure_reply(failure: Failure) -> ServerReply:
    """The error body."""
    body = msgspec.json.encode({"code": failure.code, "message": failure.text})
    return ServerReply(status=failure.status, body=body, content_type="application/json; charset=utf-8")


def fixed(value: Decimal, decimals: int) -> str:
    """With so many digits after the point."""
    return f"{value:.{decimals}f}"


def millis(time: int) -> int:
    """Nanoseconds to milliseconds."""
    return time // MILLISECOND


def micros(time: int) -> int:
    """Nanoseconds to the microseconds of the streams."""
    return time // MICROSECOND


def date_text(time: int, *, separator: str = "T", timespec: str = "milliseconds") -> str:
    """UTC without saying so: ``2025-07-27T18:05:40.897``."""
    whole, rest = divmod(time, SECOND)
    at = datetime.fromtimestamp(whole, UTC).replace(tzinfo=None, microsecond=rest // MICROSECOND)
    return at.isoformat(sep=separator, timespec=timespec)
