"""How Bybit is connected: topics in batches, and a logon before the account's topics."""

import msgspec
import pytest

from integrated_trading_system.domain.ids import instrument_id
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.venues import bybit as folder
from integrated_trading_system.venues.bybit.session import TOPICS_PER_FRAME, TOPICS_PER_LINK, BybitSession
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import LinkPlan
from tests.support import bybit

SYMBOLS = [f"C{number}USDT" for number in range(90)]
INSTRUMENTS = {each.instrument: each for each in (bybit.instrument("linear", symbol) for symbol in SYMBOLS)}


def links(*streams: Stream, flavour: str = "linear") -> tuple[LinkPlan, ...]:
    return allocate(bybit.venue(flavour).session, streams, INSTRUMENTS)


def stream(symbol: str, data_type: DataType) -> Stream:
    return Stream(instrument_id(bybit.instrument("linear").venue, symbol), data_type)


def topics(plan: LinkPlan) -> list[str]:
    return [topic for frame in plan.subscribe for topic in msgspec.json.decode(frame.data)["args"]]


def test_each_kind_of_data_has_its_topic() -> None:
    (plan,) = links(*(stream("C1USDT", data_type) for data_type in DataType))
    assert topics(plan) == [
        "orderbook.1.C1USDT",
        "publicTrade.C1USDT",
        "orderbook.50.C1USDT",
        "tickers.C1USDT",
        "kline.1.C1USDT",
    ]
    assert plan.url == "wss://stream.bybit.com/v5/public/linear"
    assert plan.instruments == (instrument_id(bybit.instrument("linear").venue, "C1USDT"),)


def test_spot_has_its_own_door() -> None:
    (plan,) = links(stream("C1USDT", DataType.QUOTES), flavour="spot")
    assert plan.url == "wss://stream.bybit.com/v5/public/spot"


def test_a_subscribe_frame_names_at_most_ten_topics_and_its_request() -> None:
    (plan,) = links(*(stream(symbol, DataType.QUOTES) for symbol in SYMBOLS))
    sizes = [len(msgspec.json.decode(frame.data)["args"]) for frame in plan.subscribe]
    assert sizes == [TOPICS_PER_FRAME] * 9
    assert all(msgspec.json.decode(frame.data)["req_id"] == frame.request != "" for frame in plan.subscribe)
    assert len({frame.request for frame in plan.subscribe}) == 9


def test_more_topics_than_one_connection_may_carry_are_spread_by_instrument() -> None:
    plans = links(*(stream(symbol, data_type) for symbol in SYMBOLS for data_type in DataType))
    assert [len(plan.streams) for plan in plans] == [196, 196, 196, 42]
    assert max(len(topics(plan)) for plan in plans) <= TOPICS_PER_LINK
    assert [plan.name for plan in plans] == ["market-0", "market-1", "market-2", "market-3"]
    carried = [instrument for plan in plans for instrument in plan.instruments]
    assert len(carried) == len(set(carried)) == 90
    assert all(len(",".join(topics(plan))) <= 21_000 for plan in plans)


def test_a_stream_wished_for_twice_is_subscribed_once() -> None:
    (plan,) = links(stream("C1USDT", DataType.QUOTES), stream("C1USDT", DataType.QUOTES))
    assert topics(plan) == ["orderbook.1.C1USDT"]


def test_links_ping_every_twenty_seconds_in_the_venues_own_frames() -> None:
    (plan,) = links(stream("C1USDT", DataType.QUOTES))
    assert plan.ping is not None
    assert msgspec.json.decode(plan.ping)["op"] == "ping"
    assert plan.ping_every == 20 * SECOND < plan.silence_max


def test_the_account_logs_on_with_a_signed_frame_and_then_subscribes() -> None:
    plan = bybit.venue("linear").session.user_link(bybit.ACCOUNT)
    assert plan is not None
    (logon,) = plan.logon
    assert logon.signed
    assert logon.request == "auth"
    assert topics(plan) == ["order", "execution", "wallet"]
    assert plan.account == bybit.ACCOUNT
    assert plan.url == "wss://stream.bybit.com/v5/private"


def test_without_a_private_address_there_is_no_account_stream() -> None:
    session = BybitSession(Endpoints(rest_url="https://x", ws_url="wss://x"))
    assert session.user_link(bybit.ACCOUNT) is None


def test_a_book_is_sent_anew_after_leaving_and_subscribing_again() -> None:
    frames = bybit.venue("linear").session.resubscribe(bybit.instrument("linear"))
    said = [msgspec.json.decode(frame.data) for frame in frames]
    assert [(each["op"], each["args"]) for each in said] == [
        ("unsubscribe", ["orderbook.50.BTCUSDT"]),
        ("subscribe", ["orderbook.50.BTCUSDT"]),
    ]
    assert len({frame.request for frame in frames}) == 2


def test_no_reply_yields_a_token() -> None:
    with pytest.raises(MalformedReply):
        bybit.venue("linear").session.resolve_token(bybit.answered({}))


def test_all_addresses_can_be_replaced() -> None:
    ours = Endpoints(rest_url="http://rest", ws_url="ws://public", ws_user_url="ws://private")
    venue = folder.build("spot", ours, bybit.ACCOUNT)
    request = venue.market.instruments()[0].request
    user = venue.session.user_link(bybit.ACCOUNT)
    (plan,) = allocate(venue.session, [stream("C1USDT", DataType.DEPTH)], INSTRUMENTS)
    assert user is not None
    assert (request.url, user.url, plan.url) == (
        "http://rest/v5/market/instruments-info",
        "ws://private",
        "ws://public",
    )


# -- one topic, three kinds of data of ours --------------------------------------------------------

KINDS = (DataType.STATISTICS, DataType.MARK_PRICE, DataType.FUNDING)
STATISTICS, MARK, FUNDING = (stream("C1USDT", kind) for kind in KINDS)
TRADES = stream("C1USDT", DataType.TRADES)


def changed(added: list[Stream], dropped: list[Stream], kept: list[Stream]) -> list[tuple[str, list[str]]]:
    frames = bybit.venue("linear").session.change(7, added, dropped, INSTRUMENTS, kept)
    sent = [msgspec.json.decode(frame.data) for frame in frames]
    assert [frame.request for frame in frames] == [frame["req_id"] for frame in sent]
    return [(frame["op"], frame["args"]) for frame in sent]


def test_a_topic_is_left_with_the_last_kind_that_it_serves() -> None:
    assert changed([], [MARK, FUNDING], [STATISTICS, TRADES]) == []
    assert changed([], [STATISTICS, MARK, FUNDING], [TRADES]) == [("unsubscribe", ["tickers.C1USDT"])]


def test_a_topic_that_serves_a_kind_already_is_not_asked_for_again() -> None:
    assert changed([MARK, FUNDING], [], [STATISTICS]) == []
    assert changed([MARK, FUNDING], [TRADES], []) == [
        ("unsubscribe", ["publicTrade.C1USDT"]),
        ("subscribe", ["tickers.C1USDT"]),
    ]


def test_spot_offers_no_mark_price_and_no_funding() -> None:
    session, instrument = bybit.venue("spot").session, bybit.instrument("spot")
    missing = [kind for kind in DataType if session.door(Stream(instrument.instrument, kind), instrument) is None]
    assert missing == [DataType.MARK_PRICE, DataType.FUNDING]
