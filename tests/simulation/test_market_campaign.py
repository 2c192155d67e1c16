"""Everything that can go wrong with market data at once, on venues and at rates that each seed draws.

`MARKET_SEEDS=FIRST:LAST` runs other seeds than the few of every commit, `MARKET_SECONDS` longer ones:

    MARKET_SEEDS=0:1000 MARKET_SECONDS=120 pytest -n auto tests/simulation/test_market_campaign.py
"""

import os
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.simulation.faults import Fault
from tests.support.watched_market import SYMBOLS, WatchedMarket

FIRST, LAST = (int(seed) for seed in os.environ.get("MARKET_SEEDS", "0:4").split(":"))
SECONDS = float(os.environ.get("MARKET_SECONDS", "40"))
UNHEARD_FOR = 45.0
"""What went wrong last may have to be waited for: a dead link, an answer that was lost, the next try, a circuit."""
ATTEMPTS_PER_SECOND = 1.2
"""Of one venue: one, and the links of its account come on top."""

RATES = {
    **dict.fromkeys((Fault.DATA_LOST, Fault.DATA_TWICE, Fault.DATA_SWAPPED, Fault.DATA_GARBLED), 0.002),
    Fault.DATA_LATE: 0.0005,
    **dict.fromkeys((Fault.REQUEST_LOST, Fault.REPLY_LOST, Fault.REPLY_LATE, Fault.REQUEST_LATE), 0.1),
    **dict.fromkeys((Fault.GATEWAY_REFUSES, Fault.GATEWAY_GIVES_UP), 0.05),
    Fault.BOOK_STALE: 0.4,
    **dict.fromkeys((Fault.LINKS_CUT, Fault.SILENCE, Fault.OUTAGE, Fault.SLOW, Fault.CLOG), 0.05),
    **dict.fromkeys((Fault.ALL_CUT, Fault.SWIZZLE), 0.02),
}
"""Of a seed in which the fault is as frequent as it gets."""


@dataclass(frozen=True)
class Ended:
    """What became of one seed."""

    problems: list[str]
    happened: dict[str, int]
    snapshots: int


def endure(seed: int, folder: Path) -> Ended:
    """Four venues, a mix of faults, and then none."""
    random = Random(f"market-{seed}")
    venues = random.sample(list(SYMBOLS), 4)
    sources = [f"{venue}:{SYMBOLS[venue]}" for venue in venues[:2]]
    group = {"name": "BTC", "sources": sources, "return_after_ms": 3_000}
    market = WatchedMarket(folder, venues, failover=[group], seed=seed)
    market.begin()
    mix = {fault: rate * random.choice((0, 0.3, 1)) for fault, rate in RATES.items()}
    happened = market.suffer(SECONDS, mix, seed)
    problems = []
    try:
        market.seconds_until_valid(UNHEARD_FOR)
    except AssertionError as error:
        problems.append(str(error))
    for venue in venues:
        times = [at for at, effect in market.opened if effect.venue == venue and "#user." not in effect.link]
        problems += [f"{venue}: two attempts within a second" for one, two in pairwise(times) if two - one < SECOND]
        if len(market.attempts(venue)) > ATTEMPTS_PER_SECOND * (SECONDS + UNHEARD_FOR):
            problems.append(f"{venue}: {len(market.attempts(venue))} attempts")
    return Ended(problems + market.audit(), happened, market.snapshots)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Ended]:
    return {seed: endure(seed, tmp_path_factory.mktemp(f"seed-{seed}")) for seed in range(FIRST, LAST)}


def test_whatever_happens_to_market_data_nothing_wrong_is_told_and_every_book_comes_back(
    campaign: dict[int, Ended],
) -> None:
    assert {seed: ended.problems for seed, ended in campaign.items() if ended.problems} == {}
    assert sum(ended.snapshots for ended in campaign.values()) > 100 * len(campaign), "something has to be compared"


def test_every_fault_of_the_campaign_happens(campaign: dict[int, Ended]) -> None:
    counts = sum((Counter(ended.happened) for ended in campaign.values()), Counter())
    assert [fault.value for fault in RATES if not counts[fault.value]] == []
