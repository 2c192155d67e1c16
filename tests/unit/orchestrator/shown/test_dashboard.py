"""The dashboard shows what the actors' views and the books say, and never changes a run by looking."""

from pathlib import Path

import pytest

from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.ids import ActorName, InstrumentId
from integrated_trading_system.domain.link import LinkClosed
from integrated_trading_system.domain.order import Side
from integrated_trading_system.orchestrator.platform import FEED, OMS, PMS, RISK, connector_name
from integrated_trading_system.orchestrator.shown.dashboard import Dashboard
from tests.support.virtual_platform import PERP, SPOT, START, VirtualPlatform, dev_settings


@pytest.fixture
def run(tmp_path: Path) -> VirtualPlatform:
    return VirtualPlatform(dev_settings(tmp_path))


def test_before_anything_was_heard_prices_and_spreads_are_unknown(run: VirtualPlatform) -> None:
    screen = Dashboard(run.platform, START).look(START)
    assert [row.bid for row in screen.prices] == [None, None]
    assert [(row.gross_bps, row.net_bps) for row in screen.spreads] == [(None, None)] * 2
    assert screen.trading is TradingState.STARTING


def test_the_screen_shows_what_the_views_say(run: VirtualPlatform) -> None:
    dashboard = Dashboard(run.platform, START)
    run.run(20.0)
    screen, system = dashboard.look(run.now), run.platform.system
    risk, pms, oms = system.view(RISK), system.view(PMS), system.view(OMS)
    assert screen.executed == pms.plans_traded > 0
    assert (screen.approved, screen.realised_edge, screen.pnl) == (risk.approved, pms.realised_edge, pms.pnl)
    assert (screen.orders["submitted"], screen.orders["filled"]) == (oms.submitted, oms.filled)
    assert screen.messages == {venue: view.messages for venue, view in system.view(FEED).venues.items()}
    assert [row.instrument for row in screen.positions] == [one.instrument for one in pms.positions]
    assert {row.name for row in screen.actors} == set(system.names)
    assert screen.elapsed_s == 20.0
    assert screen.trading is TradingState.ACTIVE


def test_spreads_are_those_of_the_books_after_both_taker_fees(run: VirtualPlatform) -> None:
    run.run(5.0)
    screen, books = Dashboard(run.platform, START).look(run.now), run.platform.books
    row = next(row for row in screen.spreads if row.buy == SPOT)
    ask = books.depth(InstrumentId(SPOT), Side.BUY, 1)[0][0]
    bid = books.depth(InstrumentId(PERP), Side.SELL, 1)[0][0]
    assert row.gross_bps == pytest.approx((bid / ask - 1) * 1e4)
    earned = bid * (1 - 5.5e-4) - ask * (1 + 10e-4)
    assert row.net_bps == pytest.approx(earned / ask * 1e4)


def test_misses_are_shown_by_reason_with_the_largest_edge_the_most_frequent_first(run: VirtualPlatform) -> None:
    dashboard = Dashboard(run.platform, START)
    run.run(30.0)
    missed = dashboard.look(run.now).missed
    counts = run.platform.system.view(ActorName("strategy.arb-btc")).missed
    assert {row.reason: row.episodes for row in missed} == {reason: one.episodes for reason, one in counts.items()}
    assert [row.episodes for row in missed] == sorted((row.episodes for row in missed), reverse=True)
    assert all(row.best_bps is not None and row.best_bps > 0 for row in missed)


def test_a_book_that_is_not_believed_keeps_its_last_price_and_grows_old(run: VirtualPlatform) -> None:
    run.run(5.0)
    system = run.platform.system
    for link in system.view(connector_name(next(iter(run.platform.venues)))).links:
        system.tell(connector_name(next(iter(run.platform.venues))), LinkClosed(link, "test", run.now))
    run.run(0.001)
    row = Dashboard(run.platform, START).look(run.now).prices[0]
    assert row.state is BookState.STALE
    assert row.bid is not None
    assert row.age_ms is not None


def test_looking_does_not_change_a_run(tmp_path: Path) -> None:
    def outputs(*, looks: bool) -> str:
        run = VirtualPlatform(dev_settings(tmp_path))
        dashboard = Dashboard(run.platform, START) if looks else None
        for _ in range(10):
            run.run(1.0)
            if dashboard is not None:
                dashboard.look(run.now)
        return run.platform.outputs.hex()

    assert outputs(looks=True) == outputs(looks=False)
