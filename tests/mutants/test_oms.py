"""Mistakes that the order management could make, each noticed by the tests that are named for it.

Those that only a hostile venue brings to light are in ``properties/test_oms_campaign.py``.
"""

from typing import Final

import pytest

from tests.support.mutation import Mutant, pass_without, survives

LIFE: Final = ("unit/oms/test_lifecycle.py",)
STATE: Final = ("unit/oms/test_state.py", "properties/test_oms_stateful.py")
IDS: Final = ("unit/oms/test_identifiers.py",)
RECORDS: Final = ("unit/oms/test_records.py",)
FATE: Final = ("unit/oms/test_manager_fate.py",)
LEGS: Final = ("unit/oms/test_manager_legs.py",)
SENDING: Final = ("unit/oms/test_manager_sending.py",)
RECOVERY: Final = ("unit/oms/test_manager_recovery.py",)
ASKING: Final = ("unit/oms/test_reconciliation.py",)
HOLDING: Final = ("unit/oms/test_holding.py",)

MUTANTS: Final = (
    # -- the life of an order
    Mutant(
        "an order without an answer is taken for rejected",
        "oms.lifecycle",
        "(SUBMITTED, Evidence.UNCERTAIN): UNKNOWN",
        "(SUBMITTED, Evidence.UNCERTAIN): REJECTED",
        LIFE,
    ),
    Mutant(
        "one refusal ends an order",
        "oms.lifecycle",
        "(SUBMITTED, Evidence.REFUSED): UNKNOWN",
        "(SUBMITTED, Evidence.REFUSED): REJECTED",
        LIFE,
    ),
    Mutant(
        "what was under way is unsent after a restart",
        "oms.lifecycle",
        "(SUBMITTED, Evidence.RESTARTED): UNKNOWN",
        "(SUBMITTED, Evidence.RESTARTED): REJECTED",
        LIFE,
    ),
    Mutant(
        "an intent is kept for later after a restart",
        "oms.lifecycle",
        "    (INTENDED, Evidence.RESTARTED): UNKNOWN,\n",
        "",
        RECOVERY,
    ),
    Mutant(
        "a forgotten order that traded is rejected",
        "oms.lifecycle",
        "(WORKING, Evidence.ABSENT): CANCELLED",
        "(WORKING, Evidence.ABSENT): REJECTED",
        LIFE,
    ),
    Mutant(
        "a fill of a finished order is nothing unusual",
        "oms.lifecycle",
        "        *((status, Evidence.TRADED) for status in TERMINAL),\n",
        "",
        LIFE,
    ),
    Mutant(
        "FILLED is believed without the fills",
        "oms.lifecycle",
        "if done is None or done is FILLED or order.filled != order.venue_filled:",
        "if done is None or order.filled != order.venue_filled:",
        LIFE,
    ),
    Mutant(
        "an order is over although fills are missing",
        "oms.lifecycle",
        " or order.filled != order.venue_filled:",
        ":",
        LIFE,
    ),
    Mutant(
        "an order is over although more was executed than we own",
        "oms.lifecycle",
        "order.filled != order.venue_filled",
        "order.filled > order.venue_filled",
        LIFE,
    ),
    Mutant(
        "an order that traded all is not over",
        "oms.lifecycle",
        "if order.filled >= order.request.quantity:",
        "if order.filled > order.request.quantity:",
        LIFE,
    ),
    # -- the state
    Mutant(
        "two halves of one trade are one fill",
        "oms.state",
        "return fill.instrument, fill.account, fill.side, fill.trade_id",
        "return fill.instrument, fill.account, Side.BUY, fill.trade_id",
        FATE,
    ),
    Mutant(
        "fees of one asset overwrite one another",
        "oms.state",
        "tracked.fees.get(fill.fee.asset, ZERO) + fill.fee.amount",
        "fill.fee.amount",
        LEGS,
    ),
    Mutant(
        "the value of a fill is its price",
        "oms.state",
        "tracked.value += fill.price * fill.quantity",
        "tracked.value += fill.price",
        LEGS,
    ),
    Mutant(
        "a start may repeat",
        "oms.state",
        "assert record.fence > self.fence,",
        "assert record.fence >= self.fence,",
        STATE,
    ),
    Mutant(
        "an id may be used twice",
        "oms.state",
        "assert request.client_order_id not in self.orders,",
        "assert True,",
        STATE,
    ),
    Mutant(
        "a fill is not added up", "oms.state", "filled=order.filled + fill.quantity,", "filled=fill.quantity,", STATE
    ),
    Mutant(
        "trade ids are never forgotten",
        "oms.state",
        "while len(self.trades) > self._trades_kept_max:",
        "while False:",
        STATE,
    ),
    Mutant(
        "finished orders are never forgotten",
        "oms.state",
        "while len(self._finished) > self._orders_kept_max:",
        "while False:",
        STATE,
    ),
    Mutant(
        "an order is not found by the venue's id",
        "oms.state",
        "if tracked is None and venue is not None:",
        "if False:",
        STATE,
    ),
    Mutant(
        "an order is found in another instrument or on another account",
        "oms.state",
        "return tracked if tracked is not None and tracked.where == (instrument, account) else None",
        "return tracked",
        STATE,
    ),
    # -- identity
    Mutant("two runs share ids", "oms.identifiers", 'f"its{self._fence:x}z{number:x}"', 'f"itsz{number:x}"', IDS),
    Mutant(
        "fence and order run into one another",
        "oms.identifiers",
        'f"its{self._fence:x}z{number:x}"',
        'f"its{self._fence:x}{number:x}"',
        IDS,
    ),
    Mutant(
        "a number too large for the venue is issued",
        "oms.identifiers",
        "        if value > number_max:\n",
        "        if False:\n",
        IDS,
    ),
    Mutant(
        "an order number runs into the fence",
        "oms.identifiers",
        "if order_bits < 1 or number >> order_bits:",
        "if order_bits < 1:",
        IDS,
    ),
    Mutant(
        "an id that was refused is used up",
        "oms.identifiers",
        "number = self._issued + 1\n",
        "number = self._issued = self._issued + 1\n",
        IDS,
    ),
    # -- the journal's records
    Mutant("a record of a newer program is read", "oms.records", "if version > VERSION:", "if False:", RECORDS),
    # -- asking
    Mutant(
        "a question is repeated at once", "oms.reconciliation", "if now < asked.at + asked.pause:", "if False:", ASKING
    ),
    Mutant(
        "where there is no room whoever asks often is first",
        "oms.reconciliation",
        "            line.setdefault(question)\n            return False\n",
        "            line.setdefault(question)\n",
        ASKING,
    ),
    Mutant(
        "the pause between repetitions has no end",
        "oms.reconciliation",
        "min(Nanos(2 * asked.pause), self._pause_max)",
        "Nanos(2 * asked.pause)",
        ASKING,
    ),
    Mutant(
        "trading begins before every venue has answered",
        "oms.reconciliation",
        "not all(account.begun and not account.unanswered for",
        "not any(account.begun and not account.unanswered for",
        ASKING,
    ),
    Mutant(
        "trading begins before anything was asked",
        "oms.reconciliation",
        "all(account.begun and not account.unanswered for",
        "all(not account.unanswered for",
        RECOVERY,
    ),
    # -- fees in what was bought
    Mutant(
        "the fee is traded back, too",
        "oms.holding",
        "min(unpaid, self._there(leg.account, instrument))",
        "min(ahead, self._there(leg.account, instrument) + self.fees[index])",
        HOLDING,
    ),
    Mutant(
        "what another leg was paid with is still there",
        "oms.holding",
        "min(unpaid, self._there(leg.account, instrument))",
        "unpaid",
        HOLDING,
    ),
    Mutant(
        "every account is supplied by every other",
        "oms.holding",
        "if (other.account, one.base) == (leg.account, instrument.base):",
        "if one.base == instrument.base:",
        HOLDING,
    ),
    Mutant(
        "what an open sale may yet take is sold twice",
        "oms.holding",
        "moved = -request.quantity if sold else",
        "moved = -order.filled if sold else",
        HOLDING,
    ),
)


@pytest.mark.parametrize("killers", sorted({mutant.killers for mutant in MUTANTS}), ids=str)
def test_without_a_mistake_they_pass(killers: tuple[str, ...]) -> None:
    assert not pass_without(killers)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_the_mistake_is_noticed(mutant: Mutant) -> None:
    assert not survives(mutant), f"nobody noticed that {mutant.claim}"
