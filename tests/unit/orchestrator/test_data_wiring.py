"""Which venues of a run are traded on, and that the others hold nobody up."""

from pathlib import Path

from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.orchestrator.platform import OMS
from tests.support.virtual_platform import STREAMS, VirtualPlatform, dev_settings

COINM = InstrumentId("binance:coinm:BTCUSD_PERP")


def test_a_venue_that_we_cannot_trade_on_gives_data_and_the_others_trade(tmp_path: Path) -> None:
    venues = {
        name: {"symbols": [symbol], "streams": STREAMS}
        for name, symbol in (
            ("binance:spot", "BTCUSDT"),
            ("binance:coinm", "BTCUSD_PERP"),
            ("bybit:linear", "BTCUSDT"),
        )
    }
    run = VirtualPlatform(dev_settings(tmp_path, venues=venues))
    run.run(10)
    assert run.platform.books.state(COINM) is BookState.VALID
    assert run.platform.system.view(OMS).filled > 0
