"""How OKX is connected: two public doors, channels in batches, and a logon before the account's channels."""

import msgspec
import pytest

from integrated_trading_system.domain.ids import instrument_id
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.venues import okx as folder
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.okx.endpoints import RULES
from integrated_trading_system.venues.okx.session import ARGUMENTS_PER_FRAME, STREAMS_PER_LINK, OkxSession
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan
from tests.support import okx

SYMBOLS = [f"C{number}-USDT-SWAP" for number in range(90)]
INSTRUMENTS = {each.instrument: each for each in (okx.instrument("swap", symbol) for symbol in SYMBOLS)}
SPOT = okx.instrument("spot")


def stream(symbol: str, data_type: DataType) -> Stream:
    return Stream(instrument_id(okx.instrument("swap").venue, symbol), data_type)


def links(*streams: Stream) -> dict[str, LinkPlan]:
    return {plan.name: plan for plan in allocate(okx.venue("swap").session, streams, INSTRUMENTS)}


def arguments(*frames: ControlFrame) -> list[tuple[str, str]]:
    found = [each for frame in frames for each in msgspec.json.decode(frame.data)["args"]]
    return [(each["channel"], each["instId"]) for each in found]


def test_each_kind_of_data_has_its_channel_and_candles_have_a_door_of_their_own() -> None:
    plans = links(*(stream("C1-USDT-SWAP", data_type) for data_type in DataType))
    assert sorted(plans) == ["business-0", "public-0"]
    assert plans["public-0"].url == "wss://ws.okx.com:8443/ws/v5/public"
    assert plans["business-0"].url == "wss://ws.okx.com:8443/ws/v5/business"
    assert arguments(*plans["business-0"].subscribe) == [("candle1m", "C1-USDT-SWAP")]
    channels = [channel for channel, _ in arguments(*plans["public-0"].subscribe)]
    assert channels == ["bbo-tbt", "trades", "books", "tickers", "mark-price", "funding-rate"]


@pytest.mark.parametrize("data_type", [DataType.MARK_PRICE, DataType.FUNDING])
def test_spot_pairs_have_neither_mark_price_nor_funding(data_type: DataType) -> None:
    assert okx.venue("spot").session.door(Stream(SPOT.instrument, data_type), SPOT) is None
    assert okx.venue("swap").session.door(Stream(okx.BTC, data_type), okx.instrument("swap")) == "/public"


def test_few_frames_with_many_arguments_are_sent_each_with_an_id_of_letters_and_digits() -> None:
    (plan,) = links(*(stream(symbol, DataType.QUOTES) for symbol in SYMBOLS)).values()
    assert [len(arguments(frame)) for frame in plan.subscribe] == [ARGUMENTS_PER_FRAME, 40]
    assert all(msgspec.json.decode(frame.data)["id"] == frame.request for frame in plan.subscribe)
    assert all(frame.request.isalnum() and len(frame.request) <= 32 for frame in plan.subscribe)
    assert len({frame.request for frame in plan.subscribe}) == 2


def test_more_streams_than_one_connection_may_carry_are_spread_by_instrument() -> None:
    wanted = (DataType.QUOTES, DataType.TRADES, DataType.DEPTH, DataType.STATISTICS)
    plans = links(*(stream(symbol, data_type) for symbol in SYMBOLS for data_type in wanted))
    assert {name: len(plan.streams) for name, plan in plans.items()} == {"public-0": STREAMS_PER_LINK, "public-1": 120}
    assert all(sum(len(frame.data) for frame in plan.subscribe) <= 64 * 1024 for plan in plans.values())


def test_links_ping_in_text_before_half_a_minute_of_silence() -> None:
    (plan,) = links(stream("C1-USDT-SWAP", DataType.QUOTES)).values()
    assert plan.ping == b"ping"
    assert plan.ping_every == 20 * SECOND < plan.silence_max <= 30 * SECOND


def test_streams_join_and_leave_a_living_connection_under_ids_that_are_never_the_same() -> None:
    session = okx.venue("swap").session
    added, dropped = [stream("C1-USDT-SWAP", DataType.DEPTH)], [stream("C2-USDT-SWAP", DataType.QUOTES)]
    leave, join = session.change(7, added, dropped, INSTRUMENTS)
    assert msgspec.json.decode(leave.data)["op"] == "unsubscribe"
    assert msgspec.json.decode(join.data)["op"] == "subscribe"
    assert (arguments(leave), arguments(join)) == ([("bbo-tbt", "C2-USDT-SWAP")], [("books", "C1-USDT-SWAP")])
    later = session.change(8, added, dropped, INSTRUMENTS)
    assert len({frame.request for frame in (leave, join, *later)}) == 4
    assert all(frame.request.isalnum() for frame in (leave, join))


@pytest.mark.parametrize(("flavour", "product"), [("spot", "SPOT"), ("swap", "SWAP")])
def test_the_account_logs_on_and_then_asks_for_orders_and_balances(flavour: str, product: str) -> None:
    plan = okx.venue(flavour).session.user_link(okx.ACCOUNT)
    assert plan is not None
    assert (plan.url, plan.account) == ("wss://ws.okx.com:8443/ws/v5/private", okx.ACCOUNT)
    (logon,), (subscribe,) = plan.logon, plan.subscribe
    assert logon.signed
    assert msgspec.json.decode(logon.data)["op"] == "login"
    assert msgspec.json.decode(subscribe.data)["args"] == [
        {"channel": "orders", "instType": product},
        {"channel": "account"},
    ]


def test_without_a_door_for_the_account_there_is_no_user_link() -> None:
    session = OkxSession(Endpoints(rest_url="https://x", ws_url="wss://x"), RULES["spot"])
    assert session.user_link(okx.ACCOUNT) is None


def test_a_book_is_proven_by_rest_and_not_by_subscribing_again() -> None:
    assert okx.venue("swap").session.resubscribe(okx.instrument("swap")) == ()


def test_no_reply_yields_a_token() -> None:
    with pytest.raises(MalformedReply, match="no listen keys"):
        okx.venue("spot").session.resolve_token(okx.answered())


def test_all_doors_move_together_and_keep_their_paths() -> None:
    moved = folder.FLAVOURS["swap"].moved("http://127.0.0.1:9", "ws://127.0.0.1:9")
    assert moved.ws_url == "ws://127.0.0.1:9/ws/v5"
    assert moved.ws_user_url == "ws://127.0.0.1:9/ws/v5/private"
