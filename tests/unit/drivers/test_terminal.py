"""The screen: everything that is known is on it, at every width, and what is not known is a dash."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.drivers.screen import (
    ActorRow,
    GroupRow,
    MissedRow,
    OrderRow,
    PositionRow,
    PriceRow,
    Screen,
    Severity,
    SpreadRow,
    Trouble,
    VenueRow,
    VenueState,
    progress_line,
)
from integrated_trading_system.drivers.terminal import plain_text

SPOT, PERP = "binance:spot:BTCUSDT", "bybit:linear:BTCUSDT"


def price(instrument: str, *, bid: float | None = 65_000.0, state: BookState = BookState.VALID) -> PriceRow:
    known = bid is not None
    return PriceRow(
        instrument=instrument,
        state=state,
        bid=bid,
        bid_size=0.5 if known else None,
        ask=bid + 6.5 if bid is not None else None,
        ask_size=0.25 if known else None,
        age_ms=12.0 if known else None,
        latency_ms=8.0,
        messages=1_234,
        errors=0,
    )


def spread(buy: str, sell: str, net: float | None) -> SpreadRow:
    return SpreadRow(comparison="btc", buy=buy, sell=sell, gross_bps=None if net is None else net + 15.5, net_bps=net)


FULL = Screen(
    mode="dev",
    elapsed_s=3_723.4,
    trading=TradingState.ACTIVE,
    messages={"binance:spot": 812, "bybit:linear": 930},
    prices=(price(SPOT), price(PERP, bid=None, state=BookState.STALE)),
    spreads=(spread(SPOT, PERP, 4.25), spread(PERP, SPOT, None)),
    snapshots=520,
    detected=7,
    approved=6,
    executed=5,
    expected_edge=Decimal("16.2568"),
    realised_edge=Decimal("-1.5"),
    missed=(MissedRow(reason="in-flight", episodes=12, best_bps=17.5, edge=Decimal("3.25")),),
    currency="USDT",
    pnl={"realised": Decimal(2), "unrealised": Decimal(-1), "fees": Decimal("0.59"), "total": Decimal("0.41")},
    positions=(
        PositionRow(
            account="binance:spot/main",
            instrument=SPOT,
            quantity=Decimal("-0.1205"),
            average_price=Decimal("65092.23"),
            realised=Decimal("6.6"),
        ),
    ),
    orders={"submitted": 32, "filled": 30, "unknown": 0, "open": 1},
    open_orders=(
        OrderRow(
            instrument=PERP,
            side="buy",
            quantity=Decimal("0.5"),
            price=Decimal(64_000),
            filled=Decimal("0.1"),
            status="working",
        ),
    ),
    actors=(
        ActorRow(name="oms", waiting=3, high_water=11, delivered=100, dropped=0, restarts=0),
        ActorRow(name="feed", waiting=0, high_water=1, delivered=100, dropped=42, restarts=2),
    ),
)

SHOWN = (
    "dev",
    "1:02:03",
    "ACTIVE",
    "65,000.00",
    "65,006.50",
    "1.00",
    "12 ms",
    "1,234",
    "stale",
    "+4.25",
    "+19.75",
    "7 detected → 6 approved → 5 executed",
    "+16.2568",
    "-1.5000",
    "in-flight",
    "+17.50",
    "3.25",
    "+0.4100",
    "32 submitted, 30 filled, 1 open",
    "-0.1205",
    "65,092.23",
    "0.4",
    "working",
    "oms",
    "11",
    "-42",
)


@pytest.mark.parametrize("width", [100, 120, 139, 140, 160, 200])
def test_everything_is_shown_and_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = plain_text(FULL, width)
    assert [part for part in SHOWN if part not in text] == []
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) == width


@pytest.mark.parametrize("width", [20, 60, 99])
def test_a_narrow_terminal_cuts_cells_and_never_wraps_them(width: int) -> None:
    lines = plain_text(FULL, width).splitlines()
    assert max(len(line) for line in lines) <= width
    assert len(lines) < 60


@pytest.mark.parametrize("width", [100, 160])
def test_a_platform_that_has_just_begun_has_a_screen_too(width: int) -> None:
    text = plain_text(Screen(mode="paper", elapsed_s=0.0, trading=TradingState.STARTING), width)
    assert "STARTING" in text
    assert "0:00:00" in text
    assert "none" in text


def test_a_halt_is_shown_with_its_reason() -> None:
    halted = replace(FULL, trading=TradingState.HALTED, reason="daily-loss-max: lost today")
    assert "HALTED  daily-loss-max: lost today" in plain_text(halted, 160)


def test_text_of_others_is_shown_as_it_is_and_styles_nothing() -> None:
    forged = replace(FULL, reason="[bold]x[/bold]", prices=(price("a:b:[red]X\x1b[2J"),))
    text = plain_text(forged, 160)
    assert "[bold]x[/bold]" in text
    assert "a:b:[red]X?[2J" in text


def test_of_many_pairs_the_best_are_shown_and_how_many_there_are() -> None:
    many = replace(FULL, spreads=tuple(spread(f"v:s:{n}", f"v:t:{n}", float(n)) for n in range(20)))
    text = plain_text(many, 100)
    assert "spreads, bps (8 of 20)" in text
    assert "+19.00" in text
    assert "v:s:11 " not in text


@pytest.mark.parametrize(
    ("bid", "shown"), [(65_000.0, "65,000.00"), (1.2345, "1.2345"), (0.00001234, "0.00001234"), (None, "-")]
)
def test_a_price_is_shown_with_the_digits_that_matter(bid: float | None, shown: str) -> None:
    row = PriceRow(
        instrument=SPOT,
        state=BookState.VALID,
        bid=bid,
        bid_size=None,
        ask=None,
        ask_size=None,
        age_ms=1_500.0,
        latency_ms=0.0,
        messages=0,
        errors=0,
    )
    line = next(line for line in plain_text(replace(FULL, prices=(row,)), 100).splitlines() if "1.5 s" in line)
    assert line.split()[2] == shown


def test_a_line_says_in_short_how_it_goes() -> None:
    assert progress_line(replace(FULL, elapsed_s=5.0)) == (
        "    5.0 s  binance:spot 812 msgs  bybit:linear 930 msgs  snapshots 520  opportunities 7/6/5"
        "  pnl +0.41 USDT  active"
    )


def test_the_line_of_a_halted_platform_says_why() -> None:
    assert progress_line(replace(FULL, trading=TradingState.HALTED, reason="operator")).endswith("halted (operator)")


def venue(name: str, state: VenueState = VenueState.LIVE, **changes: object) -> VenueRow:
    row = VenueRow(
        venue=name,
        state=state,
        links_live=2,
        links=2,
        clock_offset_ms=-12.34,
        clock_uncertainty_ms=5.0,
        latency_p50_ms=10.4,
        latency_p99_ms=1_250.0,
        per_second=38.25,
        messages=12_345,
        gaps=3,
        quarantined=4,
        reconnects=5,
        audits=12,
        audits_differing=0,
    )
    return replace(row, **changes)


def trouble(number: int, severity: Severity = Severity.WRONG) -> Trouble:
    return Trouble(severity=severity, who="binance:spot", what=f"trouble {number}")


FEED = replace(
    FULL,
    venues=(
        venue("binance:spot", audits_differing=1),
        venue("kraken:spot", VenueState.DOWN, links_live=0, clock_offset_ms=None, latency_p50_ms=None),
        venue("bybit:linear", alarms=("latency-p99",)),
    ),
    groups=(
        GroupRow(name="BTC", followed=PERP, sources=(SPOT, PERP, "okx:spot:BTC-USDT"), healthy=(PERP,), switches=2),
        GroupRow(name="ETH", followed=None, sources=("binance:spot:ETHUSDT",), healthy=(), switches=1),
    ),
    streams=42,
    candles=7,
)


@pytest.mark.parametrize("width", [100, 140])
def test_venues_are_shown_with_links_clock_latency_rate_and_audits(width: int) -> None:
    text = plain_text(FEED, width)
    shown = ("-12.3 ± 5.0", "10 / 1,250", "38.2", "1 of 12 differ", "12 equal", "0/2", "down", "alarm")
    assert [part for part in shown if part not in text] == []
    assert "42 streams wanted, 7 candles made" in text
    assert "…" not in text


@pytest.mark.parametrize("width", [100, 140])
def test_a_group_shows_whom_it_follows_and_who_is_not_healthy(width: int) -> None:
    lines = plain_text(FEED, width).splitlines()
    (btc,) = (line.split() for line in lines if line.startswith("│ BTC "))
    assert btc[2:7] == [PERP, "-", "binance:spot", "okx:spot", "2"]
    (eth,) = (line for line in lines if line.startswith("│ ETH "))
    assert "nobody" in eth


def test_what_needs_somebody_stands_first_the_worst_on_top_and_is_not_there_when_all_is_well() -> None:
    assert "attention" not in plain_text(FEED, 100)
    many = replace(FEED, troubles=(trouble(0, Severity.DOUBTFUL), *(trouble(number) for number in range(1, 9))))
    lines = plain_text(many, 100).splitlines()
    assert "attention (6 of 9)" in lines[1]
    assert "trouble 1" in lines[2]
    assert not any("trouble 0" in line for line in lines)


def test_a_price_says_whether_its_circuit_is_open_and_whether_it_came_by_rest() -> None:
    rows = (
        replace(price(SPOT), circuit_open=True, state=BookState.STALE),
        replace(price(PERP), circuit_open=True, state=BookState.STALE, polled=True),
    )
    lines = plain_text(replace(FEED, prices=rows), 100).splitlines()
    assert any("stale ⊘" in line and SPOT in line for line in lines)
    assert any("by REST ⊘" in line and PERP in line for line in lines)


def test_of_many_instruments_those_that_are_not_well_come_first() -> None:
    rows = (*(price(f"v:s:{number}") for number in range(20)), price("v:s:bad", state=BookState.STALE))
    text = plain_text(replace(FEED, prices=rows), 100)
    assert "prices (12 of 21)" in text
    assert "v:s:bad" in text


def test_without_strategies_only_market_data_is_shown() -> None:
    text = plain_text(replace(FEED, decides=False), 140)
    assert "market data only" in text
    assert [word for word in ("spreads", "opportunities", "profit", "positions") if word in text] == []
    line = progress_line(replace(FEED, decides=False, elapsed_s=5.0, troubles=(trouble(1),)))
    assert line.endswith("streams 42  candles 7  active  attention 1: binance:spot trouble 1")


@pytest.mark.parametrize("width", [100, 140])
@pytest.mark.parametrize("height", [24, 30, 40, 50, 80])
def test_what_does_not_fit_into_a_terminal_is_left_out_and_named(width: int, height: int) -> None:
    lines = plain_text(replace(FEED, troubles=(trouble(1),)), width, height).splitlines()
    assert any("attention" in line for line in lines)
    assert any("prices" in line for line in lines)
    left_out = lines[-1].startswith("not shown, for want of lines: actors")
    assert left_out != any("─ actors ─" in line for line in lines)
    assert len(lines) <= max(height, 22)
