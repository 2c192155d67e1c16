"""The examples do what they say."""

from decimal import Decimal
from pathlib import Path

import pytest

from examples import best_prices, place_an_order, watch_coins, watch_prices
from integrated_trading_system.domain.ids import ActorName, StrategyId
from integrated_trading_system.orchestrator.platform import OMS
from tests.support.virtual_platform import SPOT, VirtualPlatform, dev_settings

ROOT = Path(__file__).resolve().parents[2]


async def test_watching_prices_hears_both_venues(tmp_path: Path) -> None:
    stats = await watch_prices.watch(tickers=30, state_dir=str(tmp_path / "state"))
    assert set(stats) == {"binance:BTCUSDT", "bybit:BTCUSDT"}
    assert all(figures["message_count"] > 0 for figures in stats.values())


async def test_watching_coins_ends_with_a_price_and_a_source_of_each(tmp_path: Path) -> None:
    status = await watch_coins.watch(ticks=20, config={"state_dir": tmp_path / "state"})
    assert status["connected"]
    assert set(status["prices"]) <= {"BTC", "ETH", "SOL"}
    assert "BTC" in status["prices"]
    assert set(status["sources"]) == {"BTC", "ETH", "SOL"}


async def test_the_best_prices_are_those_of_what_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = await best_prices.follow({"state_dir": tmp_path / "state"})
    assert all(top["bid"] < top["mid"] < top["ask"] for top in prices.values())
    assert set(prices) == {"BTCUSDT", "ETHUSDT"}
    told = capsys.readouterr().out
    assert told.count("streams: BTCUSDT, ETHUSDT") == 1
    assert told.splitlines()[-1] == "streams: ETHUSDT"


async def test_placing_an_order_shows_each_way_in_which_one_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    outcomes = await place_an_order.trade(f"state_dir={tmp_path / 'state'}", "storage.enabled=false")
    assert [outcome.status for outcome in outcomes] == ["filled", "cancelled", "denied", "filled"]
    assert [outcome.filled for outcome in outcomes] == [Decimal("0.01"), 0, 0, Decimal("0.01")]


def test_a_strategy_of_ones_own_trades_and_stays_within_its_size(tmp_path: Path) -> None:
    mine = {
        "name": "mine",
        "strategy": "examples.own_strategy:Reversion",
        "comparison": "btc",
        "settings": {"distance_bps": 2, "quantity": "0.01"},
    }
    run = VirtualPlatform(dev_settings(tmp_path, strategies=[mine]))
    held: list[Decimal] = []
    for _ in range(60):
        run.run(1.0)
        held.append(run.platform.system.actor(ActorName("strategy.mine")).held)
    assert run.platform.system.view(OMS).filled >= 2
    assert max(held) == Decimal("0.01")
    assert min(held) == 0
    assert run.platform.strategies == {StrategyId("mine"): "strategy.mine"}
    assert {one.instrument for one in run.platform.system.view(ActorName("pms")).positions} == {SPOT}
