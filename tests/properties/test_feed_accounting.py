"""Whatever arrives, believable or not: every message ends up in exactly one counter, and nothing fails."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import BookState, LinkState, Quarantined
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, DataType, Quote, Trade
from tests.support.feed_rig import BOTH, BTC, FeedRig, delta, link, quote, snapshot, trade

STREAM: dict[type, DataType] = {
    Quote: DataType.QUOTES,
    Trade: DataType.TRADES,
    BookDelta: DataType.DEPTH,
    BookSnapshot: DataType.DEPTH,
}
numbers = st.one_of(st.floats(), st.sampled_from([0.0, 99.0, 100.0, 101.0, 102.0]))
sequences = st.integers(-2, 30)
levels = st.lists(st.tuples(st.integers(95, 105).map(float), st.sampled_from([0.0, 1.0])), max_size=3)
times = st.one_of(st.just(0), st.integers(-(10**19), 10**19))


@st.composite
def messages(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(["quote", "good", "trade", "delta", "snapshot", "link", "wait"]))
    sequence = draw(sequences)
    match kind:
        case "quote":
            sizes = dict(bid_size=draw(numbers), ask_size=draw(numbers), venue_time=draw(times))
            return quote(sequence, bid=draw(numbers), ask=draw(numbers), **sizes)
        case "good":
            return quote(sequence)
        case "trade":
            return trade(str(sequence), price=draw(numbers), quantity=draw(numbers), venue_time=draw(times))
        case "delta":
            return delta(sequence, sequence + draw(st.integers(0, 2)), bids=draw(levels), asks=draw(levels))
        case "snapshot":
            return snapshot(sequence, bids=draw(levels), asks=draw(levels), in_stream=draw(st.booleans()))
        case "link":
            return link(draw(st.sampled_from(LinkState)), number=draw(st.integers(1, 2)))
        case _:
            return draw(st.integers(1, 8))


@given(st.lists(messages(), max_size=60))
def test_received_is_delivered_conflated_dropped_quarantined_or_waiting(soup: list[Any]) -> None:
    rig = FeedRig(BOTH)
    told: Counter[DataType] = Counter()
    for message in soup:
        if isinstance(message, int):
            rig.run(rig.system.now + message * 1_000_000_000)  # type: ignore[arg-type]  # a sum of nanoseconds
            continue
        rig.tell(message)
        if type(message) in STREAM:
            told[STREAM[type(message)]] += 1
        top = rig.books.top(BTC)
        assert (top is not None) == (rig.books.state(BTC) is BookState.VALID)
        assert top is None or 0 < top.bid < top.ask
    view = rig.view
    assert {kind: stream.received for kind, stream in view.instruments[BTC].streams.items()} == dict(told)
    delivered = {kind: stream.delivered for kind, stream in view.instruments[BTC].streams.items()}
    assert len(rig.bus.of(Trade)) == delivered.get(DataType.TRADES, 0)
    assert all(0 < message.bid < message.ask for message in rig.bus.of(Quote))
    (venue,) = view.venues.values()
    assert venue.quarantined == len(rig.bus.of(Quarantined))
    assert venue.events == sum(told.values())
