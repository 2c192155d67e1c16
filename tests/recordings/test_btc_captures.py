"""The three BTC captures, replayed together through the whole platform, say exactly what the facts say."""

import json
from decimal import Decimal
from heapq import merge
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.orchestrator.commands.replaying import play, read_captures, settings_for
from integrated_trading_system.orchestrator.shown.summary import summarise
from integrated_trading_system.venues import catalog
from tests.support.accounting import refused, unaccounted
from tests.support.observer import CrossVenue

FILES = {
    "binance:spot": ("spot/btcusdt_20240808.gz", "spot BTCUSDT", "BTCUSDT"),
    "binance:usdm": ("usdm/btcusdt_20240808.gz", "usdm BTCUSDT", "BTCUSDT"),
    "binance:coinm": ("cm/btcusd_perp_20240808.gz", "cm BTCUSD_PERP", "BTCUSD_PERP"),
}
PAIRS = {
    "spot vs usdm": ("binance:spot:BTCUSDT", "binance:usdm:BTCUSDT"),
    "spot vs cm": ("binance:spot:BTCUSDT", "binance:coinm:BTCUSD_PERP"),
    "usdm vs cm": ("binance:usdm:BTCUSDT", "binance:coinm:BTCUSD_PERP"),
}

pytestmark = pytest.mark.xdist_group("btc-captures")


def configuration(taker_spot: str, taker_perpetual: str) -> PlatformSettings:
    """All three markets compared, USDT stated to be worth a USD."""
    fees = {"binance:spot": taker_spot, "binance:usdm": taker_perpetual, "binance:coinm": taker_perpetual}
    return PlatformSettings.model_validate(
        {
            "mode": "paper",
            "venues": {venue: {"taker_fee_bps": fee, "maker_fee_bps": 0} for venue, fee in fees.items()},
            "comparisons": [
                {
                    "name": "btc",
                    "currency": "USDT",
                    "members": [f"{venue}:{symbol}" for venue, (_, _, symbol) in FILES.items()],
                    "conversions": [{"asset": "USD", "rate": 1}],
                }
            ],
            "strategies": [{"name": "arb-btc", "comparison": "btc", "settings": {"edge_bps_min": "0.5"}}],
            "risk": {"rates": {"USD": 1, "BTC": 61700}},
            "pms": {"rates": {"USD": 1, "BTC": 61700}},
        }
    )


class Run:
    """One replay of all three."""

    def __init__(self, recordings: Path, settings: PlatformSettings) -> None:
        folder = recordings / "hft_binance_20240808"
        captures = read_captures([f"{venue}={folder / name}" for venue, (name, _, _) in FILES.items()])
        self.outcome, self.playback = play(settings_for(settings, captures), captures)
        self.summary = summarise(self.outcome)


@pytest.fixture(scope="module")
def with_fees(recordings: Path) -> Run:
    return Run(recordings, configuration("10", "5"))


@pytest.fixture(scope="module")
def without_fees(recordings: Path) -> Run:
    return Run(recordings, configuration("0", "0"))


@pytest.fixture(scope="module")
def observers(recordings: Path) -> dict[str, CrossVenue]:
    """The captures' quote streams as the codecs decode them, on receive time, past everything that judges."""
    folder = recordings / "hft_binance_20240808"
    captures = read_captures([f"{venue}={folder / name}" for venue, (name, _, _) in FILES.items()])
    codecs = {}
    for capture in captures:
        codec = catalog.build(capture.venue, catalog.endpoints_of(capture.venue), AccountId("none")).codec
        codec.list(capture.instruments)
        codecs[capture.venue] = codec
    streams = [[(line.at, capture.venue, line.payload) for line in capture.lines] for capture in captures]
    quotes = [
        event
        for at, venue, payload in merge(*streams)
        for event in codecs[venue].decode(payload, at)
        if isinstance(event, Quote)
    ]
    ends = {quote.instrument: quote.received_at for quote in quotes}
    found = {
        name: CrossVenue(*pair, until=min(ends[InstrumentId(one)] for one in pair)) for name, pair in PAIRS.items()
    }
    for quote in quotes:
        for observer in found.values():
            observer.tell(quote)
    return found


@pytest.fixture(scope="module")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((recordings / "FACTS.json").read_text())
    return found


@pytest.mark.parametrize("venue", FILES)
def test_every_book_is_what_was_recorded(with_fees: Run, facts: dict[str, Any], venue: str) -> None:
    _, name, symbol = FILES[venue]
    fact = facts["hft"][name]
    book = with_fees.summary["books"][f"{venue}:{symbol}"]
    assert book["state"] == "valid"
    assert (book["stale_dropped"], book["updates"]) == (fact["stale_dropped"], fact["applied"])
    assert (book["gaps"], book["crossed"], book["resyncs"]) == (fact["gaps"], fact["crossed"], 0)
    assert book["last_sequence"] == fact["last_u"]
    assert [from_float(value) for value in book["best_bid"] + book["best_ask"]] == [
        Decimal(text) for text in fact["final_bbo"]
    ]
    assert list(book["levels"]) == fact["final_levels"]
    assert (book["compared"], book["equal"]) == (fact["bbo_same_u_checked"], fact["bbo_same_u_equal"])


@pytest.mark.parametrize("venue", FILES)
def test_every_message_is_counted_and_none_is_doubted(with_fees: Run, facts: dict[str, Any], venue: str) -> None:
    fact = facts["hft"][FILES[venue][1]]
    played = with_fees.playback.messages[venue]  # type: ignore[index]  # a VenueId is a str at run time
    assert played == sum(fact["messages"].values())
    counted = with_fees.summary["venues"][venue]
    assert counted["messages"] == played - fact["messages"]["rest_snapshot"]
    assert counted["quarantined"] == counted["gaps"] == counted["reconnects"] == 0


def test_no_check_refuses_anything_that_was_recorded(with_fees: Run, without_fees: Run) -> None:
    for run in (with_fees, without_fees):
        assert refused(run.summary) == {}
        assert run.summary["quarantine"]["newest"] == []


def test_what_became_of_every_message_is_accounted_for(with_fees: Run, without_fees: Run) -> None:
    for run in (with_fees, without_fees):
        assert unaccounted(run.summary) == []
        assert sum(counts["received"] for counts in run.summary["streams"].values()) > 180_000


@pytest.mark.parametrize("venue", FILES)
def test_the_clock_offset_is_found_within_five_milliseconds(with_fees: Run, facts: dict[str, Any], venue: str) -> None:
    envelope = -with_fees.summary["venues"][venue]["clock_offset_ms"]
    assert envelope == pytest.approx(facts["hft"][FILES[venue][1]]["clock_local_minus_E_ms"]["min"], abs=5.0)


def test_all_three_venues_are_synchronised_although_the_recorders_clock_is_behind(with_fees: Run) -> None:
    sync = with_fees.summary["sync"]
    assert sync["snapshots"] > 100_000
    assert sync["skew_ms"]["max"] <= 100.0


@pytest.mark.parametrize("pair", PAIRS)
def test_an_observer_of_raw_quotes_finds_the_recorded_differences(
    observers: dict[str, CrossVenue], facts: dict[str, Any], pair: str
) -> None:
    expected = facts["hft_cross_venue"][pair]
    found = observers[pair].facts()
    assert found["bbo_events"] == expected["bbo_events"]
    for direction in ("sell_first_buy_second", "sell_second_buy_first"):
        for level, numbers in expected[direction].items():
            if level == "max_gross_bps":
                assert found[direction][level] == pytest.approx(numbers, abs=0.001)
            else:
                assert found[direction][level]["episodes"] == numbers["episodes"], (direction, level)
                assert found[direction][level]["share_of_time"] == pytest.approx(numbers["share_of_time"], abs=1e-5)


def test_at_real_fees_nothing_pays_and_nothing_is_traded(with_fees: Run) -> None:
    assert with_fees.summary["opportunities"]["detected"] == 0
    assert with_fees.summary["orders"]["submitted"] == 0


def test_at_zero_fees_it_trades_on_paper_and_the_ledger_balances(without_fees: Run) -> None:
    summary = without_fees.summary
    assert summary["opportunities"]["executed"] > 0
    assert summary["orders"]["filled"] > 0
    assert summary["orders"]["unknown"] == summary["orders"]["open"] == 0
    assert summary["ledger"]["external"] == {}
    for account, assets in summary["ledger"]["expected"].items():
        for asset, amount in assets.items():
            assert summary["balances"][account][asset] == amount, (account, asset)
