"""Questions, and the first comparison with the venues."""

from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.reconciliation import TRIES_MAX, About, Questions, StartOfDay

A, B = AccountId("a:spot/main"), AccountId("b:spot/main")
OPEN_A, OPEN_B = (About.OPEN_ORDERS, A), (About.OPEN_ORDERS, B)
FILLS_A, BALANCES_A = (About.FILLS, InstrumentId("a:spot:XY"), A), (About.BALANCES, A)


def test_a_question_is_asked_once_while_its_answer_may_come() -> None:
    questions = Questions(Nanos(10), Nanos(30))
    assert questions.ask(OPEN_A, A, Nanos(0))
    assert not questions.ask(OPEN_A, A, Nanos(5))
    assert questions.ask(OPEN_A, A, Nanos(5), again=True), "only a later answer will do"
    questions.answered(OPEN_A, Nanos(6))
    assert len(questions) == 0
    assert questions.ask(OPEN_A, A, Nanos(6))


def test_an_unanswered_question_is_repeated_with_longer_and_longer_pauses() -> None:
    questions = Questions(Nanos(10), Nanos(30))
    questions.ask(OPEN_A, A, Nanos(0))
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


def congested() -> Questions:
    """Three questions, of which the venue's limits had room for none."""
    questions = Questions(Nanos(10), Nanos(30))
    asked = (OPEN_A, FILLS_A, BALANCES_A)
    assert all(questions.ask(question, A, Nanos(0)) for question in asked)
    for question in asked:
        questions.no_room(question)
    return questions


def test_where_there_is_no_room_questions_are_asked_one_by_one_in_the_order_in_which_they_came() -> None:
    questions = congested()
    assert questions.overdue(Nanos(10)) == [OPEN_A]
    assert questions.answered(OPEN_A, Nanos(11)) == FILLS_A
    assert questions.answered(FILLS_A, Nanos(12)) == BALANCES_A
    assert questions.answered(BALANCES_A, Nanos(13)) is None
    assert questions.ask(OPEN_A, A, Nanos(14)), "there is room again"


def test_what_is_asked_often_does_not_overtake_what_waits() -> None:
    questions = congested()
    questions.overdue(Nanos(10))
    questions.answered(OPEN_A, Nanos(11))
    assert not questions.ask(OPEN_A, A, Nanos(12))
    assert not questions.ask(BALANCES_A, A, Nanos(12), again=True)
    assert questions.ask(OPEN_B, B, Nanos(12)), "another account has room of its own"
    order = [FILLS_A, questions.answered(FILLS_A, Nanos(13)), questions.answered(BALANCES_A, Nanos(14))]
    assert order == [FILLS_A, BALANCES_A, OPEN_A]


def test_the_first_of_the_line_is_tried_at_short_intervals_and_in_the_end_makes_way() -> None:
    questions = congested()
    tried = []
    for now in range(10, 10 * (TRIES_MAX + 3), 10):
        (first,) = questions.overdue(Nanos(now))
        questions.no_room(first)
        tried.append(first)
    assert tried == [OPEN_A] * TRIES_MAX + [FILLS_A] * 2


def test_where_only_a_later_answer_will_do_the_first_of_the_line_goes_to_its_end_once_answered() -> None:
    questions = congested()
    questions.overdue(Nanos(10))
    assert not questions.ask(OPEN_A, A, Nanos(11), again=True)
    following = [questions.answered(each, Nanos(12)) for each in (OPEN_A, FILLS_A, BALANCES_A)]
    assert following == [FILLS_A, BALANCES_A, OPEN_A]
    assert questions.answered(OPEN_A, Nanos(13)) is None
    assert len(questions) == 0


def test_a_question_that_was_answered_before_its_turn_leaves_the_line() -> None:
    questions = congested()
    assert questions.answered(FILLS_A, Nanos(1)) is None
    assert questions.overdue(Nanos(10)) == [OPEN_A]
    assert questions.answered(OPEN_A, Nanos(11)) == BALANCES_A
