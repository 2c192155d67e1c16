"""How Backpack is connected: streams in batches, a signed subscription for the account, no acknowledgements."""

import msgspec
import pytest

from integrated_trading_system.domain.ids import instrument_id
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.venues import backpack as folder
from integrated_trading_system.venues.backpack.session import STREAMS_PER_FRAME, STREAMS_PER_LINK
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import LinkPlan
from tests.support import backpack

SYMBOLS = [f"C{number}_USDC" for number in range(90)]
INSTRUMENTS = {each.instrument: each for each in (backpack.instrument("spot", symbol) for symbol in SYMBOLS)}


def links(*streams: Stream) -> tuple[LinkPlan, ...]:
    return allocate(backpack.venue("spot").session, streams, INSTRUMENTS)


def stream(symbol: str, data_type: DataType) -> Stream:
    return Stream(instrument_id(backpack.instrument("spot").venue, symbol), data_type)


def names(plan: LinkPlan) -> list[str]:
    return [name for frame in plan.subscribe for name in msgspec.json.decode(frame.data)["params"]]


def test_each_kind_of_data_has_its_stream() -> None:
    (plan,) = links(*(stream("C1_USDC", data_type) for data_type in DataType))
    assert names(plan) == [
        "bookTicker.C1_USDC",
        "trade.C1_USDC",
        "depth.C1_USDC",
        "ticker.C1_USDC",
        "kline.1m.C1_USDC",
    ]
    assert plan.url == "wss://ws.backpack.exchange"
    assert plan.instruments == (instrument_id(backpack.instrument("spot").venue, "C1_USDC"),)


def test_no_answer_is_waited_for_and_nothing_is_pinged() -> None:
    (plan,) = links(stream("C1_USDC", DataType.QUOTES))
    (frame,) = plan.subscribe
    assert frame.data == b'{"method":"SUBSCRIBE","params":["bookTicker.C1_USDC"]}'
    assert frame.request == ""
    assert plan.ping is None


def test_a_link_may_be_silent_for_as_long_as_the_venue_takes_between_two_pings() -> None:
    (plan,) = links(stream("C1_USDC", DataType.QUOTES))
    user = backpack.venue("spot").session.user_link(backpack.ACCOUNT)
    assert user is not None
    assert plan.silence_max == user.silence_max > 60 * SECOND


def test_more_streams_than_fit_are_spread_over_frames_and_links_by_instrument() -> None:
    plans = links(*(stream(symbol, data_type) for symbol in SYMBOLS for data_type in DataType))
    assert [len(names(plan)) for plan in plans] == [STREAMS_PER_LINK, STREAMS_PER_LINK, 50]
    assert [plan.name for plan in plans] == ["market-0", "market-1", "market-2"]
    assert [len(plan.subscribe) for plan in plans] == [STREAMS_PER_LINK // STREAMS_PER_FRAME] * 2 + [1]
    carried = [instrument for plan in plans for instrument in plan.instruments]
    assert len(carried) == len(set(carried)) == 90


def test_a_stream_wished_for_twice_is_subscribed_once() -> None:
    (plan,) = links(stream("C1_USDC", DataType.QUOTES), stream("C1_USDC", DataType.QUOTES))
    assert names(plan) == ["bookTicker.C1_USDC"]


def test_the_accounts_orders_are_subscribed_to_with_a_signed_frame() -> None:
    plan = backpack.venue("spot").session.user_link(backpack.ACCOUNT)
    assert plan is not None
    (frame,) = plan.subscribe
    assert frame.signed
    assert msgspec.json.decode(frame.data) == {"method": "SUBSCRIBE", "params": ["account.orderUpdate"]}
    assert (plan.account, plan.logon, plan.url) == (backpack.ACCOUNT, (), "wss://ws.backpack.exchange")


def test_a_book_comes_back_by_rest() -> None:
    assert backpack.venue("spot").session.resubscribe(backpack.instrument("spot")) == ()


def test_no_reply_yields_a_token() -> None:
    with pytest.raises(MalformedReply):
        backpack.venue("spot").session.resolve_token(backpack.reply({}))


def test_all_addresses_can_be_replaced() -> None:
    ours = Endpoints(rest_url="http://rest", ws_url="ws://public", ws_user_url="ws://private")
    venue = folder.build("perp", ours, backpack.ACCOUNT)
    user = venue.session.user_link(backpack.ACCOUNT)
    (plan,) = allocate(venue.session, [stream("C1_USDC", DataType.DEPTH)], INSTRUMENTS)
    assert user is not None
    assert venue.market.instruments()[0].request.url == "http://rest/api/v1/markets"
    assert (user.url, plan.url) == ("ws://private", "ws://public")


# -- one stream of the venue, two kinds of data of ours --------------------------------------------

PERP = backpack.instrument("perp", "C1_USDC_PERP")
MARK, FUNDING, TRADES = (
    Stream(PERP.instrument, kind) for kind in (DataType.MARK_PRICE, DataType.FUNDING, DataType.TRADES)
)


def changed(added: list[Stream], dropped: list[Stream], kept: list[Stream]) -> list[dict[str, object]]:
    session = backpack.venue("perp").session
    return [msgspec.json.decode(each.data) for each in session.change(7, added, dropped, {PERP.instrument: PERP}, kept)]


def test_a_stream_that_serves_two_kinds_is_left_with_the_last_of_them() -> None:
    assert changed([], [FUNDING], [MARK, TRADES]) == []
    assert changed([], [FUNDING, MARK], [TRADES]) == [{"method": "UNSUBSCRIBE", "params": ["markPrice.C1_USDC_PERP"]}]


def test_a_stream_that_serves_a_kind_already_is_not_asked_for_again() -> None:
    assert changed([FUNDING], [], [MARK]) == []
    assert changed([FUNDING, MARK], [], []) == [{"method": "SUBSCRIBE", "params": ["markPrice.C1_USDC_PERP"]}]


def test_spot_offers_no_mark_price_and_no_funding() -> None:
    session, instrument = backpack.venue("spot").session, backpack.instrument("spot")
    missing = [kind for kind in DataType if session.door(Stream(instrument.instrument, kind), instrument) is None]
    assert missing == [DataType.MARK_PRICE, DataType.FUNDING]
