"""Candles made here from a simulated exchange's trades are those that the exchange tells when it is asked later."""

from pathlib import Path

import pytest

from integrated_trading_system.domain.history import HistoryFailed, HistoryKind, HistoryPage, LoadHistory
from integrated_trading_system.domain.ids import InstrumentId, venue_of
from integrated_trading_system.domain.intervals import opened_at
from integrated_trading_system.domain.market import Candle
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.orchestrator.platform import connector_name
from tests.support.collector import Collector
from tests.support.virtual_platform import START, VirtualPlatform, dev_settings

INTERVALS = ("1m", "3m", "5m")
MINUTES = 11
"""The first one is not complete: the stream began in it."""
SYMBOLS = {"binance:spot": "BTCUSDT", "binance:usdm": "BTCUSDT", "bybit:linear": "BTCUSDT"}

Values = tuple[float, float, float, float, float, int]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Collector:
    """What a run made, and what its venues then told of the same time."""
    settings = dev_settings(
        Path(tmp_path_factory.mktemp("candles")),
        venues={venue: {"symbols": [symbol], "streams": ["trades", "quotes"]} for venue, symbol in SYMBOLS.items()},
        comparisons=[],
        strategies=[],
        candles={"intervals": INTERVALS},
        simulation={"updates_per_second": 5},
    )
    run = VirtualPlatform(settings)
    collector = Collector()
    for kind in (Candle, HistoryPage, HistoryFailed):
        run.platform.system.bus.subscribe(kind, collector)
    run.run(MINUTES * 60 + 10)
    for venue, symbol in SYMBOLS.items():
        for interval in INTERVALS:
            order = LoadHistory(
                request=f"{venue} {interval}",
                instrument=InstrumentId(f"{venue}:{symbol}"),
                kind=HistoryKind.CANDLES,
                interval=interval,
                start=START,
                end=Nanos(START + MINUTES * MINUTE),
            )
            run.platform.system.tell(connector_name(venue_of(order.instrument)), order)
    run.run(5)
    return collector


def values(candle: Candle) -> Values:
    return candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("venue", SYMBOLS)
def test_complete_candles_made_here_equal_the_exchanges_own(told: Collector, venue: str, interval: str) -> None:
    instrument = f"{venue}:{SYMBOLS[venue]}"
    made = {
        candle.opened_at: candle
        for candle in told.of(Candle)
        if candle.instrument == instrument and candle.interval == interval and candle.closed and candle.complete
    }
    theirs = {
        candle.opened_at: candle
        for page in told.of(HistoryPage)
        if (page.instrument, page.interval) == (instrument, interval)
        for candle in page.candles
        if candle.closed
    }
    assert told.of(HistoryFailed) == []
    assert len(made) >= {"1m": 10, "3m": 2, "5m": 1}[interval]
    assert all(at == opened_at(interval, at) for at in made)
    for at, candle in made.items():
        same = values(theirs[at])
        # Bybit's candles do not say of how many trades they are.
        assert values(candle)[:5] == same[:5]
        assert candle.trades == same[5] or same[5] == 0
        assert candle.quote_volume == pytest.approx(theirs[at].quote_volume, rel=1e-12)
        assert candle.made
        assert not theirs[at].made
