"""Nothing that arrives makes a folder fail: arbitrary bytes, and real frames and answers that were damaged."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Quote, Trade
from integrated_trading_system.domain.order import CancelOrder, QueryFills, QueryOrder
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Codec, VenueEvent
from tests.conformance.description import SENT, Answer
from tests.conformance.orders import ACCOUNT, submit
from tests.conformance.subjects import Subject

few = settings(max_examples=40, suppress_health_check=list(HealthCheck))
Damage = tuple[str, int, int, bytes]
DAMAGE = st.tuples(
    st.sampled_from(["cut", "drop", "put", "number", "quotes"]),
    st.integers(0, 10_000),
    st.integers(1, 40),
    st.binary(min_size=1, max_size=6)
    | st.sampled_from([b"null", b"-1", b"[]", b"{}", b"1e999", b"NaN", b'"', b"\xff"]),
)


def damaged(frame: bytes, damage: Damage) -> bytes:
    kind, place, length, put = damage
    place %= len(frame) + 1
    match kind:
        case "cut":
            return frame[:place]
        case "drop":
            return frame[:place] + frame[place + length :]
        case "number":
            digits = [index for index, byte in enumerate(frame) if 48 <= byte <= 57]
            at = digits[place % len(digits)] if digits else 0
            return frame[:at] + put + frame[at + 1 :]
        case "quotes":
            return frame.replace(b'"', put, length)
        case _:
            return frame[:place] + put + frame[place:]


def assert_believable(events: Any) -> None:
    """Whatever is told of prices is one."""
    for event in events:
        assert isinstance(event, VenueEvent)
        if isinstance(event, Quote):
            assert all(0 < price < 1e16 for price in (event.bid, event.ask))
            assert all(0 <= size < 1e200 for size in (event.bid_size, event.ask_size))
        elif isinstance(event, Trade):
            assert 0 < event.price < 1e16
            assert 0 < event.quantity < 1e200
        elif isinstance(event, BookDelta | BookSnapshot):
            for price, size in (*event.bids, *event.asks):
                assert 0 < price < 1e16
                assert 0 <= size < 1e200


def codecs(subject: Subject) -> list[tuple[Codec, tuple[bytes, ...]]]:
    """Each with real frames."""
    venue, traffic = subject.listed(), subject.traffic
    frames = [frame for kind in traffic.events.values() for frame in kind[:6]]
    frames += [*traffic.acknowledged[:3], *(traffic.book.frames if traffic.book is not None else ())]
    found: list[tuple[Codec, tuple[bytes, ...]]] = [(venue.codec, tuple(dict.fromkeys(frames)))]
    if venue.user_codec is not None and traffic.orders is not None:
        found.append((venue.user_codec, traffic.orders.frames or (b"{}",)))
    return found


@few
@given(frame=st.binary(max_size=120), damage=DAMAGE, which=st.integers(0, 10_000))
def test_no_frame_makes_a_codec_fail(subject: Subject, frame: bytes, damage: Damage, which: int) -> None:
    for codec, real in codecs(subject):
        assert_believable(codec.decode(frame, SENT))
        assert_believable(codec.decode(damaged(real[which % len(real)], damage), Nanos(SENT + 1)))


NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def impossible(value: Any, put: float) -> Iterator[Any]:
    """The message with one of its numbers replaced, each in its turn, written as it was: as a number or a text."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from (value | {key: changed} for changed in impossible(inner, put))
        case list():
            for index, inner in enumerate(value):
                yield from ([*value[:index], changed, *value[index + 1 :]] for changed in impossible(inner, put))
        case bool() | None:
            pass
        case int() | float():
            yield put
        case str() if NUMBER.fullmatch(value):
            yield str(put)
        case _:
            pass


@pytest.mark.parametrize("put", [-1, -0.5, 1e300])
def test_a_number_that_cannot_be_one_is_not_told(subject: Subject, put: float) -> None:
    for codec, real in codecs(subject):
        for frame in real[:40]:
            try:
                message = json.loads(frame)
            except ValueError:
                continue  # a frame of plain text
            for changed in impossible(message, put):
                assert_believable(codec.decode(json.dumps(changed, separators=(",", ":")).encode(), SENT))


def decoders(subject: Subject) -> list[tuple[str, Answer | None, Callable[[HttpReply], Any]]]:
    """Every decoder of an answer, with a real one."""
    venue, traffic, market = subject.listed(), subject.traffic, subject.instrument
    book = traffic.book.snapshot if traffic.book is not None else None
    found: list[tuple[str, Answer | None, Callable[[HttpReply], Any]]] = [
        ("instruments", traffic.listed[0], venue.market.decode_instruments),
        ("token", None, venue.session.resolve_token),
    ]
    if venue.market.time() is not None:
        found.append(("time", traffic.time, venue.market.decode_time))
    if venue.market.snapshot(market) is not None:
        found.append(("snapshot", book, lambda reply: venue.market.decode_snapshot(market, reply)))
    if (history := venue.history) is not None:
        found.append(("candles", traffic.candles, lambda reply: history.decode_candles(market, "1m", reply)))
        found.append(("funding", traffic.funding, lambda reply: history.decode_funding(market, reply)))
    if (trading := venue.trading) is not None and (orders := traffic.orders) is not None:
        of = (orders.client_order_id, market.instrument, ACCOUNT, orders.venue_order_id)
        order = submit(market, orders.client_order_id, Decimal(100), max(Decimal(1), market.lot))
        fills = QueryFills(market.instrument, ACCOUNT, SENT)
        found += [
            ("place", orders.accepted, lambda reply: trading.decode_place(order, market, reply)),
            ("cancel", orders.cancelled, lambda reply: trading.decode_cancel(CancelOrder(*of), market, reply)),
            ("query", orders.found, lambda reply: trading.decode_query(QueryOrder(*of), market, reply)),
            ("fills", orders.fills[0], lambda reply: trading.decode_fills(fills, market, reply)),
            ("open", orders.open_orders, lambda reply: trading.decode_open_orders(ACCOUNT, reply)),
            ("balances", orders.balances[0], lambda reply: trading.decode_balances(ACCOUNT, reply)),
            ("pause", orders.accepted, trading.retry_after),
        ]
    return found


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_an_answer_with_the_status_of_an_error_is_not_believed(subject: Subject, status: int) -> None:
    for name, real, decode in decoders(subject):
        if real is not None and name in ("instruments", "time", "snapshot", "candles", "funding"):
            with pytest.raises(MalformedReply):
                decode(replace(real, status=status).reply)


@few
@given(body=st.binary(max_size=80), damage=DAMAGE, status=st.sampled_from([200, 201, 302, 400, 404, 418, 429, 500]))
def test_no_answer_makes_a_decoder_fail_in_any_other_way_than_one(
    subject: Subject, body: bytes, damage: Damage, status: int
) -> None:
    for _, real, decode in decoders(subject):
        told = real or Answer(b'{"code":0,"result":[]}')
        altered = Answer(damaged(told.body, damage), status, told.headers | {"retry-after": "soon"}, told.sent_at)
        for answer in (Answer(body, status), altered):
            with suppress(MalformedReply):
                decode(answer.reply)
