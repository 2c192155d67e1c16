"""How each venue is, as a reason to trade there or not."""

from typing import Any

import pytest

from integrated_trading_system.domain.execution import RequestFailed, UserStreamChanged
from integrated_trading_system.domain.health import Alarm, AlarmKind, LinkChanged, LinkState, VenueBlocked
from integrated_trading_system.domain.ids import AccountId, LinkId, VenueId
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.risk.codes import Code
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import ACCOUNT, START, finished, leg, order, plan

PAIR = plan(leg(A.instrument, Side.BUY, "1", "100"), leg(B.instrument, Side.SELL, "1", "99.99"))


def stream(*, up: bool, account: AccountId = ACCOUNT) -> UserStreamChanged:
    return UserStreamChanged(venue=B.venue, account=account, up=up, received_at=START)


def link(state: LinkState) -> LinkChanged:
    return LinkChanged(B.venue, LinkId("1"), "market-0", state, "", START)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [stream(up=False), stream(up=True)],
        [stream(up=False, account=AccountId("another"))],
        [VenueBlocked(B.venue, "451", START), link(LinkState.LIVE)],
        [VenueBlocked(VenueId("c:spot"), "451", START)],
        [link(LinkState.CONNECT), link(LinkState.LIVE)],
    ],
    ids=["unheard-of", "stream-up-again", "another-account", "live-again", "another-venue", "connected"],
)
def test_a_venue_that_is_well_or_well_again_is_traded_on(messages: list[Any]) -> None:
    rig = RiskRig()
    rig.tell(*messages)
    assert rig.ask(PAIR) == "approved"


def test_an_order_in_doubt_counts_once_however_often_it_is_told() -> None:
    rig = RiskRig(venue_errors_max=1)
    assert rig.ask(PAIR) == "approved"
    for _ in range(3):
        rig.tell(order(PAIR, 1, "o-1", OrderStatus.UNKNOWN))
    assert rig.ask(plan(*PAIR.legs, name="p-2")) == "approved"
    rig.tell(order(PAIR, 1, "o-2", OrderStatus.UNKNOWN))
    assert rig.ask(plan(*PAIR.legs, name="p-3")) == Code.VENUE_ERRORS


def test_an_order_whose_fate_was_found_out_may_be_in_doubt_no_more_but_has_counted() -> None:
    rig = RiskRig(venue_errors_max=0)
    assert rig.ask(PAIR) == "approved"
    rig.tell(order(PAIR, 1, "o-1", OrderStatus.UNKNOWN), order(PAIR, 1, "o-1", OrderStatus.REJECTED), finished(PAIR))
    assert rig.ask(plan(*PAIR.legs, name="p-2")) == Code.VENUE_ERRORS


def test_what_a_venue_refuses_is_an_answer() -> None:
    rig = RiskRig(venue_errors_max=0)
    assert rig.ask(PAIR) == "approved"
    rig.tell(order(PAIR, 1, "o-1", OrderStatus.REJECTED))
    assert rig.ask(plan(*PAIR.legs, name="p-2")) == "approved"


def test_the_errors_of_one_venue_say_nothing_of_another() -> None:
    rig = RiskRig(venue_errors_max=0)
    rig.tell(RequestFailed(venue=B.venue, account=ACCOUNT, subject="fills", reason="500", received_at=START))
    assert rig.ask(plan(PAIR.legs[0])) == "approved"
    assert rig.ask(plan(PAIR.legs[1], name="p-2")) == Code.VENUE_ERRORS


def test_a_venue_that_refused_us_for_good_is_not_traded_on_because_a_link_tries_again() -> None:
    rig = RiskRig()
    rig.tell(VenueBlocked(B.venue, "451", START), link(LinkState.CONNECT))
    assert rig.ask(PAIR) == Code.VENUE_BLOCKED


def test_a_clock_that_was_never_called_wrong_may_be_called_right() -> None:
    rig = RiskRig()
    rig.tell(Alarm(B.venue, AlarmKind.CLOCK_OFFSET, raised=False, figure=3.0, limit=1000.0, at=START))
    assert rig.ask(PAIR) == "approved"
