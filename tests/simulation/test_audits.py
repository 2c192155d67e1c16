"""Continuous audit on simulated venues near and far: a right book is never disproven, a wrong one soon is."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrated_trading_system.domain.audit import BookDiverged
from integrated_trading_system.domain.health import BookState, BookStateChanged
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.feed.report import BookView
from integrated_trading_system.orchestrator.platform import FEED
from integrated_trading_system.orchestrator.shown.summary import picture
from tests.support.collector import Collector
from tests.support.virtual_platform import VirtualPlatform, dev_settings

BOOKS = {
    "binance:spot": "BTCUSDT",
    "binance:usdm": "BTCUSDT",
    "bybit:linear": "BTCUSDT",
    "bybit:spot": "BTCUSDT",
    "backpack:spot": "BTC_USDC",
}
INSTRUMENTS = [InstrumentId(f"{venue}:{symbol}") for venue, symbol in BOOKS.items()]


class Market:
    """All venues that can be audited, and what is told of their books."""

    def __init__(self, folder: Path, *, seed: int = 1, **simulation: Any) -> None:
        streams = ["quotes", "depth"]
        self.virtual = VirtualPlatform(
            dev_settings(
                folder,
                seed=seed,
                venues={venue: {"symbols": [symbol], "streams": streams} for venue, symbol in BOOKS.items()},
                comparisons=[],
                strategies=[],
                feed={"audit_every_s": 1, "audits_per_minute_max": 60, "audit_grace_ms": 250},
                simulation=simulation,
            )
        )
        self.told = Collector()
        for kind in (BookDiverged, BookStateChanged):
            self.virtual.platform.system.bus.subscribe(kind, self.told)

    @property
    def books(self) -> dict[InstrumentId, BookView]:
        found: dict[InstrumentId, BookView] = self.virtual.platform.system.view(FEED).books
        return found


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    latency=st.sampled_from([0, 5, 40]),
    jitter=st.sampled_from([0, 2, 15]),
)
def test_a_right_book_is_never_disproven(tmp_path: Path, seed: int, latency: int, jitter: int) -> None:
    market = Market(tmp_path, seed=seed, latency_ms=latency, jitter_ms=jitter)
    market.virtual.run(20)
    assert market.told.of(BookDiverged) == []
    for instrument, book in market.books.items():
        assert (book.audits.differing, book.audits.disproven, book.audits.divergence) == (0, 0, 0.0), instrument
        assert book.audits.done + sum(book.audits.void.values()) >= 10, instrument
    assert sum(book.audits.done for book in market.books.values()) > 20


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_level_that_the_venue_does_not_have_is_found_and_the_book_proven_anew(
    tmp_path: Path, instrument: InstrumentId
) -> None:
    market = Market(tmp_path)
    market.virtual.run(3)
    entry = market.virtual.platform.books._entries[instrument]
    machine = entry.machine
    assert machine is not None
    market.told.take()
    for _ in range(100):
        fifth, sixth = machine.book.bids(6)[-2:]
        machine.book.apply([((fifth[0] + sixth[0]) / 2, 1.0)], [])  # as if its removal had never been told
        market.virtual.run(0.1)
        if market.told.of(BookDiverged):
            break
    diverged = market.told.of(BookDiverged)
    assert {one.instrument for one in diverged} == {instrument}
    assert {one.against for one in diverged} == {"snapshot"}
    states = [one.state for one in market.told.of(BookStateChanged) if one.instrument == instrument]
    assert states[0] is BookState.SUSPECT
    market.virtual.run(5)
    book = market.books[instrument]
    assert (book.state, book.audits.disproven, book.audits.divergence) == (BookState.VALID, 1, 0.0)
    shown = picture(market.virtual.platform)["books"][instrument]["audits"]
    assert (shown["disproven"], shown["divergence"]) == (1, 0.0)
