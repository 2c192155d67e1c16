"""Mistakes that the accounting could make, each noticed by the tests that are named for it."""

from typing import Final

import pytest

from tests.support.mutation import Mutant, pass_without, survives

LEDGER: Final = ("unit/pms/test_ledger.py", "properties/test_ledger.py")
LOTS: Final = ("unit/pms/test_lots.py",)
FEES: Final = ("unit/pms/test_fees.py",)
AUDIT: Final = ("unit/pms/test_audit.py",)
MANAGER: Final = ("unit/pms/test_manager.py",)

MUTANTS: Final = (
    # -- the ledger
    Mutant(
        "a sale adds to the position",
        "pms.ledger",
        "signed = fill.side.sign * fill.quantity",
        "signed = fill.quantity",
        LEDGER,
    ),
    Mutant(
        "a purchase brings quote in",
        "pms.ledger",
        "instrument.quote, -fill.side.sign * worth",
        "instrument.quote, fill.side.sign * worth",
        LEDGER,
    ),
    Mutant(
        "a fee is received",
        "pms.ledger",
        "self._flow(fill, instrument, fee.asset, -fee.amount)",
        "self._flow(fill, instrument, fee.asset, fee.amount)",
        LEDGER,
    ),
    Mutant(
        "a fee is booked in the quote asset, whatever it was paid in",
        "pms.ledger",
        "self._flow(fill, instrument, fee.asset, -fee.amount)",
        "self._flow(fill, instrument, instrument.quote, -fee.amount)",
        LEDGER,
    ),
    Mutant(
        "a fee does not move the balance",
        "pms.ledger",
        "self._flow(fill, instrument, fee.asset, -fee.amount)",
        "pass",
        LEDGER,
    ),
    Mutant("a short gains when its price rises", "pms.ledger", "long=self.quantity > 0)", "long=True)", LEDGER),
    Mutant(
        "closing a short gains when its price rises",
        "pms.ledger",
        "profit = self._signed(left_at - entered_at, long=held > 0)",
        "profit = self._signed(left_at - entered_at, long=True)",
        LEDGER,
    ),
    Mutant(
        "an inverse contract gains like a linear one",
        "pms.ledger",
        "return gain if long is not (self.instrument.kind is Kind.INVERSE) else -gain",
        "return gain if long else -gain",
        LEDGER,
    ),
    Mutant(
        "an inverse contract is worth its price",
        "pms.ledger",
        "return (quantity * instrument.multiplier / price).quantize(CENT)",
        "return quantity * instrument.multiplier * price",
        LEDGER,
    ),
    Mutant(
        "the contract's multiplier is forgotten",
        "pms.ledger",
        "return quantity * instrument.multiplier * price",
        "return quantity * price",
        LEDGER,
    ),
    Mutant(
        "turning through zero keeps the old cost",
        "pms.ledger",
        "self.cost += (value - left_at) - entered_at",
        "self.cost -= entered_at",
        LEDGER,
    ),
    Mutant(
        "fills are counted in the order in which they come",
        "pms.ledger",
        "if not recent or not rank.before(recent[-1][0]):",
        "if True:",
        LEDGER,
    ),
    Mutant(
        "a derivative moves the base asset",
        "pms.ledger",
        "if instrument.kind is Kind.SPOT:\n            self._flow",
        "if True:\n            self._flow",
        LEDGER,
    ),
    Mutant("the profit of a derivative never reaches the account", "pms.ledger", "elif profit:", "elif False:", LEDGER),
    Mutant(
        "funding told twice is booked twice",
        "pms.ledger",
        "        if key in self._funded:\n            return False\n",
        "",
        LEDGER,
    ),
    Mutant(
        "funding received is paid",
        "pms.ledger",
        "self.flows.get(purse, ZERO) + paid.amount",
        "self.flows.get(purse, ZERO) - paid.amount",
        LEDGER,
    ),
    # -- lots and fees
    Mutant("the newest lot is closed first", "pms.lots", "lot = self._lots[0]", "lot = self._lots[-1]", LOTS),
    Mutant(
        "a closed part of a lot keeps its cost",
        "pms.lots",
        "lot.cost - into, lot.opened_at)",
        "lot.cost, lot.opened_at)",
        LOTS,
    ),
    Mutant(
        "a short's lots gain like a long's",
        "pms.lots",
        "self.gained += out - into if self.long else into - out",
        "self.gained += out - into",
        LOTS,
    ),
    Mutant(
        "what is left after closing all opens nothing",
        "pms.lots",
        "        if left:\n",
        "        if left and not self._lots and self.long is long:\n",
        LOTS,
    ),
    Mutant("a fee without a rate is free", "pms.fees", "paid.apart += amount", "pass", FEES),
    Mutant(
        "fees are valued at today's rate",
        "pms.fees",
        "cost += paid.worth if today is None else",
        "cost += paid.worth if True else",
        FEES,
    ),
    # -- against the venues' word
    Mutant(
        "an outside flow is believed at once",
        "pms.audit",
        "if now - known.since < self._external_after:",
        "if False:",
        AUDIT,
    ),
    Mutant(
        "an outside flow is never believed",
        "pms.audit",
        "if now - known.since < self._external_after:",
        "if True:",
        AUDIT,
    ),
    Mutant(
        "a difference that changes keeps its age",
        "pms.audit",
        "if known is None or known.amount != amount:",
        "if known is None:",
        AUDIT,
    ),
    Mutant(
        "an outside flow is counted twice", "pms.audit", "        self._opening[purse] = opening + amount\n", "", AUDIT
    ),
    Mutant(
        "an asset's first report counts our fills as having been there",
        "pms.audit",
        "total - self._flow(purse)\n            return",
        "total\n            return",
        AUDIT,
    ),
    Mutant(
        "silence of a complete report says nothing",
        "pms.audit",
        "        if report.complete:\n            for purse",
        "        if False:\n            for purse",
        AUDIT,
    ),
    # -- the manager
    Mutant(
        "balances are compared while a fill may be missing",
        "pms.manager",
        "owner in self._unsettled.values() or ",
        "",
        MANAGER,
    ),
    Mutant(
        "a report older than our last fill is compared",
        "pms.manager",
        "return (report.venue_time or report.received_at) >= self._traded_at.get(owner, Nanos(0))",
        "return True",
        MANAGER,
    ),
    Mutant(
        "a stream that lags behind overwrites what was asked",
        "pms.manager",
        "if 0 < message.venue_time < self._reported_at.get(owner, Nanos(0)):",
        "if False:",
        MANAGER,
    ),
)


@pytest.mark.parametrize("killers", sorted({mutant.killers for mutant in MUTANTS}), ids=str)
def test_without_a_mistake_they_pass(killers: tuple[str, ...]) -> None:
    assert not pass_without(killers)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_the_mistake_is_noticed(mutant: Mutant) -> None:
    assert not survives(mutant), f"nobody noticed that {mutant.claim}"
