"""Recordings that are no raw capture: minute candles of five exchanges, trades with disconnections, one change."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.intervals import next_opened_at, opened_at
from integrated_trading_system.domain.market import BookDelta, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, MINUTE, Nanos
from integrated_trading_system.feed.candles import SCALE, Sums
from tests.support import binance
from tests.support.candles import CandleRig

AT: Final = Nanos(7)
FINEST: Final = Decimal(1) / SCALE
"""Of what is counted; some recorded volumes have the error of a float behind it."""

# -- minutes -------------------------------------------------------------------------------------

MINUTES: Final = [
    *(f"multi_exchange_1m_2023-03/{name}.csv.gz" for name in ("binance_btcusdt", "coinbase_btcusd", "kraken_btcusd")),
    *(f"multi_exchange_1m_2023-03/{name}.csv.gz" for name in ("bybit_btcusdc", "kraken_btcusdc")),
    "other/bitstamp_btcusd_min_2020_01_01.csv",
]


class Bar(NamedTuple):
    """One recorded minute, its digits as they were recorded."""

    opened_at: Nanos
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def bars(recordings: Path, path: str) -> list[Bar]:
    raw = (recordings / path).read_bytes()
    text = (gzip.decompress(raw) if path.endswith(".gz") else raw).decode()
    return [
        Bar(_opened_at(row), *(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")))
        for row in csv.DictReader(io.StringIO(text))
    ]


def _opened_at(row: dict[str, Any]) -> Nanos:
    if "ts_ms" in row:
        return Nanos(int(row["ts_ms"]) * MILLISECOND)
    at = datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC)
    return Nanos((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * 10**9)


def sums(bar: Bar) -> Sums:
    """The minute as the maker of candles holds it."""
    minute = Sums(bar.opened_at, Nanos(bar.opened_at + MINUTE), float(bar.open), complete=True)
    minute.high, minute.low, minute.close = float(bar.high), float(bar.low), float(bar.close)
    minute.volume, minute.trades = round(bar.volume * SCALE), 1
    return minute


@pytest.mark.parametrize("interval", ["5m", "1h", "1d"])
@pytest.mark.parametrize("path", MINUTES)
def test_recorded_minutes_roll_up_to_the_longer_candles_that_they_are(
    recordings: Path, path: str, interval: str
) -> None:
    """Missing minutes are missing in the recording: of those that are there, the longer candle has all."""
    found = bars(recordings, path)
    assert len(found) > 1_400
    for opened, group in groupby(found, key=lambda bar: opened_at(interval, bar.opened_at)):
        mine = list(group)
        whole = Sums(opened, next_opened_at(interval, opened), 0.0, complete=True)
        for bar in mine:
            whole.add(sums(bar))
        candle = whole.candle(InstrumentId("any:spot:BTC"), interval, AT, closed=True)
        assert (candle.open, candle.close) == (float(mine[0].open), float(mine[-1].close))
        assert (candle.high, candle.low) == (float(max(bar.high for bar in mine)), float(min(bar.low for bar in mine)))
        volume = sum(bar.volume.quantize(FINEST) for bar in mine)
        assert (candle.volume, candle.trades) == (float(volume), len(mine))


# -- trades with disconnections ------------------------------------------------------------------


def happenings(recordings: Path) -> Iterator[tuple[Nanos, Trade | None]]:
    """Trades in order of receipt; None: the connection was lost, and is there again."""
    rows = json.loads((recordings / "other" / "barter_binance_spot_with_disconnect_events.json").read_text())
    at = Nanos(0)
    for row in rows:
        if "Item" not in row:
            yield at, None
            continue
        told = row["Item"]["Ok"]
        at, venue_time = _nanos(told["time_received"]), _nanos(told["time_exchange"])
        trade = told["kind"]["Trade"]
        name = InstrumentId(f"binance:spot:{told['instrument']}")
        side = Side(trade["side"].lower())
        yield at, Trade(name, trade["id"], trade["price"], trade["amount"], side, venue_time, at)


def _nanos(text: str) -> Nanos:
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = (datetime.fromisoformat(whole) - datetime(1970, 1, 1)) // timedelta(seconds=1)  # noqa: DTZ001  # both UTC
    return Nanos(seconds * 10**9 + int(fraction.ljust(9, "0")))


def test_a_candle_of_which_the_connection_was_lost_says_so_and_still_has_every_trade(recordings: Path) -> None:
    found = list(happenings(recordings))
    trades = [trade for _, trade in found if trade is not None]
    symbols = {trade.instrument for trade in trades}
    rig = CandleRig("1m", "5m", start=Nanos(found[0][0] - 1))
    for name in symbols:
        rig.link(LinkState.LIVE, name, Nanos(found[0][0] - 1))
    for at, trade in found:
        if trade is not None:
            rig.trades([trade])
            continue
        for name in symbols:
            rig.link(LinkState.DOWN, name, at)
            rig.link(LinkState.LIVE, name, at)
    rig.run(Nanos(found[-1][0] + 2 * MINUTE))
    assert (len(found) - len(trades), len(trades), rig.view().late) == (3, 21, 0)
    for name in symbols:
        mine = [trade for trade in trades if trade.instrument == name]
        (candle,) = [each for each in rig.closed("1m") if each.instrument == name and each.trades]
        assert not candle.complete
        assert (candle.trades, candle.open, candle.close) == (len(mine), mine[0].price, mine[-1].price)
        volume = sum(Decimal(str(trade.quantity)) for trade in mine)
        assert candle.volume == float(volume)


# -- one change ----------------------------------------------------------------------------------


def test_a_large_change_of_a_book_loses_no_level(recordings: Path) -> None:
    raw = (recordings / "other" / "basana_binance_depth_update.json").read_bytes()
    said, codec = json.loads(raw), binance.venue("spot").codec
    codec.list([binance.instrument("spot")])
    (delta,) = codec.decode(raw, AT)
    assert isinstance(delta, BookDelta)
    assert (delta.first_sequence, delta.last_sequence) == (said["U"], said["u"])
    assert delta.venue_time == said["E"] * MILLISECOND
    for ours, theirs in ((delta.bids, said["b"]), (delta.asks, said["a"])):
        assert ours == [(float(price), float(size)) for price, size in theirs]
    assert len(delta.bids) + len(delta.asks) > 100
