"""How a venue is connected: streams by door, plans that carry what they were given, and changes while they live."""

import json
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import CallId, InstrumentId, instrument_id
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.connector.links.allocation import allocate
from integrated_trading_system.venues.connector.links.changes import STREAMS_PER_CHANGE
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Acknowledged, ControlFrame, LinkPlan
from tests.conformance.description import SENT
from tests.conformance.orders import ACCOUNT
from tests.conformance.subjects import Subject

MANY = 120


def many(subject: Subject, count: int = MANY) -> dict[InstrumentId, Instrument]:
    """As many instruments, spelled like the one that is known."""
    found = subject.instrument
    made = {}
    for number in range(count):
        symbol = found.symbol.replace(found.base, f"C{number}", 1)
        name = instrument_id(subject.name, symbol)
        made[name] = replace(found, instrument=name, symbol=symbol, base=f"C{number}")
    return made


def assert_sendable(subject: Subject, frames: Iterable[ControlFrame]) -> None:
    """Text that a venue takes in one frame."""
    for frame in frames:
        assert len(frame.data) <= subject.traffic.frame_bytes_max
        text = frame.data.decode()
        assert text.isprintable()
        if text.startswith(("{", "[")):
            json.loads(text)


def requests(frames: Iterable[ControlFrame]) -> list[str]:
    return [frame.request for frame in frames if frame.request]


def test_every_kind_of_data_is_behind_a_door_or_not_offered(subject: Subject) -> None:
    session = subject.build().session
    for data_type in DataType:
        door = session.door(Stream(subject.instrument.instrument, data_type), subject.instrument)
        assert door is None or isinstance(door, str)
    assert subject.offered()
    assert set(subject.traffic.events) == subject.offered()


def test_a_plan_carries_exactly_the_streams_it_was_given(subject: Subject) -> None:
    for door, kinds in subject.doors().items():
        plan = subject.plan(door, *kinds)
        assert plan.streams == tuple(Stream(subject.instrument.instrument, kind) for kind in kinds)
        assert plan.name == "market-0"
        assert plan.account is None
        assert plan.signs_with in (None, ACCOUNT)
        assert plan.subscribe
        assert_sendable(subject, (*plan.logon, *plan.subscribe))
        assert len(set(requests(plan.subscribe))) == len(requests(plan.subscribe))


def test_a_plan_is_patient_and_ends(subject: Subject) -> None:
    for door, kinds in subject.doors().items():
        plan = subject.plan(door, *kinds)
        assert_patient(plan)
    user = subject.build().session.user_link(ACCOUNT)
    if user is not None:
        assert_patient(user)
        assert user.account == ACCOUNT
        assert user.streams == ()
        assert user.url.startswith("wss://")
        assert ("{token}" in user.url or any(b"{token}" in each.data for each in user.subscribe)) == bool(user.resolve)


def assert_patient(plan: LinkPlan) -> None:
    assert 0 < plan.frame_gap <= SECOND
    assert plan.ping is None or 0 < plan.ping_every < plan.silence_max * 20
    assert 0 < plan.silence_max < plan.lifetime
    assert plan.frame_bytes_max >= 64 * 1024


def test_many_streams_are_spread_over_as_few_links_as_the_venue_allows(subject: Subject) -> None:
    instruments, session = many(subject), subject.listed().session
    wanted = [Stream(name, kind) for name in instruments for kind in sorted(subject.offered())]
    plans = allocate(session, wanted, instruments)
    assert sorted((each for plan in plans for each in plan.streams), key=str) == sorted(wanted, key=str)
    for plan in plans:
        assert len(plan.streams) <= session.streams_per_link
        assert len({session.door(each, instruments[each.instrument]) for each in plan.streams}) == 1
        assert_sendable(subject, (*plan.logon, *plan.subscribe))
        assert len(set(requests(plan.subscribe))) == len(requests(plan.subscribe))


def test_every_symbol_that_is_wanted_is_named_once_a_channel(subject: Subject) -> None:
    instruments, session = many(subject, 7), subject.listed().session
    for door, kinds in subject.doors().items():
        single = session.market_link("market-0", door, [Stream(next(iter(instruments)), kinds[0])], instruments)
        several = session.market_link("market-0", door, [Stream(name, kinds[0]) for name in instruments], instruments)
        once = occurrences(single, next(iter(instruments.values())))
        for instrument in instruments.values():
            assert occurrences(several, instrument) == once > 0


def occurrences(plan: LinkPlan, instrument: Instrument) -> int:
    said = b" ".join(frame.data for frame in plan.subscribe).decode().casefold()
    return said.count(instrument.base.casefold())


def test_a_live_connection_is_told_what_to_add_and_what_to_drop(subject: Subject) -> None:
    instruments, session = many(subject, 2), subject.listed().session
    one, other = instruments
    for kinds in subject.doors().values():
        for kind in kinds:
            first, second = Stream(one, kind), Stream(other, kind)
            added = session.change(1, [first], [], instruments)
            dropped = session.change(2, [], [first], instruments, [second])
            both = session.change(3, [second], [first], instruments)
            assert session.change(4, [], [], instruments, [first]) == ()
            assert added
            assert dropped
            assert {frame.data for frame in added} & {frame.data for frame in dropped} == set()
            assert len(both) > 1
            assert_sendable(subject, (*added, *dropped, *both))
            assert all(b"c1" not in frame.data.lower() for frame in (*added, *dropped))


def test_answers_to_two_changes_cannot_be_mistaken(subject: Subject) -> None:
    instruments, session = many(subject, 2 * STREAMS_PER_CHANGE), subject.listed().session
    kinds = next(iter(subject.doors().values()))
    streams = [Stream(name, kinds[0]) for name in instruments]
    first = session.change(1, streams[:STREAMS_PER_CHANGE], [], instruments)
    second = session.change(2, streams[STREAMS_PER_CHANGE:], [], instruments, streams[:STREAMS_PER_CHANGE])
    again = session.resubscribe(subject.instrument) if DataType.DEPTH in subject.offered() else ()
    planned = subject.plan(next(iter(subject.doors())), *kinds).subscribe
    assert not set(requests(first)) & set(requests(second))
    assert not set(requests(planned)) & set(requests((*first, *second, *again)))


def test_a_stream_that_serves_two_is_given_up_only_with_the_last(subject: Subject) -> None:
    session = subject.listed().session
    name, instruments = subject.instrument.instrument, {subject.instrument.instrument: subject.instrument}
    for kinds in subject.doors().values():
        for kind in kinds:
            alone = session.change(1, [Stream(name, kind)], [], instruments)
            for other in kinds:
                beside = session.change(1, [Stream(name, kind)], [], instruments, [Stream(name, other)])
                if not beside:
                    assert session.change(2, [], [Stream(name, kind)], instruments, [Stream(name, other)]) == ()
            assert alone


def test_every_frame_of_a_plan_is_acknowledged(subject: Subject) -> None:
    venue = subject.listed()
    door, kinds = next(iter(subject.doors().items()))
    plan = subject.plan(door, *kinds, venue=venue)
    answers: list[Acknowledged] = []
    for number, frame in enumerate(subject.traffic.acknowledged):
        events = venue.codec.decode(frame, Nanos(SENT + number))
        answers += [event for event in events if isinstance(event, Acknowledged)]
    assert all(event.ok for event in answers)
    named, unnamed = {event.request for event in answers}, sum(not event.request for event in answers)
    waiting = [request for request in requests((*plan.logon, *plan.subscribe)) if request not in named]
    assert len(waiting) <= unnamed


def test_a_refused_subscription_is_told_with_its_reason(subject: Subject) -> None:
    refused = subject.traffic.refused
    if refused is None:
        pytest.skip("nothing is known of how it refuses")
    found = [each for each in subject.listed().codec.decode(refused, SENT) if isinstance(each, Acknowledged)]
    assert [event.ok for event in found] == [False]
    assert found[0].detail


def test_a_book_in_doubt_is_proven_by_the_stream_or_by_rest(subject: Subject) -> None:
    if DataType.DEPTH not in subject.offered():
        pytest.skip("no book is offered")
    venue = subject.listed()
    again = venue.session.resubscribe(subject.instrument)
    assert again or venue.market.snapshot(subject.instrument) is not None
    assert_sendable(subject, again)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff", b'{"result":{}}'])
def test_no_token_is_made_of_nothing(subject: Subject, body: bytes) -> None:
    reply = HttpReply(call=CallId("c"), status=200, headers={}, body=body, sent_at=SENT, received_at=SENT)
    with pytest.raises(MalformedReply):
        subject.build().session.resolve_token(reply)
