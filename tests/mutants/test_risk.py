"""Mistakes that a risk manager could make, each noticed by the tests that are named for it."""

from typing import Final

import pytest

from tests.support.mutation import Mutant, pass_without, survives

GATE: Final = ("unit/risk/test_kill_switch.py",)
BOUNDARIES: Final = ("unit/risk/test_boundaries.py",)
DENIED: Final = ("unit/risk/test_limits.py::test_a_plan_that_breaks_one_rule_is_denied_by_its_name",)
GROWING: Final = (
    "unit/risk/test_limits.py::test_reducing_never_lets_a_position_grow_or_turn",
    "unit/risk/test_limits.py::test_two_reducing_plans_in_flight_together_cannot_turn_a_position",
    "unit/risk/test_limits.py::test_an_exceeded_limit_still_lets_through_what_does_not_exceed_it_more",
    "unit/risk/test_limits.py::test_risk_itself_may_close_what_others_opened_beyond_any_strategys_limit",
    "unit/risk/test_limits.py::test_two_legs_that_reduce_together_may_not_turn_a_position",
)
VALUES: Final = (
    "unit/risk/test_limits.py::test_a_contracts_multiplier_counts_in_every_sum",
    "unit/risk/test_limits.py::test_an_asset_without_a_stated_rate_is_worth_what_its_book_says_now",
    "unit/risk/test_manager.py::test_without_a_valid_book_the_last_price_holds",
)
EXPOSURE: Final = (
    "unit/risk/test_exposure.py",
    "unit/risk/test_manager.py::test_an_approved_plan_counts_in_full_until_it_is_finished",
    "unit/risk/test_manager.py::test_a_fill_moves_reserved_to_held_without_changing_the_worst_case",
    "unit/risk/test_manager.py::test_an_unknown_order_keeps_its_plan_reserved",
    "unit/risk/test_manager.py::test_fills_of_orders_that_are_not_ours_count_as_exposure",
    "unit/risk/test_manager.py::test_a_fill_after_its_plan_was_finished_still_counts",
    "unit/risk/test_manager.py::test_an_open_order_found_at_the_start_is_reserved_until_it_is_over",
)
STATES: Final = (
    "unit/risk/test_manager.py::test_nothing_is_sent_before_the_venues_are_reconciled",
    "unit/risk/test_manager.py::test_a_halt_survives_a_restart_until_somebody_resumes",
    "unit/risk/test_manager.py::test_the_restriction_to_reducing_survives_a_restart_until_somebody_resumes",
    "unit/risk/test_manager.py::test_the_first_reason_of_a_halt_stays",
)
LOSSES: Final = (
    "unit/risk/test_manager.py::test_fees_are_losses_in_whatever_asset_they_are_paid",
    "unit/risk/test_manager.py::test_a_position_that_turns_starts_anew_at_the_price_at_which_it_turned",
    "unit/risk/test_limits.py::test_a_contracts_multiplier_counts_in_every_sum",
)
LOOKOUT: Final = ("unit/risk/test_lookout.py",)
UNHEDGED: Final = ("unit/risk/test_unhedged.py",)
ROUND_TRIPS: Final = ("unit/risk/test_round_trips.py",)
RATES: Final = ("unit/risk/test_rates.py",)
REPETITION: Final = ("unit/risk/test_repetition.py",)
VENUES: Final = ("unit/risk/test_venues.py",)
IMPACT: Final = ("unit/risk/test_orders.py::test_the_average_of_the_whole_quantity_is_held_against_the_touch",)
REDUCTION: Final = (
    "unit/risk/test_manager.py::test_a_reduction_closes_the_position_a_little_beyond_the_touch",
    "unit/risk/test_manager.py::test_positions_that_outgrow_their_limit_are_cut_back_to_it_when_that_is_configured",
)

MUTANTS: Final = (
    # -- the gate
    Mutant(
        "the kill gate lets orders through while halted",
        "risk.kill_switch",
        "TradingState.HALTED: frozenset({Tag.ORDER}),",
        "TradingState.HALTED: frozenset(),",
        GATE,
    ),
    Mutant(
        "the kill gate stops cancels while halted",
        "risk.kill_switch",
        "TradingState.HALTED: frozenset({Tag.ORDER}),",
        "TradingState.HALTED: frozenset({Tag.ORDER, Tag.CANCEL}),",
        GATE,
    ),
    Mutant(
        "the kill gate stops what reduces",
        "risk.kill_switch",
        "TradingState.REDUCING: frozenset(),",
        "TradingState.REDUCING: frozenset({Tag.ORDER}),",
        GATE,
    ),
    Mutant(
        "the kill gate is open before anything is known",
        "risk.kill_switch",
        "self._state = TradingState.STARTING",
        "self._state = TradingState.ACTIVE",
        GATE,
    ),
    Mutant(
        "the kill gate does not hear of a halt",
        "risk.kill_switch",
        "        self._state = state\n",
        "        pass\n",
        GATE,
    ),
    Mutant(
        "a shadow run sends cancels",
        "risk.kill_switch",
        "tag in (Tag.ORDER, Tag.CANCEL)",
        "tag in (Tag.ORDER,)",
        GATE,
    ),
    # -- what is asked first
    Mutant(
        "a plan may leave after its last instant",
        "risk.admission",
        "if late > 0 else None",
        "if late > 1 else None",
        BOUNDARIES,
    ),
    Mutant(
        "a quote is never too old",
        "risk.admission",
        "if age > case.limits.quote_age_ms_max * MILLISECOND:",
        "if False:",
        BOUNDARIES,
    ),
    Mutant(
        "one plan more than allowed is in flight",
        "risk.admission",
        ">= most else None",
        "> most else None",
        BOUNDARIES,
    ),
    Mutant(
        "one repetition more is allowed",
        "risk.admission",
        "if count < case.limits.repeats_max:",
        "if count <= case.limits.repeats_max:",
        BOUNDARIES,
    ),
    Mutant(
        "one error of a venue less is allowed",
        "risk.admission",
        "if count > case.limits.venue_errors_max:",
        "if count >= case.limits.venue_errors_max:",
        BOUNDARIES,
    ),
    Mutant(
        "a currency may only be worth more than was stated",
        "risk.admission",
        "if abs(mid / stated - ONE) * BPS > bps:",
        "if (ONE - mid / stated) * BPS > bps:",
        BOUNDARIES,
    ),
    Mutant(
        "a peg whose book is not valid holds",
        "risk.admission",
        "        if mid is None:\n            return",
        "        if mid is None:\n            continue\n            return",
        DENIED,
    ),
    Mutant(
        "REDUCING lets increases through",
        "risk.admission",
        "case TradingState.REDUCING if not case.reducing:",
        "case TradingState.REDUCING if False:",
        GROWING,
    ),
    Mutant(
        "only the first leg can be latched",
        "risk.admission",
        "    for leg in case.plan.legs:\n        reason = case.state.repetition",
        "    for leg in case.plan.legs[:1]:\n        reason = case.state.repetition",
        DENIED,
    ),
    Mutant(
        "a latch is over with its window",
        "risk.admission",
        "if not case.state.repetition.latched:",
        "if not case.state.repetition.repeats(case.shape, case.state.now):",
        REPETITION,
    ),
    # -- each order by itself
    Mutant(
        "the collar does not bind sales",
        "risk.orders",
        "return price < priced.bid and (priced.bid - price) * BPS > priced.bid * bps",
        "return False",
        DENIED,
    ),
    Mutant(
        "a market order's reference may be anything",
        "risk.orders",
        "            leg.order_type is OrderType.MARKET and _beyond(leg.side.opposite, leg.price, priced, bps)\n",
        "            False\n",
        DENIED,
    ),
    Mutant(
        "a sale is held against the size on offer",
        "risk.orders",
        "priced.quote.ask_size if priced.leg.side is Side.BUY else priced.quote.bid_size",
        "priced.quote.ask_size",
        BOUNDARIES,
    ),
    Mutant(
        "an order's worth forgets the contract's multiplier",
        "risk.orders",
        "priced.instrument.notional(priced.limit, priced.leg.quantity)",
        "priced.limit * priced.leg.quantity",
        VALUES,
    ),
    Mutant(
        "a follower trades at its leader's first price",
        "risk.case",
        "self.limit = leg.price if leg.follows is None else leg.worst_price",
        "self.limit = leg.price",
        BOUNDARIES,
    ),
    Mutant(
        "the best price is that of all depth",
        "risk.orders",
        "        paid += taken * price\n",
        "        paid += taken * levels[0][0]\n",
        IMPACT,
    ),
    Mutant(
        "levels beyond the limit are hit",
        "risk.orders",
        "if (price - limit) * sign > 0:",
        "if False:",
        IMPACT,
    ),
    # -- money
    Mutant(
        "two legs of one purse are asked for one at a time",
        "risk.room",
        "needed[purse] = needed.get(purse, ZERO) + amount",
        "needed[purse] = amount",
        BOUNDARIES,
    ),
    Mutant(
        "all that is free is too little",
        "risk.room",
        "if free is not None and amount > free:",
        "if free is not None and amount >= free:",
        BOUNDARIES,
    ),
    Mutant(
        "closing a derivative needs margin",
        "risk.funds",
        "opened = max(leg.quantity - room, ZERO)",
        "opened = leg.quantity",
        BOUNDARIES,
    ),
    Mutant(
        "two legs close the same holding",
        "risk.funds",
        "closable[key] = max(room - leg.quantity, ZERO)",
        "closable[key] = room",
        BOUNDARIES,
    ),
    Mutant(
        "the margin of an inverse contract is in quote",
        "risk.funds",
        "        worth /= price\n",
        "        pass\n",
        BOUNDARIES,
    ),
    Mutant(
        "every venue lends alike",
        "risk.funds",
        "limits.leverage_of.get(instrument.venue, limits.leverage)",
        "limits.leverage",
        BOUNDARIES,
    ),
    # -- exposure
    Mutant(
        "what is in flight does not count",
        "risk.exposure",
        "return max(leg.quantity - net, ZERO)",
        "return ZERO",
        EXPOSURE,
    ),
    Mutant(
        "what was traded cannot be traded back",
        "risk.exposure",
        "return max(net, ZERO)",
        "return ZERO",
        EXPOSURE,
    ),
    Mutant(
        "a fill counts beside what was reserved for it",
        "risk.exposure",
        "            _forward(leg, after) - _forward(leg, before),\n",
        "            ZERO,\n",
        EXPOSURE,
    ),
    Mutant(
        "a sale adds to the position",
        "risk.exposure",
        "signed = fill.quantity * fill.side.sign",
        "signed = fill.quantity",
        REDUCTION,
    ),
    Mutant(
        "a short position is no size",
        "risk.exposure",
        "self.worst = max(high, -low)",
        "self.worst = max(high, low)",
        EXPOSURE,
    ),
    Mutant(
        "an UNKNOWN order found at the start is not reserved",
        "risk.exposure",
        "after = order.open_quantity",
        "after = ZERO if order.status.name == 'UNKNOWN' else order.open_quantity",
        EXPOSURE,
    ),
    Mutant(
        "a plan gives its room back with its first answer",
        "risk.manager",
        "                state.exposure.order(message)\n",
        "                state.exposure.order(message)\n                self._release(message.request.plan_id)\n",
        EXPOSURE,
    ),
    Mutant(
        "a plan keeps its room for ever",
        "risk.exposure",
        "self._move_leg(in_flight.plan.strategy, leg, ZERO, -_forward(leg, net), -_back(net))",
        "pass",
        EXPOSURE,
    ),
    Mutant(
        "a fill after the end of its plan is nobody's",
        "risk.exposure",
        "            return self._external(fill, signed)\n",
        "            return EXTERNAL\n",
        EXPOSURE,
    ),
    Mutant(
        "a plan of before the restart is reserved as if it had done nothing",
        "risk.exposure",
        "self._move_leg(plan.strategy, leg, ZERO, _forward(leg, net), _back(net))",
        "self._move_leg(plan.strategy, leg, ZERO, leg.quantity, ZERO)",
        EXPOSURE,
    ),
    Mutant(
        "legs of one holding reduce one at a time",
        "risk.exposure",
        "asked[key] = asked.get(key, ZERO) + leg.quantity",
        "asked[key] = leg.quantity",
        GROWING,
    ),
    Mutant(
        "plans in flight do not matter to who reduces",
        "risk.exposure",
        "room = self.low if side is Side.SELL else -self.high",
        "room = self.position if side is Side.SELL else -self.position",
        GROWING,
    ),
    # -- limits of exposure
    Mutant(
        "a limit is one step too low",
        "risk.room",
        "        if grown > 0 and after > limit:\n            return Denial(Code.POSITION",
        "        if grown > 0 and after >= limit:\n            return Denial(Code.POSITION",
        BOUNDARIES,
    ),
    Mutant(
        "a position beyond its limit may not be turned to one within it",
        "risk.room",
        "        if grown > 0 and after > limit:\n            return Denial(Code.POSITION",
        "        if after > limit:\n            return Denial(Code.POSITION",
        GROWING,
    ),
    Mutant(
        "a venue's limit is any other venue's",
        "risk.room",
        "limits.venue_notional_max_of.get(name, limits.venue_notional_max)",
        "next(iter(limits.venue_notional_max_of.values()), limits.venue_notional_max)",
        BOUNDARIES,
    ),
    Mutant(
        "a venue is as much as its last instrument",
        "risk.case",
        "self.venues[venue] = self.venues.get(venue, ZERO) + grown",
        "self.venues[venue] = grown",
        BOUNDARIES,
    ),
    Mutant(
        "an asset is as much as its last instrument",
        "risk.case",
        "high, low = self.assets.get(asset, (ZERO, ZERO))",
        "high, low = ZERO, ZERO",
        BOUNDARIES,
    ),
    Mutant(
        "a strategy's limit holds for what risk closes",
        "risk.room",
        "    if name == STRATEGY:\n",
        "    if False:\n",
        GROWING,
    ),
    Mutant(
        "what the strategy holds already does not count",
        "risk.room",
        "after = case.state.worths.strategies.get(name, ZERO) + case.growth.own",
        "after = case.growth.own",
        BOUNDARIES,
    ),
    Mutant(
        "the multiplier of a contract is forgotten",
        "risk.worth",
        "return line.instrument.notional(line.mark, ONE) * line.rate",
        "return line.mark * line.rate",
        VALUES,
    ),
    Mutant(
        "every currency is worth the same",
        "risk.worth",
        "return line.instrument.notional(line.mark, ONE) * line.rate",
        "return line.instrument.notional(line.mark, ONE)",
        VALUES,
    ),
    Mutant(
        "a holding keeps the worth that it had",
        "risk.worth",
        "            self._add(line, difference * line.size, difference * line.high, difference * line.low)\n",
        "            pass\n",
        VALUES,
    ),
    # -- losses
    Mutant(
        "fees are no losses",
        "risk.losses",
        " - self._fee(fill, instrument)",
        "",
        LOSSES,
    ),
    Mutant(
        "a short gains when its price rises",
        "risk.losses",
        "min(abs(quantity), abs(before)) * (1 if before > 0 else -1)",
        "min(abs(quantity), abs(before))",
        LOSSES,
    ),
    Mutant(
        "turning through zero keeps the old cost",
        "risk.losses",
        "        if not after or (after > 0) is not (before > 0):\n",
        "        if False:\n",
        LOSSES,
    ),
    Mutant(
        "a contract earns as if it were one unit",
        "risk.losses",
        "return lot.trade(signed, fill.price) * instrument.multiplier, instrument.quote",
        "return lot.trade(signed, fill.price), instrument.quote",
        LOSSES,
    ),
    Mutant(
        "what is open is no part of the drawdown",
        "risk.losses",
        "return self._peak - self.net - self.unrealised",
        "return self._peak - self.net",
        LOOKOUT,
    ),
    Mutant(
        "what is open is no part of today's loss",
        "risk.losses",
        "return self._opening - self.net - self.unrealised if",
        "return self._opening - self.net if",
        LOOKOUT,
    ),
    Mutant(
        "a day begins without what was open",
        "risk.losses",
        "self._opening = self.net + self.unrealised",
        "self._opening = self.net",
        LOOKOUT,
    ),
    Mutant(
        "a price undoes an operator's resume",
        "risk.lookout",
        " and self._lost_on != state.now // DAY",
        "",
        LOOKOUT,
    ),
    Mutant(
        "a drawdown halts again at once",
        "risk.lookout",
        "elif state.losses.drawdown * 2 <= settings.drawdown_max:",
        "else:",
        LOOKOUT,
    ),
    Mutant(
        "exactly what is allowed out of balance halts",
        "risk.lookout",
        "if area > settings.unhedged_halt_max:",
        "if area >= settings.unhedged_halt_max:",
        UNHEDGED,
    ),
    Mutant(
        "losses are booked before the start is complete",
        "risk.lookout",
        "if not state.reconciled or not self._unbooked:",
        "if not self._unbooked:",
        LOOKOUT,
    ),
    Mutant(
        "a missing purchase is no imbalance",
        "risk.unhedged",
        "one.worth = abs(nets.get(strategy, ZERO))",
        "one.worth = nets.get(strategy, ZERO)",
        UNHEDGED,
    ),
    Mutant(
        "what a leg is paid with is still held",
        "risk.round_trips",
        "amounts[instrument.quote] += flows[name] * instrument.multiplier",
        "pass",
        ROUND_TRIPS,
    ),
    Mutant(
        "fees in what was bought are still held",
        "risk.round_trips",
        "amounts[asset] -= paid",
        "pass",
        ROUND_TRIPS,
    ),
    Mutant(
        "half a round trip is balanced",
        "risk.round_trips",
        "found[strategy] = max(",
        "found[strategy] = abs(sum(worths, ZERO)) if worths else max(",
        ROUND_TRIPS,
    ),
    Mutant(
        "old imbalance counts when there is a new one",
        "risk.unhedged",
        "            if one.worth <= self._floor:\n",
        "            if False:\n",
        UNHEDGED,
    ),
    Mutant(
        "exactly the limit of today's loss is too much",
        "risk.room",
        "if today <= limits.daily_loss_max:",
        "if today < limits.daily_loss_max:",
        BOUNDARIES,
    ),
    # -- rates
    Mutant(
        "a window holds both of its ends",
        "risk.rates",
        "now - spent[0] >= self._window",
        "now - spent[0] > self._window",
        RATES,
    ),
    Mutant(
        "what is claimed is free",
        "risk.rates",
        "return self._limit - self._claimed - len(self._spent)",
        "return self._limit - len(self._spent)",
        RATES,
    ),
    Mutant(
        "what was sent is given back when the plan ends",
        "risk.rates",
        "    claims[index] -= claims[index] > 0\n",
        "",
        RATES,
    ),
    Mutant(
        "cancels are no messages",
        "risk.rates",
        "messages += first + (leg.time_in_force is TimeInForce.GTC)",
        "messages += first",
        BOUNDARIES,
    ),
    Mutant(
        "an order in doubt was not sent",
        "risk.rates",
        "if order.status in (OrderStatus.INTENDED, OrderStatus.SUBMITTED):",
        "if order.status in (OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):",
        RATES,
    ),
    Mutant(
        "one order more leaves",
        "risk.room",
        "if count <= orders.room(case.state.now):",
        "if count <= orders.room(case.state.now) + 1:",
        BOUNDARIES,
    ),
    # -- repetition and venues
    Mutant(
        "half of what was planned is nothing",
        "risk.repetition",
        "if traded * 2 < leg.quantity:",
        "if traded * 2 <= leg.quantity:",
        REPETITION,
    ),
    Mutant(
        "a restart lifts latches",
        "risk.repetition",
        "for one in latched\n",
        "for one in ()\n",
        REPETITION,
    ),
    Mutant(
        "what happened a whole window ago still counts",
        "risk.tally",
        "now - log[0][0] >= self._window",
        "now - log[0][0] > self._window",
        BOUNDARIES,
    ),
    Mutant(
        "an order in doubt counts whenever it is told",
        "risk.venues",
        " and name not in self._doubted",
        "",
        VENUES,
    ),
    Mutant(
        "a venue that refused us is asked again because a link tries",
        "risk.venues",
        "if message.state is LinkState.LIVE:",
        "if True:",
        VENUES,
    ),
    Mutant(
        "one account that hears nothing makes all deaf",
        "risk.admission",
        "if (priced.venue, priced.leg.account) in case.state.venues.deaf:",
        "if priced.venue in [venue for venue, _ in case.state.venues.deaf]:",
        VENUES,
    ),
    # -- the trading state
    Mutant(
        "a restart lifts a halt",
        "risk.state",
        "self.halted = past.halted",
        "self.halted = None",
        STATES,
    ),
    Mutant(
        "a restart lifts the restriction to reducing",
        "risk.state",
        "self.reducing = past.reducing",
        "self.reducing = None",
        STATES,
    ),
    Mutant(
        "resuming leaves the restriction to reducing",
        "risk.manager",
        "state.halted = state.reducing = None",
        "state.halted = None",
        STATES,
    ),
    Mutant(
        "trading begins before the venues are reconciled",
        "risk.state",
        "if not self.reconciled:",
        "if False:",
        STATES,
    ),
    Mutant(
        "a later reason replaces the first of a halt",
        "risk.manager",
        "        if self._state.halted is None:\n",
        "        if self._state.halted != reason:\n",
        STATES,
    ),
    # -- reducing by ourselves
    Mutant(
        "a position is cut back to nothing",
        "risk.reduction",
        "holding.reducible(side) - keep",
        "holding.reducible(side)",
        REDUCTION,
    ),
    Mutant(
        "a reduction is priced away from the market",
        "risk.reduction",
        "touch * (ONE + bps / BPS * side.sign)",
        "touch * (ONE - bps / BPS * side.sign)",
        REDUCTION,
    ),
    Mutant(
        "a reduction may grow a position",
        "risk.reduction",
        "reduce_only=True",
        "reduce_only=False",
        REDUCTION,
    ),
)


@pytest.mark.parametrize("killers", sorted({mutant.killers for mutant in MUTANTS}), ids=str)
def test_without_a_mistake_they_pass(killers: tuple[str, ...]) -> None:
    assert not pass_without(killers)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_the_mistake_is_noticed(mutant: Mutant) -> None:
    assert not survives(mutant), f"nobody noticed that {mutant.claim}"
