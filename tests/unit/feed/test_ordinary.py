"""What is ordinary is learnt from what was believed: the hot lane's band and the full judgement say the same."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import BookState, Quarantined
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.market import DataType, Quote
from integrated_trading_system.feed.validation import quote_reason
from tests.support.feed_rig import BTC, QUOTES, VENUE, FeedRig, quote, trade
from tests.support.toy_venue import toy_instrument

SETTINGS = FeedSettings(outlier_bps_min=100, volume_factor_max=1_000, spread_bps_max=500)
EVERY = 100
"""Milliseconds between messages."""


def reasons(rig: FeedRig) -> list[str]:
    return [message.reason for message in rig.bus.of(Quarantined)]


def fed(settings: FeedSettings = SETTINGS) -> FeedRig:
    """Quotes and trades go on until what is typical was learnt."""
    rig = FeedRig(QUOTES, settings)
    for number in range(400):
        rig.tell(quote(number, number * EVERY), trade(str(number), number * EVERY, price=100.5))
    rig.forget()
    return rig


def later(sequence: int, **changes: float) -> Quote:
    return quote(sequence, sequence * EVERY, **changes)


def test_a_price_far_from_the_median_of_many_is_refused_although_it_is_no_jump() -> None:
    rig = fed()
    rig.tell(later(401, bid=102.0, ask=103.0))
    assert reasons(rig) == ["outlier"]
    assert rig.books.state(BTC) is BookState.SUSPECT
    rig.tell(later(402))
    assert rig.books.state(BTC) is BookState.VALID


def test_an_absurd_size_is_refused_on_either_side() -> None:
    rig = fed()
    rig.tell(later(401, bid_size=1e6), later(402), later(403, ask_size=1e6))
    assert reasons(rig) == ["volume", "volume"]
    rig.tell(later(404, bid_size=900.0))
    assert rig.books.state(BTC) is BookState.VALID


def test_a_trade_of_an_absurd_quantity_or_price_is_refused() -> None:
    rig = fed()
    rig.tell(trade("a", 40_000, quantity=1e6), trade("b", 40_000, price=103.0), trade("c", 40_000, price=101.0))
    assert reasons(rig) == ["volume", "outlier"]
    assert rig.view.instruments[BTC].streams[DataType.TRADES].reasons == {"volume": 1, "outlier": 1}


def test_a_spread_wider_than_is_allowed_is_refused_from_the_first_message_on() -> None:
    rig = FeedRig(QUOTES, SETTINGS)
    rig.tell(quote(1, bid=100.0, ask=106.0), quote(2, 1, bid=100.0, ask=101.0), quote(3, 2, bid=97.5, ask=103.5))
    assert reasons(rig) == ["spread", "spread"]


def test_a_market_that_moves_step_by_step_is_followed() -> None:
    rig = fed()
    for number in range(401, 901):
        price = 100.0 * 1.0005 ** (number - 400)
        rig.tell(later(number, bid=price, ask=price * 1.001))
    assert reasons(rig) == []
    top = rig.books.top(BTC)
    assert top is not None
    assert top.bid == pytest.approx(100.0 * 1.0005**500)


def test_a_market_that_really_leapt_is_believed_after_it_was_stale_for_once() -> None:
    rig = fed()
    rig.tell(*(later(number, bid=110.0, ask=111.0) for number in range(401, 460)))
    assert rig.books.state(BTC) is BookState.VALID
    assert 0 < len(reasons(rig)) <= 51


def test_off_the_lot_only_what_was_not_guessed_is_refused_and_only_if_wanted() -> None:
    for settings, expected in ((FeedSettings(), ["lot"]), (FeedSettings(enable_lot_check=False), [])):
        rig = FeedRig(QUOTES, settings)
        rig.tell(InstrumentsListed(VENUE, (toy_instrument("BTC"),)), trade("a", quantity=0.0015), trade("b"))
        assert reasons(rig) == expected


def test_without_validation_nothing_is_untypical() -> None:
    rig = fed(FeedSettings(enable_validation=False, outlier_bps_min=1, volume_factor_max=2, spread_bps_max=1))
    rig.tell(later(401, bid=500.0, ask=900.0, bid_size=1e9), trade("x", 40_100, price=1e6, quantity=1e9))
    assert reasons(rig) == []


@given(st.floats(1.0, 1_000.0), st.floats(0.0, 100.0), st.booleans())
def test_the_band_holds_nothing_that_the_full_judgement_refuses(bid: float, spread: float, learnt: bool) -> None:
    rig = LEARNT if learnt else FRESH
    lane = rig.lane
    told = quote(1_000, bid=bid, ask=bid + spread)
    if lane.plausible(told):
        assert quote_reason(told, lane.bounds(lane.last_mid, lane.typical_quote)) is None


class Opened(FeedRig):
    """A rig whose lane is looked into."""

    def __init__(self, count: int) -> None:
        super().__init__(QUOTES, SETTINGS)
        for number in range(count):
            self.tell(quote(number, number * EVERY))
        self.lane = self._cell.actor._lanes[BTC]  # type: ignore[attr-defined]  # the feeder's own


LEARNT, FRESH = Opened(400), Opened(1)


def test_the_two_rigs_of_the_property_differ_in_what_they_have_learnt() -> None:
    assert (LEARNT.lane.size_max, FRESH.lane.size_max) == (1_000.0, inf)
    assert LEARNT.lane.high < FRESH.lane.high
