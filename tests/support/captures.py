"""Recordings through the `replay` command, each once in a process: what it wrote to the summary, and what it said.

Most are captures as they are. Three are recordings of messages in another wrapping, put into lines of the stamped
format first: nothing in them is changed but the wrapping.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.orchestrator.options import Exit

Sources: TypeAlias = tuple[tuple[str, str], ...]
"""Venue and file, as they are given to the command."""

CONFIGURATION: Final = Path(__file__).resolve().parents[2] / "config" / "dev.yaml"


def _transcript(venue: str, name: str, *parts: str) -> Sources:
    return tuple((venue, f"cryptofeed/{name}.{part}.gz") for part in ("0", *parts))


CAPTURES: Final[dict[str, Sources]] = {
    "BTC on three markets": (
        ("binance:spot", "hft_binance_20240808/spot/btcusdt_20240808.gz"),
        ("binance:usdm", "hft_binance_20240808/usdm/btcusdt_20240808.gz"),
        ("binance:coinm", "hft_binance_20240808/cm/btcusd_perp_20240808.gz"),
    ),
    "BINANCE": _transcript("binance:spot", "BINANCE", "http.0.0", "ws.1.0"),
    "BINANCE_US": _transcript("binance:us", "BINANCE_US", "http.0.0", "ws.1.0"),
    "BINANCE_FUTURES": _transcript("binance:usdm", "BINANCE_FUTURES", "http.0.0", "ws.1.0"),
    "KRAKEN": _transcript("kraken:spot", "KRAKEN", "ws.48.0", "ws.49.0", "ws.50.0"),
    "OKX": _transcript("okx:spot", "OKX", "ws.1.0"),
    "OKX as a swap": (("okx:swap", "cryptofeed/OKX.ws.1.0.gz"),),
    "COINBASE": _transcript("coinbase:exchange", "COINBASE", "ws.28.0"),
    "BYBIT": _transcript("bybit:linear", "BYBIT", "ws.25.0", "ws.26.0"),
}
"""Files as they were recorded."""


XRP_TRADES: Final = 1_500


def _bybit_v5(folder: Path) -> Iterator[tuple[int, bytes]]:
    """500 levels; the topic is called as the one of 50 that we subscribe to."""
    with zipfile.ZipFile(folder / "other" / "bybit_v5_xrpusdt_ob500_20241201.data.zip") as archive:
        for line in archive.read(archive.namelist()[0]).splitlines():
            yield json.loads(line)["ts"] * 1_000_000, line.replace(b"orderbook.500.", b"orderbook.50.", 1)


def _backpack(folder: Path) -> Iterator[tuple[int, bytes]]:
    """Received, as far as is known, when they were sent."""
    for line in (folder / "backpack" / "backpack_ws_raw.first56.jsonl").read_bytes().splitlines():
        yield json.loads(line)["data"]["E"] * 1_000, line


def _xrp_trades(folder: Path) -> Iterator[tuple[int, bytes]]:
    """A library's rows of Binance's trades, as the stream sends them; the first of them, as all are of two days."""
    rows = json.loads(gzip.decompress((folder / "freqtrade_binance" / "XRP_ETH-trades.json.gz").read_bytes()))
    for time, trade, _, side, price, quantity, _ in sorted(rows, key=lambda row: int(row[1]))[:XRP_TRADES]:
        data = {"e": "trade", "E": time, "s": "XRPETH", "t": int(trade), "p": f"{price:.8f}", "q": f"{quantity:.8f}"}
        data |= {"T": time, "m": side == "sell", "M": True}
        yield time * 1_000_000, json.dumps({"stream": "xrpeth@trade", "data": data}).encode()


REWRAPPED: Final[dict[str, tuple[str, Callable[[Path], Iterable[tuple[int, bytes]]]]]] = {
    "Bybit v5, 500 levels": ("bybit:linear", _bybit_v5),
    "Backpack lines": ("backpack:spot", _backpack),
    "XRP/ETH trades": ("binance:spot", _xrp_trades),
}
"""By name: whose messages, and their times of receipt with their bytes."""


@dataclass(frozen=True)
class Replayed:
    """What the command left behind."""

    summary: dict[str, Any]
    said: str


@cache
def replayed(folder: Path, name: str) -> Replayed:
    """One recording, played."""
    with TemporaryDirectory() as place:
        if name in CAPTURES:
            return replay([f"{venue}={folder / path}" for venue, path in CAPTURES[name]], Path(place))
        venue, lines = REWRAPPED[name]
        path = Path(place) / "capture"
        path.write_bytes(b"".join(b"%d %b\n" % line for line in lines(folder)))
        return replay([f"{venue}={path}"], Path(place))


def replay(sources: Iterable[str], place: Path) -> Replayed:
    """Any captures, through the command line."""
    summary, said = place / "summary.json", io.StringIO()
    with redirect_stdout(said):
        code = main(["replay", *sources, "--config", str(CONFIGURATION), "--summary", str(summary), "--no-ui"])
    assert code == Exit.OK, said.getvalue()
    return Replayed(json.loads(summary.read_bytes()), said.getvalue())
