"""What stays of an instrument that was unsubscribed, and what it has when it comes back."""

from decimal import Decimal

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed, Kind
from integrated_trading_system.domain.market import DataType, Quote
from integrated_trading_system.domain.streams import Stream, StreamsWanted
from tests.support.feed_rig import BOTH, BTC, VENUE, FeedRig, delta, ms, quote, snapshot

WANTED = tuple(Stream(BTC, kind) for kind in (DataType.QUOTES, DataType.DEPTH))
RULES = Instrument(
    instrument=BTC,
    venue=VENUE,
    symbol="BTC",
    base=Asset("BTC"),
    quote=Asset("USD"),
    settle=Asset("USD"),
    kind=Kind.SPOT,
    tick=Decimal("0.5"),
    lot=Decimal("0.001"),
)


def test_what_was_counted_stays_counted_when_nobody_wants_the_instrument_any_more() -> None:
    wanted = dict(BOTH)
    rig = FeedRig(wanted)
    rig.tell(delta(10, 10), delta(11, 11, 1), snapshot(10), quote(12, 5), quote(13, 6), delta(14, 14, 7))
    before = rig.view.venues[VENUE]
    wanted.clear()
    rig.tell(StreamsWanted(VENUE, ()))
    after = rig.view.venues[VENUE]
    assert rig.view.instruments == {}
    assert (after.messages, after.gaps, after.resyncs) == (before.messages, before.gaps, before.resyncs)
    assert before.gaps == 1
    depth, quotes = after.closed[DataType.DEPTH], after.closed[DataType.QUOTES]
    assert quotes.received == 2
    assert depth.waiting == 0
    assert depth.received == before.messages - 2
    assert depth.reasons["unsubscribed"] == 1


def test_an_instrument_that_comes_back_has_the_venue_s_rules_still() -> None:
    wanted = dict(BOTH)
    rig = FeedRig(wanted)
    rig.tell(InstrumentsListed(VENUE, (RULES,)))
    wanted.clear()
    rig.tell(StreamsWanted(VENUE, ()))
    wanted[BTC] = (DataType.QUOTES,)
    rig.tell(StreamsWanted(VENUE, WANTED[:1]))
    rig.run(ms(10))
    rig.tell(quote(20, 10, bid=100.25, ask=101.0))
    assert rig.bus.of(Quote) == []
    assert rig.view.venues[VENUE].quarantined_by_reason == {"tick": 1}
