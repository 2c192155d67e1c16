"""What an exchange lists and was, in the library's unified structures; and how its one link is planned."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.ccxt import signing
from integrated_trading_system.venues.ccxt.symbols import DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.history import CandlePrice, History
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, Credentials
from tests.support.ccxt_core import BTC, KUCOIN, RECEIVED, SENT, instrument, reply, venue

SPOT = {
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": None,
    "spot": True,
    "contract": False,
    "active": True,
    "precision": {"price": 0.01, "amount": 1e-08},
    "limits": {"amount": {"min": 1e-05, "max": 9000.0}, "cost": {"min": 5.0, "max": None}},
}
SWAP = SPOT | {
    "symbol": "BTC/USDT:USDT",
    "settle": "USDT",
    "spot": False,
    "contract": True,
    "linear": True,
    "inverse": False,
    "contractSize": 0.001,
}


def listed(*markets: Any, mode: int = TICK_SIZE) -> tuple[Instrument, ...]:
    body = {"precisionMode": mode, "markets": markets}
    found, following = venue().market.decode_instruments(reply(body))
    assert following is None
    return found


# -- the catalog ---------------------------------------------------------------------------------


def test_every_exchange_of_the_library_is_a_flavour() -> None:
    assert catalog.resolve("ccxt:kucoin") == KUCOIN
    assert catalog.endpoints_of(KUCOIN).rest_url == "ccxt://kucoin"
    assert all(not each.startswith("ccxt:") for each in catalog.venue_ids())


@pytest.mark.parametrize("name", ["ccxt", "ccxt:", "ccxt:KuCoin", "ccxt:a/b", "ccxt:kucoin:x"])
def test_what_cannot_be_an_exchange_of_the_library_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="every exchange of its library"):
        catalog.resolve(name)


def test_its_data_is_slow_and_it_takes_no_orders() -> None:
    made = venue()
    assert made.slow
    assert made.trading is None
    assert "looked for" in made.no_trading


def test_another_place_is_for_the_driver_alone() -> None:
    moved = catalog.endpoints_of(KUCOIN).moved("http://127.0.0.1:1", "ws://127.0.0.1:1")
    assert (moved.rest_url, moved.ws_url) == ("ccxt://kucoin", "ccxt://kucoin")


def test_nothing_is_signed() -> None:
    keys = Credentials(api_key="k", api_secret="s")
    with pytest.raises(Refused):
        signing.sign_frame(b"{}", keys, 0)
    with pytest.raises(Refused):
        signing.sign_request(HttpRequest(method="POST", url="ccxt://kucoin/x"), keys, 0)


# -- what is listed ------------------------------------------------------------------------------


def test_a_spot_market_has_exact_steps_and_limits() -> None:
    (found,) = listed(SPOT)
    assert (found.instrument, found.base, found.quote, found.kind) == (BTC, "BTC", "USDT", Kind.SPOT)
    assert (found.tick, found.lot) == (Decimal("0.01"), Decimal("0.00000001"))
    assert (found.quantity_min, found.quantity_max, found.notional_min) == (
        Decimal("0.00001"),
        Decimal(9000),
        Decimal(5),
    )


def test_contracts_settle_in_quote_or_in_base() -> None:
    linear, inverse = listed(SWAP, SWAP | {"symbol": "BTC/USD:BTC", "settle": "BTC", "inverse": True, "linear": False})
    assert (linear.kind, linear.settle, linear.multiplier) == (Kind.LINEAR, "USDT", Decimal("0.001"))
    assert (inverse.kind, inverse.settle) == (Kind.INVERSE, "BTC")


@pytest.mark.parametrize(
    ("mode", "figure", "tick"),
    [(DECIMAL_PLACES, 3, "0.001"), (DECIMAL_PLACES, 0, "1"), (SIGNIFICANT_DIGITS, 5, "0"), (TICK_SIZE, None, "0")],
)
def test_a_precision_counts_what_its_mode_says(mode: int, figure: Any, tick: str) -> None:
    (found,) = listed(SPOT | {"precision": {"price": figure}}, mode=mode)
    assert found.tick == Decimal(tick)


def test_what_is_not_active_is_not_tradable_and_what_says_nothing_is() -> None:
    assert [each.tradable for each in listed(SPOT | {"active": False}, SPOT | {"active": None})] == [False, True]


def test_an_entry_that_cannot_be_understood_does_not_hide_the_others() -> None:
    odd = [{}, SPOT | {"base": ""}, SPOT | {"precision": {"price": "x"}}, SWAP | {"option": True}]
    assert [each.symbol for each in listed(*odd, SPOT)] == ["BTC/USDT"]
    with pytest.raises(MalformedReply, match="none of 4"):
        listed(*odd)


@pytest.mark.parametrize("answer", [reply(b"x"), reply({}), reply({"error": "NotSupported"}, 501)])
def test_half_an_answer_is_none(answer: Any) -> None:
    with pytest.raises(MalformedReply):
        venue().market.decode_instruments(answer)


def test_requests_name_a_method_and_carry_its_arguments() -> None:
    weighted = venue().market.snapshot(instrument())
    assert weighted is not None
    assert (weighted.request.url, weighted.request.body) == ("ccxt://kucoin/fetch_order_book", '["BTC/USDT"]')


def test_the_clock_is_in_milliseconds() -> None:
    assert venue().market.decode_time(reply(1_700_000_000_123)) == 1_700_000_000_123_000_000


def test_a_book_by_request_is_whole_as_well() -> None:
    body = {"bids": [[1, 1]], "asks": [[2, 1]], "timestamp": None}
    book = venue().market.decode_snapshot(instrument(), reply(body))
    assert (book.instrument, book.in_stream, book.last_sequence) == (BTC, True, RECEIVED)


# -- what was ------------------------------------------------------------------------------------


@pytest.fixture
def history() -> History:
    offered = venue().history
    assert offered is not None
    return offered


def test_candles_are_asked_for_from_their_start(history: History) -> None:
    weighted = history.candles(instrument(), "1m", SENT, Nanos(SENT + MINUTE), CandlePrice.TRADES)
    assert weighted is not None
    assert weighted.request.url == "ccxt://kucoin/fetch_ohlcv"
    assert weighted.request.body == '["BTC/USDT","1m",1700000000000,100]'
    assert history.candles(instrument(), "1m", SENT, Nanos(SENT + MINUTE), CandlePrice.MARK) is None


def test_a_candle_that_was_over_when_asked_for_is_closed(history: History) -> None:
    minute = 1_699_999_980_000
    rows = [[minute, 1, 1, 1, 1, 1], [minute - 60_000, 1, 1, 1, 1, None]]
    found = history.decode_candles(instrument(), "1m", reply(rows))
    assert [each.closed for each in found] == [True, False]
    assert found[0].opened_at < found[1].opened_at


def test_only_contracts_pay_funding(history: History) -> None:
    end = Nanos(SENT + MINUTE)
    swap = instrument("BTC/USDT:USDT", Kind.LINEAR)
    assert history.funding(instrument(), SENT, end) is None
    assert history.funding(swap, SENT, end) is not None
    rows = [{"fundingRate": 0.0002, "timestamp": 2_000}, {"fundingRate": 0.0001, "timestamp": 1_000}]
    found = history.decode_funding(swap, reply(rows))
    assert [(each.rate, each.funding_at) for each in found] == [(0.0001, 10**9), (0.0002, 2 * 10**9)]


# -- the link ------------------------------------------------------------------------------------


def said(frame: ControlFrame) -> Any:
    return msgspec.json.decode(frame.data)


def test_one_link_carries_everything_in_commands_of_a_hundred() -> None:
    instruments = {each.instrument: each for each in (instrument(f"C{number}/USDT") for number in range(90))}
    streams = [Stream(name, data_type) for name in instruments for data_type in DataType]
    (plan,) = allocate(venue().session, streams, instruments)
    commands = [said(frame) for frame in plan.subscribe]
    assert [len(each["streams"]) for each in commands] == [100, 100, 100, 100, 50]
    assert commands[0]["streams"][0] == ["quotes", "C0/USDT"]
    assert [each["id"] for each in commands] == [frame.request for frame in plan.subscribe]
    assert plan.url == "ccxt://kucoin"


def test_a_book_in_doubt_is_asked_of_the_exchange_and_not_of_what_the_library_has_kept() -> None:
    assert venue().session.resubscribe(instrument()) == ()
    assert venue().market.snapshot(instrument()) is not None


def test_streams_are_added_and_dropped() -> None:
    depth, trades = Stream(BTC, DataType.DEPTH), Stream(BTC, DataType.TRADES)
    commands = [said(frame) for frame in venue().session.change(1, [depth], [trades], {BTC: instrument()})]
    assert [(each["op"], each["streams"][0][0]) for each in commands] == [
        ("unsubscribe", "trades"),
        ("subscribe", "depth"),
    ]


def test_there_is_no_account() -> None:
    session = venue().session
    assert venue().user_codec is None
    with pytest.raises(MalformedReply):
        session.resolve_token(reply({}))
