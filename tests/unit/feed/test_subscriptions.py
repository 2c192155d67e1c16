"""Streams are counted by consumer: the first starts one, the last stops it, and nobody is forgotten by a restart."""

from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.health import ActorFailed, VenueBlocked
from integrated_trading_system.domain.ids import ActorName, InstrumentId, VenueId, instrument_id
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream, StreamsRefused, StreamsWanted, Subscribe, Unsubscribe
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.subscriptions import CONFIGURATION, Configured, Interest, Subscriptions
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector
from tests.support.toy_venue import toy_instrument

TOY, US, ALL = VenueId("toy:spot"), VenueId("toy:us"), VenueId("toy:all")
NAME = ActorName("subscriptions")
KINDS = (DataType.QUOTES,)


def stream(symbol: str, kind: DataType = DataType.QUOTES, venue: VenueId = TOY) -> Stream:
    return Stream(instrument_id(venue, symbol), kind)


BTC, ETH, TRADES = stream("BTC"), stream("ETH"), stream("BTC", DataType.TRADES)


class Bench:
    """Subscriptions of three venues: one as configured, one that stands in for it, one of which all is wanted."""

    def __init__(self) -> None:
        self.told = {venue: Collector() for venue in (TOY, US, ALL)}
        configured = {
            TOY: Configured((BTC.instrument,), KINDS),
            US: Configured((instrument_id(US, "BTC"),), KINDS, fallback_of=(TOY,)),
            ALL: Configured((), KINDS),
        }
        self.interest = Interest(configured)
        self.refused = Collector()
        self.system = System()
        names = {ActorName(f"connector.{venue}"): venue for venue in self.told}
        self.system.spawn(NAME, lambda: Subscriptions(self.interest, configured, self.told, names))
        self.system.bus.subscribe(StreamsRefused, self.refused)
        self.system.start(Nanos(0))

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.system.tell(NAME, message)
            while self.system.run(Nanos(0)):
                pass

    def wanted(self, venue: VenueId = TOY) -> list[tuple[Stream, ...]]:
        """The sets that the connector was told since it was last asked."""
        return [message.streams for message in self.told[venue].take() if isinstance(message, StreamsWanted)]

    def listed(self, *symbols: str) -> None:
        names = [(instrument_id(ALL, symbol), toy_instrument(symbol)) for symbol in symbols]
        self.tell(InstrumentsListed(ALL, tuple(replace(one, instrument=name, venue=ALL) for name, one in names)))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_connectors_know_the_configuration_by_themselves(bench: Bench) -> None:
    assert bench.wanted() == []
    assert bench.interest.streams == {BTC.instrument: KINDS}


def test_the_whole_set_is_told_whenever_it_changes(bench: Bench) -> None:
    bench.tell(Subscribe("a", (ETH,)), Subscribe("b", (TRADES, ETH)))
    assert bench.wanted() == [(BTC, ETH), (BTC, ETH, TRADES)]


def test_a_second_consumer_changes_nothing_and_only_the_last_to_leave_stops_a_stream(bench: Bench) -> None:
    bench.tell(Subscribe("a", (ETH,)))
    bench.wanted()
    bench.tell(Subscribe("b", (ETH,)), Subscribe("b", (ETH,)), Unsubscribe("a", (ETH,)), Unsubscribe("a", (ETH,)))
    assert bench.wanted() == []
    bench.tell(Unsubscribe("b", (ETH,)))
    assert bench.wanted() == [(BTC,)]


def test_nobody_can_leave_for_somebody_else(bench: Bench) -> None:
    bench.tell(Unsubscribe("a", (BTC, ETH)))
    assert bench.wanted() == []


def test_the_configuration_is_a_consumer_like_every_other(bench: Bench) -> None:
    bench.tell(Unsubscribe(CONFIGURATION, (BTC,)))
    assert bench.wanted() == [()]
    assert bench.interest.streams == {}


def test_readers_see_the_kinds_of_each_instrument(bench: Bench) -> None:
    streams = bench.interest.streams
    bench.tell(Subscribe("a", (TRADES,)))
    assert streams == {BTC.instrument: (DataType.QUOTES, DataType.TRADES)}
    bench.tell(Unsubscribe(CONFIGURATION, (BTC,)))
    assert streams == {BTC.instrument: (DataType.TRADES,)}


def test_the_view_counts(bench: Bench) -> None:
    bench.tell(Subscribe("a", (BTC, ETH)))
    view = bench.system.view(NAME)
    assert view.wanted == {BTC: 2, ETH: 1}
    assert view.consumers == {CONFIGURATION: (BTC,), "a": (BTC, ETH)}


def test_a_venue_that_is_not_configured_is_refused_and_the_rest_is_taken(bench: Bench) -> None:
    elsewhere = stream("BTC", venue=VenueId("other:spot"))
    bench.tell(Subscribe("a", (elsewhere, ETH)))
    (refused,) = bench.refused.of(StreamsRefused)
    assert (refused.streams, refused.reason) == ((elsewhere,), "the venue is not configured")
    assert bench.wanted() == [(BTC, ETH)]


def test_what_cannot_be_had_is_wanted_by_nobody(bench: Bench) -> None:
    bench.tell(Subscribe("a", (ETH, TRADES)), StreamsRefused(TOY, (ETH,), "unknown symbol", Nanos(0)))
    assert ETH.instrument not in bench.interest.streams
    bench.wanted()
    bench.tell(Unsubscribe("a", (ETH,)))
    assert bench.wanted() == []


# -- everything that is listed -------------------------------------------------------------------


def everything(*symbols: str) -> tuple[Stream, ...]:
    return tuple(stream(symbol, venue=ALL) for symbol in symbols)


def test_everything_is_known_with_the_first_listing(bench: Bench) -> None:
    bench.listed("BTC", "ETH")
    assert bench.wanted(ALL) == []
    bench.tell(Unsubscribe(CONFIGURATION, everything("BTC")))
    bench.listed("BTC", "ETH")
    assert bench.wanted(ALL) == [everything("ETH")]


def test_a_wish_beyond_everything_waits_for_the_listing(bench: Bench) -> None:
    trades = stream("BTC", DataType.TRADES, ALL)
    bench.tell(Subscribe("a", (trades,)))
    assert bench.wanted(ALL) == []
    bench.listed("BTC")
    assert bench.wanted(ALL) == [(trades, *everything("BTC"))]


# -- standing in ---------------------------------------------------------------------------------

BLOCKED = VenueBlocked(TOY, "http-451", Nanos(0))


def test_a_venue_that_stands_in_is_wanted_when_its_predecessor_is_blocked(bench: Bench) -> None:
    dormant = stream("ETH", venue=US)
    bench.tell(Subscribe("a", (dormant,)))
    assert bench.told[US].take() == []
    bench.tell(BLOCKED, BLOCKED)
    assert bench.told[US].take() == [BLOCKED, StreamsWanted(US, (dormant, stream("BTC", venue=US)))]
    assert InstrumentId("toy:us:BTC") in bench.interest.streams


def test_another_venues_block_wakes_nobody(bench: Bench) -> None:
    bench.tell(VenueBlocked(ALL, "http-451", Nanos(0)))
    assert bench.told[US].take() == []


# -- restarts ------------------------------------------------------------------------------------


def failed(venue: VenueId, *, restarted: bool = True) -> ActorFailed:
    return ActorFailed(ActorName(f"connector.{venue}"), "boom", restarted, Nanos(0))


def test_the_next_life_of_a_connector_hears_what_is_wanted_beyond_the_configuration(bench: Bench) -> None:
    bench.tell(failed(TOY))
    assert bench.wanted() == []
    bench.tell(Subscribe("a", (ETH,)))
    bench.wanted()
    bench.tell(failed(TOY), failed(TOY, restarted=False), failed(VenueId("other:spot")))
    assert bench.wanted() == [(BTC, ETH)]


def test_a_woken_venue_is_woken_again_after_a_restart(bench: Bench) -> None:
    bench.tell(BLOCKED)
    bench.told[US].take()
    bench.tell(failed(US))
    assert bench.told[US].take() == [BLOCKED, StreamsWanted(US, (stream("BTC", venue=US),))]


def test_a_restart_of_the_counting_forgets_nobody(bench: Bench) -> None:
    bench.tell(Subscribe("a", (ETH,)))
    bench.wanted()
    bench.tell(Subscribe("a", (None,)))  # type: ignore[arg-type]  # makes the actor fail
    assert bench.system.restarts()[NAME] == 1
    assert bench.wanted() == [(BTC, ETH)]
    bench.tell(Unsubscribe("a", (ETH,)))
    assert bench.wanted() == [(BTC,)]
