"""The life of a link is a table: every state is reached, and every state but DOWN can be lost."""

from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.venues.connector.links.life import NEXT, Step


def test_every_state_is_entered_and_left_by_some_step() -> None:
    assert {state for state, _ in NEXT} == set(LinkState)
    assert set(NEXT.values()) == set(LinkState)


def test_every_step_is_in_the_table() -> None:
    assert {step for _, step in NEXT} == set(Step)


def test_every_state_but_down_can_be_lost() -> None:
    lost = {state for (state, step), after in NEXT.items() if step is Step.LOST and after is LinkState.DOWN}
    assert lost == set(LinkState) - {LinkState.DOWN}


def test_live_is_left_only_to_drain_or_down() -> None:
    assert {after for (state, _), after in NEXT.items() if state is LinkState.LIVE} == {LinkState.DRAIN, LinkState.DOWN}
