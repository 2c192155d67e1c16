"""The screen: everything that is known is on it, at every width, and what is not known is a dash."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.drivers.screen import (
    ActorRow,
    MissedRow,
    OrderRow,
    PositionRow,
    PriceRow,
    Screen,
    SpreadRow,
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
