"""Who subscribed to a kind of message is told, and a hot publisher may keep the list of them."""

from integrated_trading_system.domain.health import FeedStale
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.bus import Bus
from tests.support.collector import Collector

BTC, ETH = InstrumentId("toy:spot:BTC"), InstrumentId("toy:spot:ETH")


def fact(instrument: InstrumentId) -> FeedStale:
    return FeedStale(instrument, Nanos(1), Nanos(2))


def test_a_key_narrows_a_subscription_to_one_instrument() -> None:
    bus, everything, bitcoin = Bus(), Collector(), Collector()
    bus.subscribe(FeedStale, everything)
    bus.subscribe(FeedStale, bitcoin, BTC)
    bus.publish(fact(BTC))
    bus.publish(fact(ETH))
    assert everything.messages == [fact(BTC), fact(ETH)]
    assert bitcoin.messages == [fact(BTC)]


def test_kept_listeners_are_those_that_publish_would_tell_in_the_same_order() -> None:
    bus, first, second, other = Bus(), Collector(), Collector(), Collector()
    kept = bus.listeners(FeedStale, BTC)
    assert kept == []
    bus.subscribe(FeedStale, second, BTC)
    bus.subscribe(FeedStale, first)
    bus.subscribe(FeedStale, other, ETH)
    assert kept == [first, second]
    assert bus.listeners(FeedStale, BTC) is kept
    bus.unsubscribe(FeedStale, second, BTC)
    bus.unsubscribe(FeedStale, other, BTC)
    assert kept == [first]
