"""The detector, snapshot by snapshot: what it proposes, and the name of every reason why it does not."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.comparison import Comparison, Conversion, Member, PegChanged
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.execution import VenuePosition
from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.ids import AccountId, Asset, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.opportunity import OpportunityMissed
from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy, PlanDenied
from integrated_trading_system.domain.time import MILLISECOND, SECOND
from integrated_trading_system.strategies.arbitrage.detector import ArbitrageDetector
from integrated_trading_system.strategies.arbitrage.missed import Miss
from tests.support.strategy_rig import StrategyRig
from tests.support.trading import START, balances, fill, finished, instrument, quote

A = instrument("a:spot")
B = instrument("b:spot")
C = instrument("c:spot")
USDC = Asset("USDC")
PEG = instrument("p:spot", "USDCUSDT", base=USDC)


def compare(*members: Instrument, conversions: tuple[Conversion, ...] = (), **multipliers: str) -> Comparison:
    return Comparison(
        name="btc",
        currency=Asset("USDT"),
        members=tuple(
            Member(instrument=one.instrument, multiplier=Decimal(multipliers.get(one.venue[0], "1"))) for one in members
        ),
        conversions=conversions,
    )


def rig_of(
    *members: Instrument,
    conversions: tuple[Conversion, ...] = (),
    multipliers: dict[str, str] | None = None,
    fees_bps: str = "10",
    ready: bool = True,
    only_watched: tuple[str, ...] = (),
    **settings: Any,
) -> StrategyRig[ArbitrageDetector]:
    comparison = compare(*members, conversions=conversions, **(multipliers or {}))
    chosen = ArbitrageSettings.model_validate({"decay_bps_per_ms": 0, "notional_max": 100_000} | settings)
    rig = StrategyRig(ArbitrageDetector, comparison, chosen, fees_bps, only_watched)
    rig.listed(*members)
    if ready:
        rig.trade()
        rig.fund(*members, BTC="1000", USDT="1000000", USDC="1000000")
    return rig


def dear(rig: StrategyRig[Any], bid: float = 101.0, size: float = 1.0) -> tuple[Quote, Quote]:
    """A offers at 100, B bids more."""
    return (
        quote(A.instrument, 99.99, 100.0, rig.now, size),
        quote(B.instrument, bid, bid + 0.01, rig.now, size),
    )


# -- proposing ----------------------------------------------------------------------------------------


def test_it_buys_where_it_is_cheap_and_sells_where_it_is_dear() -> None:
    rig = rig_of(A, B, hedge_bps=10, unwind_bps=30)
    rig.see(*dear(rig))
    (made,) = rig.proposed
    buy, sell = made.legs
    assert (buy.instrument, buy.side, buy.quantity, buy.price) == (A.instrument, Side.BUY, Decimal(1), Decimal(100))
    assert (sell.instrument, sell.side, sell.quantity, sell.price) == (
        B.instrument,
        Side.SELL,
        Decimal(1),
        Decimal(101),
    )
    assert (buy.worst_price, buy.unwind_price) == (Decimal("100.10"), Decimal("99.70"))
    # 101 less 10 bps is 100.899: the tick above, so that the envelope is never wider than was set.
    assert (sell.worst_price, sell.unwind_price) == (Decimal("100.90"), Decimal("101.30"))
    assert buy.time_in_force is sell.time_in_force is TimeInForce.IOC
    assert (made.policy, made.hedge_orders_max) == (HedgePolicy.PROCEED, 4)
    assert (made.submit_by, made.hedge_by) == (START + 250 * MILLISECOND, START + 10 * SECOND)


def test_the_expected_edge_is_told_in_parts() -> None:
    rig = rig_of(A, B, decay_bps_per_ms="0.1")
    rig.see(*dear(rig), bound_ms=50)
    (found,) = rig.opportunities
    assert (found.quantity, found.buy_price, found.sell_price) == (Decimal(1), Decimal(100), Decimal(101))
    assert found.gross_edge == 1
    assert found.fees == Decimal("0.201")
    assert found.slippage == 0
    assert found.edge == Decimal("0.749"), "5 bps of 100 decay over the bound of 50 ms"
    assert found.edge_bps == pytest.approx(74.9)
    assert found.plan_id == rig.proposed[0].plan_id == "arb-r1-1"
    assert rig.proposed[0].expected_edge == found.edge


@pytest.mark.parametrize("changed", [0, 1])
def test_it_does_not_matter_which_of_the_two_quotes_changed(changed: int) -> None:
    rig = rig_of(A, B)
    rig.see(*dear(rig), changed=changed)
    assert [made.legs[0].instrument for made in rig.proposed] == [A.instrument]


def test_only_pairs_with_the_quote_that_changed_are_new() -> None:
    rig = rig_of(A, B, C)
    rig.see(*dear(rig), quote(C.instrument, 90.0, 102.0, rig.now), changed=2)
    assert rig.proposed == []


def test_every_venue_is_compared_with_the_one_that_changed() -> None:
    rig = rig_of(A, B, C)
    rig.see(*dear(rig), quote(C.instrument, 102.0, 102.1, rig.now), changed=0)
    assert [(made.legs[0].instrument, made.legs[1].instrument) for made in rig.proposed] == [
        (A.instrument, B.instrument),
        (A.instrument, C.instrument),
    ]


def test_it_walks_both_books_as_far_as_every_unit_pays() -> None:
    rig = rig_of(A, B, fees_bps="0", edge_bps_min=50)
    rig.books.levels[A.instrument, Side.BUY] = ((100.0, 9.0), (100.2, 1.0), (100.6, 5.0))
    rig.books.levels[B.instrument, Side.SELL] = ((101.0, 9.0), (100.9, 2.0), (100.7, 5.0))
    rig.see(*dear(rig))
    (found,) = rig.opportunities
    # 1 at 100 -> 101, then 1 at 100.2 -> 100.9 (70 bps); 100.6 -> 100.9 would be 30 bps.
    assert (found.quantity, found.buy_price, found.sell_price) == (
        Decimal(2),
        Decimal("100.1"),
        Decimal("100.95"),
    )
    assert (found.gross_edge, found.slippage) == (Decimal("2.00"), Decimal("0.30"))
    assert found.edge == Decimal("1.70")
    buy, sell = rig.proposed[0].legs
    assert (buy.price, sell.price) == (Decimal("100.2"), Decimal("100.9"))


def test_levels_better_than_the_quote_are_of_a_book_that_lags_behind() -> None:
    rig = rig_of(A, B)
    rig.books.levels[A.instrument, Side.BUY] = ((99.5, 50.0), (100.0, 50.0))
    rig.see(*dear(rig))
    assert rig.opportunities[0].quantity == 1, "the quote's own size counts at its price"


@pytest.mark.parametrize(
    ("settings", "quantity"),
    [({"notional_max": 50}, "0.5"), ({"quantity_max": "0.3"}, "0.3"), ({}, "1")],
    ids=["notional", "quantity", "depth"],
)
def test_the_size_is_the_smallest_of_depth_and_limits(settings: dict[str, Any], quantity: str) -> None:
    rig = rig_of(A, B, **settings)
    rig.see(*dear(rig))
    assert rig.opportunities[0].quantity == Decimal(quantity)


def test_a_venues_largest_order_bounds_the_size() -> None:
    rig = rig_of(A, instrument("b:spot", quantity_max=Decimal("0.25")))
    rig.see(*dear(rig))
    assert rig.opportunities[0].quantity == Decimal("0.25")


def test_both_legs_are_whole_lots_of_their_venues() -> None:
    rig = rig_of(instrument(lot=Decimal("0.05")), instrument("b:spot", lot=Decimal("0.06")))
    rig.see(*dear(rig))
    assert rig.opportunities[0].quantity == Decimal("0.9")


def test_contracts_and_multiples_are_matched_in_base_units() -> None:
    contract = instrument("b:spot", kind=Kind.LINEAR, multiplier=Decimal("0.01"), lot=Decimal(1))
    rig = rig_of(instrument(lot=Decimal("0.001")), contract, multipliers={"a": "1000"})
    rig.see(
        quote(A.instrument, 99_900.0, 100_000.0, rig.now, 0.9891), quote(B.instrument, 101.0, 101.1, rig.now, 250_000.0)
    )
    buy, sell = rig.proposed[0].legs
    # A's base is 1000 of ours and offered at 100 a piece; B sells contracts of a hundredth.
    assert (buy.quantity, buy.multiplier) == (Decimal("0.989"), Decimal(1000))
    assert (sell.quantity, sell.multiplier) == (Decimal(98_900), Decimal("0.01"))
    assert buy.quantity * buy.multiplier == sell.quantity * sell.multiplier == rig.opportunities[0].quantity


# -- inventory ----------------------------------------------------------------------------------------


def test_it_sells_no_more_than_is_free_there() -> None:
    rig = rig_of(A, B)
    rig.fund(B, BTC="0.4567")
    rig.see(*dear(rig))
    assert rig.opportunities[0].quantity == Decimal("0.456")


def test_it_buys_no_more_than_can_be_paid_with_the_fee() -> None:
    rig = rig_of(A, B)
    rig.fund(A, USDT="50.05")
    rig.see(*dear(rig))
    assert rig.opportunities[0].quantity == Decimal("0.5")


def test_fills_move_the_inventory_between_reports() -> None:
    rig = rig_of(A, B)
    rig.fund(B, BTC="1")
    rig.tell(fill(B.instrument, Side.SELL, "0.7", "100", venue_time=START + 1))
    rig.tell(fill(B.instrument, Side.SELL, "0.2", "100", venue_time=START))
    rig.tell(fill(B.instrument, Side.SELL, "0.1", "100", venue_time=START + 1, account=AccountId("other")))
    rig.see(*dear(rig))
    assert rig.opportunities[0].quantity == Decimal("0.3"), "the report already knew of the second fill"


def test_what_a_plan_in_flight_may_use_is_not_used_twice() -> None:
    rig = rig_of(A, B, C, plans_in_flight_max=5)
    rig.fund(A, USDT="150")
    rig.see(*dear(rig))
    rig.see(*dear(rig))
    assert [found.quantity for found in rig.opportunities] == [1, Decimal("0.499")]
    rig.tell(finished(rig.proposed[0]))
    rig.run(SECOND)
    rig.see(*dear(rig))
    assert rig.opportunities[2].quantity == 1


def test_derivatives_are_bounded_by_the_position_limit() -> None:
    perpetual = instrument("b:spot", kind=Kind.LINEAR)
    rig = rig_of(A, perpetual, position_max="1.5")
    rig.see(*dear(rig))
    rig.tell(fill(B.instrument, Side.SELL, "1", "101"), finished(rig.proposed[0]))
    rig.run(SECOND)
    rig.see(*dear(rig))
    assert [found.quantity for found in rig.opportunities] == [1, Decimal("0.5")]


def test_positions_are_what_the_venue_reports() -> None:
    perpetual = instrument("b:spot", kind=Kind.LINEAR)
    rig = rig_of(A, perpetual, position_max="1")
    held = VenuePosition(B.instrument, Decimal("-0.9"), Decimal(100))
    rig.tell(replace(balances(B.instrument), positions=(held,)))
    rig.see(*dear(rig))
    rig.tell(finished(rig.proposed[0]), balances(B.instrument))
    rig.run(SECOND)
    rig.see(*dear(rig))
    assert [found.quantity for found in rig.opportunities] == [Decimal("0.1"), 1], "what is not named is closed"
    rig.tell(replace(balances(B.instrument, complete=False), positions=(held,)), finished(rig.proposed[1]))
    rig.run(SECOND)
    rig.see(*dear(rig))
    assert rig.opportunities[2].quantity == Decimal("0.1"), "a partial report says nothing about the rest"


# -- reasons ------------------------------------------------------------------------------------------


def refused(rig: StrategyRig[ArbitrageDetector], *quotes: Quote, bound_ms: float = 0) -> str:
    rig.see(*(quotes or dear(rig)), bound_ms=bound_ms)
    assert rig.proposed == []
    (missed,) = rig.published.of(OpportunityMissed)
    assert (missed.buy, missed.sell) == (A.instrument, B.instrument)
    return missed.reason


def test_less_than_the_fees_is_missed_for_the_fees() -> None:
    rig = rig_of(A, B, edge_bps_min=1)
    assert refused(rig, *dear(rig, 100.21)) == Miss.FEES
    assert rig.published.of(OpportunityMissed)[0].edge_bps == pytest.approx(21)


def test_nothing_is_proposed_before_trading_begins() -> None:
    rig = rig_of(A, B, ready=False)
    rig.fund(A, B, BTC="1", USDT="1000")
    assert refused(rig) == Miss.TRADING


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING, TradingState.STARTING])
def test_nothing_is_proposed_unless_trading_is_active(state: TradingState) -> None:
    rig = rig_of(A, B)
    rig.trade(state)
    assert refused(rig) == Miss.TRADING


def test_a_venue_without_an_account_is_only_watched() -> None:
    assert refused(rig_of(A, B, only_watched=("b:spot",))) == Miss.NO_ACCOUNT


def test_a_suspended_instrument_is_not_traded() -> None:
    assert refused(rig_of(A, instrument("b:spot", tradable=False))) == Miss.NOT_TRADABLE


def test_inverse_contracts_are_refused_by_name() -> None:
    assert refused(rig_of(A, instrument("b:spot", kind=Kind.INVERSE))) == Miss.INVERSE


def test_what_is_too_good_is_not_true() -> None:
    rig = rig_of(A, B, edge_bps_max=99)
    assert refused(rig) == Miss.TOO_GOOD
    assert rig.published.of(OpportunityMissed)[0].edge == 0


def test_quotes_too_far_apart_are_not_compared() -> None:
    assert refused(rig_of(A, B, bound_ms_max=100), bound_ms=100.1) == Miss.BOUND


def test_an_old_quote_is_not_traded_on() -> None:
    rig = rig_of(A, B, quote_age_ms_max=100)
    quotes = dear(rig)
    rig.run(100.1 * MILLISECOND)
    assert refused(rig, *quotes) == Miss.AGE


def test_a_book_that_may_not_be_believed_is_not_walked() -> None:
    rig = rig_of(A, B)
    rig.books.states[B.instrument] = BookState.SUSPECT
    assert refused(rig) == Miss.BOOK


def test_time_takes_its_part_of_the_edge() -> None:
    assert refused(rig_of(A, B, decay_bps_per_ms=1), bound_ms=79) == Miss.DECAY


def test_less_than_a_common_lot_is_too_little_depth() -> None:
    rig = rig_of(A, B)
    assert refused(rig, *dear(rig, size=0.0009)) == Miss.DEPTH


def test_a_limit_below_a_common_lot_is_the_reason() -> None:
    assert refused(rig_of(A, B, quantity_max="0.0009")) == Miss.LIMIT


def test_without_money_nothing_is_bought_and_the_missed_edge_is_told() -> None:
    rig = rig_of(A, B)
    rig.fund(A, USDT="0.05")
    assert refused(rig) == Miss.INVENTORY_BUY
    assert rig.published.of(OpportunityMissed)[0].edge == Decimal("0.799")


def test_without_the_asset_nothing_is_sold() -> None:
    rig = rig_of(A, B)
    rig.fund(B, USDT="1000")
    assert refused(rig) == Miss.INVENTORY_SELL


def test_unknown_balances_count_as_nothing_unless_it_is_set_otherwise() -> None:
    rig = rig_of(A, B, ready=False)
    rig.trade()
    assert refused(rig) == Miss.INVENTORY_SELL
    careless = rig_of(A, B, ready=False, inventory_required=False)
    careless.trade()
    careless.see(*dear(careless))
    assert careless.opportunities[0].quantity == 1


def test_neither_leg_is_sent_when_one_of_them_is_below_its_venues_minimum() -> None:
    rig = rig_of(A, instrument("b:spot", notional_min=Decimal(200)))
    assert refused(rig) == Miss.MINIMUM


def test_one_plan_of_a_pair_is_in_flight_and_then_the_pair_rests() -> None:
    rig = rig_of(A, B, cool_down_ms=500)
    rig.see(*dear(rig))
    rig.see(*dear(rig))
    assert rig.reasons == [Miss.IN_FLIGHT]
    rig.tell(finished(rig.proposed[0]))
    rig.see(*dear(rig))
    assert rig.reasons == [Miss.IN_FLIGHT, Miss.COOL_DOWN]
    rig.run(500 * MILLISECOND)
    rig.see(*dear(rig))
    assert len(rig.proposed) == 2


def test_a_denied_plan_frees_its_pair_and_rests_too() -> None:
    rig = rig_of(A, B)
    rig.see(*dear(rig))
    made = rig.proposed[0]
    rig.tell(PlanDenied(plan_id=made.plan_id, strategy=made.strategy, code="x", detail="", at=rig.now))
    rig.see(*dear(rig))
    assert rig.reasons == [Miss.COOL_DOWN]
    assert rig.actor.view().in_flight == ()


def test_a_plan_of_an_earlier_incarnation_is_no_concern() -> None:
    rig = rig_of(A, B)
    rig.tell(
        PlanDenied(plan_id=PlanId("arb-r1-0"), strategy=StrategyId("arb"), code="x", detail="", at=rig.now),
        fill(PEG.instrument, Side.BUY, "1", "1"),
    )
    rig.see(*dear(rig))
    assert len(rig.proposed) == 1


# -- counting -----------------------------------------------------------------------------------------


def test_consecutive_snapshots_with_one_reason_are_one_episode() -> None:
    rig = rig_of(A, B)
    small, none = dear(rig, 100.1), dear(rig, 99.99)
    for quotes in (small, small, none, small, none, none):
        rig.see(*quotes)
    counted = rig.actor.view().missed[Miss.FEES]
    assert (counted.episodes, counted.snapshots) == (2, 3)


def test_an_episode_that_lasts_is_counted_before_it_ends() -> None:
    rig = rig_of(A, B)
    for changed in (0, 1, 0):
        rig.see(*dear(rig, 100.1), changed=changed)
    counted = rig.actor.view().missed[Miss.FEES]
    assert (counted.episodes, counted.snapshots) == (1, 3)


def test_a_reason_is_published_when_it_begins_and_then_sparingly() -> None:
    rig = rig_of(A, B, missed_interval_ms=1_000, quote_age_ms_max=100_000)
    quotes = dear(rig, 100.1)
    for _ in range(25):
        rig.see(*quotes)
        rig.run(100 * MILLISECOND)
    assert rig.reasons == [Miss.FEES] * 3
    assert rig.actor.view().missed[Miss.FEES].snapshots == 25


def test_a_flickering_difference_is_published_no_more_often() -> None:
    rig = rig_of(A, B, missed_interval_ms=1_000, quote_age_ms_max=100_000)
    for _ in range(10):
        rig.see(*dear(rig, 100.1))
        rig.see(*dear(rig, 99.99))
        rig.run(10 * MILLISECOND)
    assert rig.reasons == [Miss.FEES]
    assert rig.actor.view().missed[Miss.FEES].episodes == 10


def test_the_two_directions_of_a_pair_are_told_apart() -> None:
    rig = rig_of(A, B)
    rig.see(quote(A.instrument, 100.1, 100.2), quote(B.instrument, 99.9, 100.0))
    rig.see(quote(A.instrument, 99.9, 100.0), quote(B.instrument, 100.1, 100.2))
    assert [(one.buy, one.sell) for one in rig.published.of(OpportunityMissed)] == [
        (B.instrument, A.instrument),
        (A.instrument, B.instrument),
    ]
    assert rig.actor.view().missed[Miss.FEES].episodes == 2


def test_the_view_sums_up() -> None:
    rig = rig_of(A, B)
    rig.see(*dear(rig))
    view = rig.actor.view()
    assert (view.detected, view.expected_edge) == (1, Decimal("0.799"))
    assert view.last == tuple(rig.opportunities)
    assert view.in_flight == ("arb-r1-1",)
    assert view.missed == {}


# -- conversion ---------------------------------------------------------------------------------------

B_USDC = instrument("b:spot", quote=USDC)


def test_currencies_without_a_conversion_are_never_compared() -> None:
    rig = rig_of(A, B_USDC)
    rig.see(*dear(rig))
    assert (rig.proposed, rig.reasons) == ([], [])
    assert rig.actor.view().blocked == (B.instrument,)


@pytest.mark.parametrize("changed", [0, 1])
def test_a_stated_rate_values_the_other_currency(changed: int) -> None:
    rig = rig_of(A, B_USDC, conversions=(Conversion(asset=USDC, rate=Decimal("1.01")),), fees_bps="0")
    rig.see(*dear(rig, 100.0), changed=changed)
    assert rig.opportunities[0].gross_edge == 1
    assert rig.opportunities[0].sell_price == 100


@pytest.mark.parametrize("inverted", [False, True])
def test_a_conversion_book_values_the_other_currency_by_its_mid(inverted: bool) -> None:
    book = instrument("p:spot", "X", base=Asset("USDT"), quote=USDC) if inverted else PEG
    rig = rig_of(A, B_USDC, conversions=(Conversion(asset=USDC, book=book.instrument),), fees_bps="0")
    rig.tell(quote(book.instrument, 1.0, 1.0))
    rig.see(*dear(rig, 100.0))
    assert rig.actor.view().blocked == (B.instrument,), "its two currencies are not known yet"
    rig.listed(book)
    rig.tell(quote(book.instrument, *((0.799, 0.801) if inverted else (1.24, 1.26))))
    rig.see(*dear(rig, 81.0))
    assert rig.opportunities[0].gross_edge == Decimal("1.25")


def test_a_book_between_other_currencies_values_nothing() -> None:
    wrong = instrument("p:spot", "USDCUSDT", base=Asset("EUR"))
    rig = rig_of(A, B_USDC, conversions=(Conversion(asset=USDC, book=wrong.instrument),))
    rig.listed(wrong)
    rig.tell(quote(wrong.instrument, 1.0, 1.0), quote(C.instrument, 1.0, 1.0))
    assert rig.actor.view().blocked == (B.instrument,)


def test_a_broken_peg_is_told_and_nothing_is_traded_until_it_holds_again() -> None:
    conversion = Conversion(asset=USDC, rate=Decimal(1), book=PEG.instrument, depeg_bps_max=Decimal(50))
    rig = rig_of(A, B_USDC, conversions=(conversion,))
    rig.listed(PEG)
    rig.see(*dear(rig))
    assert rig.reasons == [Miss.CONVERSION_STALE]
    for bid in (0.994, 0.99, 0.997):
        rig.tell(quote(PEG.instrument, bid, bid, rig.now))
        rig.see(*dear(rig))
    assert rig.reasons == [Miss.CONVERSION_STALE, Miss.DEPEG]
    assert [(one.mid, one.holds) for one in rig.published.of(PegChanged)] == [
        (Decimal("0.994"), False),
        (Decimal("0.997"), True),
    ]
    assert len(rig.proposed) == 1


def test_an_old_conversion_is_not_traded_on() -> None:
    rig = rig_of(A, B_USDC, conversions=(Conversion(asset=USDC, book=PEG.instrument),), conversion_age_ms_max=500)
    rig.listed(PEG)
    rig.tell(quote(PEG.instrument, 1.0, 1.0))
    rig.run(501 * MILLISECOND)
    assert refused(rig, *dear(rig)) == Miss.CONVERSION_STALE


def test_without_a_venues_fees_there_is_no_detector() -> None:
    rig = rig_of(A, B)
    rig.setup.fees.pop(B.venue)  # type: ignore[attr-defined]  # a plain dict in this rig
    with pytest.raises(ConfigurationError, match="no fees are known for b:spot"):
        ArbitrageDetector(rig.setup)
