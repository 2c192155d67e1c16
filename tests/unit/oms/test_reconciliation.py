"""Questions, and the first comparison with the venues."""

from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.reconciliation import About, Questions, StartOfDay

A, B = AccountId("a:spot/main"), AccountId("b:spot/main")
OPEN_A, OPEN_B = (About.OPEN_ORDERS, A), (About.OPEN_ORDERS, B)


def test_a_question_is_asked_once_while_its_answer_may_come() -> None:
    questions = Questions(Nanos(10), Nanos(30))
    assert questions.ask(OPEN_A, Nanos(0))
    assert not questions.ask(OPEN_A, Nanos(5))
    assert questions.ask(OPEN_A, Nanos(5), again=True), "only a later answer will do"
    questions.answered(OPEN_A)
    assert len(questions) == 0
    assert questions.ask(OPEN_A, Nanos(6))


def test_an_unanswered_question_is_repeated_with_longer_and_longer_pauses() -> None:
    questions = Questions(Nanos(10), Nanos(30))
    questions.ask(OPEN_A, Nanos(0))
    repeated = [now for now in range(120) if questions.overdue(Nanos(now))]
    assert repeated == [10, 30, 60, 90]


def test_the_day_starts_once_every_account_has_answered_everything() -> None:
    day = StartOfDay((A, B))
    assert not day.listed(A)
    assert day.heard(A)
    day.begin(A, (OPEN_A,))
    assert day.begun(A)
    assert not day.heard(A), "begun already"
    assert not day.heard(B)
    assert day.listed(B)
    day.begin(B, (OPEN_B,))
    day.answered(OPEN_A)
    assert not day.finished()
    day.answered(OPEN_B)
    assert day.finished()
    assert not day.finished(), "told once"
