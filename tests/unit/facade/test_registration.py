"""What a user's callback gets of each kind of data, and that it is shown among the platform's callbacks."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import FundingRate, MarkPrice, PolledQuote, Quote
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.facade.data import BUFFERS, MESSAGES, DataType
from integrated_trading_system.facade.registration import Registration
from integrated_trading_system.facade.tickers import Tickers
from integrated_trading_system.orchestrator.platform import Platform
from tests.support.virtual_platform import PERP, VirtualPlatform, dev_settings

BTC = InstrumentId(PERP)
NOW = Nanos(5 * SECOND)
STREAMED = Quote(BTC, 100.0, 1.0, 102.0, 1.0, 7, NOW, NOW)
POLLED = PolledQuote(BTC, Quote(BTC, 110.0, 1.0, 112.0, 1.0, -1, Nanos(0), NOW))
MARK = MarkPrice(BTC, 101.0, 100.5, NOW, NOW)
FUNDING = FundingRate(BTC, 0.0001, NOW, NOW, NOW)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return VirtualPlatform(dev_settings(tmp_path)).platform


async def heard(platform: Platform, data_type: DataType, venue: str | None = None) -> list[Any]:
    """What a callback of this kind is called with, when everything above is published."""
    found: list[Any] = []
    registration = Registration(data_type, found.append, venue, None)
    registration.attach(platform, Tickers(platform), lag_s=60.0)
    for message in (STREAMED, POLLED, MARK, FUNDING):
        platform.system.bus.publish(message)
    assert registration.callback is not None
    while registration.callback.statistics().waiting:
        await asyncio.sleep(0)
    registration.detach()
    return found


async def test_tickers_go_on_by_rest_while_the_stream_is_down_and_say_so(platform: Platform) -> None:
    found = await heard(platform, DataType.TICKER)
    assert [(ticker.bid, ticker.polled) for ticker in found] == [(100.0, False), (110.0, True)]


async def test_quotes_come_from_the_stream_only(platform: Platform) -> None:
    assert await heard(platform, DataType.QUOTE) == [STREAMED]


@pytest.mark.parametrize(("data_type", "message"), [(DataType.MARK_PRICE, MARK), (DataType.FUNDING, FUNDING)])
async def test_mark_prices_and_funding_are_told_as_they_are(
    platform: Platform, data_type: DataType, message: Any
) -> None:
    assert await heard(platform, data_type) == [message]
    assert await heard(platform, data_type, "bybit") == [message]
    assert await heard(platform, data_type, "binance") == []


def test_every_kind_of_data_makes_calls_and_has_a_buffer() -> None:
    assert set(MESSAGES) == set(BUFFERS) == set(DataType)


async def test_a_callback_is_shown_with_the_platforms_own(platform: Platform) -> None:
    await heard(platform, DataType.MARK_PRICE)
    (one,) = platform.callbacks.statistics()
    assert (one.delivered, one.suspended) == (1, False)
