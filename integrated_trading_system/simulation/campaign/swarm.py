"""What one seed is: which venues, which faults how often, what dies when. The seed alone decides.

Not every fault in every seed: where a fault is absent, others get further (swarm testing).
"""

from collections.abc import Mapping
from random import Random
from typing import Final

from msgspec import Struct

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.strategies import StrategySettings
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.faults import TIMED, Fault
from integrated_trading_system.simulation.market import MarketSettings

SYMBOLS: Final = {
    "binance:spot": "BTCUSDT",
    "binance:usdm": "BTCUSDT",
    "bybit:linear": "BTCUSDT",
    "bybit:spot": "BTCUSDT",
    "backpack:spot": "BTC_USDC",
    "okx:spot": "BTC-USDT",
    "kraken:spot": "BTC/USDT",
}
"""Venues that are drawn from, and what is traded there."""

RATES: Final = {
    **dict.fromkeys((Fault.REQUEST_LOST, Fault.REQUEST_TWICE, Fault.REPLY_LOST), 0.06),
    **dict.fromkeys((Fault.REQUEST_LATE, Fault.REPLY_LATE), 0.1),
    **dict.fromkeys((Fault.GATEWAY_REFUSES, Fault.GATEWAY_GIVES_UP), 0.04),
    **dict.fromkeys((Fault.EVENT_LOST, Fault.EVENT_TWICE, Fault.EVENT_LATE), 0.1),
    **dict.fromkeys((Fault.DATA_LOST, Fault.DATA_LATE), 0.004),
    **dict.fromkeys((Fault.DATA_TWICE, Fault.DATA_SWAPPED, Fault.DATA_GARBLED), 0.003),
    Fault.BOOK_STALE: 0.3,
}
"""Chance of each message in a seed in which the fault is as frequent as it gets."""
RATE: Final = 0.01
"""Of any fault that is not named above."""
TIMES: Final = 0.6
"""How often each timed fault then happens in a short seed, on average,"""
OFTENER: Final = {Fault.TOO_MANY: 2, Fault.MAINTENANCE: 2, Fault.CLOCK_STEP: 4}
"""Times as often: what follows from these is seen only where somebody asks or orders just then."""
TIMED_RATE: Final = 0.03
"""and how often a second in a long one."""
ALL_EVENTS_LOST: Final = 0.05
"""Share of seeds in which not one event of an account's own stream arrives."""
SLOW_VENUE: Final = "kraken:spot"
"""Answers 20 questions a minute: what others settle in a second takes a minute here."""
SLOW_LEFT_OUT: Final = 0.6
"""Share of seeds that do without it."""
KIND_FOR: Final = 1_200 * MILLISECOND
"""By then the venues are connected and trading has begun."""
CANCEL_EVERY: Final = 500 * MILLISECOND
LEVELS: Final = 6
"""Of each side of a book."""
CALM: Final = 2.0
"""Book changes a second while the end is waited for."""
RESTING: Final = StrategySettings(
    name="rest", strategy="integrated_trading_system.simulation.campaign.resting:Resting", comparison="btc"
)


class Act(Struct, frozen=True):
    """Something that is done to the platform from inside or by its operator."""

    at: Nanos
    """Since the beginning of the seed."""
    what: str
    """``halt``, ``reduce``, ``resume``, ``fail`` or ``cancel``."""
    draw: float = 0.0
    """Decides what is struck."""


class Swarm(Struct, frozen=True, kw_only=True):
    """Everything about a seed that is known before it begins."""

    seed: int
    seconds: float
    settings: PlatformSettings
    rates: Mapping[Fault, float]
    crashes: tuple[Nanos, ...] = ()
    """Moments at which the process is killed, since the beginning."""
    acts: tuple[Act, ...] = ()
    market: MarketSettings | None = None
    """None: as the settings say."""
    kind_for: Nanos = Nanos(0)
    """So long at the beginning nothing goes wrong: most trouble strikes what trades already."""
    calm: float = 0.0
    """Book changes a second once nothing goes wrong any more; 0: as before."""


def draw(
    seed: int,
    seconds: float,
    *,
    settings: PlatformSettings | None = None,
    rates: Mapping[Fault, float] | None = None,
    crashes: bool = True,
    failures: bool = True,
) -> Swarm:
    """The swarm of a seed; `settings` and `rates` instead of drawn ones."""
    random = Random(f"swarm-{seed}")

    def moment() -> Nanos:
        return Nanos(int(random.uniform(0.02, 0.97) * seconds * SECOND))

    chosen = settings_of(seed, random) if settings is None else _resting(settings, random)
    mix = _rates(random, seconds)
    killed = [moment() for _ in range(random.randint(1, 3))] if random.random() < 0.3 else []
    acts = [Act(Nanos(at), "cancel", random.random()) for at in range(0, int(seconds * SECOND), CANCEL_EVERY)]
    if random.random() < 0.4:
        broken = [Act(moment(), "fail", random.random()) for _ in range(random.randint(1, 3))]
        acts += broken if failures else []
    if random.random() < 0.3:
        stopped = moment()
        acts.append(Act(stopped, "halt" if random.random() < 0.6 else "reduce"))
        acts.append(Act(Nanos(stopped + int(random.uniform(0, 0.4) * seconds * SECOND)), "resume"))
    return Swarm(
        seed=seed,
        seconds=seconds,
        settings=chosen,
        rates=mix if rates is None else rates,
        crashes=tuple(sorted(killed)) if crashes else (),
        acts=tuple(sorted(acts, key=lambda act: act.at)),
        market=_market(chosen) if settings is None else None,
        calm=CALM if settings is None else 0.0,
        kind_for=Nanos(random.choice((0, 1, 1)) * KIND_FOR) if settings is None else Nanos(0),
    )


def settings_of(seed: int, random: Random) -> PlatformSettings:
    """Two to four venues, cheap enough that it pays to trade, limits that are at times in the way.

    Losses do not halt it: then nothing more would be tried.
    """
    known = sorted(SYMBOLS)
    if random.random() < SLOW_LEFT_OUT:
        known.remove(SLOW_VENUE)
    names = sorted(random.sample(known, random.randint(2, 4)))
    members = [f"{name}:{SYMBOLS[name]}" for name in names]
    policy = random.choice(("proceed", "reverse", "cancel"))
    streams = list(DataType) if random.random() < 0.1 else [DataType.QUOTES, DataType.DEPTH]
    notional = str(random.choice((1_000, 5_000, 25_000)))
    arbitrage = {"edge_bps_min": 1, "notional_max": "1000", "cool_down_ms": random.choice((0, 250)), "policy": policy}
    model = {
        "mode": "dev",
        "seed": seed,
        "venues": {
            name: {
                "symbols": [SYMBOLS[name]],
                "streams": streams,
                "maker_fee_bps": random.choice((0, 2)),
                "taker_fee_bps": 2,
            }
            for name in names
        },
        "comparisons": [
            {"name": "btc", "currency": "USDT", "members": members, "conversions": [{"asset": "USDC", "rate": 1}]}
        ],
        "strategies": [{"name": "arb", "strategy": "arbitrage", "comparison": "btc", "settings": arbitrage}],
        "risk": {
            "rates": {"USDC": 1},
            "position_notional_max": notional,
            "orders_max": random.choice((20, 100)),
            "messages_max": random.choice((30, 150)),
            "strategy_notional_max": random.choice((3_000, 100_000)),
            "daily_loss_max": 1_000_000,
            "drawdown_max": 1_000_000,
        },
        "oms": {"user_stream_grace_ms": 1_000},
        "pms": {"currency": "USDT", "rates": {"USDC": 1}},
        "simulation": {"updates_per_second": random.choice((5, 15)), "dislocation_every_s": random.choice((0.2, 1))},
    }
    return _resting(PlatformSettings.model_validate(model), random)


def _market(settings: PlatformSettings) -> MarketSettings:
    """Few levels and no past: what is tried out here happens at the touch, and now."""
    simulation = settings.simulation
    return MarketSettings(
        events_per_second=simulation.updates_per_second,
        dislocation_every=Nanos(int(simulation.dislocation_every_s * SECOND)),
        dislocation_bps=(simulation.dislocation_bps / 3, simulation.dislocation_bps),
        levels=LEVELS,
        history_minutes=1,
    )


def _resting(settings: PlatformSettings, random: Random) -> PlatformSettings:
    """In most seeds small orders rest around the touch, too."""
    if random.random() < 0.3:
        return settings
    return settings.model_copy(update={"strategies": (*settings.strategies, RESTING)})


def _rates(random: Random, seconds: float) -> dict[Fault, float]:
    """Each fault is off in some seeds and rare in others."""
    mix = {}
    for fault in Fault:
        most = max(TIMES / seconds, TIMED_RATE) if fault in TIMED else RATES.get(fault, RATE)
        most *= OFTENER.get(fault, 1)
        mix[fault] = most * random.choice((0, 0.3, 1))
    if random.random() < ALL_EVENTS_LOST:
        mix[Fault.EVENT_LOST] = 1.0
    return mix
