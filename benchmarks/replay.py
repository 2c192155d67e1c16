"""Replay of three venues' captures of the same minutes, as fast as it goes: messages per second.

What `replay VENUE=FILE...` does, without its output: every frame goes through connector, feeder, synchronizer and
arbitrage strategy in paper mode, at its recorded time; books are built from the changes, timers fire, the inputs are
hashed. Reading (gunzip, parsing lines, inferring the instruments) and wiring are told apart. CPU time.
"""

import time
from statistics import median
from typing import Any

import _bench

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.orchestrator.commands.replaying import Capture, play, read_captures, settings_for

FILES = {
    "binance:spot": ("spot/btcusdt_20240808.gz", "BTCUSDT"),
    "binance:usdm": ("usdm/btcusdt_20240808.gz", "BTCUSDT"),
    "binance:coinm": ("cm/btcusd_perp_20240808.gz", "BTCUSD_PERP"),
}
AIM = 100_000
QUICK = 2_000


def settings() -> PlatformSettings:
    """All three compared; with these fees nothing pays, so every difference is looked at and counted."""
    return PlatformSettings.model_validate(
        {
            "mode": "paper",
            "venues": {venue: {"taker_fee_bps": 5, "maker_fee_bps": 0} for venue in FILES},
            "comparisons": [
                {
                    "name": "btc",
                    "currency": "USDT",
                    "members": [f"{venue}:{symbol}" for venue, (_, symbol) in FILES.items()],
                    "conversions": [{"asset": "USD", "rate": 1}],
                }
            ],
            "strategies": [{"name": "arb-btc", "comparison": "btc", "settings": {"edge_bps_min": "0.5"}}],
            "risk": {"rates": {"USD": 1, "BTC": 61700}},
            "pms": {"rates": {"USD": 1, "BTC": 61700}},
        }
    )


def replay(captures: tuple[Capture, ...]) -> tuple[float, float, int, str]:
    """CPU seconds of wiring and of the replay itself, messages, and the hash of the inputs."""
    wired = 0.0

    def ready(_platform: Any) -> None:
        nonlocal wired
        wired = time.process_time()

    began = time.process_time()
    outcome, playback = play(settings_for(settings(), captures), captures, prepare=ready)
    ended = time.process_time()
    return wired - began, ended - wired, sum(playback.messages.values()), outcome.inputs


def main() -> None:
    options = _bench.arguments(__doc__)
    folder = _bench.recordings() / "hft_binance_20240808"
    began = time.process_time()
    captures = read_captures([f"{venue}={folder / name}" for venue, (name, _) in FILES.items()])
    reading = time.process_time() - began
    if options.quick:
        for capture in captures:
            del capture.lines[QUICK:]
    runs = [replay(captures) for _ in range(1 if options.quick else 5)]
    assert len({inputs for *_, inputs in runs}) == 1, "the same inputs give the same hash"
    wiring, playing = (median(run[at] for run in runs) for at in (0, 1))
    count = runs[0][2]
    _bench.show(
        f"{count:,} messages of {len(captures)} venues, {len(runs)} runs",
        ("", "CPU s", "messages/s", "of the aim"),
        [
            ("reading, once", reading, count / reading, ""),
            ("wiring", wiring, "", ""),
            ("replay", playing, count / playing, count / playing / AIM),
        ],
    )
    noise = _bench.noise([run[1] for run in runs])
    print(f"  rounds of the replay lie {noise:.0%} apart")
    result = {"messages": count, "reading_s": reading, "wiring_s": wiring, "replay_s": playing}
    _bench.finish(options, {**result, "per_second": count / playing, "aim": AIM, "noise": noise})


if __name__ == "__main__":
    main()
