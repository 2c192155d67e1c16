"""Mistakes that the arbitrage strategy could make, each noticed by the tests that are named for it."""

from typing import Final

import pytest

from tests.support.mutation import Mutant, pass_without, survives

SIZING: Final = ("unit/strategies/arbitrage/test_sizing.py",)
COSTS: Final = ("unit/strategies/arbitrage/test_costs.py",)
RESTING: Final = ("unit/strategies/test_resting.py",)
PARTS: Final = (
    "unit/strategies/arbitrage/test_detector.py::test_the_expected_edge_is_told_in_parts",
    "unit/strategies/arbitrage/test_detector.py::test_time_takes_its_part_of_the_edge",
)
SIZE: Final = (
    "unit/strategies/arbitrage/test_detector.py::test_it_walks_both_books_as_far_as_every_unit_pays",
    "unit/strategies/arbitrage/test_detector.py::test_levels_better_than_the_quote_are_of_a_book_that_lags_behind",
    "unit/strategies/arbitrage/test_detector.py::test_both_legs_are_whole_lots_of_their_venues",
    "unit/strategies/arbitrage/test_detector.py::test_contracts_and_multiples_are_matched_in_base_units",
    "unit/strategies/arbitrage/test_detector.py::test_neither_leg_is_sent_when_one_of_them_is_below_its_venues_minimum",
)
INVENTORY: Final = (
    "unit/strategies/arbitrage/test_detector.py::test_it_sells_no_more_than_is_free_there",
    "unit/strategies/arbitrage/test_detector.py::test_what_a_plan_in_flight_may_use_is_not_used_twice",
    "unit/strategies/arbitrage/test_detector.py::test_fills_move_the_inventory_between_reports",
)
REFUSED: Final = (
    "unit/strategies/arbitrage/test_detector.py::test_what_is_too_good_is_not_true",
    "unit/strategies/arbitrage/test_detector.py::test_quotes_too_far_apart_are_not_compared",
    "unit/strategies/arbitrage/test_detector.py::test_nothing_is_proposed_unless_trading_is_active",
    "unit/strategies/arbitrage/test_detector.py::test_one_plan_of_a_pair_is_in_flight_and_then_the_pair_rests",
)
CONVERSION: Final = (
    "unit/strategies/arbitrage/test_detector.py::test_a_conversion_book_values_the_other_currency_by_its_mid",
    "unit/strategies/arbitrage/test_detector.py::test_a_broken_peg_is_told_and_nothing_is_traded_until_it_holds_again",
    "unit/strategies/arbitrage/test_detector.py::test_an_old_conversion_is_not_traded_on",
)

MUTANTS: Final = (
    # -- what it costs
    Mutant(
        "only the purchase pays a fee",
        "strategies.arbitrage.sizing",
        "fees = bought * costs.buy_fee + sold * costs.sell_fee",
        "fees = bought * costs.buy_fee",
        PARTS,
    ),
    Mutant(
        "a unit pays although the fee of its sale takes it all",
        "strategies.arbitrage.sizing",
        "return sell * (ONE - self.sell_fee) >=",
        "return sell >=",
        SIZING,
    ),
    Mutant(
        "an order that trades at once pays the maker's fee",
        "strategies.arbitrage.charges",
        "whole = (fees.maker_bps if maker else fees.taker_bps) / BPS",
        "whole = fees.maker_bps / BPS",
        PARTS,
    ),
    Mutant(
        "the discount holds although its asset is used up",
        "strategies.arbitrage.charges",
        "return reduced if free * rate >= self._settings.notional_max * reduced else whole",
        "return reduced",
        COSTS,
    ),
    Mutant(
        "time adds to the edge",
        "strategies.arbitrage.sizing",
        "return self.decay + self.edge_min",
        "return -self.decay + self.edge_min",
        PARTS,
    ),
    Mutant(
        "the edge that is told is before decay",
        "strategies.arbitrage.sizing",
        "edge = gross - fees - slippage - decay - funding - conversion",
        "edge = gross - fees - slippage - funding - conversion",
        PARTS,
    ),
    Mutant(
        "who pays funding receives it",
        "strategies.arbitrage.charges",
        "total += sign * paid",
        "total -= sign * paid",
        COSTS,
    ),
    Mutant(
        "a perpetual of unknown funding costs nothing",
        "strategies.arbitrage.charges",
        "            if paid is None:\n                return None\n",
        "            if paid is None:\n                continue\n",
        COSTS,
    ),
    # -- how much of it there is
    Mutant(
        "the best price is that of all depth",
        "strategies.arbitrage.sizing",
        "value += step * rung.value",
        "value += step * rungs[0].value",
        SIZE,
    ),
    Mutant(
        "a book that lags behind is believed",
        "strategies.arbitrage.sizing",
        "[level for level in levels if level[0] > quote.ask]",
        "list(levels)",
        SIZE,
    ),
    Mutant(
        "our own orders are depth",
        "strategies.arbitrage.sizing",
        "from_float(size) - own.get(exact, ZERO) if own else from_float(size)",
        "from_float(size)",
        COSTS,
    ),
    Mutant(
        "our orders are looked for on our own side",
        "strategies.resting",
        "self._levels.get((instrument, side.opposite), {})",
        "self._levels.get((instrument, side), {})",
        RESTING,
    ),
    Mutant(
        "an order of ours that may stand there does not",
        "strategies.resting",
        "_NOWHERE: Final = TERMINAL | {OrderStatus.INTENDED}",
        "_NOWHERE: Final = TERMINAL | {OrderStatus.INTENDED, OrderStatus.UNKNOWN}",
        RESTING,
    ),
    Mutant(
        "a contract is one unit",
        "strategies.arbitrage.conversion",
        "return Unit(instrument, instrument.multiplier * multiplier, rate / multiplier)",
        "return Unit(instrument, multiplier, rate / multiplier)",
        SIZE,
    ),
    Mutant(
        "the larger lot is a common one",
        "strategies.arbitrage.sizing",
        "Decimal(math.lcm(*whole))",
        "Decimal(max(whole))",
        SIZE,
    ),
    Mutant(
        "only the purchase has a minimum",
        "strategies.arbitrage.decision",
        "zip((buy, sell), legs, strict=True)",
        "zip((buy,), legs[:1], strict=True)",
        SIZE,
    ),
    # -- what we have
    Mutant(
        "more is sold than lies there",
        "strategies.arbitrage.decision",
        "round_down(min(wanted, can_buy, can_sell), lot)",
        "round_down(min(wanted, can_buy), lot)",
        INVENTORY,
    ),
    Mutant(
        "the fee of a purchase is not paid from the same purse",
        "strategies.arbitrage.inventory",
        "            needed *= ONE + fee  # which is charged on top\n",
        "            pass\n",
        INVENTORY,
    ),
    Mutant(
        "what a plan in flight may use is used twice",
        "strategies.arbitrage.inventory",
        "                self._balances.hold(plan.plan_id, *spent)\n",
        "                pass\n",
        INVENTORY,
    ),
    Mutant(
        "fills move no inventory",
        "strategies.arbitrage.inventory",
        "        self._balances.fill(fill, instrument)\n",
        "",
        INVENTORY,
    ),
    # -- when it is left alone
    Mutant(
        "too good is true",
        "strategies.arbitrage.decision",
        "if (ratio - 1.0) * 1e4 > settings.edge_bps_max:",
        "if False:",
        REFUSED,
    ),
    Mutant(
        "quotes of different times are compared",
        "strategies.arbitrage.decision",
        "if snapshot.bound > settings.bound_ms_max * MILLISECOND:",
        "if False:",
        REFUSED,
    ),
    Mutant(
        "a pair never rests",
        "strategies.arbitrage.detector",
        "return Miss.COOL_DOWN if at < pair.cool_until else None",
        "return None",
        REFUSED,
    ),
    Mutant(
        "it proposes while only reducing is allowed",
        "strategies.arbitrage.detector",
        "if self.trading is not TradingState.ACTIVE:",
        "if self.trading not in (TradingState.ACTIVE, TradingState.REDUCING):",
        REFUSED,
    ),
    # -- other currencies
    Mutant(
        "a book the other way round is read as it stands",
        "strategies.arbitrage.conversion",
        "book.mid = mid = ONE / mid if book.inverted else mid",
        "book.mid = mid",
        CONVERSION,
    ),
    Mutant(
        "a broken peg holds",
        "strategies.arbitrage.conversion",
        "return None if book.holds else Miss.DEPEG",
        "return None",
        CONVERSION,
    ),
    Mutant(
        "a conversion is never too old",
        "strategies.arbitrage.conversion",
        "if book.mid is None or now - book.received_at > self._age_max:",
        "if book.mid is None:",
        CONVERSION,
    ),
)


@pytest.mark.parametrize("killers", sorted({mutant.killers for mutant in MUTANTS}), ids=str)
def test_without_a_mistake_they_pass(killers: tuple[str, ...]) -> None:
    assert not pass_without(killers)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_the_mistake_is_noticed(mutant: Mutant) -> None:
    assert not survives(mutant), f"nobody noticed that {mutant.claim}"
