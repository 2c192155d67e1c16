"""How every Binance product is asked and answers: parameters, routes, numbers, error bodies.

Rules from "General API information" of the venue's REST documentation.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest

FOREVER_MS: Final = 10**15


class Failure(Exception):
    """A request that is answered by an error body."""

    def __init__(self, code: int, text: str, status: int = 400, retry_after: Nanos | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.retry_after = retry_after
        """How long to stay away."""


class Security(StrEnum):
    """What a request has to prove."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


class Call(Struct, frozen=True, kw_only=True):
    """A request that may be carried out."""

    params: dict[str, str]
    account: Account | None
    now: Nanos
    """True time."""

    @property
    def customer(self) -> Account:
        """Of a signed request."""
        assert self.account is not None
        return self.account

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.params.get(name, "")
        if not value:
            raise Failure(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value

    def integer(self, name: str, default: int) -> int:
        """An optional whole number."""
        value = self.params.get(name, "")
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 19:
            raise Failure(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """How many rows are wanted; more than `most` gives `most`."""
        limit = self.integer("limit", default)
        if limit < 1:
            raise Failure(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(limit, most)

    def span(self) -> tuple[int, int]:
        """``startTime`` and ``endTime`` in ms; wide open where they are not given."""
        return self.integer("startTime", 0), self.integer("endTime", FOREVER_MS)

    def decimal(self, name: str) -> Decimal:
        """A mandatory positive number with at most eight decimals."""
        text = self.text(name)
        try:
            value = parse_decimal(text)
        except ValueError:
            legal = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
            raise Failure(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.") from None
        if value < 0:
            raise Failure(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        exponent = value.normalize().as_tuple().exponent
        if isinstance(exponent, int) and exponent < -8:
            raise Failure(-1111, f"Parameter '{name}' has too much precision.")
        return value


class Route(Struct, frozen=True):
    """How one request is carried out, and what it costs."""

    handle: Callable[[Call], Any]
    weight: int | Callable[[dict[str, str]], int] = 1
    security: Security = Security.NONE
    free_when_done: bool = False
    """Costs its weight only when it fails (orders and cancels, since 2026-04-02)."""
    is_order: bool = False

    def cost(self, params: dict[str, str]) -> int:
        """Request weight."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


def number(value: Decimal, decimals: int = 8) -> str:
    """Fixed number of decimals, as the venue writes them."""
    return f"{value:.{decimals}f}"


def millis(time: int) -> int:
    """Nanoseconds to the venue's milliseconds."""
    return time // MILLISECOND


def failure_reply(failure: Failure) -> ServerReply:
    """The error body."""
    headers: tuple[tuple[str, str], ...] = ()
    if failure.retry_after is not None:
        headers = (("Retry-After", str(-(-failure.retry_after // SECOND))),)
    return json_reply({"code": failure.code, "msg": failure.text}, failure.status, headers)


def json_reply(body: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> ServerReply:
    """A reply with this JSON body."""
    return ServerReply(status=status, body=msgspec.json.encode(body), headers=headers)


def parse_params(request: ServerRequest) -> dict[str, str]:
    """Query and form body together; where both name a parameter the query wins."""
    body = request.body.decode("utf-8", "replace")
    return {
        **dict(parse_qsl(body, keep_blank_values=True)),
        **dict(parse_qsl(request.query, keep_blank_values=True)),
    }
