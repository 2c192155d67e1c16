"""The detector over six real minutes of Binance spot and USD-M: a standing basis of 3.6 bps, and fees of 15."""

import gzip
from collections.abc import Iterator
from decimal import Decimal
from heapq import merge
from pathlib import Path

import msgspec
import pytest

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.comparison import Comparison, Conversion, Member
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.strategies.arbitrage.detector import ArbitrageDetector
from tests.support.strategy_rig import StrategyRig
from tests.support.trading import finished, instrument

SPOT = instrument("binance:spot", lot=Decimal("0.00001"))
FUTURES = instrument("binance:usdm", kind=Kind.LINEAR, tick=Decimal("0.1"), notional_min=Decimal(100))
USD = Asset("USD")
FUTURES_IN_USD = instrument("binance:usdm", kind=Kind.LINEAR, tick=Decimal("0.1"), quote=USD, settle=USD)


class Top(msgspec.Struct):
    """A bookTicker, as far as it is needed."""

    b: str
    B: str
    a: str
    A: str
    u: int


class Envelope(msgspec.Struct):
    """Of a combined stream."""

    data: Top


@pytest.fixture(scope="module")
def tops(recordings: Path) -> list[Quote]:
    """Every best bid and ask of both venues, in the order in which they were received."""
    decoder = msgspec.json.Decoder(Envelope)

    def read(name: str, of: Instrument) -> Iterator[Quote]:
        with gzip.open(recordings / "hft_binance_20240808" / name / "btcusdt_20240808.gz", "rb") as lines:
            for line in lines:
                at, _, frame = line.partition(b" ")
                if b"@bookTicker" in frame[:60]:
                    top, now = decoder.decode(frame).data, Nanos(int(at))
                    yield Quote(of.instrument, float(top.b), float(top.B), float(top.a), float(top.A), top.u, now, now)

    return list(merge(read("spot", SPOT), read("usdm", FUTURES), key=lambda quote: quote.received_at))


def run(
    quotes: list[Quote], futures: Instrument, fees: dict[str, str], rate: Decimal | None
) -> StrategyRig[ArbitrageDetector]:
    """Compare at every change; every plan ends a second later, as if it had found nothing."""
    comparison = Comparison(
        name="btc",
        currency=Asset("USDT"),
        members=(Member(instrument=SPOT.instrument), Member(instrument=futures.instrument)),
        conversions=() if rate is None else (Conversion(asset=USD, rate=rate),),
    )
    rig = StrategyRig(ArbitrageDetector, comparison, ArbitrageSettings(quote_age_ms_max=5_000.0), fees)
    rig.listed(SPOT, futures)
    rig.trade()
    rig.run(quotes[0].received_at - rig.now)
    rig.fund(SPOT, futures, BTC="1000", USDT="1000000000")
    newest: dict[str, Quote] = {}
    ended = 0
    for quote in quotes:
        newest[quote.instrument] = quote
        if len(newest) < 2:
            continue
        rig.run(quote.received_at - rig.now)
        rig.see(newest[SPOT.instrument], newest[futures.instrument], changed=quote.instrument != SPOT.instrument)
        if len(rig.plans.messages) > ended and rig.now - rig.plans.messages[-1].created_at > SECOND:
            rig.tell(finished(rig.plans.messages[-1]))
            ended += 1
    return rig


def test_a_standing_basis_below_the_fees_is_never_traded(tops: list[Quote]) -> None:
    rig = run(tops, FUTURES, {"binance:spot": "10", "binance:usdm": "5"}, None)
    assert rig.proposed == []
    missed = rig.actor.view().missed
    assert set(missed) == {"fees"}
    assert missed["fees"].snapshots > 90_000, "the basis stands practically all the time"
    assert len(rig.reasons) < 400, "and is told about once a second"


def test_without_fees_the_basis_pays_where_a_dollar_is_stated_to_be_a_tether(tops: list[Quote]) -> None:
    rig = run(tops, FUTURES_IN_USD, {"binance:spot": "0", "binance:usdm": "0"}, Decimal(1))
    assert len(rig.proposed) > 100
    assert {made.legs[0].instrument for made in rig.proposed} == {FUTURES.instrument}, (
        "the futures are the cheaper side"
    )
    for found, made in zip(rig.opportunities, rig.proposed, strict=True):
        buy, sell = made.legs
        assert found.edge_bps >= 2
        assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
        assert buy.quantity == sell.quantity == found.quantity
        assert FUTURES_IN_USD.refusal(buy.price, buy.quantity) is SPOT.refusal(sell.price, sell.quantity) is None


def test_without_a_stated_rate_a_dollar_is_no_tether(tops: list[Quote]) -> None:
    rig = run(tops[:5_000], FUTURES_IN_USD, {"binance:spot": "0", "binance:usdm": "0"}, None)
    assert (rig.proposed, rig.reasons) == ([], [])
