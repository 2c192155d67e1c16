"""How Coinbase is connected: channels and their products, heartbeats on every connection, the account's stream."""

from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.ids import instrument_id
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import DAY
from integrated_trading_system.venues.coinbase.session import STREAMS_PER_LINK
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan
from tests.support import coinbase

SYMBOLS = ("BTC-USD", "ETH-USD")
Q, T, D, S, C = (
    DataType.QUOTES,
    DataType.TRADES,
    DataType.DEPTH,
    DataType.STATISTICS,
    DataType.CANDLES,
)


def instruments(flavour: str) -> dict[Any, Any]:
    return {one.instrument: one for one in (coinbase.instrument(flavour, symbol) for symbol in SYMBOLS)}


def streams(flavour: str, *pairs: tuple[str, DataType]) -> list[Stream]:
    venue = coinbase.venue(flavour).venue
    return [Stream(instrument_id(venue, symbol), data_type) for symbol, data_type in pairs]


def link(flavour: str, *pairs: tuple[str, DataType]) -> LinkPlan:
    session = coinbase.venue(flavour).session
    return session.market_link("market-0", "", streams(flavour, *pairs), instruments(flavour))


def said(frames: tuple[ControlFrame, ...]) -> list[Any]:
    return [msgspec.json.decode(frame.data) for frame in frames]


def exchange(kind: str, **channels: list[str]) -> dict[str, Any]:
    return {"type": kind, "channels": [{"name": name, "product_ids": ids} for name, ids in channels.items()]}


@pytest.mark.parametrize(
    ("flavour", "offered"), [("exchange", {Q, T, D, S}), ("advanced", {Q, T, D, S, C})], ids=["exchange", "advanced"]
)
def test_what_is_not_streamed_has_no_door(flavour: str, offered: set[DataType]) -> None:
    session, one = coinbase.venue(flavour).session, coinbase.instrument(flavour)
    found = {kind for kind in DataType if session.door(Stream(one.instrument, kind), one) is not None}
    assert found == offered
    assert session.streams_per_link == STREAMS_PER_LINK


def test_exchange_subscribes_everything_in_one_frame_with_a_heartbeat_of_each_product() -> None:
    plan = link("exchange", ("BTC-USD", D), ("BTC-USD", T), ("ETH-USD", D), ("ETH-USD", Q), ("ETH-USD", S))
    assert said(plan.subscribe) == [
        exchange(
            "subscribe",
            level2_batch=["BTC-USD", "ETH-USD"],
            matches=["BTC-USD"],
            ticker=["ETH-USD"],
            ticker_batch=["ETH-USD"],
            heartbeat=["BTC-USD", "ETH-USD"],
        )
    ]
    assert plan.url == "wss://ws-feed.exchange.coinbase.com"
    assert all(frame.request and not frame.signed for frame in plan.subscribe)


def test_advanced_trade_subscribes_one_channel_a_frame_heartbeats_first() -> None:
    plan = link("advanced", ("BTC-USD", D), ("ETH-USD", D), ("BTC-USD", C), ("BTC-USD", T))
    assert said(plan.subscribe) == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channel": "level2"},
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "candles"},
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "market_trades"},
    ]
    assert len({frame.request for frame in plan.subscribe}) == 4


def test_a_connection_takes_whole_books_and_is_not_replaced_while_it_works() -> None:
    plan = link("advanced", ("BTC-USD", D))
    assert plan.frame_bytes_max >= 16 * 1024 * 1024
    assert plan.lifetime > 30 * DAY


def test_exchange_drops_a_heartbeat_with_the_last_stream_of_a_product_only() -> None:
    session = coinbase.venue("exchange").session
    known = instruments("exchange")
    kept = streams("exchange", ("BTC-USD", Q))
    some = session.change(1, (), streams("exchange", ("BTC-USD", D)), known, kept)
    assert said(some) == [exchange("unsubscribe", level2_batch=["BTC-USD"])]
    last = session.change(2, (), streams("exchange", ("BTC-USD", Q)), known, ())
    assert said(last) == [exchange("unsubscribe", ticker=["BTC-USD"], heartbeat=["BTC-USD"])]
    first = session.change(3, streams("exchange", ("ETH-USD", T)), (), known, kept)
    assert said(first) == [exchange("subscribe", matches=["ETH-USD"], heartbeat=["ETH-USD"])]
    assert said(session.change(4, streams("exchange", ("BTC-USD", T)), (), known, kept)) == [
        exchange("subscribe", matches=["BTC-USD"])
    ]


def test_advanced_trade_leaves_before_it_joins() -> None:
    session = coinbase.venue("advanced").session
    frames = session.change(
        1, streams("advanced", ("ETH-USD", D)), streams("advanced", ("BTC-USD", D)), instruments("advanced"), ()
    )
    assert said(frames) == [
        {"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "level2"},
        {"type": "subscribe", "product_ids": ["ETH-USD"], "channel": "level2"},
    ]
    assert not any(frame.request for frame in frames)


@pytest.mark.parametrize("flavour", ["exchange", "advanced"])
def test_a_book_is_sent_anew_when_it_is_subscribed_anew(flavour: str) -> None:
    frames = said(coinbase.venue(flavour).session.resubscribe(coinbase.instrument(flavour)))
    assert [frame["type"] for frame in frames] == ["unsubscribe", "subscribe"]
    assert all(b"BTC-USD" in msgspec.json.encode(frame) and b"level2" in msgspec.json.encode(frame) for frame in frames)


def test_the_accounts_stream_is_one_of_advanced_trade_and_every_frame_of_it_is_signed() -> None:
    assert coinbase.venue("exchange").session.user_link(coinbase.ACCOUNT) is None
    plan = coinbase.venue("advanced").session.user_link(coinbase.ACCOUNT)
    assert plan is not None
    assert said(plan.subscribe) == [{"type": "subscribe", "channel": channel} for channel in ("heartbeats", "user")]
    assert all(frame.signed for frame in plan.subscribe)
    assert (plan.url, plan.account) == ("wss://advanced-trade-ws-user.coinbase.com", coinbase.ACCOUNT)


def test_there_are_no_listen_keys() -> None:
    with pytest.raises(MalformedReply, match="listen keys"):
        coinbase.venue("advanced").session.resolve_token(coinbase.reply({}))
