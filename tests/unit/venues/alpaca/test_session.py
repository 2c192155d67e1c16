"""How Alpaca is connected: a logon before everything, and one connection for all."""

from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import DAY
from integrated_trading_system.venues import alpaca as folder
from integrated_trading_system.venues.alpaca import signing
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, Credentials, LinkPlan
from tests.support import alpaca

KEYS = Credentials(api_key="PK", api_secret="very secret")
SYMBOLS = [f"C{number}/USD" for number in range(90)]
INSTRUMENTS = {each.instrument: each for each in map(alpaca.instrument, SYMBOLS)}
EVERYTHING = [Stream(instrument, data_type) for instrument in INSTRUMENTS for data_type in DataType]


def links(*streams: Stream, flavour: str = "crypto") -> tuple[LinkPlan, ...]:
    return allocate(alpaca.venue(flavour).session, streams, INSTRUMENTS)


def said(frame: ControlFrame) -> Any:
    return msgspec.json.decode(frame.data)


def signed(frame: ControlFrame) -> Any:
    assert frame.signed
    return msgspec.json.decode(signing.sign_frame(frame.data, KEYS, 0))


def test_one_connection_carries_everything_and_is_never_replaced_while_it_lives() -> None:
    (plan,) = links(*EVERYTHING)
    (subscribe,) = plan.subscribe
    frame = said(subscribe)
    assert frame.pop("action") == "subscribe"
    assert frame == dict.fromkeys(("quotes", "trades", "bars", "orderbooks"), SYMBOLS)
    assert plan.lifetime > 1_000 * DAY
    assert plan.url == "wss://stream.data.alpaca.markets/v1beta3/crypto/us"


def test_stocks_have_no_books() -> None:
    (plan,) = links(*EVERYTHING, flavour="stocks")
    assert "orderbooks" not in said(plan.subscribe[0])
    assert plan.url == "wss://stream.data.alpaca.markets/v2/iex"


def test_market_data_is_shown_after_a_signed_logon_only() -> None:
    (plan,) = links(*EVERYTHING)
    (logon,) = plan.logon
    assert plan.account is None
    assert plan.signs_with == alpaca.ACCOUNT
    assert signed(logon) == {"action": "auth", "key": "PK", "secret": "very secret"}


def test_the_accounts_stream_has_a_logon_of_its_own_spelling() -> None:
    plan = alpaca.venue().session.user_link(alpaca.ACCOUNT)
    assert plan is not None
    assert plan.url == "wss://api.alpaca.markets/stream"
    assert signed(plan.logon[0]) == {"action": "authenticate", "data": {"key_id": "PK", "secret_key": "very secret"}}
    assert said(plan.subscribe[0]) == {"action": "listen", "data": {"streams": ["trade_updates"]}}


def test_the_keys_of_a_paper_account_need_its_host_for_orders_and_their_stream_alone() -> None:
    endpoints = folder.FLAVOURS["crypto"].moved("https://paper-api.alpaca.markets", None)
    venue = folder.build("crypto", endpoints, alpaca.ACCOUNT)
    user = venue.session.user_link(alpaca.ACCOUNT)
    snapshot = venue.market.snapshot(alpaca.instrument())
    assert user is not None
    assert snapshot is not None
    assert user.url == "wss://paper-api.alpaca.markets/stream"
    assert venue.market.instruments()[0].request.url == "https://paper-api.alpaca.markets/v2/assets"
    assert snapshot.request.url.startswith("https://data.alpaca.markets/")


def test_on_this_machine_nothing_leads_to_the_real_venue() -> None:
    endpoints = folder.FLAVOURS["crypto"].moved("http://127.0.0.1:1", "ws://127.0.0.1:2")
    venue = folder.build("crypto", endpoints, alpaca.ACCOUNT)
    user = venue.session.user_link(alpaca.ACCOUNT)
    snapshot = venue.market.snapshot(alpaca.instrument())
    assert user is not None
    assert snapshot is not None
    assert user.url == "ws://127.0.0.1:1/stream"
    assert snapshot.request.url.startswith("http://127.0.0.1:1/")


def test_streams_are_added_and_dropped_by_their_channels() -> None:
    depth, trades = (Stream(next(iter(INSTRUMENTS)), kind) for kind in (DataType.DEPTH, DataType.TRADES))
    frames = alpaca.venue().session.change(3, [depth], [trades], INSTRUMENTS)
    assert [said(frame) for frame in frames] == [
        {"action": "unsubscribe", "trades": ["C0/USD"]},
        {"action": "subscribe", "orderbooks": ["C0/USD"]},
    ]
    assert len({frame.request for frame in frames}) == 2


def test_a_book_is_sent_anew_after_leaving_and_subscribing_again() -> None:
    frames = alpaca.venue().session.resubscribe(alpaca.instrument())
    assert [said(frame) for frame in frames] == [
        {"action": "unsubscribe", "orderbooks": ["BTC/USD"]},
        {"action": "subscribe", "orderbooks": ["BTC/USD"]},
    ]


def test_no_reply_yields_a_token() -> None:
    with pytest.raises(MalformedReply):
        alpaca.venue().session.resolve_token(alpaca.reply({}))


def test_a_request_carries_key_and_secret_in_its_headers() -> None:
    (weighted,) = alpaca.venue().market.instruments()
    request = signing.sign_request(weighted.request, KEYS, 0)
    assert request.headers == (("APCA-API-KEY-ID", "PK"), ("APCA-API-SECRET-KEY", "very secret"))
