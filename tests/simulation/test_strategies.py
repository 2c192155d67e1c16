"""Every strategy of ours, on simulated venues in virtual time: it trades, and what it earned is accounted."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from integrated_trading_system.config.load import load
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.cointegration import CointegrationTold
from integrated_trading_system.domain.execution import Fill, Liquidity
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.opportunity import EdgeRealised, Opportunity, RebalanceAdvised
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.domain.time import HOUR, MINUTE, Nanos
from integrated_trading_system.drivers.recorder import read_blocks
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.orchestrator.platform import OMS, PMS
from integrated_trading_system.runtime.recording import Told
from tests.support.collector import Collector
from tests.support.virtual_platform import START, VirtualPlatform

CONFIG = Path(__file__).resolve().parents[2] / "config"
HEARD = (Opportunity, EdgeRealised, Fill, Order, PlanFinished, FundingPaid, RebalanceAdvised)


class Run:
    """One of the configurations in config/."""

    def __init__(self, name: str, folder: Path, *overrides: str, start: Nanos = START) -> None:
        quiet = ("storage.enabled=false", "http.enabled=false", "log.level=ERROR", f"state_dir={folder}")
        settings = load(PlatformSettings, CONFIG / name, (*quiet, *overrides), {})
        self.virtual = VirtualPlatform(settings, start)
        self.heard = Collector()
        for kind in HEARD:
            self.virtual.platform.system.bus.subscribe(kind, self.heard)

    def view(self, actor: str) -> Any:
        return self.virtual.platform.system.view(ActorName(actor))

    @property
    def profit(self) -> Decimal:
        total: Decimal = self.view(PMS).pnl["total"]
        return total

    @property
    def realised(self) -> Decimal:
        return sum((edge.realised for edge in self.heard.of(EdgeRealised)), Decimal(0))


def chosen(strategy: str, comparison: str, **settings: Any) -> str:
    one = {"name": "it", "strategy": strategy, "comparison": comparison, "settings": settings}
    return f"strategies={json.encode([one]).decode()}"


@pytest.mark.parametrize("at_once", [True, False])
def test_round_trips_earn_what_is_said_of_their_plans(tmp_path: Path, at_once: bool) -> None:
    run = Run("triangular.yaml", tmp_path, chosen("triangular", "round", edge_bps_min=3, at_once=at_once))
    run.virtual.run(30)
    assert run.view("strategy.it").cycles == 4, "both ways round, on two venues"
    plans = run.heard.of(PlanFinished)
    assert {len(plan.legs) for plan in plans} == {3}
    assert sum(plan.reason in ("complete", "hedged") for plan in plans) > 10
    assert run.profit > 0
    assert abs(run.realised - run.profit) < run.profit / 5, "coins that are left over have another worth by now"


def test_round_trips_need_no_balance_of_what_lies_between(tmp_path: Path) -> None:
    run = Run("triangular.yaml", tmp_path, "simulation.balances={USDT: 100000}")
    run.virtual.run(30)
    plans = run.heard.of(PlanFinished)
    assert sum(plan.reason == "complete" for plan in plans) > 10
    assert run.view("risk").denied.get("balance", 0) == 0
    assert run.profit > 0


def test_a_maker_is_filled_as_one_and_hedged_as_a_taker(tmp_path: Path) -> None:
    run = Run("maker.yaml", tmp_path)
    run.virtual.run(25)
    by_leg: dict[int, set[Liquidity]] = {0: set(), 1: set()}
    legs = {order.request.client_order_id: order.request.leg for order in run.heard.of(Order)}
    for fill in run.heard.of(Fill):
        by_leg[legs[fill.client_order_id]].add(fill.liquidity)
    assert Liquidity.MAKER in by_leg[0]
    assert by_leg[1] == {Liquidity.TAKER}
    plans = run.heard.of(PlanFinished)
    traded = [plan for plan in plans if plan.legs[0].filled]
    assert len(traded) > 5
    assert len(plans) > len(traded), "others were cancelled before anybody came"
    assert run.profit > 0
    assert run.view(OMS).unknown == 0


def test_carry_is_held_over_a_funding_and_closed(tmp_path: Path) -> None:
    settings = {"annual_pct_min": 0, "carry_bps_min": 0, "exit_bps": -500, "holding_hours": 0.1, "bound_ms_max": 2_000}
    before = Nanos(START + 8 * HOUR - 3 * MINUTE)
    quick = "simulation={updates_per_second: 5, dislocation_every_s: 5}"
    run = Run("basis.yaml", tmp_path, chosen("basis", "carry", **settings), quick, start=before)
    run.virtual.run(170)
    held = run.view("strategy.it")
    assert held.spot > 0 > held.perpetual
    run.virtual.run(20)
    (paid,) = run.heard.of(FundingPaid)
    assert paid.amount > 0, "to the short"
    run.virtual.run(400)
    closed = run.view("strategy.it")
    assert closed.exits["time"] > 0


def test_a_pair_earns_more_than_its_fees(tmp_path: Path) -> None:
    run = Run("pairs.yaml", tmp_path)
    run.virtual.run(120)
    view = run.view("strategy.pair-btc")
    assert view.exits.get("back", 0) > 0
    assert view.cointegration.found.p <= 0.05
    assert run.profit > 0


def test_a_run_with_tests_of_its_pair_is_reproduced_from_its_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.rec"
    run = ["run", "--config", str(CONFIG / "pairs.yaml"), "--speed", "max", "--duration", "90", "--record", str(path)]
    assert main([*run, "--no-ui"]) == 0
    hashes = [line for line in capsys.readouterr().out.splitlines() if " hash " in line]
    told = [
        entry.message.found
        for block in read_blocks(path)
        for entry in block.entries
        if isinstance(entry, Told) and isinstance(entry.message, CointegrationTold)
    ]
    assert len(told) >= 2
    assert None not in told
    assert main(["replay", str(path)]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if " hash " in line] == hashes


def test_capital_is_looked_at_and_advice_reaches_the_notes(tmp_path: Path) -> None:
    run = Run("dev.yaml", tmp_path, chosen("arbitrage", "btc", rebalance_every_s=5))
    run.virtual.run(20)
    advised = run.heard.of(RebalanceAdvised)
    assert advised
    assert all(one.source != one.target and one.quantity > 0 for one in advised)
    assert set(run.virtual.platform.notes.advice.values()) <= set(advised)


def test_the_expected_edge_of_every_opportunity_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    for name in ("dev.yaml", "triangular.yaml", "maker.yaml"):
        run = Run(name, tmp_path)
        run.virtual.run(5)
        found = run.heard.of(Opportunity)
        assert found
        for one in found:
            costs = one.fees + one.slippage + one.decay + one.funding + one.conversion
            assert one.edge == one.gross_edge - costs
