"""What people see of a load, and what becomes of the configuration for it."""

from io import StringIO

import pytest
from rich.console import Console

from integrated_trading_system.config.platform import Mode
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.history import HistoryKind
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.drivers.storage.past import Wanted
from integrated_trading_system.orchestrator.commands.loading import LoadOptions, ShownAsBars, ShownAsLines
from integrated_trading_system.orchestrator.history_loader import Progress

WANTED = Wanted(InstrumentId("binance:spot:BTCUSDT"), HistoryKind.CANDLES, "1m", Nanos(0), Nanos(100 * HOUR))


def options(*overrides: str, symbols: tuple[str, ...] = ("BTCUSDT",), config: str | None = None) -> LoadOptions:
    return LoadOptions("binance", symbols, "1m", 7.0, HistoryKind.CANDLES, config, overrides)


def test_lines_are_told_for_every_tenth_and_not_for_every_page() -> None:
    out = StringIO()
    shown = ShownAsLines(out)
    for hours in range(101):
        shown.show(Progress(WANTED, hours * HOUR, hours * 60))
    lines = out.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[5] == "binance:spot:BTCUSDT         50%  3000 rows"


def test_a_bar_shows_how_much_is_there() -> None:
    out = StringIO()
    shown = ShownAsBars(Console(file=out, force_terminal=True, width=100))
    shown.show(Progress(WANTED, 0, 0))
    shown.show(Progress(WANTED, 50 * HOUR, 3_000))
    shown.close()
    assert "binance:spot:BTCUSDT" in out.getvalue()
    assert " 50%" in out.getvalue()
    assert "3,000 rows" in out.getvalue()


def test_only_the_one_venue_is_there_and_nothing_that_subscribes_or_trades() -> None:
    settings = options(config="paper.yaml").settings()
    ((name, venue),) = settings.venues.items()
    assert (name, venue.on_demand, venue.symbols) == ("binance:spot", True, ("BTCUSDT",))
    assert (settings.strategies, settings.comparisons, settings.mode) == ((), (), Mode.PAPER)
    assert settings.storage.only_loaded


def test_without_a_database_or_symbols_there_is_nothing_to_do() -> None:
    with pytest.raises(ConfigurationError, match="nothing to load into"):
        options("feed.enable_historical_storage=false").settings()
    with pytest.raises(ConfigurationError, match="--symbols"):
        options(symbols=()).settings()
