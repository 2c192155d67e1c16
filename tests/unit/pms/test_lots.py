"""First in, first out."""

from decimal import Decimal

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.lots import LOTS_MAX, Lot, Lots
from tests.support.seen import seen


def lots(*trades: tuple[int, int]) -> Lots:
    """Signed quantity and price, at 1, 2, 3 and so on."""
    made = Lots()
    for at, (signed, price) in enumerate(trades, 1):
        made.trade(Decimal(signed), Decimal(abs(signed) * price), Nanos(at))
    return made


def lot(quantity: int, cost: int, at: int) -> Lot:
    return Lot(Decimal(quantity), Decimal(cost), Nanos(at))


def test_every_opening_is_a_lot_of_its_own() -> None:
    assert list(lots((1, 100), (2, 110))) == [lot(1, 100, 1), lot(2, 220, 2)]


def test_closing_takes_the_oldest_lot_first_and_a_part_of_the_next() -> None:
    made = lots((1, 100), (2, 110), (-2, 120))
    assert list(made) == [lot(1, 110, 2)]
    assert made.gained == 20 + 10


def test_a_short_gains_when_it_is_bought_back_for_less() -> None:
    made = lots((-2, 100), (1, 90))
    assert made.gained == 10
    assert seen(made.quantity, made.cost) == (-1, 100)


def test_trading_through_zero_closes_every_lot_and_opens_one_on_the_other_side() -> None:
    made = lots((1, 100), (1, 110), (-5, 120))
    assert list(made) == [lot(3, 360, 3)]
    assert seen(made.quantity, made.gained) == (-3, 30)


def test_what_rounding_cut_off_one_part_is_in_the_next() -> None:
    made = Lots()
    made.trade(Decimal(3), Decimal(100), Nanos(1))
    for at in (2, 3, 4):
        made.trade(Decimal(-1), Decimal(0), Nanos(at))
    assert made.gained == -100


def test_of_too_many_lots_the_two_oldest_become_one() -> None:
    made = lots(*((1, 100 + number % 2) for number in range(LOTS_MAX + 1)))
    assert made.merged == 1
    assert next(iter(made)) == lot(2, 201, 1)
    assert seen(made.quantity, len(list(made))) == (LOTS_MAX + 1, LOTS_MAX)


def test_a_copy_is_independent() -> None:
    made = lots((1, 100))
    other = made.copy()
    other.trade(Decimal(-1), Decimal(150), Nanos(2))
    assert seen(made.quantity, made.gained, other.quantity, other.gained) == (1, 0, 0, 50)
