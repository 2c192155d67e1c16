"""How Kraken is connected: frames for many symbols, answers put together, the token's way into the frames."""

from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.kraken.session import STREAMS_PER_LINK, SYMBOLS_PER_FRAME
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Acknowledged, ControlFrame, Ignored, VenueEvent
from tests.support import kraken
from tests.support.kraken import ACCOUNT

SESSION = kraken.venue().session
OFFERED = (DataType.QUOTES, DataType.TRADES, DataType.DEPTH, DataType.STATISTICS, DataType.CANDLES)


def listed(*symbols: str) -> dict[InstrumentId, Instrument]:
    return {made.instrument: made for made in (kraken.instrument(symbol) for symbol in symbols)}


def streams(instruments: dict[InstrumentId, Instrument], *types: DataType) -> list[Stream]:
    return [Stream(instrument, data_type) for instrument in instruments for data_type in types]


def said(frames: tuple[ControlFrame, ...]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(frame.data) for frame in frames]


def params(frames: tuple[ControlFrame, ...]) -> list[tuple[str, dict[str, Any]]]:
    return [(one["method"], one["params"]) for one in said(frames)]


def test_every_channel_is_subscribed_to_once_for_all_its_symbols() -> None:
    instruments = listed("BTC/USD", "ETH/USD")
    plan = SESSION.market_link("market-0", "", streams(instruments, *OFFERED), instruments)
    both = ["BTC/USD", "ETH/USD"]
    assert plan.url == "wss://ws.kraken.com/v2"
    assert params(plan.subscribe) == [
        ("subscribe", {"channel": "ticker", "symbol": both, "event_trigger": "bbo", "snapshot": True}),
        ("subscribe", {"channel": "trade", "symbol": both, "snapshot": False}),
        ("subscribe", {"channel": "book", "symbol": both, "depth": 100, "snapshot": True}),
        ("subscribe", {"channel": "ohlc", "symbol": both, "interval": 1, "snapshot": True}),
    ]


def test_many_symbols_take_several_frames_of_different_numbers() -> None:
    instruments = listed(*(f"C{number}/USD" for number in range(STREAMS_PER_LINK)))
    plan = SESSION.market_link("market-0", "", streams(instruments, DataType.TRADES), instruments)
    assert [len(one["params"]["symbol"]) for one in said(plan.subscribe)] == [SYMBOLS_PER_FRAME] * 2
    assert len({frame.request for frame in plan.subscribe}) == 2
    assert [str(one["req_id"]) for one in said(plan.subscribe)] == [frame.request for frame in plan.subscribe]
    assert SESSION.streams_per_link == STREAMS_PER_LINK


def test_connections_have_different_numbers_and_each_the_same_again() -> None:
    instruments = listed("BTC/USD")
    wanted = streams(instruments, DataType.TRADES)
    first, second, again = (
        SESSION.market_link(name, "", wanted, instruments).subscribe[0].request
        for name in ("market-0", "market-1", "market-0")
    )
    assert first == again != second


@pytest.mark.parametrize("data_type", DataType)
def test_spot_has_neither_mark_price_nor_funding(data_type: DataType) -> None:
    made = kraken.instrument()
    expected = "" if data_type in OFFERED else None
    assert SESSION.door(Stream(made.instrument, data_type), made) == expected


def test_a_change_leaves_and_joins_what_it_says() -> None:
    instruments = listed("BTC/USD", "ETH/USD")
    btc, eth = instruments
    frames = SESSION.change(3, [Stream(btc, DataType.TRADES)], [Stream(eth, DataType.DEPTH)], instruments)
    assert params(frames) == [
        ("unsubscribe", {"channel": "book", "symbol": ["ETH/USD"], "depth": 100}),
        ("subscribe", {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": False}),
    ]
    other = SESSION.change(4, [Stream(btc, DataType.TRADES)], [Stream(eth, DataType.DEPTH)], instruments)
    assert {frame.request for frame in frames}.isdisjoint(frame.request for frame in other)


def test_quotes_and_statistics_share_a_channel_that_is_neither_asked_for_twice_nor_left_too_early() -> None:
    instruments = listed("BTC/USD")
    quotes, statistics = streams(instruments, DataType.QUOTES, DataType.STATISTICS)
    assert SESSION.change(1, [statistics], [], instruments, kept=[quotes]) == ()
    assert SESSION.change(2, [], [statistics], instruments, kept=[quotes]) == ()
    assert len(SESSION.change(3, [], [quotes, statistics], instruments)) == 1


def test_a_book_is_sent_anew_after_it_was_left() -> None:
    leave, join = params(SESSION.resubscribe(kraken.instrument()))
    assert leave == ("unsubscribe", {"channel": "book", "symbol": ["BTC/USD"], "depth": 100})
    assert join == ("subscribe", {"channel": "book", "symbol": ["BTC/USD"], "depth": 100, "snapshot": True})


# -- the account ---------------------------------------------------------------------------------


def test_the_accounts_channels_are_subscribed_to_with_a_token_that_a_signed_request_yields() -> None:
    plan = SESSION.user_link(ACCOUNT)
    assert plan is not None
    assert (plan.url, plan.account) == ("wss://ws-auth.kraken.com/v2", ACCOUNT)
    assert plan.resolve is not None
    assert (plan.resolve.method, plan.resolve.url) == ("POST", "https://api.kraken.com/0/private/GetWebSocketsToken")
    executions, balances = params(plan.subscribe)
    wanted = {"channel": "executions", "snap_orders": True, "snap_trades": False, "order_status": True}
    assert executions == ("subscribe", wanted | {"token": "{token}"})
    assert balances == ("subscribe", {"channel": "balances", "snapshot": True, "token": "{token}"})
    assert not any(frame.signed for frame in plan.subscribe)


def test_the_token_is_taken_from_the_answer() -> None:
    assert SESSION.resolve_token(kraken.answered({"token": "G38a1tGFzq", "expires": 900})) == "G38a1tGFzq"


@pytest.mark.parametrize("result", [{}, {"token": ""}, {"token": 'a"b'}, {"token": "a\\b"}, {"token": "é"}])
def test_an_answer_without_a_usable_token_is_malformed(result: dict[str, str]) -> None:
    with pytest.raises(MalformedReply):
        SESSION.resolve_token(kraken.answered(result))


# -- answers -------------------------------------------------------------------------------------


def answer(request: str, about: str, **changes: Any) -> bytes:
    body = {
        "method": "subscribe",
        "result": {"channel": "trade", "symbol": about, "snapshot": True},
        "success": True,
        "req_id": int(request),
    }
    return msgspec.json.encode(body | changes)


def read(*frames: bytes) -> list[VenueEvent]:
    codec = kraken.venue().codec
    return [event for frame in frames for event in codec.decode(frame, Nanos(1))]


def request_of(*symbols: str) -> str:
    instruments = listed(*symbols)
    return SESSION.market_link("market-0", "", streams(instruments, DataType.TRADES), instruments).subscribe[0].request


def test_a_frame_is_answered_when_all_its_symbols_are_in_whatever_order() -> None:
    request = request_of("A/USD", "B/USD", "C/USD")
    part = Ignored("part of an answer")
    frames = [answer(request, symbol) for symbol in ("C/USD", "A/USD", "A/USD", "B/USD")]
    assert read(*frames) == [part, part, part, Acknowledged(request, ok=True)]


def test_a_frame_about_one_symbol_is_answered_at_once() -> None:
    request = request_of("A/USD")
    assert read(answer(request, "A/USD")) == [Acknowledged(request, ok=True)]


def test_one_refused_symbol_refuses_the_frame() -> None:
    request = request_of("A/USD", "B/USD")
    refusal = answer(request, "", success=False, error="Currency pair not supported B/USD", symbol="B/USD", result=None)
    expected = Acknowledged(request, ok=False, detail="Currency pair not supported B/USD")
    assert read(answer(request, "A/USD"), refusal) == [Ignored("part of an answer"), expected]


@pytest.mark.parametrize(
    ("method", "error"), [("subscribe", "Already subscribed"), ("unsubscribe", "Subscription Not Found")]
)
def test_what_holds_already_is_no_refusal(method: str, error: str) -> None:
    request = request_of("A/USD")
    frame = answer(request, "", method=method, success=False, error=error, symbol="A/USD", result=None)
    assert read(frame) == [Acknowledged(request, ok=True)]
