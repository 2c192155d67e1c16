"""Candles from 12,477 recorded trades, against plain decimal arithmetic on the recording itself."""

import gzip
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pytest
from msgspec import json

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.intervals import INTERVALS, opened_at
from integrated_trading_system.domain.market import Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from tests.support.candles import CandleRig

XRP = InstrumentId("binance:spot:XRPETH")


def recorded(recordings: Path) -> list[tuple[int, str, str, Decimal, Decimal]]:
    """Time in ms, id, side, price, quantity: the digits as they were recorded."""
    raw = gzip.decompress((recordings / "freqtrade_binance" / "XRP_ETH-trades.json.gz").read_bytes())
    rows = json.decode(raw, type=list[tuple[int, str, None, str, Decimal, Decimal, float]])
    return [(time, trade, side, price, quantity) for time, trade, _, side, price, quantity, _ in rows]


@pytest.fixture(scope="module")
def maker_and_rows(request: pytest.FixtureRequest) -> tuple[CandleRig, list[tuple[int, str, str, Decimal, Decimal]]]:
    rows = sorted(recorded(request.getfixturevalue("recordings")), key=lambda row: row[0])
    maker = CandleRig(*INTERVALS, start=Nanos(rows[0][0] * MILLISECOND))
    maker.trades(
        Trade(XRP, trade, float(price), float(quantity), Side(side), at, at)
        for time, trade, side, price, quantity in rows
        for at in (Nanos(time * MILLISECOND),)
    )
    return maker, rows


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_closed_candle_equals_what_was_traded_in_it(
    maker_and_rows: tuple[CandleRig, list[tuple[int, str, str, Decimal, Decimal]]], interval: str
) -> None:
    maker, rows = maker_and_rows
    expected = {}
    for opened, group in groupby(rows, key=lambda row: opened_at(interval, row[0] * MILLISECOND)):
        mine = list(group)
        told = [float(price) for *_, price, _ in mine]
        volume, notional = sum(row[4] for row in mine), sum(row[3] * row[4] for row in mine)
        expected[opened] = (told[0], max(told), min(told), told[-1], float(volume), float(notional), len(mine))
    found = {
        candle.opened_at: (
            *(candle.open, candle.high, candle.low, candle.close),
            *(candle.volume, candle.quote_volume, candle.trades),
        )
        for candle in maker.closed(interval)
        if candle.trades
    }
    running = opened_at(interval, rows[-1][0] * MILLISECOND)
    assert found == {opened: values for opened, values in expected.items() if opened < running}
    assert maker.view().late == 0
