"""Coinbase on the connector: subscribed within its deadline, and a book that lost something is asked for anew."""

import msgspec
import pytest

from integrated_trading_system.domain.health import BookBroken, LinkChanged, LinkState, SnapshotWanted
from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.link import FrameReceived, SendFrame
from integrated_trading_system.domain.market import BookSnapshot
from tests.support import coinbase
from tests.support.coinbase import ACCOUNT, BTC, advanced, books, message
from tests.support.connector_rig import Rig

PRODUCTS = {
    "products": [
        {
            "product_id": "BTC-USD",
            "product_type": "SPOT",
            "base_currency_id": "BTC",
            "quote_currency_id": "USD",
            "base_increment": "0.00000001",
            "price_increment": "0.01",
            "status": "online",
        }
    ]
}
SNAPSHOT = books("snapshot", "BTC-USD", ("bid", "100", "1"), ("offer", "101", "1"))


class Connected:
    """Advanced Trade with one book, LIVE."""

    def __init__(self) -> None:
        self.rig = Rig(coinbase.venue("advanced"), symbols=("BTC-USD",), streams=["depth"])
        self.rig.reply(self.rig.call("instruments"), message(PRODUCTS).decode())
        self.link = self.rig.opening()
        self.rig.opened(self.link)
        self.rig.wait(1)
        self.subscribed = self.sent()
        self.number = -1
        for channel in ("subscriptions", "subscriptions", "l2_data"):
            self.say(channel, *([SNAPSHOT] if channel == "l2_data" else []))

    def sent(self) -> list[tuple[str, str]]:
        """Kind and channel of the frames sent since last asked."""
        said = [msgspec.json.decode(frame.frame) for frame in self.rig.take(SendFrame)]
        return [(each["type"], each["channel"]) for each in said]

    def say(self, channel: str, *events: dict[str, object], skip: int = 0) -> None:
        self.number += 1 + skip
        self.rig.tell(FrameReceived(self.link, advanced(channel, self.number, *events), self.rig.now))


@pytest.fixture
def connected() -> Connected:
    return Connected()


def test_it_subscribes_heartbeats_and_books_within_five_seconds_and_is_live_when_both_are_acknowledged(
    connected: Connected,
) -> None:
    assert connected.subscribed == [("subscribe", "heartbeats"), ("subscribe", "level2")]
    states = [changed.state for changed in connected.rig.bus.of(LinkChanged)]
    assert states[-1] is LinkState.LIVE
    assert len(connected.rig.feed.of(BookSnapshot)) == 1


def test_a_missing_message_cuts_the_book_and_is_reported_with_its_numbers(connected: Connected) -> None:
    expected = connected.number + 1
    connected.say("heartbeats", skip=2)
    changes = [one for one in connected.rig.feed.of(LinkChanged) if one.reason == "stream restarted"]
    assert [(one.state, one.instruments) for one in changes] == [(LinkState.DOWN, (BTC,)), (LinkState.LIVE, (BTC,))]
    (broken,) = connected.rig.feed.of(BookBroken)
    assert (broken.instrument, broken.expected, broken.received) == (BTC, expected, expected + 2)


def test_a_book_that_is_wanted_anew_is_subscribed_anew(connected: Connected) -> None:
    connected.rig.tell(SnapshotWanted(BTC))
    connected.rig.wait(1)
    assert connected.sent() == [("unsubscribe", "level2"), ("subscribe", "level2")]
    connected.say("subscriptions")
    connected.say("l2_data", SNAPSHOT)
    assert len(connected.rig.feed.of(BookSnapshot)) == 2


def test_the_accounts_stream_is_signed_and_of_its_own_connection() -> None:
    rig = Rig(coinbase.venue("advanced"), symbols=("BTC-USD",), streams=["depth"], accounts=(ACCOUNT,))
    rig.reply(rig.call("instruments"), message(PRODUCTS).decode())
    link = LinkId("coinbase:advanced#user.1")
    rig.opened(link)
    rig.wait(1)
    frames = [frame for frame in rig.take(SendFrame) if frame.link == link]
    assert [frame.account for frame in frames] == [ACCOUNT, ACCOUNT]
