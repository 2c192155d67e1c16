"""One two-leg trade, killed before and after every journal commit and every send, and started again.

The exchange lives on while we are down: requests that had left still arrive. After each restart, by
the one start path, no fill is lost, no order is placed twice, and the ledger equals the exchange's.
"""

import pytest

from integrated_trading_system.orchestrator.campaign.trial import Trial
from integrated_trading_system.orchestrator.platform import OMS
from tests.support.crash import settings, story

SECONDS = 15.0


@pytest.fixture(scope="module")
def undisturbed() -> Trial:
    return story(settings(), SECONDS)


def test_the_trade_itself_is_two_orders_and_balances(undisturbed: Trial) -> None:
    assert undisturbed.violations == []
    view = undisturbed.platform.system.view(OMS)
    assert (view.submitted, view.filled) == (2, 2)
    places = [place for place in undisturbed.boundaries if place.endswith("place")]
    assert places == ["before place", "after place"] * 2
    assert undisturbed.boundaries.count("before commit") > 6


def test_killed_at_any_boundary_nothing_is_lost_and_nothing_is_doubled(undisturbed: Trial) -> None:
    first_send = undisturbed.boundaries.index("after place")
    for boundary in range(len(undisturbed.boundaries)):
        killed = story(settings(), SECONDS, boundary)
        assert killed.lives == 2, boundary
        assert killed.violations == [], (boundary, killed.boundaries[boundary])
        traded = killed.platform.system.view(OMS).filled > 0
        assert traded is (boundary >= first_send), "what had left traded; what had not never did"


def test_killed_again_while_recovering_the_end_is_the_same(undisturbed: Trial) -> None:
    placed = undisturbed.boundaries.index("after place")
    for second in range(placed + 1, placed + 9):
        killed = story(settings(), SECONDS, placed, second)
        assert killed.lives == 3, second
        assert killed.violations == [], second


@pytest.mark.parametrize("seed", range(2))
def test_an_arbitrage_strategy_killed_in_the_middle_of_its_trades_recovers_too(seed: int) -> None:
    def arbitrage(*crash_at: int) -> Trial:
        chosen = settings(seed, name="arb", strategy="arbitrage", settings={"cool_down_ms": 0})
        return story(chosen, 20.0, *crash_at)

    whole = arbitrage()
    assert whole.platform.system.view(OMS).filled > 2
    sends = [index for index, place in enumerate(whole.boundaries) if place == "after place"]
    for boundary in sends[1::9]:
        killed = arbitrage(boundary)
        assert killed.violations == [], (seed, boundary)
