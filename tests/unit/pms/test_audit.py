"""Our ledger against the venues' balances."""

from decimal import Decimal

from integrated_trading_system.domain.ids import AccountId, Asset
from integrated_trading_system.domain.position import ExternalFlow, OpeningBalance
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.audit import Audit
from integrated_trading_system.pms.ledger import Purse
from tests.support.pms_orders import ACCOUNT, VENUE, reported

PURSE = Purse(VENUE, ACCOUNT, Asset("USDT"))


class Rig:
    def __init__(self, openings: dict[Purse, Decimal] | None = None) -> None:
        self.flows: dict[Purse, Decimal] = {}
        self.opened: list[OpeningBalance] = []
        self.audit = Audit(lambda purse: self.flows.get(purse, Decimal(0)), Nanos(10), openings or {})

    def report(self, total: str, now: int, *, complete: bool = True) -> list[Decimal]:
        found = self.audit.report(reported(complete=complete, USDT=total), Nanos(now))
        self.opened += [each for each in found if isinstance(each, OpeningBalance)]
        return [each.amount for each in found if isinstance(each, ExternalFlow)]


def test_the_first_report_is_the_opening_balance() -> None:
    rig = Rig()
    assert rig.report("100", 0) == []
    assert rig.audit.expected() == {PURSE: 100}
    assert [opened.amount for opened in rig.opened] == [100]
    rig.report("100", 1)
    assert len(rig.opened) == 1


def test_an_asset_that_is_first_named_after_we_traded_it_opened_without_our_trades() -> None:
    rig = Rig()
    rig.flows[PURSE] = Decimal(2)
    rig.report("2", 0)
    assert [opened.amount for opened in rig.opened] == [0]
    assert rig.audit.expected() == {PURSE: 2}


def test_what_our_fills_explain_is_no_difference() -> None:
    rig = Rig()
    rig.report("100", 0)
    rig.flows[PURSE] = Decimal(-30)
    assert rig.report("70", 5) == []
    assert rig.audit.differences == {}


def test_a_difference_that_goes_away_was_a_fill_on_its_way() -> None:
    rig = Rig()
    rig.report("100", 0)
    assert rig.report("70", 5) == []
    assert rig.audit.differences == {PURSE: -30}
    rig.flows[PURSE] = Decimal(-30)
    assert rig.report("70", 20) == []
    assert rig.audit.external == rig.audit.differences == {}


def test_a_difference_that_stays_is_a_flow_from_outside_and_taken_over() -> None:
    rig = Rig()
    rig.report("100", 0)
    assert rig.report("107", 5) == []
    assert rig.report("107", 14) == []
    assert rig.report("107", 15) == [7]
    assert rig.audit.expected() == {PURSE: 107}
    assert rig.audit.external == {PURSE: 7}
    assert rig.report("107", 30) == []


def test_flows_from_outside_name_their_account_and_add_up() -> None:
    rig = Rig()
    rig.report("100", 0)
    assert [rig.report(total, now) for total, now in (("107", 5), ("107", 15), ("110", 20))] == [[], [7], []]
    (flow,) = rig.audit.report(reported(USDT="110"), Nanos(30))
    assert flow == ExternalFlow(venue=VENUE, account=ACCOUNT, asset=Asset("USDT"), amount=Decimal(3), at=Nanos(30))
    assert rig.audit.external == {PURSE: 10}


def test_a_difference_that_changes_starts_its_time_anew() -> None:
    rig = Rig()
    rig.report("100", 0)
    rig.report("107", 5)
    assert rig.report("108", 15) == []
    assert rig.report("108", 25) == [8]


def test_a_complete_report_means_zero_where_it_is_silent() -> None:
    rig = Rig()
    rig.report("100", 0)
    rig.audit.report(reported(complete=False), Nanos(1))
    assert rig.audit.differences == {}
    rig.audit.report(reported(), Nanos(2))
    assert rig.audit.differences == {PURSE: -100}


def test_another_accounts_report_says_nothing_about_ours() -> None:
    rig = Rig({Purse(VENUE, AccountId("other"), Asset("USDT")): Decimal(5)})
    rig.report("100", 0)
    assert rig.audit.differences == {}


def test_what_earlier_runs_counted_from_is_the_opening_balance() -> None:
    rig = Rig({PURSE: Decimal(100)})
    rig.flows[PURSE] = Decimal(-30)
    rig.report("75", 0)
    assert rig.report("75", 10) == [5], "it came while nobody looked"
