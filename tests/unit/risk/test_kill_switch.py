"""The gate's table, written out: what leaves in which trading state."""

import pytest

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.risk.kill_switch import KillGate, allows


@pytest.mark.parametrize(
    ("state", "orders_pass"),
    [
        (TradingState.STARTING, False),
        (TradingState.ACTIVE, True),
        (TradingState.REDUCING, True),
        (TradingState.HALTED, False),
    ],
)
def test_orders_leave_only_while_trading(state: TradingState, orders_pass: bool) -> None:
    assert allows(state, Tag.ORDER) is orders_pass


@pytest.mark.parametrize("state", list(TradingState))
@pytest.mark.parametrize("tag", [Tag.CANCEL, Tag.QUERY, Tag.DATA])
def test_cancels_queries_and_data_always_leave(state: TradingState, tag: Tag) -> None:
    assert allows(state, tag)


def test_a_new_gate_lets_no_order_through() -> None:
    assert not KillGate().allows(Tag.ORDER)


def test_a_halt_holds_from_the_very_next_output() -> None:
    gate = KillGate()
    gate.set(TradingState.ACTIVE)
    assert gate.allows(Tag.ORDER)
    gate.set(TradingState.HALTED)
    assert not gate.allows(Tag.ORDER)
    assert gate.allows(Tag.CANCEL)
    assert gate.state is TradingState.HALTED


def test_the_gate_counts_what_it_passed_and_what_it_refused() -> None:
    gate = KillGate()
    gate.allows(Tag.ORDER)
    gate.allows(Tag.CANCEL)
    gate.allows(Tag.CANCEL)
    view = gate.view()
    assert (view.refused["order"], view.passed["cancel"], view.passed["order"]) == (1, 2, 0)


@pytest.mark.parametrize("state", list(TradingState))
def test_a_silent_gate_lets_neither_order_nor_cancel_through_in_any_state(state: TradingState) -> None:
    gate = KillGate(silent=True)
    gate.set(state)
    assert not gate.allows(Tag.ORDER)
    assert not gate.allows(Tag.CANCEL)
    assert gate.allows(Tag.QUERY)
    assert gate.allows(Tag.DATA)
