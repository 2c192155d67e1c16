"""The screen's part about market data: what needs somebody, the venues, the prices, who stands in for whom."""

from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from integrated_trading_system.domain.health import BookState
from integrated_trading_system.drivers.screen import PriceRow, Screen, Severity, VenueRow, VenueState
from integrated_trading_system.drivers.terminal_cells import (
    NOTHING,
    add,
    count,
    duration,
    literal,
    millis,
    panel,
    price,
    rate,
    size,
    table,
    titled,
)

PRICE_ROWS_MAX: Final = 12
VENUE_ROWS_MAX: Final = 10
GROUP_ROWS_MAX: Final = 8
TROUBLES_SHOWN: Final = 6

BOOK_STYLES: Final = {
    BookState.SYNCING: "yellow",
    BookState.VALID: "green",
    BookState.SUSPECT: "yellow",
    BookState.STALE: "red",
}
VENUE_STYLES: Final = {
    VenueState.STARTING: "yellow",
    VenueState.LIVE: "green",
    VenueState.PARTLY: "yellow",
    VenueState.SILENT: "yellow",
    VenueState.DOWN: "bold red",
    VenueState.BLOCKED: "bold red",
    VenueState.STANDBY: "dim",
    VenueState.DRY: "dim",
}
SEVERITY_STYLES: Final = {Severity.WRONG: "red", Severity.DOUBTFUL: "yellow"}
OPEN: Final = "⊘"
"""Beside a book whose circuit is open; the reason is in the first panel."""


def attention(screen: Screen) -> RenderableType:
    """What is not as it should be, the worst first. Only shown when there is something."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    troubles = sorted(screen.troubles, key=lambda trouble: trouble.severity)
    for trouble in troubles[:TROUBLES_SHOWN]:
        text = literal(f"{trouble.who}  ", "bold").append_text(literal(trouble.what, "not bold"))
        grid.add_row(Text("●", SEVERITY_STYLES[trouble.severity]), text)
    style = SEVERITY_STYLES[troubles[0].severity]
    return panel(titled("attention", len(troubles), TROUBLES_SHOWN), grid, style)


def venues(screen: Screen, *, wide: bool) -> RenderableType:
    """One line a venue."""
    extra = [">messages", ">quarantined", ">reconnects"] if wide else [">refused"]
    made = table(["venue", "state", ">links", ">clock, ms", ">p50 / p99, ms", ">msg/s", ">gaps", *extra, ">audits"])
    for row in screen.venues[:VENUE_ROWS_MAX]:
        refused = count(row.quarantined, "yellow")
        more = [count(row.messages), refused, count(row.reconnects, "yellow")] if wide else [refused]
        add(
            made,
            row.venue,
            _state(row),
            Text(f"{row.links_live}/{row.links}", "" if row.links_live == row.links else "yellow"),
            Text(NOTHING, "dim") if row.clock_offset_ms is None else _clock(row),
            Text.assemble(millis(row.latency_p50_ms), " / ", (millis(row.latency_p99_ms), "dim")),
            rate(row.per_second),
            count(row.gaps, "yellow"),
            *more,
            _audits(row),
        )
    shown = panel(titled("venues", len(screen.venues), VENUE_ROWS_MAX), made)
    candles = f", {screen.candles:,} candles made" if screen.candles else ""
    shown.subtitle, shown.subtitle_align = Text(f"{screen.streams:,} streams wanted{candles}", "dim"), "right"
    return shown


def prices(screen: Screen, *, wide: bool) -> RenderableType:
    """One line an instrument; where not all fit, those that are not well come first."""
    quote = [">size", ">bid", ">ask", ">size"] if wide else [">bid", ">ask"]
    made = table(["instrument", *quote, ">spread bps", "book", ">age", ">latency", ">messages", ">errors"])
    rows = screen.prices
    if len(rows) > PRICE_ROWS_MAX:
        rows = tuple(sorted(rows, key=lambda row: row.state is BookState.VALID and not row.circuit_open))
    for row in rows[:PRICE_ROWS_MAX]:
        bid, ask = Text(price(row.bid), "green"), Text(price(row.ask), "red")
        sizes = Text(size(row.bid_size), "dim"), Text(size(row.ask_size), "dim")
        add(
            made,
            row.instrument,
            *((sizes[0], bid, ask, sizes[1]) if wide else (bid, ask)),
            NOTHING if row.spread_bps is None else f"{row.spread_bps:.2f}",
            _book(row),
            duration(row.age_ms),
            duration(row.latency_ms),
            f"{row.messages:,}",
            count(row.errors, "yellow"),
        )
    return panel(titled("prices", len(rows), PRICE_ROWS_MAX), made)


def groups(screen: Screen) -> RenderableType:
    """Which source of one price is followed; those that are not followed by their own first, where not all fit."""
    made = table(["failover", "follows", "healthy beside it", "not healthy", ">switches"])
    rows = screen.groups
    if len(rows) > GROUP_ROWS_MAX:
        rows = tuple(sorted(rows, key=lambda row: (row.followed is not None, row.followed == row.sources[0])))
    for row in rows[:GROUP_ROWS_MAX]:
        followed = row.followed
        style = "bold red" if followed is None else "green" if followed == row.sources[0] else "yellow"
        beside = [source for source in row.healthy if source != followed]
        not_healthy = [source for source in row.sources if source not in row.healthy]
        add(
            made,
            row.name,
            literal(followed or "nobody", style),
            literal(_venues_of(beside), "dim"),
            literal(_venues_of(not_healthy), "yellow"),
            count(row.switches),
        )
    return panel(titled("failover", len(rows), GROUP_ROWS_MAX), made)


def _state(row: VenueRow) -> Text:
    if row.alarms and row.state is VenueState.LIVE:
        return Text("alarm", "yellow")
    return Text(row.state.value, VENUE_STYLES[row.state])


def _clock(row: VenueRow) -> Text:
    return Text.assemble(f"{row.clock_offset_ms:+,.1f} ", (f"± {row.clock_uncertainty_ms:,.1f}", "dim"))


def _audits(row: VenueRow) -> Text:
    if row.audits_differing:
        return Text(f"{row.audits_differing} of {row.audits} differ", "yellow")
    return Text(f"{row.audits} equal", "green") if row.audits else Text("none", "dim")


def _book(row: PriceRow) -> Text:
    by_rest = row.polled and row.state is not BookState.VALID
    text = Text("by REST", "magenta") if by_rest else Text(row.state.value, BOOK_STYLES[row.state])
    return text.append(f" {OPEN}", "red") if row.circuit_open else text


def _venues_of(instruments: list[str]) -> str:
    return " ".join(instrument.rpartition(":")[0] for instrument in instruments) or NOTHING
