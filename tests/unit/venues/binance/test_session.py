"""How Binance is connected: which doors, which frames, which limits."""

from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import MINUTE
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import LinkPlan
from tests.support import binance

EVERYTHING = tuple(DataType)


def links(flavour: str, symbols: list[str], types: tuple[DataType, ...] = EVERYTHING) -> tuple[LinkPlan, ...]:
    instruments: dict[InstrumentId, Instrument] = {}
    for symbol in symbols:
        instrument = binance.instrument(flavour, symbol)
        instruments[instrument.instrument] = instrument
    streams = [Stream(name, data_type) for name in instruments for data_type in types]
    return allocate(binance.venue(flavour).session, streams, instruments)


def frames(plan: LinkPlan) -> list[dict[str, Any]]:
    return [msgspec.json.decode(frame.data) for frame in plan.subscribe]


def names(plan: LinkPlan) -> list[str]:
    return [name for frame in frames(plan) for name in frame["params"]]


def user_link(flavour: str) -> LinkPlan:
    plan = binance.venue(flavour).session.user_link(binance.ACCOUNT)
    assert plan is not None
    assert plan.account == binance.ACCOUNT
    assert plan.name == "user"
    return plan


def test_spot_market_data_comes_through_one_combined_link() -> None:
    (plan,) = links("spot", ["BTCUSDT", "ETHUSDT"])
    assert plan.name == "market-0"
    assert plan.url == "wss://stream.binance.com:9443/stream"
    assert plan.instruments == ("binance:spot:BTCUSDT", "binance:spot:ETHUSDT")
    assert names(plan)[:5] == [
        "btcusdt@bookTicker",
        "btcusdt@trade",
        "btcusdt@depth@100ms",
        "btcusdt@miniTicker",
        "btcusdt@kline_1m",
    ]


def test_usdm_streams_go_through_the_door_of_their_kind() -> None:
    doors = {plan.name: plan for plan in links("usdm", ["BTCUSDT"])}
    assert {name: plan.url for name, plan in doors.items()} == {
        "public-0": "wss://fstream.binance.com/public/stream",
        "market-0": "wss://fstream.binance.com/market/stream",
    }
    assert names(doors["public-0"]) == ["btcusdt@bookTicker", "btcusdt@depth@100ms"]
    assert names(doors["market-0"]) == [
        "btcusdt@aggTrade",
        "btcusdt@miniTicker",
        "btcusdt@kline_1m",
        "btcusdt@markPrice@1s",
    ]


def test_coinm_keeps_its_one_door() -> None:
    (plan,) = links("coinm", ["BTCUSD_PERP"])
    assert plan.url == "wss://dstream.binance.com/stream"
    assert names(plan)[0] == "btcusd_perp@bookTicker"


def test_each_subscribe_frame_awaits_the_acknowledgement_of_its_own_number() -> None:
    (plan,) = links("spot", [f"A{number}USDT" for number in range(150)], (DataType.QUOTES,))
    assert [(frame["method"], frame["id"], len(frame["params"])) for frame in frames(plan)] == [
        ("SUBSCRIBE", 1, 100),
        ("SUBSCRIBE", 2, 50),
    ]
    assert [frame.request for frame in plan.subscribe] == ["1", "2"]
    assert all(len(frame.data) < 4096 for frame in plan.subscribe)


@pytest.mark.parametrize(("flavour", "most"), [("spot", 1024), ("usdm", 200), ("coinm", 200)])
def test_links_are_split_at_the_venues_limit_of_streams(flavour: str, most: int) -> None:
    plans = links(flavour, [f"A{number}USDT" for number in range(most + 1)], (DataType.QUOTES,))
    assert [len(names(plan)) for plan in plans] == [most, 1]
    assert len({plan.name for plan in plans}) == 2


def test_a_stream_wanted_twice_is_subscribed_once() -> None:
    instrument = binance.instrument("spot")
    stream = Stream(instrument.instrument, DataType.QUOTES)
    (plan,) = allocate(binance.venue("spot").session, [stream, stream], {instrument.instrument: instrument})
    assert names(plan) == ["btcusdt@bookTicker"]


def test_nothing_wanted_needs_no_link() -> None:
    assert links("spot", []) == ()


@pytest.mark.parametrize(("flavour", "a_second"), [("spot", 5), ("us", 5), ("usdm", 10)])
def test_frames_keep_below_the_venues_rate(flavour: str, a_second: int) -> None:
    for plan in links(flavour, ["BTCUSDT"]):
        assert plan.frame_gap * a_second >= 1_000_000_000


def test_spot_opens_the_account_stream_with_a_signed_frame() -> None:
    plan = user_link("spot")
    assert plan.url == "wss://ws-api.binance.com:443/ws-api/v3"
    assert plan.resolve is None
    assert plan.keep_alive is None
    (logon,) = plan.logon
    assert logon.signed
    assert msgspec.json.decode(logon.data) == {
        "id": int(logon.request),
        "method": "userDataStream.subscribe.signature",
        "params": {"recvWindow": 5000},
    }


@pytest.mark.parametrize("flavour", ["spot", "usdm"])
def test_a_ping_of_ours_is_answered_by_a_sign_of_life(flavour: str) -> None:
    for plan in links(flavour, ["BTCUSDT"]):
        assert plan.ping is not None
        assert msgspec.json.decode(plan.ping)["id"] not in [frame["id"] for frame in frames(plan)]


@pytest.mark.parametrize(
    ("flavour", "rest", "query", "url"),
    [
        (
            "usdm",
            "https://fapi.binance.com/fapi/v1/listenKey",
            "",
            "wss://fstream.binance.com/private/ws?listenKey={token}",
        ),
        (
            "us",
            "https://api.binance.us/api/v3/userDataStream",
            "listenKey={token}",
            "wss://stream.binance.us:9443/ws/{token}",
        ),
    ],
)
def test_a_listen_key_opens_the_account_stream_and_is_kept_alive(flavour: str, rest: str, query: str, url: str) -> None:
    plan = user_link(flavour)
    assert plan.url == url
    assert plan.resolve == HttpRequest(method="POST", url=rest)
    assert plan.keep_alive == HttpRequest(method="PUT", url=rest, query=query)
    assert plan.keep_alive_every == 30 * MINUTE
    assert plan.logon == ()


def test_coinm_has_no_account() -> None:
    venue = binance.venue("coinm")
    assert venue.session.user_link(binance.ACCOUNT) is None
    assert venue.trading is None
    assert venue.user_codec is None


def test_the_listen_key_is_read_from_its_answer() -> None:
    session = binance.venue("usdm").session
    assert session.resolve_token(binance.reply({"listenKey": "pqia91ma19a5s61"})) == "pqia91ma19a5s61"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"listenKey":""}', b'{"listenKey":"a/../b"}', b'{"listenKey":7}', b"[" * 100_000]
)
def test_an_answer_without_a_usable_listen_key_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReply):
        binance.venue("usdm").session.resolve_token(binance.reply(body))


def test_a_book_is_proven_by_rest_and_not_by_subscribing_anew() -> None:
    assert binance.venue("spot").session.resubscribe(binance.instrument("spot")) == ()


# -- one stream of the venue, two kinds of data of ours --------------------------------------------

USDM = binance.instrument("usdm")
MARK, FUNDING, CANDLES = (
    Stream(USDM.instrument, kind) for kind in (DataType.MARK_PRICE, DataType.FUNDING, DataType.CANDLES)
)


def changed(added: list[Stream], dropped: list[Stream], kept: list[Stream]) -> list[tuple[str, list[str]]]:
    change = binance.venue("usdm").session.change(7, added, dropped, {USDM.instrument: USDM}, kept)
    sent = [msgspec.json.decode(frame.data) for frame in change]
    assert [frame.request for frame in change] == [str(frame["id"]) for frame in sent]
    return [(frame["method"], frame["params"]) for frame in sent]


def test_a_stream_that_serves_two_kinds_is_left_with_the_last_of_them() -> None:
    assert changed([], [FUNDING], [MARK, CANDLES]) == []
    assert changed([], [FUNDING, MARK], [CANDLES]) == [("UNSUBSCRIBE", ["btcusdt@markPrice@1s"])]


def test_a_stream_that_serves_a_kind_already_is_not_asked_for_again() -> None:
    assert changed([FUNDING], [CANDLES], [MARK]) == [("UNSUBSCRIBE", ["btcusdt@kline_1m"])]
    assert changed([FUNDING, MARK], [], []) == [("SUBSCRIBE", ["btcusdt@markPrice@1s"])]


def test_spot_offers_no_mark_price_and_no_funding() -> None:
    session, instrument = binance.venue("spot").session, binance.instrument("spot")
    missing = [kind for kind in DataType if session.door(Stream(instrument.instrument, kind), instrument) is None]
    assert missing == [DataType.MARK_PRICE, DataType.FUNDING]
