"""From a frame on the socket to the order's bytes on the wire, on loopback, with and without a synced journal.

Real orders to two simulated exchanges in another process, through the real sockets, core, journal and HTTP driver.
Times count from the moment at which the frame that made the plan was read: until the plan is intended (decoding, book,
synchroniser, strategy, risk, OMS), until it is durable, until the order is handed to the HTTP driver, and until its
bytes depart. Wall time. `synced`: as it is run; `written`: the same without waiting for the disk, for comparison only.
"""

import json
import tempfile
from pathlib import Path
from statistics import quantiles

import _bench
from _loopback import exchanges, measured

ORDERS = 200
HOW = ("synced", "written")


def once(how: str, orders: int) -> dict[str, list[int]]:
    """One run against exchanges of its own."""
    with tempfile.TemporaryDirectory() as name, exchanges(Path(name)) as accounts:
        found: dict[str, list[int]] = measured("_tick_to_order.py", name, json.dumps(accounts), how, str(orders))
    return found


def percentiles(samples: list[int]) -> tuple[float, float]:
    """p50 and p99 in microseconds."""
    cuts = quantiles(samples, n=100, method="inclusive")
    return cuts[49] / 1e3, cuts[98] / 1e3


def main() -> None:
    options = _bench.arguments(__doc__)
    orders = 4 if options.quick else ORDERS
    found = {how: once(how, orders) for how in HOW}
    shown = {how: {place: percentiles(samples) for place, samples in of.items()} for how, of in found.items()}
    _bench.show(
        "microseconds since the frame was read",
        ("journal, until", "p50", "p99", "samples"),
        [
            (f"{how}, {place}", p50, p99, str(len(found[how][place])))
            for how, of in shown.items()
            for place, (p50, p99) in of.items()
        ],
    )
    wire = "on the wire"
    print(f"\n  synced ÷ written, on the wire, p50: {shown['synced'][wire][0] / shown['written'][wire][0]:.2f}")
    _bench.finish(options, {"us": {how: {place: list(of) for place, of in by.items()} for how, by in shown.items()}})


if __name__ == "__main__":
    main()
