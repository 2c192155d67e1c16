"""Round trips: which there are, how much goes round, and what is proposed."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.config.triangular import TriangularSettings
from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Level
from integrated_trading_system.domain.money import use_money_context
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.triangular.cycles import cycles
from integrated_trading_system.strategies.triangular.detector import TriangularArbitrage
from integrated_trading_system.strategies.triangular.walk import depth, ladder, walk
from tests.support.strategy_rig import StrategyRig
from tests.support.trading import finished, instrument, quote

USDT = Asset("USDT")


def pair(base: str, price_in: str, venue: str = "a:spot", **changes: Any) -> Instrument:
    return instrument(venue, f"{base}{price_in}", base=Asset(base), quote=Asset(price_in), **changes)


BTC, ETH = pair("BTC", "USDT", lot=Decimal("0.00001")), pair("ETH", "USDT", lot=Decimal("0.0001"))
CROSS = pair("ETH", "BTC", tick=Decimal("0.00001"), lot=Decimal("0.0001"))
THREE = (BTC, ETH, CROSS)


# -- which ----------------------------------------------------------------------------------------


def names(*instruments: Instrument, legs_max: int = 3) -> list[str]:
    found = cycles(instruments, USDT, legs_max, 100)
    return [" ".join(f"{hop.side}:{hop.instrument.symbol}" for hop in cycle) for cycle in found]


def test_three_instruments_go_round_both_ways() -> None:
    assert sorted(names(*THREE)) == [
        "buy:BTCUSDT buy:ETHBTC sell:ETHUSDT",
        "buy:ETHUSDT sell:ETHBTC sell:BTCUSDT",
    ]


def test_longer_round_trips_are_found_when_they_are_allowed() -> None:
    more = (*THREE, pair("SOL", "USDT"), pair("SOL", "ETH"))
    assert len(names(*more)) == 4
    assert "buy:BTCUSDT buy:ETHBTC buy:SOLETH sell:SOLUSDT" in names(*more, legs_max=4)


def test_a_round_trip_stays_on_one_venue() -> None:
    assert names(BTC, ETH, pair("ETH", "BTC", "b:spot")) == []


def test_too_many_are_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigurationError, match="more than 1 round trips from USDT: name fewer instruments"):
        cycles(THREE, USDT, 3, 1)


# -- how much -------------------------------------------------------------------------------------

sizes = st.integers(1, 50)


@st.composite
def sides(draw: st.DrawFn) -> list[list[Level]]:
    """Asks of BTC at about 100, asks of the cross at about 1, bids of ETH at about 101."""
    ladders = []
    for middle, step in ((10_000, 1), (100, 1), (10_150, -1)):
        price, levels = middle + draw(st.integers(-80, 80)) * (middle // 1_000 or 1), []
        for _ in range(draw(st.integers(1, 4))):
            levels.append((price / 100, draw(sizes) / 10))
            price += step * draw(st.integers(1, 60)) * (middle // 1_000 or 1)
        ladders.append(levels)
    return ladders


@given(sides(), st.sampled_from([Decimal(1), Decimal("0.999")]), st.integers(1, 2_000).map(Decimal))
def test_what_is_put_in_is_all_that_pays_and_the_parts_add_up(
    levels: list[list[Level]], keep: Decimal, limit: Decimal
) -> None:
    use_money_context()
    cycle = next(one for one in cycles(THREE, USDT, 3, 10) if one[0].instrument is BTC)
    ladders = [ladder(hop, side) for hop, side in zip(cycle, levels, strict=True)]
    amount = depth(ladders, keep, Decimal("1.0001"), limit)
    assert 0 <= amount <= limit
    through, back = Fraction(amount), Fraction(0)
    for hop, side in zip(cycle, levels, strict=True):  # the slow way: one book after the other
        brought = Fraction(0)
        for price, size in side:
            exact = Fraction(str(price))
            part = min(through, Fraction(str(size)) * (exact if hop.side is Side.BUY else 1))
            brought += part / exact if hop.side is Side.BUY else part * exact
            through -= part
        assert through < Fraction(1, 10**20), "the books hold what is put in"
        through = back = brought * Fraction(keep)
    if amount:
        assert back >= Fraction(amount) * Fraction(10_001, 10_000) * (1 - Fraction(1, 10**15))
    found = walk(cycle, ladders, amount, keep, Decimal(0)) if amount else None
    if found is not None:
        assert found.edge == found.gross - found.fees - found.slippage - found.decay
        assert found.put_in - amount < Decimal("1e-40"), "divisions round"
        for hop, leg in zip(cycle, found.legs, strict=True):
            assert hop.instrument.round_quantity(leg.quantity) == leg.quantity > 0


# -- deciding -------------------------------------------------------------------------------------


def rig_of(fees_bps: str = "10", **settings: Any) -> StrategyRig[TriangularArbitrage]:
    comparison = Comparison(
        name="round", currency=USDT, members=tuple(Member(instrument=one.instrument) for one in THREE)
    )
    chosen = TriangularSettings.model_validate({"decay_bps_per_ms": 0} | settings)
    rig = StrategyRig(TriangularArbitrage, comparison, chosen, fees_bps)
    rig.listed(*THREE)
    rig.trade()
    rig.fund(BTC, USDT="10000", BTC="10", ETH="100")
    return rig


def see(rig: StrategyRig[TriangularArbitrage], eth: float = 3_540.0, bound_ms: float = 0) -> None:
    """ETH for 0.05 BTC of 65,000 a piece: 3,250 through the cross."""
    quotes = (
        quote(BTC.instrument, 64_990.0, 65_000.0, rig.now),
        quote(ETH.instrument, eth, eth + 1, rig.now),
        quote(CROSS.instrument, 0.04999, 0.05, rig.now),
    )
    for one in quotes:
        rig.books.levels[one.instrument, Side.BUY] = ((one.ask, one.ask_size),)
        rig.books.levels[one.instrument, Side.SELL] = ((one.bid, one.bid_size),)
    rig.see(*quotes, changed=1, bound_ms=bound_ms)


def test_with_the_balances_for_it_all_legs_leave_at_once() -> None:
    rig = rig_of(edge_bps_max=1_000)
    see(rig)
    (made,) = rig.proposed
    assert [(leg.instrument, leg.side, leg.follows) for leg in made.legs] == [
        (BTC.instrument, Side.BUY, None),
        (CROSS.instrument, Side.BUY, None),
        (ETH.instrument, Side.SELL, None),
    ]
    btc, cross, eth = (leg.quantity for leg in made.legs)
    assert btc == Decimal("0.01538"), "1,000 USDT at 65,000, in lots"
    assert cross * Decimal("0.05") <= btc * Decimal("0.999"), "no more is paid than the leg before brings"
    assert eth <= cross * Decimal("0.999")
    (found,) = rig.opportunities
    assert found.edge == found.gross_edge - found.fees - found.slippage - found.decay
    assert 580 < found.edge_bps < 900


def test_without_them_each_leg_follows_the_one_before() -> None:
    rig = rig_of(edge_bps_max=1_000)
    rig.fund(BTC, USDT="10000")
    see(rig)
    assert [leg.follows for leg in rig.proposed[0].legs] == [None, 0, 1]


def test_a_leg_that_follows_is_paid_with_what_comes_before_even_at_the_worst_prices() -> None:
    rig = rig_of(edge_bps_max=1_000, hedge_bps=10)
    rig.fund(BTC, USDT="10000")
    see(rig)
    btc, cross, eth = rig.proposed[0].legs
    assert cross.worst_price == Decimal("0.05005")
    assert cross.quantity == CROSS.round_quantity(btc.quantity * Decimal("0.999") / cross.worst_price)
    assert eth.quantity == ETH.round_quantity(cross.quantity * Decimal("0.999"))
    (found,) = rig.opportunities
    assert found.edge == found.gross_edge - found.fees - found.slippage - found.decay


def test_what_is_there_of_an_asset_between_pays_for_worse_prices() -> None:
    rig = rig_of(edge_bps_max=1_000, hedge_bps=10)
    rig.fund(BTC, USDT="10000", BTC="0.00001")
    see(rig)
    btc, cross, _ = rig.proposed[0].legs
    sure = btc.quantity * Decimal("0.999") + Decimal("0.00001")
    assert (
        cross.quantity == CROSS.round_quantity(sure / cross.worst_price) < btc.quantity * Decimal("0.999") / cross.price
    )


def test_one_after_the_other_can_be_asked_for() -> None:
    rig = rig_of(edge_bps_max=1_000, at_once=False)
    see(rig)
    assert [leg.follows for leg in rig.proposed[0].legs] == [None, 0, 1]


def test_nothing_is_put_in_that_is_not_there() -> None:
    rig = rig_of(edge_bps_max=1_000)
    rig.fund(BTC, BTC="10", ETH="100")
    see(rig)
    assert (rig.proposed, rig.reasons) == ([], [Miss.INVENTORY_BUY])


@pytest.mark.parametrize(
    ("settings", "eth", "reason"),
    [
        ({}, 3_540.0, Miss.TOO_GOOD),
        ({}, 3_255.0, Miss.FEES),
        ({"bound_ms_max": 10}, 3_300.0, Miss.BOUND),
        ({"decay_bps_per_ms": 20}, 3_300.0, Miss.DECAY),
        ({"notional_max": "0.1"}, 3_300.0, Miss.DEPTH),
    ],
)
def test_what_is_not_traded_has_a_name(settings: dict[str, Any], eth: float, reason: Miss) -> None:
    rig = rig_of(**settings)
    see(rig, eth, bound_ms=11)
    assert (rig.proposed, rig.reasons) == ([], [reason])


def test_a_round_trip_rests_after_its_plan_and_then_goes_on() -> None:
    rig = rig_of(edge_bps_max=1_000, cool_down_ms=500)
    see(rig)
    see(rig)
    rig.tell(finished(rig.proposed[0]))
    see(rig)
    assert rig.reasons == [Miss.IN_FLIGHT, Miss.COOL_DOWN]
    rig.run(500 * MILLISECOND)
    see(rig)
    assert len(rig.proposed) == 2
    assert rig.actor.view().detected == 2
