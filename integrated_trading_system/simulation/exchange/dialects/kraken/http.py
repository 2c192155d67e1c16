"""How every Kraken request is asked and answered: forms, the envelope with its list of errors, numbers, times."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.time import MICROSECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Failure(Exception):
    """A request that is answered by an error in words; the HTTP status is 200 all the same."""


def invalid(name: str) -> Failure:
    """What the venue says of parameters that make no sense."""
    return Failure(f"EGeneral:Invalid arguments:{name}")


class Call(Struct, frozen=True, kw_only=True):
    """A request that may be carried out."""

    params: Mapping[str, str]
    account: Account | None
    now: Nanos
    """True time."""
    venue_now: Nanos

    @property
    def customer(self) -> Account:
        """Of a signed request."""
        assert self.account is not None
        return self.account

    def optional(self, name: str, default: str = "") -> str:
        """A parameter; empty counts as absent."""
        return self.params.get(name, "") or default

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.optional(name)
        if not value:
            raise invalid(name)
        return value

    def decimal(self, name: str) -> Decimal:
        """A mandatory number, written plainly."""
        try:
            return parse_decimal(self.text(name))
        except ValueError:
            raise invalid(name) from None

    def integer(self, name: str, default: int) -> int:
        """An optional whole number; a fraction of a second is cut off."""
        text = self.optional(name, str(default)).partition(".")[0]
        if not text.isascii() or not text.isdigit() or len(text) > 19:
            raise invalid(name)
        return int(text)


class Route(Struct, frozen=True):
    """How one request is carried out."""

    handle: Callable[[Call], Any]
    cost: int | None = None
    """Of the key's counter; None: the request is public."""


def answered(result: Any) -> ServerReply:
    """A successful reply."""
    return json_reply({"error": [], "result": result})


def failed(failure: Failure) -> ServerReply:
    """A refusal."""
    return json_reply({"error": [str(failure)]})


def json_reply(body: Any) -> ServerReply:
    """HTTP 200 with this JSON body."""
    return ServerReply(status=200, body=msgspec.json.encode(body))


def parse_params(request: ServerRequest) -> dict[str, str]:
    """The query of a GET; the form, or the JSON object, of a POST."""
    if request.method == "GET":
        return dict(parse_qsl(request.query, keep_blank_values=True))
    if not request.body.lstrip().startswith(b"{"):
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failure("EGeneral:Invalid arguments") from None
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in body.items()
    }


def fixed(value: Decimal, decimals: int) -> str:
    """With so many digits after the point."""
    return f"{value:.{decimals}f}"


def raw(value: Decimal, decimals: int) -> msgspec.Raw:
    """The same, as a JSON number that keeps its zeros."""
    return msgspec.Raw(fixed(value, decimals).encode())


def stamp(time: int) -> str:
    """RFC 3339 with microseconds."""
    return (_EPOCH + timedelta(microseconds=time // MICROSECOND)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds(time: int) -> msgspec.Raw:
    """A JSON number of seconds with four decimals, as orders and fills are stamped."""
    tenths = time // (100 * MICROSECOND)
    return msgspec.Raw(f"{tenths // 10_000}.{tenths % 10_000:04d}".encode())
