"""What may fail fails, starts again in its place, and trading goes on; what holds money fails once: that is the end."""

from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.execution import BalancesReported
from integrated_trading_system.domain.health import BookState, Halt, LinkState, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import ActorName, InstrumentId, VenueId
from integrated_trading_system.domain.inputs import ClockReading, Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import LinkClosed
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator import orchestrator as orchestrator_module
from integrated_trading_system.orchestrator.dev import DevWorld, build_world
from integrated_trading_system.orchestrator.options import Exit, RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import FEED, OMS, PMS, RISK, connector_name
from integrated_trading_system.orchestrator.shown.outcome import Outcome
from integrated_trading_system.orchestrator.shown.report import exit_code
from integrated_trading_system.orchestrator.virtual import run_virtual
from tests.support.served import until
from tests.support.virtual_platform import PERP, SPOT, VirtualPlatform, dev_settings

USDM = "binance:usdm:BTCUSDT"
BOOKS = (InstrumentId(SPOT), InstrumentId(PERP))
STRATEGY = ActorName("strategy.arb-btc")
SYNCHRONIZER = ActorName("synchronizer.btc")
NOT_FOR_IT = Halt("this actor's inbox has no Halt: the message is a bug of whoever told it", "test")


def stumbling(kind: str) -> list[dict[str, Any]]:
    return [{"name": "arb-btc", "comparison": "btc", "strategy": f"tests.support.stumbling:{kind}"}]


class Watched:
    """A virtual platform whose actors a test makes fail."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self._virtual = VirtualPlatform(dev_settings(folder, **changes))
        self.world = self._virtual.world
        self.system = self._virtual.platform.system
        self.platform = self._virtual.platform

    def run(self, seconds: float) -> None:
        self._virtual.run(seconds)

    def cut(self, venue: str) -> None:
        """Break the venue's links."""
        self.world.cut(VenueId(venue), self._virtual.now)
        self.run(0.001)

    def fail(self, actor: ActorName) -> None:
        """The actor is told what is not in its inbox."""
        before = self.system.restarts()[actor]
        self.system.tell(actor, NOT_FOR_IT)
        self.run(0.001)
        assert self.system.restarts()[actor] == before + 1

    def states(self) -> list[BookState]:
        return [self.platform.books.state(book) for book in BOOKS]

    def filled(self) -> int:
        return int(self.system.view(OMS).filled)

    def goes_on(self) -> None:
        """Nothing was passed on, everything is believed, and trades are made that were not there before."""
        before = self.filled()
        self.run(15.0)
        assert self.system.escalated is None
        assert self.states() == [BookState.VALID, BookState.VALID]
        assert self.system.view(RISK).trading is TradingState.ACTIVE
        assert self.filled() > before


def test_a_strategy_that_raises_is_replaced_and_trades_on(tmp_path: Path) -> None:
    watched = Watched(tmp_path, strategies=stumbling("Stumbling"))
    watched.run(20.0)
    assert watched.system.restarts()[STRATEGY] == 1
    watched.goes_on()
    assert watched.system.restarts()[STRATEGY] == 1
    assert watched.system.view(STRATEGY).detected > 0


def test_a_new_life_of_a_strategy_hears_first_what_the_old_one_knew(tmp_path: Path) -> None:
    watched = Watched(tmp_path, strategies=stumbling("Stumbling"))
    watched.run(20.0)
    actor = watched.system.actor(STRATEGY)
    assert actor.context.incarnation == 1
    heard = actor.heard
    first = next(index for index, message in enumerate(heard) if type(message) is SynchronizedSnapshot)
    before = heard[:first]
    listed = [message.venue for message in before if type(message) is InstrumentsListed]
    balances = [message for message in before if type(message) is BalancesReported]
    states = [message.state for message in before if type(message) is TradingStateChanged]
    assert sorted(listed) == ["binance:spot", "bybit:linear"]
    assert sorted(message.venue for message in balances[:2]) == sorted(listed)
    assert all({balance.asset for balance in message.balances} >= {"USDT", "BTC"} for message in balances[:2])
    assert states == [TradingState.ACTIVE]
    assert set(actor.instruments) == set(BOOKS)
    assert actor.view().blocked == ()


def test_a_new_life_of_a_strategy_soon_hears_of_balances_as_they_are_now(tmp_path: Path) -> None:
    """Between the last report and the failure it may have traded."""
    watched = Watched(tmp_path, strategies=stumbling("Idle"))
    watched.run(10.0)
    asked: list[BalancesReported] = []

    class Listener:
        def tell(self, message: BalancesReported, /) -> None:
            asked.append(message)

    watched.system.bus.subscribe(BalancesReported, Listener())
    watched.fail(STRATEGY)
    watched.run(0.5)
    assert {message.venue for message in asked} == {"binance:spot", "bybit:linear"}


def test_a_strategy_that_fails_again_and_again_ends_the_run(tmp_path: Path) -> None:
    watched = Watched(tmp_path, strategies=stumbling("Hopeless"))
    watched.run(60.0)
    assert watched.system.escalated is not None
    assert watched.system.escalated.actor == STRATEGY
    assert watched.system.escalated.error == "ArithmeticError: stumbled"
    settings = dev_settings(tmp_path, strategies=stumbling("Hopeless"))
    assert run_virtual(settings, RunOptions(duration_s=60.0)) is Exit.HALTED


@pytest.mark.parametrize("actor", [FEED, SYNCHRONIZER, STRATEGY, connector_name(VenueId("bybit:linear"))])
def test_trading_goes_on_after_a_failure_of(actor: ActorName, tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(5.0)
    watched.fail(actor)
    watched.goes_on()


def test_after_a_failure_of_the_feed_nothing_is_believed_until_it_is_proven_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(5.0)
    watched.fail(FEED)
    assert BookState.VALID not in watched.states()
    watched.run(3.0)
    assert watched.states() == [BookState.VALID, BookState.VALID]


def test_a_new_life_of_the_feed_knows_the_instruments_and_what_links_stand(tmp_path: Path) -> None:
    """A broken link is known at once, not only when silence betrays it."""
    watched = Watched(tmp_path)
    watched.run(5.0)
    watched.fail(FEED)
    watched.run(3.0)
    watched.cut("binance:spot")
    assert watched.states() == [BookState.STALE, BookState.VALID]
    watched.goes_on()


def test_a_new_life_of_the_feed_keeps_a_book_whose_other_link_still_stands(tmp_path: Path) -> None:
    """USD-M futures carry every instrument on two links: its book, and its trades."""
    watched = Watched(
        tmp_path,
        venues={venue: {"symbols": ["BTCUSDT"]} for venue in ("binance:spot", "binance:usdm")},
        comparisons=[{"name": "btc", "currency": "USDT", "members": [SPOT, USDM]}],
    )
    watched.run(5.0)
    connector = connector_name(VenueId("binance:usdm"))
    trades = next(link for link in watched.system.view(connector).links if "#market-" in link)
    watched.fail(FEED)
    watched.run(3.0)
    assert watched.platform.books.state(InstrumentId(USDM)) is BookState.VALID
    watched.system.tell(connector, LinkClosed(trades, "reset", watched.system.now))
    watched.run(0.001)
    assert watched.platform.books.state(InstrumentId(USDM)) is BookState.VALID


def test_the_books_of_a_connector_that_failed_are_stale_at_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(5.0)
    watched.fail(connector_name(VenueId("binance:spot")))
    assert watched.states() == [BookState.STALE, BookState.VALID]
    watched.run(5.0)
    assert watched.states() == [BookState.VALID, BookState.VALID]


def test_links_of_a_connectors_former_life_are_closed_and_count_for_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(5.0)
    connector = connector_name(VenueId("binance:spot"))
    former = set(watched.system.view(connector).links)
    watched.fail(connector)
    watched.run(5.0)
    links = watched.system.view(connector).links
    assert former.isdisjoint(links)
    assert set(links.values()) == {LinkState.LIVE}
    watched.cut("binance:spot")
    assert watched.states() == [BookState.STALE, BookState.VALID]
    watched.goes_on()


async def run_and_fail(
    monkeypatch: pytest.MonkeyPatch, folder: Path, actor: ActorName, kind: str
) -> tuple[Outcome, DevWorld]:
    """Dev mode in real time with an order in the book; then a money actor fails. The outcome, and the exchanges."""
    worlds: list[DevWorld] = []

    def watched_world(*arguments: Any) -> DevWorld:
        worlds.append(build_world(*arguments))
        return worlds[-1]

    monkeypatch.setattr(orchestrator_module, "build_world", watched_world)
    orchestrator = Orchestrator(dev_settings(folder, strategies=stumbling(kind)))
    await orchestrator.start()
    try:
        await until(lambda: resting(worlds[0]) == 1, "an order in a book")
        foreign = Shutdown("x") if actor == PMS else ClockReading(Nanos(0), Nanos(0))
        orchestrator.tell(actor, foreign)
        await orchestrator.wait()
    finally:
        outcome = await orchestrator.stop()
    return outcome, worlds[0]


def resting(world: DevWorld) -> int:
    """Orders of ours in the books."""
    return sum(
        len(account.open)
        for exchange in world.exchanges.values()
        for account in exchange.bank.accounts.values()
        if not account.unlimited
    )


@pytest.mark.parametrize("actor", [OMS, RISK, PMS])
async def test_a_money_actor_that_fails_halts_the_run_and_what_is_open_is_cancelled(
    actor: ActorName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, world = await run_and_fail(monkeypatch, tmp_path, actor, "Resting")
    assert exit_code(outcome) is Exit.HALTED
    assert outcome.failure is not None
    assert outcome.failure.actor == actor
    assert not outcome.failure.restarted
    assert resting(world) == 0
    assert f"{actor} failed" in (tmp_path / "halted").read_text(encoding="utf-8")
