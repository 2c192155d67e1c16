"""Expected funding: the announced rate at every payment until the end, and None where nothing is known."""

from decimal import Decimal

from integrated_trading_system.domain.market import FundingRate
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.strategies.funding import FundingRates
from tests.support.trading import START, instrument

P = instrument("p:perp").instrument


def announced(rate: float, in_hours: float, at: int = START) -> FundingRate:
    return FundingRate(P, rate, Nanos(int(at + in_hours * HOUR)), Nanos(at), Nanos(at))


def expected(rates: FundingRates, hours: float, now: int = START) -> Decimal | None:
    return rates.expected(P, Nanos(now), Nanos(int(now + hours * HOUR)))


def test_every_payment_until_the_end_counts() -> None:
    rates = FundingRates()
    rates.tell(announced(0.0001, 2))
    assert expected(rates, 1.9) == 0
    assert expected(rates, 2) == Decimal("0.0001")
    assert expected(rates, 24) == Decimal("0.0003")


def test_the_interval_is_learned_from_two_announcements() -> None:
    rates = FundingRates()
    rates.tell(announced(0.0001, 1))
    rates.tell(announced(-0.0002, 2))
    assert expected(rates, 4) == Decimal("-0.0006")


def test_a_payment_that_is_past_is_followed_by_the_next_until_it_is_too_long_ago() -> None:
    rates = FundingRates()
    rates.tell(announced(0.0001, 1))
    later = START + 2 * HOUR
    assert expected(rates, 6.9, later) == 0
    assert expected(rates, 7, later) == Decimal("0.0001")
    assert expected(rates, 24, START + 18 * HOUR) is None


def test_without_an_announcement_nothing_is_known_and_history_announces_nothing() -> None:
    rates = FundingRates()
    assert expected(rates, 24) is None
    rates.tell(announced(0.0001, -8))
    assert expected(rates, 24) is None
