"""Streams over connections: never more on one than the venue allows, none lost, and none moved."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.ids import AccountId, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.connector.links.allocation import Allocation, allocate
from integrated_trading_system.venues.venue import LinkPlan, Session
from tests.support.dynamic_venue import DynamicSession
from tests.support.toy_venue import toy_instrument

KINDS = (DataType.QUOTES, DataType.TRADES, DataType.DEPTH)


class Followed:
    """An allocation, and what its lines carry by its own words."""

    def __init__(self, session: Session, instruments: dict[InstrumentId, Instrument]) -> None:
        self.allocation = Allocation(session)
        self.instruments = instruments
        self.plans: dict[str, LinkPlan] = {}

    def change(self, wanted: Sequence[Stream]) -> None:
        before = {stream: name for name, plan in self.plans.items() for stream in plan.streams}
        for name, plan in self.allocation.change(wanted, self.instruments).items():
            if plan is None:
                del self.plans[name]
            else:
                self.plans[name] = plan
        self.carried = {stream: name for name, plan in self.plans.items() for stream in plan.streams}
        assert len(self.carried) == sum(len(plan.streams) for plan in self.plans.values())
        assert all(self.carried[stream] == name for stream, name in before.items() if stream in self.carried)


SYMBOLS = {name: toy_instrument(name) for name in "ABCDEFGH"}
ALL = [Stream(instrument.instrument, kind) for instrument in SYMBOLS.values() for kind in KINDS]
SOME = st.lists(st.sampled_from(ALL), unique=True)


@given(st.integers(1, 7), st.lists(SOME, min_size=1, max_size=6))
def test_whatever_is_wanted_is_carried_once_within_the_limit_and_stays_where_it_is(
    per_link: int, wishes: list[list[Stream]]
) -> None:
    instruments = {instrument.instrument: instrument for instrument in SYMBOLS.values()}
    followed = Followed(DynamicSession(per_link), instruments)
    for wanted in wishes:
        followed.change(wanted)
        assert set(followed.carried) == set(wanted)
        assert all(0 < len(plan.streams) <= per_link for plan in followed.plans.values())
        assert all(plan.name == name for name, plan in followed.plans.items())


def test_an_instruments_streams_stay_together_where_they_fit() -> None:
    instruments = {instrument.instrument: instrument for instrument in SYMBOLS.values()}
    wanted = [Stream(name, kind) for name in instruments for kind in KINDS]
    plans = allocate(DynamicSession(7), wanted, instruments)
    assert [len(plan.instruments) for plan in plans] == [2, 2, 2, 2]


def test_what_comes_later_joins_its_instruments_line_if_there_is_room() -> None:
    instruments = {instrument.instrument: instrument for instrument in SYMBOLS.values()}
    quotes = [Stream(name, DataType.QUOTES) for name in instruments]
    followed = Followed(DynamicSession(5), instruments)
    followed.change(quotes)
    followed.change([*quotes[1:], Stream(quotes[-1].instrument, DataType.TRADES)])
    assert followed.carried[Stream(quotes[-1].instrument, DataType.TRADES)] == followed.carried[quotes[-1]]


def test_what_the_venue_has_not_is_left_out_and_named() -> None:
    instruments = {instrument.instrument: instrument for instrument in SYMBOLS.values()}
    name = next(iter(instruments))
    followed = Followed(DynamicSession(5), instruments)
    followed.change([Stream(name, DataType.CANDLES), Stream(name, DataType.QUOTES)])
    assert list(followed.carried) == [Stream(name, DataType.QUOTES)]
    assert followed.allocation.not_offered == (Stream(name, DataType.CANDLES),)


@pytest.mark.parametrize("venue_id", catalog.venue_ids())
def test_six_hundred_symbols_of_three_kinds_fit_every_venue(venue_id: VenueId) -> None:
    venue = catalog.build(venue_id, catalog.endpoints_of(venue_id), AccountId("main"))
    shape = toy_instrument("X")
    instruments = {}
    for number in range(600):
        symbol = f"C{number}-USDT"
        name = InstrumentId(f"{venue_id}:{symbol}")
        kind = Kind.LINEAR if "usdm" in venue_id or "linear" in venue_id else Kind.SPOT
        instruments[name] = replace(shape, instrument=name, venue=venue_id, symbol=symbol, kind=kind)
    offered = [
        stream
        for name, one in instruments.items()
        for stream in (Stream(name, kind) for kind in KINDS)
        if venue.session.door(stream, one) is not None
    ]
    followed = Followed(venue.session, instruments)
    limit = venue.session.streams_per_link
    for wanted in (offered, offered[: len(offered) // 2], offered[len(offered) // 4 :]):
        followed.change(wanted)
        assert set(followed.carried) == set(wanted)
        assert max(len(plan.streams) for plan in followed.plans.values()) <= limit
