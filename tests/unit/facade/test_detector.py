"""The detector that is fed by hand: after fees, from fresh prices, at most what is allowed."""

from decimal import Decimal

import pytest

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.facade.detector import ArbitrageDetector

SETTINGS = ArbitrageSettings(notional_max=Decimal(1_000), edge_bps_min=Decimal(2), decay_bps_per_ms=Decimal("0.01"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def detector(clock: Clock) -> ArbitrageDetector:
    return ArbitrageDetector(SETTINGS, {"binance": 10, "bybit": 10, "a": 0, "b": 0, "c": 0}, clock)


async def tell(detector: ArbitrageDetector, exchange: str, bid: float, ask: float, **more: float) -> None:
    await detector.update_market_data(
        exchange, "BTCUSDT", {"price": bid, "bid": bid, "ask": ask, "volume": 5.0, **more}
    )


async def test_what_is_left_after_both_fees_is_an_opportunity(detector: ArbitrageDetector) -> None:
    await tell(detector, "binance", 9_990.0, 10_000.0)
    await tell(detector, "bybit", 10_100.0, 10_110.0)
    found = await detector.detect_price_arbitrage("BTCUSDT")
    assert found is not None
    assert (found.buy, found.sell) == ("binance:spot:BTCUSDT", "bybit:linear:BTCUSDT")
    assert (found.quantity, found.buy_price, found.sell_price) == (Decimal("0.1"), Decimal(10_000), Decimal(10_100))
    assert found.gross_edge == 10
    assert found.fees == Decimal("2.01")
    assert found.edge == Decimal("7.99")
    assert found.edge_bps == pytest.approx(79.9)


async def test_what_fees_eat_is_none(detector: ArbitrageDetector) -> None:
    await tell(detector, "binance", 9_990.0, 10_000.0)
    await tell(detector, "bybit", 10_021.0, 10_030.0)
    assert await detector.detect_price_arbitrage("BTCUSDT") is None


async def test_the_same_exchange_is_never_compared_with_itself(detector: ArbitrageDetector) -> None:
    await tell(detector, "a", 9_990.0, 10_000.0)
    await tell(detector, "a", 10_100.0, 10_110.0)
    assert await detector.detect_price_arbitrage("BTCUSDT") is None


async def test_of_several_directions_the_one_that_brings_most_is_told(detector: ArbitrageDetector) -> None:
    await tell(detector, "a", 9_990.0, 10_000.0)
    await tell(detector, "b", 10_050.0, 10_060.0)
    await tell(detector, "c", 10_100.0, 10_110.0)
    found = await detector.detect_price_arbitrage("BTCUSDT")
    assert found is not None
    assert (found.buy, found.sell) == ("a:BTCUSDT", "c:BTCUSDT")


async def test_prices_that_are_too_old_do_not_count(detector: ArbitrageDetector, clock: Clock) -> None:
    await tell(detector, "a", 9_990.0, 10_000.0)
    clock.now += SETTINGS.quote_age_ms_max / 1_000 + 0.001
    await tell(detector, "b", 10_100.0, 10_110.0)
    assert await detector.detect_price_arbitrage("BTCUSDT") is None


async def test_prices_further_apart_in_time_are_worth_less(detector: ArbitrageDetector, clock: Clock) -> None:
    await tell(detector, "a", 9_990.0, 10_000.0)
    clock.now += 0.5
    await tell(detector, "b", 10_100.0, 10_110.0)
    found = await detector.detect_price_arbitrage("BTCUSDT")
    assert found is not None
    assert found.edge == 10 - Decimal("0.5")  # 500 ms at 0.01 bps of 1000 each
    assert found.bound == 500_000_000


async def test_what_is_too_good_to_be_true_is_none(detector: ArbitrageDetector) -> None:
    await tell(detector, "a", 9_990.0, 10_000.0)
    await tell(detector, "b", 11_000.0, 11_010.0)
    assert await detector.detect_price_arbitrage("BTCUSDT") is None


async def test_sizes_limit_the_quantity_where_they_are_told(detector: ArbitrageDetector) -> None:
    await tell(detector, "a", 9_990.0, 10_000.0, ask_size=0.03)
    await tell(detector, "b", 10_100.0, 10_110.0, bid_size=0.02)
    found = await detector.detect_price_arbitrage("BTCUSDT")
    assert found is not None
    assert found.quantity == Decimal("0.02")


async def test_a_price_alone_stands_for_bid_and_ask(detector: ArbitrageDetector) -> None:
    await detector.update_market_data("a", "BTCUSDT", {"price": 10_000.0})
    await detector.update_market_data("b", "BTCUSDT", {"price": 10_100.0})
    found = await detector.detect_price_arbitrage("BTCUSDT")
    assert found is not None
    assert (found.buy_price, found.sell_price) == (Decimal(10_000), Decimal(10_100))


async def test_an_exchange_without_a_stated_fee_pays_ten_basis_points(clock: Clock) -> None:
    detector = ArbitrageDetector(SETTINGS, clock=clock)
    await tell(detector, "a", 9_990.0, 10_000.0)
    await tell(detector, "b", 10_100.0, 10_110.0)
    found = await detector.detect_price_arbitrage("BTCUSDT")
    assert found is not None
    assert found.fees == Decimal("2.01")


async def test_a_symbol_that_was_never_told_of_has_none(detector: ArbitrageDetector) -> None:
    assert await detector.detect_price_arbitrage("ETHUSDT") is None


@pytest.mark.parametrize(
    ("bid", "ask"), [(-1.0, 1.0), (2.0, 1.0), (1.0, float("inf")), (float("nan"), 1.0), (1.0, float("nan"))]
)
async def test_prices_that_are_none_are_refused(detector: ArbitrageDetector, bid: float, ask: float) -> None:
    with pytest.raises(ConfigurationError, match="cannot both be right"):
        await tell(detector, "a", bid, ask)


async def test_every_opportunity_has_a_name_of_its_own(detector: ArbitrageDetector) -> None:
    await tell(detector, "a", 9_990.0, 10_000.0)
    await tell(detector, "b", 10_100.0, 10_110.0)
    first, second = [await detector.detect_price_arbitrage("BTCUSDT") for _ in range(2)]
    assert first is not None
    assert second is not None
    assert first.plan_id != second.plan_id
